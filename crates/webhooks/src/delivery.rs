//! A webhook request that is ready to be sent: what may never change from one attempt to the next.

use std::sync::Arc;

use foghorn_auth::AppKey;
use foghorn_protocol::{ChannelName, UserId};

/// Milliseconds since the beginning of 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// Where a webhook is sent, and what goes along.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// An absolute `http` or `https` URL without user and password.
    pub url: String,
    /// Further headers, names in lower case. Their values may be secret.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Target")
            .field("url", &self.url)
            .field("headers", &names)
            .finish()
    }
}

/// Within a lane of a target, deliveries are made one after the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// All deliveries of one channel.
    Channel(ChannelName),
    /// All of an app's, because each has events of many channels.
    App,
}

/// What may be given up when too much waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It tells of a change that a receiver cannot learn otherwise.
    State,
    /// Client events alone: any number may come in a second.
    ClientEvents,
}

/// One request: made once, sent until the target takes it, the same bytes each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The id of the app.
    pub app: Arc<str>,
    /// Where to.
    pub target: Arc<Target>,
    /// After which others.
    pub lane: Lane,
    /// Whether it may be given up.
    pub class: Class,
    /// When it was made; `time_ms` in the body.
    pub created: UnixMillis,
    /// `X-Pusher-Key`.
    pub key: AppKey,
    /// `X-Pusher-Signature`, of exactly these bytes.
    pub signature: String,
    /// The body, exactly as signed.
    pub body: Arc<[u8]>,
}

/// What receivers believe to be there, because a webhook said so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// A channel that is occupied, or
    pub channel: ChannelName,
    /// this member of it.
    pub user_id: Option<UserId>,
}

/// A change of what receivers believe. It is stored together with the delivery that tells them, so
/// that a server which starts again knows what it has to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Receivers are told that it is there.
    Told(Subject),
    /// Receivers are told that it is gone.
    TakenBack(Subject),
}
