//! Keeping an eye on what apps use up, and keeping it for the next life of a node.

use foghorn_cluster::AppId;
use foghorn_protocol::{Ceiling, UnixSeconds};

use crate::app::App;
use crate::node::Node;
use crate::usage::{Day, Quantity};

/// An app has used four fifths of a quota, or more. Its operator is told once a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearQuota {
    /// The app.
    pub app: AppId,
    /// Of which quota.
    pub quantity: Quantity,
    /// How much is used.
    pub used: u64,
    /// How much there is.
    pub limit: u64,
}

/// What an app has used of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedToday {
    /// The app.
    pub app: AppId,
    /// The day.
    pub day: Day,
    /// Messages.
    pub messages: u64,
}

impl App {
    /// How many connections it may have; `None` for as many as come.
    #[must_use]
    pub fn connections_limit(&self) -> Option<u64> {
        match self.limits().max_connections {
            Ceiling::AtMost(limit) => Some(limit.into()),
            Ceiling::Unlimited => None,
        }
    }

    /// How much of a quota is used, and how much there is.
    fn used(&self, quantity: Quantity, now: UnixSeconds) -> (u64, Option<u64>) {
        match quantity {
            Quantity::Messages => (self.usage().today(now), self.quota().messages_per_day),
            Quantity::Connections => (self.connections(), self.connections_limit()),
        }
    }
}

impl Node {
    /// Measures what apps have used, and begins a new day if it is time; the apps whose operators
    /// should know. To be called every second or so.
    pub fn look_at_quotas(&self, now: UnixSeconds) -> Vec<NearQuota> {
        let mut near = Vec::new();
        let apps = self.apps().all();
        let ids = apps.iter().map(|app| app.id().clone());
        self.metrics().keep_quotas(ids.collect());
        for app in apps {
            for quantity in [Quantity::Messages, Quantity::Connections] {
                let (used, limit) = app.used(quantity, now);
                self.metrics().quota(app.id(), quantity, (used, limit));
                if app.usage().is_news(quantity, (used, limit), now) {
                    near.push(NearQuota {
                        app: app.id().clone(),
                        quantity,
                        used,
                        limit: limit.unwrap_or(u64::MAX),
                    });
                }
            }
        }
        near
    }

    /// What is to be kept for the next life of this node.
    #[must_use]
    pub fn usage(&self) -> Vec<UsedToday> {
        let apps = self.apps().all().into_iter();
        apps.filter_map(|app| {
            let (day, messages) = app.usage().snapshot()?;
            let app = app.id().clone();
            Some(UsedToday { app, day, messages })
        })
        .collect()
    }

    /// Takes over what a former life kept, also for apps that come later. To be called once, before
    /// anybody is let in. What is of a day that has yet to come was written by a clock that was
    /// wrong.
    pub fn restore_usage(&self, mut kept: Vec<UsedToday>, now: UnixSeconds) {
        kept.retain(|used| used.day <= Day::of(now));
        self.apps().restore(kept);
    }
}
