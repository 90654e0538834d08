//! The HTTP fallback transports, `xhr_streaming` and `xhr_polling`, for clients whose WebSockets
//! are blocked (ADR 0014). A session is a connection in every respect; only its socket is not
//! its own.
//!
//! What a path asks for is in `route`, what is answered in `answers` and `timeline`. A [`Session`],
//! one of the `sessions`, is what the requests of one client share, its `keeper` the task that
//! lives as long as it does, `pulse` says when that has to do something, and `farewell` has the
//! last words. Messages go through the same outbox as those of a WebSocket, with a `line` that
//! writes to the `receiver` of the moment.

mod answers;
mod farewell;
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
use std::time::Duration;

use foghorn_api::Answer;
use foghorn_config::FallbackConfig;
use foghorn_node::{App, Elsewhere, Refusal, Transport};
use foghorn_protocol::fallback::{SessionName, opening, read_sent};
use foghorn_protocol::{CloseCode, ProtocolVersion};
use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::clock::Clock;
use crate::gate::Gate;
use crate::http1::{BodyError, BodyTerms, Head, Step, Version, beginning};
use crate::peer::Peer;
use crate::rules::Rules;
use crate::shared::Shared;
use crate::stream::{Reading, Stream, Writing};
use crate::upgrade::Upgrade;
use farewell::turn_away;
pub(crate) use line::Line;
use pulse::Timing;
use receiver::Receiver;
use route::{Found, Kind, Route};
use session::{Posted, Session};
pub(crate) use sessions::Sessions;

/// Messages that one request may send; pusher-js sends one. Each is a step of the protocol, and a
/// request's are carried out without giving others a turn.
const MESSAGES: usize = 256;

/// So many times the size of the largest message a body may have, for escapes; one with more of
/// them is refused.
const ESCAPED: usize = 4;

/// One in so many of a node's connections may be a session that its client has opened by a poll
/// and not come back to. It costs no socket: strangers could open enough of them to take the places
/// of everybody else.
const FRESH_SHARE: u64 = 4;

/// So many of them there may be on the smallest node.
const LEAST_FRESH: u64 = 64;

/// What sessions share.
#[derive(Clone)]
struct Terms {
    timing: Timing,
    rules: Rules,
    /// Counts the sessions whose client has not come back yet.
    fresh: Gate,
}

/// The transports' part of a server.
pub(crate) struct Fallback {
    config: FallbackConfig,
    terms: Terms,
    sessions: Sessions,
}

