//! What an app allows its clients.

use std::time::Duration;

use foghorn_auth::KeyRing;
use foghorn_protocol::Limits;

/// The rules of one app, shared by all its sessions.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Keys whose signatures count.
    pub keys: KeyRing,
    /// How much of everything.
    pub limits: Limits,
    /// Whether clients may send events to each other.
    pub client_events: ClientEvents,
    /// How refused subscriptions are told.
    pub subscription_errors: SubscriptionErrors,
    /// When silence becomes suspicious.
    pub timing: Timing,
    /// Whether a connection has to show that somebody vouches for it.
    pub authorization: AuthorizationRule,
    /// Whether users hear who of their watchlist is online.
    pub watchlists: Watchlists,
}

impl Policy {
    /// The rules that Pusher has for an app of which nobody set any.
    #[must_use]
    pub fn new(keys: KeyRing) -> Self {
        Self {
            keys,
            limits: Limits::default(),
            client_events: ClientEvents::Refused,
            subscription_errors: SubscriptionErrors::ToConnectionAndChannel,
            timing: Timing::default(),
            authorization: AuthorizationRule::NotRequired,
            watchlists: Watchlists::Ignored,
        }
    }
}

/// Whether a connection has to show that somebody vouches for it (protocol.md §9.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationRule {
    /// Pusher's default.
    NotRequired,
    /// Within this time after connecting it has to sign in or subscribe to an authenticated
    /// channel.
    Within(Duration),
}

/// Whether users hear who of their watchlist is online (protocol.md §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watchlists {
    /// Pusher's default: a watchlist is not even looked at.
    Ignored,
    /// They do.
    Served,
}

/// Whether clients may send events to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEvents {
    /// They may, on authenticated channels.
    Allowed,
    /// Pusher's default.
    Refused,
}

/// Whether a refused subscription is also told to the channel, not only to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionErrors {
    /// `pusher:error` and `pusher:subscription_error`, which Laravel Echo's `error()` listens for.
    ToConnectionAndChannel,
    /// `pusher:error` alone, as hosted Pusher does.
    ToConnection,
}

/// Liveness, protocol.md §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Silence after which either side asks whether the other is there; told to the client in whole
    /// seconds, at least one.
    pub activity_timeout: Duration,
    /// How long the answer may take.
    pub pong_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            activity_timeout: Duration::from_secs(120),
            pong_timeout: Duration::from_secs(30),
        }
    }
}
