//! From the configuration of an app to what a node makes of it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use foghorn_auth::{AppKey, Credential, KeyRing, Secret};
use foghorn_config::{AppConfig, Config, OverQuotaCode, ServerConfig};
use foghorn_node::{AppSpec, AppStatus, EncryptionRule, Quota, QuotaStatus, SubscriptionCount};
use foghorn_protocol::{Ceiling, CloseCode};
use foghorn_session::{
    AuthorizationRule, ClientEvents, Policy, SubscriptionErrors, Timing, Watchlists,
};
use foghorn_webhooks::{Batching, Webhooks};

/// What the node makes of an app. One whose keys have all been retired is switched off: nobody may
/// come in with them, but they still say which app it is.
///
/// # Errors
/// It has no key at all.
pub(crate) fn app_spec(app: &AppConfig, config: &Config) -> Result<AppSpec> {
    let settings = &app.settings;
    let policy = policy(app, &config.server)?;
    let is_accepted = app.keys.iter().any(|pair| pair.enabled);
    let batching = &config.webhooks;
    Ok(AppSpec {
        id: settings.id.as_str().into(),
        status: match settings.enabled && is_accepted {
            true => AppStatus::Enabled,
            false => AppStatus::Disabled,
        },
        policy: Arc::new(policy),
        subscription_count: match settings.subscription_count {
            true => SubscriptionCount::Shared,
            false => SubscriptionCount::Hidden,
        },
        encryption: match settings.force_tls {
            true => EncryptionRule::TlsOnly,
            false => EncryptionRule::Any,
        },
        origins: settings.allowed_origins.clone(),
        over_quota: match config.compat.over_quota_code {
            OverQuotaCode::OverConnectionQuota => CloseCode::OverConnectionQuota,
            OverQuotaCode::OverCapacity => CloseCode::OverCapacity,
        },
        webhooks: Webhooks {
            webhooks: app.webhooks.clone(),
            batching: match settings.batch_webhooks {
                true => Batching::Within {
                    window: batching.batch_window.duration(),
                    most: batching.batch_size,
                },
                false => Batching::Off,
            },
            delay: batching.delay,
            restart_delay: batching.restart_delay,
        },
        quota: Quota {
            messages_per_day: match settings.max_messages_per_day {
                Ceiling::AtMost(messages) => Some(messages.into()),
                Ceiling::Unlimited => None,
            },
            status: match settings.quota_status {
                foghorn_config::QuotaStatus::Forbidden => QuotaStatus::Forbidden,
                foghorn_config::QuotaStatus::PaymentRequired => QuotaStatus::PaymentRequired,
            },
        },
    })
}

fn policy(app: &AppConfig, server: &ServerConfig) -> Result<Policy> {
    let settings = &app.settings;
    let id = settings.id.as_str();
    let accepted: Vec<_> = app.keys.iter().filter(|pair| pair.enabled).collect();
    let pairs = match accepted.is_empty() {
        true => app.keys.iter().collect(),
        false => accepted,
    };
    let credentials = pairs.into_iter().map(|pair| {
        Ok(Credential {
            key: AppKey::parse(pair.key.as_str())?,
            secret: Secret::parse(pair.secret.expose())?,
        })
    });
    let keys = credentials
        .collect::<Result<Vec<_>>>()
        .and_then(|all| Ok(KeyRing::new(all)?));
    Ok(Policy {
        keys: keys.with_context(|| format!("app {id:?} has no key"))?,
        limits: app.limits(),
        client_events: match settings.client_events {
            true => ClientEvents::Allowed,
            false => ClientEvents::Refused,
        },
        subscription_errors: match server.subscription_errors {
            true => SubscriptionErrors::ToConnectionAndChannel,
            false => SubscriptionErrors::ToConnection,
        },
        timing: Timing {
            activity_timeout: server.activity_timeout,
            pong_timeout: server.pong_timeout,
        },
        authorization: match settings.authorized_connections {
            true => AuthorizationRule::Within(settings.authorization_timeout),
            false => AuthorizationRule::NotRequired,
        },
        watchlists: match settings.watchlist_events {
            true => Watchlists::Served,
            false => Watchlists::Ignored,
        },
    })
}
