//! The HTTP fallback transports, `xhr_streaming` and `xhr_polling`, for clients whose WebSockets
//! are blocked (ADR 0014). A session is a connection in every respect; only its socket is not
//! its own.
//!
//! What a path asks for is in `route`, what is answered in `answers`. A [`Session`] is what the
//! requests of one client share, its `keeper` the task that lives as long as it does, and `pulse`
//! says when that has to do something. Messages go through the same outbox as those of a WebSocket,
//! with a `line` that knows about responses.

mod answers;
mod keeper;
mod line;
mod pulse;
mod receiver;
mod route;
mod session;
mod sessions;
#[cfg(test)]
mod tests;
mod timeline;

use std::sync::Arc;

use foghorn_api::Answer;
use foghorn_config::FallbackConfig;
use foghorn_node::{App, Elsewhere, Transport};
use foghorn_protocol::fallback::{SessionName, opening, read_sent};
use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::clock::Clock;
use crate::http1::{BodyError, Head, Step, Version, beginning};
use crate::peer::Peer;
use crate::rules::Rules;
use crate::shared::Shared;
use crate::stream::{Reading, Stream, Writing};
use crate::upgrade::Upgrade;
use keeper::Terms;
pub(crate) use line::Line;
use pulse::Timing;
use receiver::Receiver;
use route::{Found, Kind, Route};
use session::{Posted, Session};
pub(crate) use sessions::Sessions;

/// The transports' part of a server.
pub(crate) struct Fallback {
    config: FallbackConfig,
    terms: Terms,
    sessions: Sessions,
}

/// A request to send something, whose body is yet to come.
pub(crate) struct Sending {
    to: Addressee,
}

enum Addressee {
    Here(Arc<Session<Reading, Writing>>),
    /// A session that another node may hold.
    Elsewhere(Arc<App>, SessionName),
}

/// A stream that is about to begin.
pub(crate) struct Joining {
    session: Arc<Session<Reading, Writing>>,
    version: Version,
}

impl Fallback {
    /// As `config` has it; `sessions` is also where what other nodes pass on arrives.
    pub(crate) fn new(config: FallbackConfig, rules: Rules, sessions: Sessions) -> Self {
        let timing = Timing {
            heartbeat: config.heartbeat,
            session_timeout: config.session_timeout,
        };
        Self {
            config,
            terms: Terms { timing, rules },
            sessions,
        }
    }
}

impl Shared {
    /// The first step of a request whose path is one of these transports'; `None` for any other.
    pub(crate) fn fall_back<C: From<Sending>>(
        &self,
        head: &Head<'_, '_>,
        peer: Peer,
        path: &str,
    ) -> Option<Step<C, Upgrade>> {
        let fallback = &self.fallback;
        if !fallback.config.enabled {
            return None;
        }
        if let Some(answer) = timeline::answer(path, head.method) {
            return Some(Step::Answer(answer));
        }
        let route = match route::read(path, fallback.config.path.as_str()) {
            Found::Foreign => return None,
            Found::Unspoken(text) => {
                return Some(Step::Answer(answers::error(StatusCode::NOT_FOUND, text)));
            }
            Found::Session(route) => route,
        };
        Some(match (head.method, route.kind) {
            ("OPTIONS", _) => Step::Answer(answers::preflight()),
            ("POST", Kind::Send) => self.send(&route),
            ("POST", Kind::Stream) => self.stream(head, peer, &route),
            ("POST", Kind::Poll) => self.poll(head, peer, &route),
            _ => Step::Answer(answers::only_post()),
        })
    }

    fn stream<C>(&self, head: &Head<'_, '_>, peer: Peer, route: &Route) -> Step<C, Upgrade> {
        match self.find_or_open(head, peer, route, Transport::XhrStreaming) {
            Err(answer) => Step::Answer(*answer),
            Ok(session) => Step::Upgrade {
                response: beginning(&answers::lines(""), head.version, Clock::unix_seconds()),
                upgrade: Upgrade::Stream(Joining {
                    session,
                    version: head.version,
                }),
            },
        }
    }

    fn poll<C>(&self, head: &Head<'_, '_>, peer: Peer, route: &Route) -> Step<C, Upgrade> {
        match self.find_or_open(head, peer, route, Transport::XhrPolling) {
            Err(answer) => Step::Answer(*answer),
            Ok(session) => {
                let (poll, answer) = oneshot::channel();
                // A session that is over says nothing, and is a new one the next time.
                let _ = session.attach(Receiver::Poll(poll));
                Step::Later(Box::pin(async move {
                    // Another request receives instead, or the session is over.
                    answer.await.unwrap_or_else(|_| answers::lines(""))
                }))
            }
        }
    }

