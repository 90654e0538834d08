//! Attributes of channels that a request may ask for with `info`.

use foghorn_node::{App, Occupancy, SubscriptionCount};
use foghorn_protocol::{ChannelName, Recipient};
use serde::Serialize;

use crate::error::{ApiError, excerpt};
use crate::options::Unavailable;

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    user_count: Asked,
    subscription_count: Asked,
    cache: Asked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    No,
    Yes,
}

/// The attributes of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_count: Option<u64>,
}

impl Attributes {
    /// What soketi says of a channel without being asked.
    pub(crate) fn soketi(channel: &ChannelName, occupancy: Occupancy) -> Self {
        Self {
            user_count: channel.kind().is_presence().then_some(occupancy.users),
            subscription_count: Some(occupancy.subscriptions),
        }
    }
}

impl Info {
    /// Reads a comma-separated list; empty names count as absent.
    pub(crate) fn parse(list: Option<&str>) -> Result<Self, ApiError> {
        let mut info = Self::default();
        let names = list.unwrap_or_default().split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            match name {
                "user_count" => info.user_count = Asked::Yes,
                "subscription_count" => info.subscription_count = Asked::Yes,
                "cache" => info.cache = Asked::Yes,
                other => return Err(ApiError::UnknownAttribute(excerpt(other))),
            }
        }
        Ok(info)
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether the cached event is asked for, of a channel that may have one.
    pub(crate) fn wants_cache(self, channel: &ChannelName) -> bool {
        self.cache == Asked::Yes && channel.kind().cache
    }

    /// Refuses what `channel` does not have.
    pub(crate) fn require_for(
        self,
        app: &App,
        channel: &ChannelName,
        unavailable: Unavailable,
    ) -> Result<(), ApiError> {
        let presence = channel.kind().is_presence();
        let missing = if self.user_count == Asked::Yes && !presence {
            Some(("the user count", "unless the channel is a presence channel"))
        } else if self.subscription_count == Asked::Yes && presence {
            Some(("the subscription count", "of a presence channel"))
        } else if self.cache == Asked::Yes && !channel.kind().cache {
            Some(("the cached event", "unless the channel is a cache channel"))
        } else {
            self.hidden(app)
        };
        refuse(missing, unavailable)
    }

    /// Refuses what a list of channels beginning with `prefix` does not have.
    pub(crate) fn require_for_list(
        self,
        app: &App,
        prefix: &str,
        unavailable: Unavailable,
    ) -> Result<(), ApiError> {
        let missing = if self.user_count == Asked::Yes && !prefix.starts_with("presence-") {
            let reason = "unless the channel is a presence channel: \
                          filter_by_prefix must begin with presence-";
            Some(("the user count", reason))
        } else if self.cache == Asked::Yes {
            Some(("the cached event", "of more than one channel"))
        } else {
            self.hidden(app)
        };
        refuse(missing, unavailable)
    }

    fn hidden(self, app: &App) -> Option<(&'static str, &'static str)> {
        let hidden = app.subscription_count() == SubscriptionCount::Hidden;
        let reason = "unless the app's setting subscription_count is on";
        (self.subscription_count == Asked::Yes && hidden)
            .then_some(("the subscription count", reason))
    }

    /// What of it `channel` has; the rest is left out.
    pub(crate) fn of(self, app: &App, channel: &ChannelName, occupancy: Occupancy) -> Attributes {
        let presence = channel.kind().is_presence();
        let shared = app.subscription_count() == SubscriptionCount::Shared;
        let asked = |attribute, available: bool| attribute == Asked::Yes && available;
        Attributes {
            user_count: asked(self.user_count, presence).then_some(occupancy.users),
            subscription_count: asked(self.subscription_count, !presence && shared)
                .then_some(occupancy.subscriptions),
        }
    }

    /// The same of whom an event was for. A user has no attributes.
    pub(crate) fn of_recipient(
        self,
        app: &App,
        recipient: Option<&Recipient>,
        occupancy: impl FnOnce(&ChannelName) -> Occupancy,
    ) -> Attributes {
        let channel = recipient.and_then(Recipient::channel);
        channel.map_or_else(Attributes::default, |channel| {
            self.of(app, channel, occupancy(channel))
        })
    }
}

fn refuse(
    missing: Option<(&'static str, &'static str)>,
    unavailable: Unavailable,
) -> Result<(), ApiError> {
    match (missing, unavailable) {
        (Some((attribute, reason)), Unavailable::Refused) => {
            Err(ApiError::Unavailable { attribute, reason })
        }
        (Some(_), Unavailable::LeftOut) | (None, _) => Ok(()),
    }
}
