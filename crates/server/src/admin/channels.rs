//! `/admin/v1/apps/{id}/channels` and `…/usage`: what an app has, and how much of it.

use foghorn_api::{Answer, usage};
use foghorn_channels::Occupancy;
use foghorn_protocol::ChannelName;
use http::StatusCode;
use serde::Serialize;

use super::Admin;
use super::params::Params;
use super::refusal::Refusal;
use super::view::json;
use crate::clock::Clock;

#[derive(Serialize)]
struct ChannelList {
    channels: Vec<ChannelView>,
    next: Option<String>,
}

#[derive(Serialize)]
struct ChannelView {
    name: String,
    occupied: bool,
    subscription_count: u64,
    /// On presence channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<usize>,
}

impl Admin {
    pub(super) async fn list_channels(&self, id: &str, params: &Params) -> Result<Answer, Refusal> {
        let page = params.page()?;
        let app = self.on_node(id).await?;
        let prefix = params.get("prefix").unwrap_or_default();
        let all = self.parts.node.occupied(&app, prefix);
        let begin = page.after.map_or(0, |after| {
            all.partition_point(|(name, _)| name.as_str() <= after)
        });
        let found: Vec<_> = all.into_iter().skip(begin).take(page.reach()).collect();
        let (found, next) = page.cut(found, |(name, _)| name.to_string());
        let channels = found.into_iter().map(ChannelView::from).collect();
        json(StatusCode::OK, &ChannelList { channels, next })
    }

    pub(super) async fn show_usage(&self, id: &str) -> Result<Answer, Refusal> {
        let app = self.on_node(id).await?;
        json(StatusCode::OK, &usage(&app, Clock::unix_seconds()))
    }
}

impl From<(ChannelName, Occupancy)> for ChannelView {
    fn from((name, occupancy): (ChannelName, Occupancy)) -> Self {
        Self {
            occupied: occupancy.subscriptions > 0,
            subscription_count: occupancy.subscriptions,
            user_count: name.kind().is_presence().then_some(occupancy.users),
            name: name.to_string(),
        }
    }
}
