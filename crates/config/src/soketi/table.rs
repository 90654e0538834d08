//! The table of soketi's variables: what becomes of each.

use super::reading::Reading::{self, Debug, Flag, Kilobytes, Milliseconds, Plain, Verbatim};

/// A variable of soketi.
#[derive(Debug)]
pub(crate) struct Variable {
    /// Its name without the prefix.
    pub(crate) name: &'static str,
    /// What becomes of it.
    pub(crate) fate: Fate,
}

/// What becomes of a variable.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is another name of a setting.
    Sets(Alias),
    /// It holds the webhooks of the app that the environment describes.
    Webhooks,
    /// It is one of those that say together where apps are kept.
    Database,
    /// It has no say: this server finds out by itself what it tells.
    Moot,
    /// It is ignored with a warning: this would be needed, and is not here.
    Needs {
        what: &'static str,
        /// Values that ask for nothing, hence no warning.
        unless: &'static [&'static str],
    },
}

/// Another name of a setting.
#[derive(Debug)]
pub(crate) struct Alias {
    pub(crate) scope: Scope,
    /// The setting's name in its section.
    pub(crate) setting: &'static str,
    pub(crate) reading: Reading,
    /// soketi's default as its variable would have it, where ours is another.
    pub(crate) default: Option<&'static str>,
}

/// Which values a variable sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The one of the section with this heading.
    Section(&'static str),
    /// The one of the app that the environment describes.
    App,
    /// The one of every app that does not say otherwise.
    EveryApp,
}

use Scope::{App, EveryApp};

const SERVER: Scope = Scope::Section("server");
const METRICS: Scope = Scope::Section("metrics");
const LOG: Scope = Scope::Section("log");
const WEBHOOKS: Scope = Scope::Section("webhooks");

/// What has to be there for apps in DynamoDB.
pub(super) const DYNAMODB: &str = "apps kept in DynamoDB";
const CLUSTER: &str = "nodes linked to a cluster";
const REDIS: &str = "a driver for Redis";
const QUEUES: &str = "webhooks sent from a queue";
const SHARED_LIMITS: &str = "rate limits shared between nodes";

const fn sets(scope: Scope, setting: &'static str, reading: Reading) -> Fate {
    Fate::Sets(Alias {
        scope,
        setting,
        reading,
        default: None,
    })
}

const fn needs(what: &'static str) -> Fate {
    needs_unless(what, &[])
}

