//! Connects, listens, and connects again.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::client::{Client, PING, Step};
use super::liveness::{Due, Liveness};
use super::plan::Plan;
use super::retry::{Advice, Retry};
use crate::address::Address;
use crate::api::segment;
use crate::clock::Clock;
use crate::dial::{Stream, dial};
use crate::failure::Failure;
use crate::output::Output;

/// How long a server may take for the WebSocket handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the end of a connection may take.
const FAREWELL: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<Box<dyn Stream>>;

/// Ctrl-C.
type Interrupt = Pin<Box<dyn Future<Output = std::io::Result<()>>>>;

/// Listens to one server.
pub(super) struct Listener<'p> {
    pub(super) address: Address,
    pub(super) plan: &'p Plan,
    pub(super) output: Output,
    pub(super) reconnect: bool,
}

/// How a connection ended, if not by a failure that ends everything.
enum End {
    /// As was wished.
    Done,
    /// Otherwise.
    Lost(Loss),
}

/// The end that nobody here wished for.
struct Loss {
    code: Option<u16>,
    reason: String,
    established: bool,
    lasted: Duration,
}

/// What goes on from one connection to the next.
struct Progress {
    /// Events that are still to come, if there is an end.
    left: Option<u64>,
    interrupt: Interrupt,
}

