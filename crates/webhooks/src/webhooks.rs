//! The webhooks of one app.

use std::time::Duration;

use foghorn_protocol::ChannelName;

use crate::{Event, Kind, Webhook};

/// How long a channel or member is gone before receivers hear of it (webhooks.md §3).
pub const DELAY: Duration = Duration::from_secs(3);

/// The least of that after a restart of the server: clients need time to come back.
const DELAY_AFTER_RESTART: Duration = Duration::from_secs(30);

/// All webhooks of an app, and what holds for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhooks {
    /// Each is told on its own.
    pub webhooks: Vec<Webhook>,
    /// Whether one request may tell of several events.
    pub batching: Batching,
    /// How long a channel or member is gone before receivers hear of it; zero: they hear at once.
    pub delay: Duration,
    /// How long those who were there before a restart may take to come back.
    pub restart_delay: Duration,
}

/// Whether one request may tell of several events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batching {
    /// Each request tells of one.
    #[default]
    Off,
    /// Events wait for others.
    Within {
        /// How long the first one waits.
        window: Duration,
        /// At most so many are in one request, and so many need not wait any longer.
        most: usize,
    },
}

impl Batching {
    /// How long the first event of a batch waits, unless an operator says otherwise
    /// (webhooks.md §6).
    pub const WINDOW: Duration = Duration::from_millis(50);
    /// How many events are in one request at most (webhooks.md §6).
    pub const MOST: usize = 100;
    /// How long the first event waits at least while earlier requests of the app still wait: they
    /// are made one after the other, and many short ones would take longer than few full ones.
    pub const WINDOW_BEHIND: Duration = Duration::from_secs(1);
}

/// No webhooks.
impl Default for Webhooks {
    fn default() -> Self {
        Self {
            webhooks: Vec::new(),
            batching: Batching::Off,
            delay: DELAY,
            restart_delay: DELAY_AFTER_RESTART,
        }
    }
}

impl Webhooks {
    /// Whether a webhook is told of such events. Takes no longer than the app has webhooks.
    #[must_use]
    pub fn wants_kind(&self, kind: Kind) -> bool {
        self.webhooks.iter().any(|webhook| webhook.wants_kind(kind))
    }

    /// Whether a webhook is told of such events on this channel.
    #[must_use]
    pub fn wants_on(&self, kind: Kind, channel: &ChannelName) -> bool {
        let mut wanting = self.webhooks.iter().filter(|each| each.wants_kind(kind));
        wanting.any(|each| each.wants_channel(channel))
    }

    /// Whether a webhook is told of `event`.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        self.wants_on(event.kind(), event.channel())
    }

    /// How long after a restart those who were there before may take to come back, so that
    /// receivers do not hear that they were away.
    #[must_use]
    pub fn delay_after_restart(&self) -> Duration {
        self.delay.max(self.restart_delay)
    }

    /// Whether the [`Desk`](crate::Desk) has to hear of what such events tell. Coming and going
    /// are followed together: who is to hear of one of them cannot be told without the other.
    #[must_use]
    pub fn follows(&self, kind: Kind) -> bool {
        self.wants_kind(kind) || kind.opposite().is_some_and(|kind| self.wants_kind(kind))
    }
}
