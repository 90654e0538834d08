//! Letting clients in, or telling them why not (protocol.md §1.2, §1.3).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foghorn_protocol::{Close, CloseCode, Frame, ProtocolVersion};
use foghorn_session::farewell;

use crate::app::{App, AppStatus};
use crate::node::{Node, ProtocolRule};

/// What a client says before it is let in.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The app key of the path, percent-decoded; `None` on a path that is none of the protocol's.
    pub key: Option<&'a str>,
    /// The `protocol` parameter, if there is one.
    pub protocol: Option<&'a str>,
}

/// A client that may connect. It holds its place among the node's connections, so that clients who
/// come at the same moment do not all get the last one.
#[derive(Debug)]
pub struct Admission {
    /// Its app.
    pub app: Arc<App>,
    /// Its protocol.
    pub protocol: ProtocolVersion,
    /// Given back when it is dropped.
    pub place: Place,
}

/// One of the node's connections. Dropping it makes room.
#[derive(Debug)]
pub struct Place(Arc<AtomicU64>);

impl Place {
    /// Takes a place, if fewer than `limit` of `taken` are.
    pub(crate) fn take(taken: &Arc<AtomicU64>, limit: u64) -> Option<Self> {
        let one_more = |taken| (taken < limit).then_some(taken + 1);
        let took = taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        took.ok().map(|_| Self(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A client that may not connect. It is told after the upgrade: browsers see nothing of a refused
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// An error event that old clients need to see first.
    pub farewell: Option<Frame>,
    /// The reason.
    pub close: Close,
}

impl Refusal {
    /// A refusal in the way of `protocol`.
    #[must_use]
    pub fn new(protocol: ProtocolVersion, code: CloseCode, reason: String) -> Self {
        let close = Close::new(code, reason);
        Self {
            farewell: farewell(protocol, &close),
            close,
        }
    }
}

impl Node {
    /// Checks a handshake, in the order in which clients can do something about it.
    ///
    /// # Errors
    /// Who may not come in, and why.
    pub fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Refusal> {
        let admitted = self.check(handshake);
        if let Err(refusal) = &admitted {
            self.metrics().connection_refused(refusal.close.code());
        }
        admitted
    }

    fn check(&self, handshake: &Handshake<'_>) -> Result<Admission, Refusal> {
        let Some(key) = handshake.key else {
            let spoken = handshake
                .protocol
                .and_then(|text| ProtocolVersion::parse(text).ok());
            let protocol = spoken.unwrap_or(ProtocolVersion::LATEST);
            let reason = "Path not found; clients connect to /app/APP_KEY".to_owned();
            return Err(Refusal::new(protocol, CloseCode::PathNotFound, reason));
        };
        let protocol = self.protocol(handshake.protocol)?;
        let refuse = |code, reason| Err(Refusal::new(protocol, code, reason));
        let Some(app) = self.apps().with_key(key) else {
            let key: String = key.chars().take(64).collect();
            return refuse(
                CloseCode::UnknownApp,
                format!("App key {key} does not exist"),
            );
        };
        if app.status() == AppStatus::Disabled {
            return refuse(CloseCode::AppDisabled, "The app is disabled".to_owned());
        }
        if self.is_draining() {
            let reason = "The server is shutting down, reconnect immediately";
            return refuse(CloseCode::ReconnectImmediately, reason.to_owned());
        }
        let Some(place) = self.take_place() else {
            return refuse(
                CloseCode::OverCapacity,
                "The server is over capacity".to_owned(),
            );
        };
        let app = Arc::clone(app);
        Ok(Admission {
            app,
            protocol,
            place,
        })
    }

    fn protocol(&self, asked: Option<&str>) -> Result<ProtocolVersion, Refusal> {
        match asked {
            Some(text) => ProtocolVersion::parse(text).map_err(|invalid| {
                // A client that old looks at events only.
                let speaks = if text.parse().is_ok_and(|n: u32| n <= 5) {
                    "5"
                } else {
                    "7"
                };
                let speaks = ProtocolVersion::parse(speaks).unwrap_or(ProtocolVersion::LATEST);
                Refusal::new(speaks, CloseCode::UnsupportedProtocol, invalid.to_string())
            }),
            None if self.protocol_rule() == ProtocolRule::Required => {
                let reason = "No protocol version given".to_owned();
                Err(Refusal::new(
                    ProtocolVersion::LATEST,
                    CloseCode::NoProtocol,
                    reason,
                ))
            }
            None => Ok(ProtocolVersion::LATEST),
        }
    }
}
