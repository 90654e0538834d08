//! Attributes of channels that a request may ask for with `info`.

use foghorn_node::{App, SubscriptionCount};
use foghorn_protocol::ChannelName;
use serde::Serialize;

use crate::error::{ApiError, excerpt};

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    user_count: Asked,
    subscription_count: Asked,
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

impl Info {
    /// Reads a comma-separated list; empty names count as absent.
    pub(crate) fn parse(list: Option<&str>) -> Result<Self, ApiError> {
        let mut info = Self::default();
        let names = list.unwrap_or_default().split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            match name {
                "user_count" => info.user_count = Asked::Yes,
                "subscription_count" => info.subscription_count = Asked::Yes,
                other => return Err(ApiError::UnknownAttribute(excerpt(other))),
            }
        }
        Ok(info)
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Refuses what `channel` does not have.
    pub(crate) fn require_for(self, app: &App, channel: &ChannelName) -> Result<Self, ApiError> {
        let presence = channel.kind().is_presence();
        if self.user_count == Asked::Yes && !presence {
            return Err(ApiError::Unavailable {
                attribute: "the user count",
                reason: "unless the channel is a presence channel",
            });
        }
        if self.subscription_count == Asked::Yes && presence {
            return Err(ApiError::Unavailable {
                attribute: "the subscription count",
                reason: "of a presence channel",
            });
        }
        self.require_shared(app)
    }

    /// Refuses what a list of channels beginning with `prefix` does not have.
    pub(crate) fn require_for_list(self, app: &App, prefix: &str) -> Result<Self, ApiError> {
        if self.user_count == Asked::Yes && !prefix.starts_with("presence-") {
            return Err(ApiError::Unavailable {
                attribute: "the user count",
                reason: "unless the channel is a presence channel: \
                         filter_by_prefix must begin with presence-",
            });
        }
        self.require_shared(app)
    }

    fn require_shared(self, app: &App) -> Result<Self, ApiError> {
        let hidden = app.subscription_count() == SubscriptionCount::Hidden;
        if self.subscription_count == Asked::Yes && hidden {
            return Err(ApiError::Unavailable {
                attribute: "the subscription count",
                reason: "unless the app's setting subscription_count is on",
            });
        }
        Ok(self)
    }

    /// What of it `channel` has; the rest is left out.
    pub(crate) fn of(
        self,
        app: &App,
        channel: &ChannelName,
        occupancy: foghorn_node::Occupancy,
    ) -> Attributes {
        let presence = channel.kind().is_presence();
        let shared = app.subscription_count() == SubscriptionCount::Shared;
        let asked = |attribute, available: bool| attribute == Asked::Yes && available;
        Attributes {
            user_count: asked(self.user_count, presence).then_some(occupancy.users),
            subscription_count: asked(self.subscription_count, !presence && shared)
                .then_some(occupancy.subscriptions),
        }
    }
}