const fn needs_unless(what: &'static str, unless: &'static [&'static str]) -> Fate {
    Fate::Needs { what, unless }
}

impl Fate {
    /// The alias of a setting whose default is soketi's as soon as there are variables of soketi.
    const fn by_default(self, text: &'static str) -> Self {
        match self {
            Self::Sets(alias) => Self::Sets(Alias {
                default: Some(text),
                ..alias
            }),
            other => other,
        }
    }
}

macro_rules! variables {
    ($($name:literal => $fate:expr;)+) => {
        &[$(Variable { name: $name, fate: $fate },)+]
    };
}

/// All of them, in the order of limits-and-quotas.md §3.
pub(crate) const TABLE: &[Variable] = variables! {
    "HOST" => sets(SERVER, "host", Plain).by_default("0.0.0.0");
    "PORT" => sets(SERVER, "port", Plain).by_default("6001");
    "PATH_PREFIX" => sets(SERVER, "path_prefix", Plain);
    "MODE" => needs_unless("workers in processes of their own", &["full"]);
    "DEBUG" => sets(LOG, "level", Debug);
    "SHUTDOWN_GRACE_PERIOD" => sets(SERVER, "shutdown_grace", Milliseconds).by_default("3000");
    "USER_AUTHENTICATION_TIMEOUT" =>
        sets(EveryApp, "authorization_timeout", Milliseconds).by_default("30000");

    "DEFAULT_APP_ID" => sets(App, "id", Verbatim);
    "DEFAULT_APP_KEY" => sets(App, "key", Verbatim);
    "DEFAULT_APP_SECRET" => sets(App, "secret", Verbatim);
    "DEFAULT_APP_ENABLED" => sets(App, "enabled", Flag);
    "DEFAULT_APP_MAX_CONNS" => sets(App, "max_connections", Plain).by_default("-1");
    "DEFAULT_APP_ENABLE_CLIENT_MESSAGES" => sets(App, "client_events", Flag);
    "DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC" =>
        sets(App, "api_events_per_second", Plain).by_default("-1");
    "DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC" =>
        sets(App, "client_events_per_second", Plain).by_default("-1");
    "DEFAULT_APP_MAX_READ_REQ_PER_SEC" =>
        sets(App, "api_reads_per_second", Plain).by_default("-1");
    "DEFAULT_APP_USER_AUTHENTICATION" => sets(App, "authorized_connections", Flag);
    "DEFAULT_APP_WEBHOOKS" => Fate::Webhooks;

    "APP_MANAGER_DRIVER" => Fate::Database;
    "APP_MANAGER_CACHE_ENABLED" => Fate::Database;
    "APP_MANAGER_CACHE_TTL" => Fate::Database;
    "APP_MANAGER_MYSQL_TABLE" => Fate::Database;
    "APP_MANAGER_MYSQL_VERSION" => Fate::Moot;
    "APP_MANAGER_MYSQL_USE_V2" => Fate::Moot;
    "APP_MANAGER_POSTGRES_TABLE" => Fate::Database;
    "APP_MANAGER_POSTGRES_VERSION" => Fate::Moot;
    "APP_MANAGER_DYNAMODB_TABLE" => needs(DYNAMODB);
    "APP_MANAGER_DYNAMODB_REGION" => needs(DYNAMODB);
    "APP_MANAGER_DYNAMODB_ENDPOINT" => needs(DYNAMODB);

    "ADAPTER_DRIVER" => needs_unless(CLUSTER, &["local"]);
    "ADAPTER_CLUSTER_REQUESTS_TIMEOUT" => needs(CLUSTER);
    "ADAPTER_REDIS_PREFIX" => needs(REDIS);
    "ADAPTER_REDIS_CLUSTER_MODE" => needs_unless(REDIS, &["false"]);
    "ADAPTER_REDIS_REQUESTS_TIMEOUT" => needs(REDIS);
    "ADAPTER_REDIS_SUB_OPTIONS" => needs(REDIS);
    "ADAPTER_REDIS_PUB_OPTIONS" => needs(REDIS);
    "ADAPTER_NATS_SERVERS" => needs("a driver for NATS");
    "ADAPTER_NATS_PREFIX" => needs("a driver for NATS");
    "ADAPTER_NATS_USER" => needs("a driver for NATS");
    "ADAPTER_NATS_PASSWORD" => needs("a driver for NATS");
    "ADAPTER_NATS_TOKEN" => needs("a driver for NATS");
    "ADAPTER_NATS_TIMEOUT" => needs("a driver for NATS");
    "ADAPTER_NATS_REQUESTS_TIMEOUT" => needs("a driver for NATS");
    "ADAPTER_NATS_NODES_NUMBER" => needs("a driver for NATS");

    "CACHE_DRIVER" => needs_unless(REDIS, &["memory"]);
    "CACHE_REDIS_OPTIONS" => needs(REDIS);
    "CACHE_REDIS_CLUSTER_MODE" => needs_unless(REDIS, &["false"]);

    "CHANNEL_LIMITS_MAX_NAME_LENGTH" =>
        sets(EveryApp, "max_channel_name_length", Plain).by_default("200");
    "CHANNEL_CACHE_TTL" => sets(EveryApp, "cache_ttl", Plain).by_default("3600");

    "CLUSTER_HOST" => needs(CLUSTER);
    "CLUSTER_PORT" => needs(CLUSTER);
    "CLUSTER_PREFIX" => needs(CLUSTER);
    "CLUSTER_BROADCAST_ADDRESS" => needs(CLUSTER);
    "CLUSTER_MULTICAST_ADDRESS" => needs(CLUSTER);
    "CLUSTER_UNICAST_ADDRESSES" => needs(CLUSTER);
    "CLUSTER_CHECK_INTERVAL" => needs(CLUSTER);
    "CLUSTER_KEEPALIVE_INTERVAL" => needs(CLUSTER);
    "CLUSTER_NODE_TIMEOUT" => needs(CLUSTER);
    "CLUSTER_MASTER_TIMEOUT" => needs(CLUSTER);
    "CLUSTER_IGNORE_PROCESS" => needs(CLUSTER);

    "DB_MYSQL_HOST" => Fate::Database;
    "DB_MYSQL_PORT" => Fate::Database;
    "DB_MYSQL_USERNAME" => Fate::Database;
    "DB_MYSQL_PASSWORD" => Fate::Database;
    "DB_MYSQL_DATABASE" => Fate::Database;
    "DB_POSTGRES_HOST" => Fate::Database;
    "DB_POSTGRES_PORT" => Fate::Database;
    "DB_POSTGRES_USERNAME" => Fate::Database;
    "DB_POSTGRES_PASSWORD" => Fate::Database;
    "DB_POSTGRES_DATABASE" => Fate::Database;
    "DB_POOLING_ENABLED" => Fate::Database;
    "DB_POOLING_MIN" => Fate::Moot;
    "DB_POOLING_MAX" => Fate::Database;
    "DB_REDIS_HOST" => needs(REDIS);
    "DB_REDIS_PORT" => needs(REDIS);
    "DB_REDIS_DB" => needs(REDIS);
    "DB_REDIS_USERNAME" => needs(REDIS);
    "DB_REDIS_PASSWORD" => needs(REDIS);
    "DB_REDIS_KEY_PREFIX" => needs(REDIS);
    "DB_REDIS_SENTINELS" => needs(REDIS);
    "DB_REDIS_SENTINEL_PASSWORD" => needs(REDIS);
    "DB_REDIS_INSTANCE_NAME" => needs(REDIS);
    "DB_REDIS_CLUSTER_NODES" => needs_unless(REDIS, &["[]"]);

    "EVENT_MAX_BATCH_SIZE" => sets(EveryApp, "max_batch_size", Plain).by_default("10");
    "EVENT_MAX_CHANNELS_AT_ONCE" =>
        sets(EveryApp, "max_channels_per_event", Plain).by_default("100");
    "EVENT_MAX_NAME_LENGTH" => sets(EveryApp, "max_event_name_length", Plain).by_default("200");
    "EVENT_MAX_SIZE_IN_KB" => sets(EveryApp, "max_event_data_bytes", Kilobytes).by_default("100");

    "HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD" => needs("a watch over the process's memory");

    "METRICS_ENABLED" => sets(METRICS, "enabled", Flag).by_default("false");
    "METRICS_DRIVER" => needs_unless("another kind of metrics", &["prometheus"]);
    "METRICS_HOST" => sets(METRICS, "host", Plain).by_default("0.0.0.0");
    "METRICS_SERVER_PORT" => sets(METRICS, "port", Plain).by_default("9601");
    "METRICS_PROMETHEUS_PREFIX" => needs("metrics by names that can be chosen");

    "PRESENCE_MAX_MEMBERS" => sets(EveryApp, "max_presence_members", Plain).by_default("100");
    "PRESENCE_MAX_MEMBER_SIZE" =>
        sets(EveryApp, "max_presence_member_bytes", Kilobytes).by_default("2");

    "QUEUE_DRIVER" => needs_unless(QUEUES, &["sync"]);
    "QUEUE_REDIS_CONCURRENCY" => needs(QUEUES);
    "QUEUE_REDIS_OPTIONS" => needs(QUEUES);
    "QUEUE_REDIS_CLUSTER_MODE" => needs_unless(QUEUES, &["false"]);
    "QUEUE_SQS_REGION" => needs(QUEUES);
    "QUEUE_SQS_CLIENT_OPTIONS" => needs(QUEUES);
    "QUEUE_SQS_URL" => needs(QUEUES);
    "QUEUE_SQS_ENDPOINT" => needs(QUEUES);
    "QUEUE_SQS_PROCESS_BATCH" => needs_unless(QUEUES, &["false"]);
    "QUEUE_SQS_BATCH_SIZE" => needs(QUEUES);
    "QUEUE_SQS_POLLING_WAIT_TIME_MS" => needs(QUEUES);

    "RATE_LIMITER_DRIVER" => needs_unless(SHARED_LIMITS, &["local"]);
    "RATE_LIMITER_REDIS_OPTIONS" => needs(SHARED_LIMITS);
    "RATE_LIMITER_REDIS_CLUSTER_MODE" => needs_unless(SHARED_LIMITS, &["false"]);

    "SSL_CERT" => sets(SERVER, "tls_cert", Plain);
    "SSL_KEY" => sets(SERVER, "tls_key", Plain);
    "SSL_PASS" => needs("keys protected by a passphrase");
    "SSL_CA" => needs("certificates of clients");

    "WEBHOOKS_BATCHING" => sets(EveryApp, "batch_webhooks", Flag);
    "WEBHOOKS_BATCHING_DURATION" => sets(WEBHOOKS, "batch_window", Plain).by_default("50");
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::section::Section;
    use crate::settings::{AppSettings, KeyPair};

    /// Every name of the table in limits-and-quotas.md §3, without the prefix.
    const NAMES: &str = "
        HOST PORT PATH_PREFIX MODE DEBUG SHUTDOWN_GRACE_PERIOD USER_AUTHENTICATION_TIMEOUT
        DEFAULT_APP_ID DEFAULT_APP_KEY DEFAULT_APP_SECRET DEFAULT_APP_ENABLED DEFAULT_APP_MAX_CONNS
        DEFAULT_APP_ENABLE_CLIENT_MESSAGES DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC
        DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC DEFAULT_APP_MAX_READ_REQ_PER_SEC
        DEFAULT_APP_USER_AUTHENTICATION DEFAULT_APP_WEBHOOKS
        APP_MANAGER_DRIVER APP_MANAGER_CACHE_ENABLED APP_MANAGER_CACHE_TTL
        APP_MANAGER_MYSQL_TABLE APP_MANAGER_MYSQL_VERSION APP_MANAGER_MYSQL_USE_V2
        APP_MANAGER_POSTGRES_TABLE APP_MANAGER_POSTGRES_VERSION
        APP_MANAGER_DYNAMODB_TABLE APP_MANAGER_DYNAMODB_REGION APP_MANAGER_DYNAMODB_ENDPOINT
        ADAPTER_DRIVER ADAPTER_CLUSTER_REQUESTS_TIMEOUT
        ADAPTER_REDIS_PREFIX ADAPTER_REDIS_CLUSTER_MODE ADAPTER_REDIS_REQUESTS_TIMEOUT
        ADAPTER_REDIS_SUB_OPTIONS ADAPTER_REDIS_PUB_OPTIONS
        ADAPTER_NATS_SERVERS ADAPTER_NATS_PREFIX ADAPTER_NATS_USER ADAPTER_NATS_PASSWORD
        ADAPTER_NATS_TOKEN ADAPTER_NATS_TIMEOUT ADAPTER_NATS_REQUESTS_TIMEOUT
        ADAPTER_NATS_NODES_NUMBER
        CACHE_DRIVER CACHE_REDIS_OPTIONS CACHE_REDIS_CLUSTER_MODE
        CHANNEL_LIMITS_MAX_NAME_LENGTH CHANNEL_CACHE_TTL
        CLUSTER_HOST CLUSTER_PORT CLUSTER_PREFIX
        CLUSTER_BROADCAST_ADDRESS CLUSTER_MULTICAST_ADDRESS CLUSTER_UNICAST_ADDRESSES
        CLUSTER_CHECK_INTERVAL CLUSTER_KEEPALIVE_INTERVAL CLUSTER_NODE_TIMEOUT
        CLUSTER_MASTER_TIMEOUT CLUSTER_IGNORE_PROCESS
        DB_MYSQL_HOST DB_MYSQL_PORT DB_MYSQL_USERNAME DB_MYSQL_PASSWORD DB_MYSQL_DATABASE
        DB_POSTGRES_HOST DB_POSTGRES_PORT DB_POSTGRES_USERNAME DB_POSTGRES_PASSWORD
        DB_POSTGRES_DATABASE
        DB_POOLING_ENABLED DB_POOLING_MIN DB_POOLING_MAX
        DB_REDIS_HOST DB_REDIS_PORT DB_REDIS_DB DB_REDIS_USERNAME DB_REDIS_PASSWORD
        DB_REDIS_KEY_PREFIX DB_REDIS_SENTINELS DB_REDIS_SENTINEL_PASSWORD DB_REDIS_INSTANCE_NAME
        DB_REDIS_CLUSTER_NODES
        EVENT_MAX_BATCH_SIZE EVENT_MAX_CHANNELS_AT_ONCE EVENT_MAX_NAME_LENGTH EVENT_MAX_SIZE_IN_KB
        HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD
        METRICS_ENABLED METRICS_DRIVER METRICS_HOST METRICS_SERVER_PORT METRICS_PROMETHEUS_PREFIX
        PRESENCE_MAX_MEMBERS PRESENCE_MAX_MEMBER_SIZE
        QUEUE_DRIVER QUEUE_REDIS_CONCURRENCY QUEUE_REDIS_OPTIONS QUEUE_REDIS_CLUSTER_MODE
        QUEUE_SQS_REGION QUEUE_SQS_CLIENT_OPTIONS QUEUE_SQS_URL QUEUE_SQS_ENDPOINT
        QUEUE_SQS_PROCESS_BATCH QUEUE_SQS_BATCH_SIZE QUEUE_SQS_POLLING_WAIT_TIME_MS
        RATE_LIMITER_DRIVER RATE_LIMITER_REDIS_OPTIONS RATE_LIMITER_REDIS_CLUSTER_MODE
        SSL_CERT SSL_KEY SSL_PASS SSL_CA
        WEBHOOKS_BATCHING WEBHOOKS_BATCHING_DURATION
    ";

    #[test]
    fn every_variable_has_one_row() {
        let mut expect: Vec<_> = NAMES.split_whitespace().collect();
        let mut rows: Vec<_> = TABLE.iter().map(|variable| variable.name).collect();
        expect.sort_unstable();
        rows.sort_unstable();
        assert_eq!(rows, expect);
    }

    #[test]
    fn every_variable_is_in_the_manual() {
        let manual = include_str!("../../../../docs/soketi.md");
        for variable in TABLE {
            assert!(
                manual.contains(&format!("`{}`", variable.name)),
                "{}",
                variable.name
            );
        }
    }

    #[test]
    fn every_alias_has_a_setting() {
        for variable in TABLE {
            let Fate::Sets(alias) = &variable.fate else {
                continue;
            };
            let config = Config::without_apps();
            let (app, pair) = (AppSettings::default(), KeyPair::default());
            let sections: Vec<&dyn Section> = match alias.scope {
                Scope::Section(heading) => {
                    let sections = config.sections().into_iter();
                    sections
                        .filter(|section| section.heading() == heading)
                        .collect()
                }
                Scope::App => vec![&app, &pair],
                Scope::EveryApp => vec![&app],
            };
            let mut sections = sections.iter();
            assert!(
                sections.any(|s| s.row(alias.setting).is_some()),
                "{}",
                variable.name
            );
        }
    }
}