    /// The session that a request receives for: a new one, if there is none of that name.
    fn find_or_open(
        &self,
        head: &Head<'_, '_>,
        peer: Peer,
        route: &Route,
        transport: Transport,
    ) -> Result<Arc<Session<Reading, Writing>>, Box<Answer>> {
        let fallback = &self.fallback;
        let known = self.app_of(route);
        let known = known.and_then(|app| fallback.sessions.get(app.id(), route.session));
        if let Some(session) = known {
            return Ok(session);
        }
        let admission = self
            .admit(head, peer, route.key.as_deref(), transport)
            .map_err(|refusal| {
                tracing::debug!(code = refusal.close.code().number(), "connection refused");
                Box::new(answers::refusal(&refusal))
            })?;
        let app = admission.app.id().clone();
        let Some(arrival) = self.let_in(admission) else {
            let text = "The server has no randomness for a socket id\n";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return Err(Box::new(answers::error(status, text)));
        };
        let session = Arc::new(Session::new(arrival.connection, arrival.outbox));
        match fallback.sessions.open(app, route.session, &session) {
            Ok(entry) => {
                let hostname = fallback.config.hostname.as_str();
                let line = Line::new(opening(Some(hostname).filter(|name| !name.is_empty())));
                let kept = Arc::clone(&session);
                let keeping = keeper::keep(kept, line, fallback.terms, arrival.registered);
                tokio::spawn(async move {
                    keeping.await;
                    drop(entry);
                });
                Ok(session)
            }
            // Two requests opened it at the same moment, and the other was first.
            Err(first) => Ok(first),
        }
    }

    fn app_of(&self, route: &Route) -> Option<&Arc<App>> {
        self.node.apps().with_key(route.key.as_deref()?)
    }

    fn send<C: From<Sending>>(&self, route: &Route) -> Step<C, Upgrade> {
        let Some(app) = self.app_of(route) else {
            return Step::Answer(answers::unknown_session());
        };
        let to = match self.fallback.sessions.get(app.id(), route.session) {
            Some(session) => Addressee::Here(session),
            None if self.node.is_linked() => Addressee::Elsewhere(Arc::clone(app), route.session),
            None => return Step::Answer(answers::unknown_session()),
        };
        Step::Body(Sending { to }.into())
    }

    /// Answers a request whose body has arrived.
    pub(crate) fn finish_sending(
        &self,
        Sending { to }: Sending,
        body: Result<&[u8], BodyError>,
    ) -> Answer {
        let messages = match body.map(read_sent) {
            Ok(Ok(messages)) => messages,
            Ok(Err(error)) => {
                return answers::error(StatusCode::BAD_REQUEST, format!("{error}\n"));
            }
            Err(BodyError::TooLarge(length)) => return too_large(length, self.max_body_bytes),
            Err(BodyError::TooSlow) => {
                let text = "The body took too long\n";
                return answers::error(StatusCode::REQUEST_TIMEOUT, text);
            }
            Err(BodyError::Broken) => {
                let text = "The body could not be read to its end\n";
                return answers::error(StatusCode::BAD_REQUEST, text);
            }
        };
        let limit = self.rules.max_message;
        if let Some(long) = messages.iter().find(|message| message.len() > limit) {
            return too_large(long.len() as u64, limit);
        }
        let now = self.rules.clock.now();
        match to {
            Addressee::Here(session) => match session.post(&messages, now) {
                Posted::Heard => answers::done(),
                Posted::Closed => answers::unknown_session(),
            },
            Addressee::Elsewhere(app, name) => {
                match self.node.send_elsewhere(&app, name, messages, now) {
                    Elsewhere::Told => answers::done(),
                    Elsewhere::Nowhere => answers::unknown_session(),
                    Elsewhere::TooMuch => {
                        let text = "Too much is sent to sessions of other nodes\n";
                        answers::error(StatusCode::SERVICE_UNAVAILABLE, text)
                    }
                }
            }
        }
    }
}

fn too_large(length: u64, limit: usize) -> Answer {
    let text = format!("The message has {length} bytes, the limit is {limit}\n");
    answers::error(StatusCode::PAYLOAD_TOO_LARGE, text)
}

impl Joining {
    /// Hands the socket of a request to its session, which writes the `head` of the response, too.
    pub(crate) fn hand_over(self, stream: Stream, place: OwnedSemaphorePermit, head: Vec<u8>) {
        let receiver = Receiver::stream(stream.split(), place, self.version, head);
        // A session that is over says nothing, and is a new one the next time.
        let _ = self.session.attach(receiver);
    }
}
