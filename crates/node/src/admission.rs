//! Letting clients in, or telling them why not (protocol.md §1.2, §1.3).

use std::sync::Arc;

use foghorn_channels::Hearing;
use foghorn_protocol::{Close, CloseCode, Frame, ProtocolVersion};
use foghorn_session::{AuthorizationRule, farewell};

use crate::app::{App, AppStatus, EncryptionRule};
use crate::node::{Node, ProtocolRule};
use crate::place::{NoPlace, Place};
use crate::transport::Transport;

/// What a client says before it is let in.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The app key of the path, percent-decoded; `None` on a path that is none of the protocol's.
    pub key: Option<&'a str>,
    /// The `protocol` parameter, if there is one.
    pub protocol: Option<&'a str>,
    /// The `client` parameter, if there is one.
    pub client: Option<&'a str>,
    /// The page that the browser shows; `None` for clients that are no browsers.
    pub origin: Option<&'a str>,
    /// Whether the client is connected with TLS.
    pub encryption: Encryption,
    /// How its bytes are to travel.
    pub transport: Transport,
}

/// Whether a client is connected with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Without TLS, as far as this server can know.
    Plain,
    /// With TLS, here or at a proxy that may say so.
    Tls,
}

/// A client that may connect. It holds its place among the node's connections, so that clients who
/// come at the same moment do not all get the last one.
#[derive(Debug)]
pub struct Admission {
    /// Its app.
    pub app: Arc<App>,
    /// Its protocol.
    pub protocol: ProtocolVersion,
    /// How its bytes travel.
    pub transport: Transport,
    /// Given back when it is dropped.
    pub place: Place,
    /// A place among the app's connections; taken later if the client has to be authorized first,
    /// because connections that nobody vouches for count for nobody.
    pub(crate) app_place: Option<Place>,
    /// What it gets on encrypted channels: the Java client would try to decrypt the number of
    /// subscriptions, and throw.
    pub(crate) on_encrypted: Hearing,
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
        Self::because(protocol, Close::new(code, reason))
    }

    fn because(protocol: ProtocolVersion, close: Close) -> Self {
        Self {
            farewell: farewell(protocol, &close),
            close,
        }
    }
}

impl App {
    /// Whether clients may connect so.
    #[must_use]
    pub fn takes(&self, encryption: Encryption) -> bool {
        self.encryption() == EncryptionRule::Any || encryption == Encryption::Tls
    }

    /// A place among the app's connections, or why there is none.
    pub(crate) fn take_place(&self) -> Result<Place, Close> {
        self.places()
            .take(self.limits().max_connections)
            .map_err(|NoPlace { taken, limit }| {
                let reason = format!("The app has {taken} connections, the limit is {limit}");
                Close::new(self.over_quota(), reason)
            })
    }
}

impl Node {
    /// Checks a handshake, in the order in which clients can do something about it.
    ///
    /// # Errors
    /// Who may not come in, and why.
    pub fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Refusal> {
        let admitted = self.check(handshake);
        admitted.map_err(|refusal| self.refused(refusal, handshake.transport))
    }

    /// Counts a client that may not come in.
    #[must_use]
    pub fn refused(&self, refusal: Refusal, transport: Transport) -> Refusal {
        self.metrics()
            .connection_refused(refusal.close.code(), transport);
        refusal
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
            let reason = format!("App key {} does not exist", short(key));
            return refuse(CloseCode::UnknownApp, reason);
        };
        if app.status() == AppStatus::Disabled {
            return refuse(CloseCode::AppDisabled, "The app is disabled".to_owned());
        }
        if !app.takes(handshake.encryption) {
            let reason = "The app accepts TLS connections only (wss://)".to_owned();
            return refuse(CloseCode::TlsRequired, reason);
        }
        if let Some(origin) = handshake
            .origin
            .filter(|origin| !app.origins().allow(origin))
        {
            let reason = format!("Origin {} is not allowed", short(origin));
            return refuse(CloseCode::Unauthorized, reason);
        }
        if self.is_draining() {
            let reason = "The server is shutting down, reconnect immediately";
            return refuse(CloseCode::ReconnectImmediately, reason.to_owned());
        }
        let place = match self.take_place() {
            Ok(place) => place,
            Err(taken) => {
                let limit = self.max_connections();
                let reason = format!("The server has {taken} connections, the limit is {limit}");
                return refuse(CloseCode::OverCapacity, reason);
            }
        };
        let app_place = match app.policy().authorization {
            AuthorizationRule::Within(_) => None,
            AuthorizationRule::NotRequired => match app.take_place() {
                Ok(place) => Some(place),
                Err(close) => return Err(Refusal::because(protocol, close)),
            },
        };
        let java = handshake
            .client
            .is_some_and(|client| client.starts_with("java-"));
        Ok(Admission {
            app,
            protocol,
            transport: handshake.transport,
            place,
            app_place,
            on_encrypted: match java {
                true => Hearing::AllButCounts,
                false => Hearing::Everything,
            },
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

/// As much of a stranger's text as a close reason has room for.
fn short(text: &str) -> &str {
    text.get(..text.floor_char_boundary(64)).unwrap_or_default()
}
