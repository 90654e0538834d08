//! An app of a node: what it is, and what holds for it now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foghorn_auth::KeyRing;
use foghorn_channels::{AppNumber, Key, Target};
use foghorn_cluster::AppId;
use foghorn_protocol::{ChannelName, CloseCode, Limits, Origins, Recipient};
use foghorn_session::Policy;
use foghorn_webhooks::{Desk, Webhooks};
use parking_lot::Mutex;

use crate::metrics::AppMeters;
use crate::place::Places;
use crate::rates::Rates;
use crate::usage::{Quota, Usage};

/// One tenant: its own keys, channels and limits. Its rules never change; when the operator changes
/// them, another `App` of the same tenant takes its place.
#[derive(Debug)]
pub struct App {
    tenant: Arc<Tenant>,
    version: u64,
    rules: AppSpec,
}

/// What stays when the rules of an app change.
#[derive(Debug)]
pub(crate) struct Tenant {
    number: AppNumber,
    meters: Arc<AppMeters>,
    places: Places,
    rates: Rates,
    usage: Usage,
    desk: Mutex<Desk>,
    /// The version of the rules that hold now.
    version: AtomicU64,
}

impl Tenant {
    /// No rules hold any more.
    pub(crate) fn close(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
    }

    pub(crate) fn desk(&self) -> &Mutex<Desk> {
        &self.desk
    }

    pub(crate) fn new(number: AppNumber, meters: AppMeters) -> Arc<Self> {
        Arc::new(Self {
            number,
            meters: Arc::new(meters),
            places: Places::default(),
            rates: Rates::new(),
            usage: Usage::default(),
            desk: Mutex::default(),
            version: AtomicU64::new(0),
        })
    }
}

/// What makes an app.
#[derive(Debug)]
pub struct AppSpec {
    /// The id in API paths: any text, usually digits.
    pub id: AppId,
    /// Whether it may be used.
    pub status: AppStatus,
    /// Its rules for sessions, which share them.
    pub policy: Arc<Policy>,
    /// Whether it is told how many connections are subscribed.
    pub subscription_count: SubscriptionCount,
    /// Whether clients must connect with TLS.
    pub encryption: EncryptionRule,
    /// Pages of which browsers may connect.
    pub origins: Origins,
    /// What a client is told for whom there is no place: 4004, as Pusher does, or 4100, as soketi
    /// does, whose clients come back every second.
    pub over_quota: CloseCode,
    /// How many messages it may use in a day.
    pub quota: Quota,
    /// Who is told of what happens on its channels.
    pub webhooks: Webhooks,
}

impl AppSpec {
    /// An app of which nothing is said but its rules.
    #[must_use]
    pub fn new(id: AppId, policy: Policy) -> Self {
        Self {
            id,
            status: AppStatus::Enabled,
            policy: Arc::new(policy),
            subscription_count: SubscriptionCount::Hidden,
            encryption: EncryptionRule::Any,
            origins: Origins::any(),
            over_quota: CloseCode::OverConnectionQuota,
            quota: Quota::default(),
            webhooks: Webhooks::default(),
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

impl App {
    /// The next version of a tenant's rules, which hold from now on.
    pub(crate) fn next(tenant: Arc<Tenant>, rules: AppSpec) -> Arc<Self> {
        let version = tenant.version.fetch_add(1, Ordering::Release) + 1;
        Arc::new(Self {
            tenant,
            version,
            rules,
        })
    }

    /// Whether other rules hold by now: ask [`crate::Apps`] again.
    pub(crate) fn is_superseded(&self) -> bool {
        self.tenant.version.load(Ordering::Acquire) != self.version
    }

    /// Whether these rules of the same app are `other`, or were replaced before those held.
    #[must_use]
    pub fn is_no_later_than(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tenant, &other.tenant) && self.version <= other.version
    }

    pub(crate) fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// The id in API paths.
    #[must_use]
    pub fn id(&self) -> &AppId {
        &self.rules.id
    }

    /// Whether it may be used.
    #[must_use]
    pub fn status(&self) -> AppStatus {
        self.rules.status
    }

    /// Keys whose signatures count.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.rules.policy.keys
    }

    /// How much of everything.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.rules.policy.limits
    }

    /// Whether it is told how many connections are subscribed.
    #[must_use]
    pub fn subscription_count(&self) -> SubscriptionCount {
        self.rules.subscription_count
    }

    /// Counters of this app.
    #[must_use]
    pub fn meters(&self) -> &Arc<AppMeters> {
        &self.tenant.meters
    }

    /// How many messages it may use in a day.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.rules.quota
    }

    /// How many messages it has used.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.tenant.usage
    }

    /// Connections that count against its limit, on all nodes together.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.places().taken()
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.rules.policy
    }

    pub(crate) fn number(&self) -> AppNumber {
        self.tenant.number
    }

    pub(crate) fn encryption(&self) -> EncryptionRule {
        self.rules.encryption
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.rules.origins
    }

    pub(crate) fn over_quota(&self) -> CloseCode {
        self.rules.over_quota
    }

    /// Who is told of what happens on its channels.
    #[must_use]
    pub fn webhooks(&self) -> &Webhooks {
        &self.rules.webhooks
    }

    /// A leaf lock: it is taken under audiences' locks.
    pub(crate) fn desk(&self) -> &Mutex<Desk> {
        &self.tenant.desk
    }

    pub(crate) fn places(&self) -> &Places {
        &self.tenant.places
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.tenant.rates
    }

    pub(crate) fn key(&self, recipient: impl Into<Recipient>) -> Key {
        Key {
            app: self.tenant.number,
            target: Target::Recipient(recipient.into()),
        }
    }

    pub(crate) fn channel_key(&self, channel: &ChannelName) -> Key {
        self.key(channel.clone())
    }
}