/// A request to send something, whose body is yet to come.
pub(crate) struct Sending {
    to: Addressee,
    terms: BodyTerms,
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
    /// How long the client may refuse to take anything.
    patience: Duration,
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
            terms: Terms {
                timing,
                rules,
                fresh: Gate::default(),
            },
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
            ("POST", Kind::Send) => self.send(head, peer, &route),
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
                    patience: self.rules.write_timeout,
                }),
            },
        }
    }

    fn poll<C>(&self, head: &Head<'_, '_>, peer: Peer, route: &Route) -> Step<C, Upgrade> {
        match self.find_or_open(head, peer, route, Transport::XhrPolling) {
            Err(answer) => Step::Answer(*answer),
            Ok(session) => {
                let (poll, answer) = oneshot::channel();
                let late = session.attach(Receiver::Poll(poll)).err();
                let patience = self.rules.write_timeout;
                Step::Later(Box::pin(async move {
                    if let Some(late) = late {
                        turn_away(late, patience).await;
                    }
                    // Another request receives instead.
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
        let apps = self.apps_of(head, peer, route);
        if let Some(session) = self.session_of(&apps, route) {
            return Ok(session);
        }
        let admitted = self.admit(head, peer, route.key.as_deref(), transport);
        let is_poll = transport == Transport::XhrPolling;
        let admitted = admitted.and_then(|admission| match self.room_for_polls() {
            Err(full) if is_poll => Err(self.node.refused(full, transport)),
            _ => Ok(admission),
        });
        let admission = admitted.map_err(|refusal| {
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
                let line = Line::new(opening(fallback.config.hostname.get()));
                let kept = Arc::clone(&session);
                let held = (arrival.registered, entry);
                tokio::spawn(keeper::keep(kept, line, fallback.terms.clone(), held));
                Ok(session)
            }
            // Two requests opened it at the same moment, and the other was first.
            Err(first) => Ok(first),
        }
    }

    /// Why a client may not open a session with a poll while too many others have not come back.
    fn room_for_polls(&self) -> Result<(), Refusal> {
        let limit = (self.node.max_connections() / FRESH_SHARE).max(LEAST_FRESH);
        let waiting = self.fallback.terms.fresh.inside() as u64;
        if waiting < limit {
            return Ok(());
        }
        let reason =
            format!("{waiting} sessions wait for their clients to come back, the limit is {limit}");
        let code = CloseCode::OverCapacity;
        Err(Refusal::new(ProtocolVersion::LATEST, code, reason))
    }

    /// The apps whose sessions a request may be for: a key goes from one app to another, and its
    /// sessions stay where they are.
    fn apps_of(&self, head: &Head<'_, '_>, peer: Peer, route: &Route) -> Vec<Arc<App>> {
        let key = route.key.as_deref().unwrap_or_default();
        let mut apps = self.node.apps().connected_with_key(key);
        let encryption = peer.client_encryption(head, &self.trusted_proxies);
        apps.retain(|app| app.takes(encryption));
        apps
    }

    /// The session of one of these apps that a request is for.
    fn session_of(
        &self,
        apps: &[Arc<App>],
        route: &Route,
    ) -> Option<Arc<Session<Reading, Writing>>> {
        let sessions = &self.fallback.sessions;
        apps.iter()
            .find_map(|app| sessions.get(app.id(), route.session))
    }

    fn send<C: From<Sending>>(
        &self,
        head: &Head<'_, '_>,
        peer: Peer,
        route: &Route,
    ) -> Step<C, Upgrade> {
        let apps = self.apps_of(head, peer, route);
        let to = match (self.session_of(&apps, route), apps.into_iter().next()) {
            (Some(session), _) => Addressee::Here(session),
            (None, Some(app)) if self.node.is_linked() => Addressee::Elsewhere(app, route.session),
            (None, _) => return Step::Answer(answers::unknown_session()),
        };
        let terms = BodyTerms {
            limit: self.max_body_bytes.min(ESCAPED * self.rules.max_message),
            timeout: self.body_timeout,
        };
        Step::Body(Sending { to, terms }.into(), terms)
    }

    /// Answers a request whose body has arrived.
    pub(crate) fn finish_sending(
        &self,
        Sending { to, terms }: Sending,
        body: Result<&[u8], BodyError>,
    ) -> Answer {
        let messages = match body.map(read_sent) {
            Ok(Ok(messages)) => messages,
            Ok(Err(error)) => {
                return answers::error(StatusCode::BAD_REQUEST, format!("{error}\n"));
            }
            Err(BodyError::TooLarge(length)) => return too_large("body", length, terms.limit),
            Err(BodyError::TooSlow) => {
                let text = "The body took too long\n";
                return answers::error(StatusCode::REQUEST_TIMEOUT, text);
            }
            Err(BodyError::Broken) => {
                let text = "The body could not be read to its end\n";
                return answers::error(StatusCode::BAD_REQUEST, text);
            }
        };
        if messages.len() > MESSAGES {
            let count = messages.len();
            let text = format!("The body has {count} messages, the limit is {MESSAGES}\n");
            return answers::error(StatusCode::PAYLOAD_TOO_LARGE, text);
        }
        let limit = self.rules.max_message;
        if let Some(long) = messages.iter().find(|message| message.len() > limit) {
            return too_large("message", long.len() as u64, limit);
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

fn too_large(what: &str, length: u64, limit: usize) -> Answer {
    let text = format!("The {what} has {length} bytes, the limit is {limit}\n");
    answers::error(StatusCode::PAYLOAD_TOO_LARGE, text)
}

impl Joining {
    /// Hands the socket of a request to its session, which writes the `head` of the response, too.
    pub(crate) async fn hand_over(
        self,
        stream: Stream,
        place: OwnedSemaphorePermit,
        head: Vec<u8>,
    ) {
        let receiver = Receiver::stream(stream.split(), place, self.version, head);
        if let Err(late) = self.session.attach(receiver) {
            turn_away(late, self.patience).await;
        }
    }
}
