//! The apps of a node.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_auth::{AppKey, KeyRing};
use foghorn_channels::{AppNumber, Key, Target};
use foghorn_cluster::AppId;
use foghorn_protocol::{ChannelName, CloseCode, Limits, Origins, Recipient};
use foghorn_session::Policy;

use crate::metrics::{AppMeters, Metrics};
use crate::place::Places;
use crate::rates::Rates;

/// One tenant: its own keys, channels and limits.
#[derive(Debug)]
pub struct App {
    number: AppNumber,
    id: AppId,
    status: AppStatus,
    policy: Arc<Policy>,
    subscription_count: SubscriptionCount,
    encryption: EncryptionRule,
    origins: Origins,
    over_quota: CloseCode,
    meters: Arc<AppMeters>,
    places: Places,
    rates: Rates,
}

/// What makes an app.
#[derive(Debug)]
pub struct AppSpec {
    /// The id in API paths: any text, usually digits.
    pub id: AppId,
    /// Whether it may be used.
    pub status: AppStatus,
    /// Its rules.
    pub policy: Policy,
    /// Whether it is told how many connections are subscribed.
    pub subscription_count: SubscriptionCount,
    /// Whether clients must connect with TLS.
    pub encryption: EncryptionRule,
    /// Pages of which browsers may connect.
    pub origins: Origins,
    /// What a client is told for whom there is no place: 4004, as Pusher does, or 4100, as soketi
    /// does, whose clients come back every second.
    pub over_quota: CloseCode,
}

impl AppSpec {
    /// An app of which nothing is said but its rules.
    #[must_use]
    pub fn new(id: AppId, policy: Policy) -> Self {
        Self {
            id,
            status: AppStatus::Enabled,
            policy,
            subscription_count: SubscriptionCount::Hidden,
            encryption: EncryptionRule::Any,
            origins: Origins::any(),
            over_quota: CloseCode::OverConnectionQuota,
        }
    }
}

/// Whether clients of an app must connect with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionRule {
    /// With or without TLS.
    Any,
    /// With TLS; others are refused with 4000.
    TlsOnly,
}

/// Whether the number of subscribed connections of a channel is for others to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionCount {
    /// Pusher's default.
    Hidden,
    /// Back ends may ask, and subscribers are told.
    Shared,
}

/// Whether an app may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppStatus {
    /// Yes.
    Enabled,
    /// No: connections are refused with 4003, API requests with 403.
    Disabled,
}

/// Two apps want to be the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DuplicateApp {
    /// The id is taken.
    #[error("two apps have the id {0:?}")]
    Id(AppId),
    /// The key is taken; WebSocket paths name the key alone.
    #[error("two apps have the key {0:?}")]
    Key(AppKey),
}

/// All apps of a node, by id for the API and by key for clients.
#[derive(Debug)]
pub struct Apps {
    apps: Vec<Arc<App>>,
    by_id: BTreeMap<AppId, usize>,
    by_key: BTreeMap<AppKey, usize>,
}

impl App {
    /// The id in API paths.
    #[must_use]
    pub fn id(&self) -> &AppId {
        &self.id
    }

    /// Whether it may be used.
    #[must_use]
    pub fn status(&self) -> AppStatus {
        self.status
    }

    /// Keys whose signatures count.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.policy.keys
    }

    /// How much of everything.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.policy.limits
    }

    /// Whether it is told how many connections are subscribed.
    #[must_use]
    pub fn subscription_count(&self) -> SubscriptionCount {
        self.subscription_count
    }

    /// Counters of this app.
    #[must_use]
    pub fn meters(&self) -> &Arc<AppMeters> {
        &self.meters
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(crate) fn number(&self) -> AppNumber {
        self.number
    }

    pub(crate) fn encryption(&self) -> EncryptionRule {
        self.encryption
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    pub(crate) fn over_quota(&self) -> CloseCode {
        self.over_quota
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.rates
    }

    pub(crate) fn key(&self, recipient: impl Into<Recipient>) -> Key {
        Key {
            app: self.number,
            target: Target::Recipient(recipient.into()),
        }
    }

    pub(crate) fn channel_key(&self, channel: &ChannelName) -> Key {
        self.key(channel.clone())
    }
}

impl Apps {
    /// Numbers the apps and makes them findable.
    ///
    /// # Errors
    /// Two apps share an id or a key.
    pub fn new(specs: Vec<AppSpec>, metrics: &Metrics) -> Result<Self, DuplicateApp> {
        let mut this = Self {
            apps: Vec::new(),
            by_id: BTreeMap::new(),
            by_key: BTreeMap::new(),
        };
        for (at, spec) in specs.into_iter().enumerate() {
            let AppSpec { id, policy, .. } = spec;
            if this.by_id.insert(id.clone(), at).is_some() {
                return Err(DuplicateApp::Id(id));
            }
            for credential in policy.keys.iter() {
                if this.by_key.insert(credential.key.clone(), at).is_some() {
                    return Err(DuplicateApp::Key(credential.key.clone()));
                }
            }
            let number = AppNumber(u32::try_from(at).unwrap_or(u32::MAX));
            let meters = Arc::new(metrics.of_app(&id));
            let policy = Arc::new(policy);
            this.apps.push(Arc::new(App {
                number,
                id,
                status: spec.status,
                policy,
                subscription_count: spec.subscription_count,
                encryption: spec.encryption,
                origins: spec.origins,
                over_quota: spec.over_quota,
                meters,
                places: Places::default(),
                rates: Rates::new(),
            }));
        }
        Ok(this)
    }

    /// Lets API paths call the app `id` by a second id.
    ///
    /// # Errors
    /// The second id is taken.
    pub fn with_alias(mut self, alias: AppId, id: &str) -> Result<Self, DuplicateApp> {
        if let Some(&at) = self.by_id.get(id)
            && self.by_id.insert(alias.clone(), at).is_some()
        {
            return Err(DuplicateApp::Id(alias));
        }
        Ok(self)
    }

    /// The app that API paths call `id`.
    #[must_use]
    pub fn with_id(&self, id: &str) -> Option<&Arc<App>> {
        self.by_id.get(id).and_then(|&at| self.apps.get(at))
    }

    /// The app that clients call `key`.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Option<&Arc<App>> {
        self.by_key.get(key).and_then(|&at| self.apps.get(at))
    }

    /// All apps, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.iter()
    }

    pub(crate) fn with_number(&self, number: AppNumber) -> Option<&Arc<App>> {
        usize::try_from(number.0)
            .ok()
            .and_then(|at| self.apps.get(at))
    }
}