impl Listener<'_> {
    /// Prints events until there were enough, or somebody presses Ctrl-C.
    pub(super) async fn run(&self, count: Option<u64>) -> Result<(), Failure> {
        let mut progress = Progress {
            left: count,
            interrupt: Box::pin(tokio::signal::ctrl_c()),
        };
        let mut retry = Retry::default();
        let mut ever_established = false;
        loop {
            let loss = match self.connection(&mut progress).await {
                Ok(End::Done) => return Ok(()),
                Ok(End::Lost(loss)) => loss,
                // Nothing answers at all: before the first time that is likely a mistyped address.
                Err(Failure::Refused(_)) if ever_established && self.reconnect => Loss {
                    code: None,
                    reason: "cannot connect".to_owned(),
                    established: false,
                    lasted: Duration::ZERO,
                },
                Err(failure) => return Err(failure),
            };
            ever_established |= loss.established;
            let advice = Advice::of(loss.code);
            if advice == Advice::Stop || !self.reconnect {
                return Err(loss.failure());
            }
            let wait = retry.wait(advice, loss.lasted);
            let text = format!("{}; reconnecting in {} s", loss.text(), wait.as_secs());
            self.output.progress(&text);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = &mut progress.interrupt => return Ok(()),
            }
        }
    }

    /// Connects once and listens until the connection ends.
    async fn connection(&self, progress: &mut Progress) -> Result<End, Failure> {
        self.output
            .progress(&format!("connecting to {}", self.address));
        let mut socket = tokio::select! {
            socket = self.open() => socket?,
            _ = &mut progress.interrupt => return Ok(End::Done),
        };
        let end = self.listen(&mut socket, progress).await;
        let farewell = match end {
            Ok(End::Lost(_)) => None,
            Ok(End::Done) | Err(_) => Some(CloseFrame {
                code: 1000.into(),
                reason: "".into(),
            }),
        };
        // Whoever does not answer a close is left without one.
        let _ = tokio::time::timeout(FAREWELL, leave(&mut socket, farewell)).await;
        end
    }

    async fn open(&self) -> Result<Socket, Failure> {
        let key = segment(self.plan.pass.key().as_str());
        let authority = self.address.authority();
        let prefix = &self.address.prefix;
        let version = env!("CARGO_PKG_VERSION");
        let url = format!(
            "ws://{authority}{prefix}/app/{key}?protocol=7&client=foghorn-cli&version={version}"
        );
        let request = url
            .into_client_request()
            .map_err(|error| Failure::usage(error.to_string()))?;
        let stream = dial(&self.address).await?;
        match tokio::time::timeout(PATIENCE, client_async(request, stream)).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(tungstenite::Error::Http(response))) => {
                let said = format!("{} answers {}", self.address, response.status());
                let hint = "is it a Pusher-compatible server, and is its path prefix in --url?";
                Err(Failure::refused(said).hint(hint))
            }
            Ok(Err(error)) => {
                let hint = "does --url say http or https as the server does?";
                Err(Failure::refused(format!("{}: {error}", self.address)).hint(hint))
            }
            Err(_) => Err(Failure::refused(format!(
                "{} does not answer",
                self.address
            ))),
        }
    }

    async fn listen(&self, socket: &mut Socket, progress: &mut Progress) -> Result<End, Failure> {
        let clock = Clock::start();
        let mut liveness = Liveness::new(clock.now());
        let mut client = Client::new(self.plan);
        let mut established = false;
        let lost = |code, reason: String, established| {
            Ok(End::Lost(Loss {
                code,
                reason,
                established,
                lasted: clock.now().since_start(),
            }))
        };
        loop {
            let deadline = clock.instant(liveness.deadline());
            let message = tokio::select! {
                message = socket.next() => message,
                () = tokio::time::sleep_until(deadline) => {
                    match liveness.due(clock.now()) {
                        Due::Nothing => {}
                        Due::Ping => send(socket, PING.to_owned()).await?,
                        Due::Dead => {
                            return lost(None, "the server is silent".to_owned(), established);
                        }
                    }
                    continue;
                }
                _ = &mut progress.interrupt => return Ok(End::Done),
            };
            liveness.heard(clock.now());
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(Some(frame)))) => {
                    return lost(
                        Some(frame.code.into()),
                        frame.reason.to_string(),
                        established,
                    );
                }
                Some(Ok(Message::Close(None))) | None => {
                    return lost(None, String::new(), established);
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return lost(None, error.to_string(), established),
            };
            for step in client.receive(&text) {
                if let Step::Agree(activity_timeout) = step {
                    liveness.agree(activity_timeout);
                    established = true;
                } else if self.carry_out(step, socket, progress).await? {
                    return Ok(End::Done);
                }
            }
        }
    }

    /// Does what the client wants; says whether that was all.
    async fn carry_out(
        &self,
        step: Step,
        socket: &mut Socket,
        progress: &mut Progress,
    ) -> Result<bool, Failure> {
        match step {
            Step::Send(text) => send(socket, text).await?,
            Step::Print(event) => self.output.report(&event)?,
            Step::Count(event) => {
                self.output.report(&event)?;
                progress.left = progress.left.map(|left| left.saturating_sub(1));
                return Ok(progress.left == Some(0));
            }
            Step::Progress(text) => self.output.progress(&text),
            Step::Agree(_) => {}
            Step::Refuse(said) => {
                let hint = "`foghorn verify channel` explains a wrong signature; here it is made \
                            with --key and --secret";
                let failure = Failure::refused(format!("the server refuses: {said}"));
                let about_signature = said.contains("signature") || said.contains("Invalid key");
                return Err(if about_signature {
                    failure.hint(hint)
                } else {
                    failure
                });
            }
        }
        Ok(false)
    }
}

/// Sends a text. Whether the connection still exists is for reading to find out.
async fn send(socket: &mut Socket, text: String) -> Result<(), Failure> {
    match socket.send(Message::text(text)).await {
        Err(error @ tungstenite::Error::Capacity(_)) => Err(Failure::refused(error.to_string())),
        _ => Ok(()),
    }
}

/// Says goodbye, or answers the server's, until the connection is gone.
async fn leave(socket: &mut Socket, farewell: Option<CloseFrame>) {
    if let Some(farewell) = farewell
        && socket.close(Some(farewell)).await.is_err()
    {
        return;
    }
    while let Some(Ok(_)) = socket.next().await {}
}

impl Loss {
    fn text(&self) -> String {
        let reason = Some(self.reason.as_str()).filter(|reason| !reason.is_empty());
        match (self.code, reason) {
            (Some(code), Some(reason)) => format!("closed with {code}: {reason}"),
            (Some(code), None) => format!("closed with {code}"),
            (None, Some(reason)) => format!("connection lost: {reason}"),
            (None, None) => "connection lost".to_owned(),
        }
    }

    fn failure(&self) -> Failure {
        let failure = Failure::refused(self.text());
        match self.code.and_then(Advice::hint) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
