//! The table of all settings. A new one is an entry here and nothing anywhere else.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use foghorn_protocol::{Ceiling, Limits, Origins, Rate};

use super::database::{DatabaseLayout, DatabaseUrl, TableName};
use super::section::section;
use super::types::{
    AppId, AppKey, BearerToken, FilePath, FolderPath, HostName, LogFilter, LogFormat,
    MaxConnections, Milliseconds, Networks, OverQuotaCode, PathPrefix, QuotaStatus, SecretText,
    WebhookStore,
};
use super::value::Bounds;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const MIB: i64 = 1 << 20;

/// The most that `server.max_frame_bytes` can be.
pub(super) const LARGEST_FRAME: usize = 1 << 26;
/// The most that `server.max_body_bytes` can be.
pub(super) const LARGEST_BODY: usize = 1 << 30;

section! {
    /// The listener for WebSocket clients and the HTTP API.
    "server" ServerConfig {
        /// The address to listen on; 0.0.0.0 or :: for all.
        host: IpAddr = LOOPBACK, short "host";
        /// The port to listen on; 0 for any free one.
        port: u16 = 6001, in Bounds::count(0, 65_535, ""), short "port";
        /// A PEM file with the certificate and its chain; with tls_key, clients connect with TLS.
        tls_cert: FilePath = FilePath::default();
        /// A PEM file with the certificate's private key.
        tls_key: FilePath = FilePath::default();
        /// Proxies whose X-Forwarded-Proto and X-Forwarded-For headers are believed: addresses, or
        /// networks such as "10.0.0.0/8".
        trusted_proxies: Networks = Networks::default();
        /// How many connections one address may open a second on this node. Behind
        /// trusted_proxies it is the client's; IPv6 addresses count by their first 64 bits.
        connections_per_second_per_address: Rate = Rate::Unlimited,
            in Bounds::count(1, 1_000_000, "connections a second");
        /// The folder of what has to survive a restart. Relative to where the server is started.
        data_dir: FolderPath = FolderPath::in_working_folder();
        /// What precedes every path, as in "/foghorn" for /foghorn/app/KEY.
        path_prefix: PathPrefix = PathPrefix::default(), short "path_prefix";
        /// How long a connection may be silent before the server asks whether it is alive.
        /// Clients are told this value.
        activity_timeout: Duration = Duration::from_secs(120), in Bounds::seconds(1, HOUR);
        /// How long a connection has to answer that question before it is closed.
        pong_timeout: Duration = Duration::from_secs(30), in Bounds::seconds(1, HOUR);
        /// Whether a client that does not name a protocol version is refused.
        require_protocol: bool = false;
        /// Whether a refused subscription is also told as pusher:subscription_error.
        subscription_errors: bool = true;
        /// The largest WebSocket message a client may send.
        max_frame_bytes: usize = 65_536, in Bounds::bytes(1_024, LARGEST_FRAME as i64);
        /// The largest body of an HTTP request.
        max_body_bytes: usize = 1_048_576, in Bounds::bytes(1_024, LARGEST_BODY as i64);
        /// How much may wait to be sent to one connection before it is closed as too slow.
        send_queue_bytes: usize = 1_048_576, in Bounds::bytes(1_024, 1_024 * MIB);
        /// How many connections this node takes; 0 for as many as it may open files.
        max_connections: MaxConnections = MaxConnections::FileDescriptors,
            in Bounds::count(0, 10_000_000, "connections");
        /// How much this node's cache channels may remember, all apps together; beyond it, the
        /// events that expire soonest are forgotten.
        cache_bytes: usize = 67_108_864, in Bounds::bytes(1_024, 65_536 * MIB);
        /// How long a user may be without a connection before those who watch it are told.
        offline_delay: Duration = Duration::from_secs(3), in Bounds::seconds(0, HOUR);
        /// How long a client may take to send the head of an HTTP request.
        header_timeout: Duration = Duration::from_secs(10), in Bounds::seconds(1, HOUR);
        /// How long a client may take to send the body of an HTTP request.
        body_timeout: Duration = Duration::from_secs(30), in Bounds::seconds(1, HOUR);
        /// How long an HTTP connection is kept for the next request.
        idle_timeout: Duration = Duration::from_secs(75), in Bounds::seconds(1, HOUR);
        /// How long a peer may take to accept what is sent to it.
        write_timeout: Duration = Duration::from_secs(10), in Bounds::seconds(1, HOUR);
        /// How long the server takes to send its clients elsewhere when it is stopped.
        shutdown_grace: Duration = Duration::from_secs(5), in Bounds::seconds(0, HOUR);
    }
}

section! {
    /// Streaming and polling over HTTP, for clients whose WebSockets are blocked.
    "fallback" FallbackConfig {
        /// Whether clients may connect so.
        enabled: bool = true;
        /// What precedes /app/KEY in the paths of these requests: pusher-js' option httpPath.
        path: PathPrefix = PathPrefix::of_pusher();
        /// The name of this node's own host, if each node has one: later requests of a session
        /// that begins here go there, past a load balancer. Without a port.
        hostname: HostName = HostName::default();
        /// How long a stream may be silent, and how long a poll is held.
        heartbeat: Duration = Duration::from_secs(25), in Bounds::seconds(1, 60);
        /// How long a session lives without a request that receives. Also how long one that the
        /// server has closed is remembered.
        session_timeout: Duration = Duration::from_secs(10), in Bounds::seconds(1, HOUR);
    }
}

section! {
    /// The listener for Prometheus.
    "metrics" MetricsConfig {
        /// Whether there is one.
        enabled: bool = true;
        /// The address to listen on.
        host: IpAddr = LOOPBACK;
        /// The port to listen on; 0 for any free one.
        port: u16 = 9601, in Bounds::count(0, 65_535, "");
    }
}

section! {
    /// Answers in the manner of other servers, for clients and back ends that rely on them.
    "compat" CompatConfig {
        /// How connections are closed beyond an app's max_connections: 4004, after which clients
        /// stop trying, or 4100 as soketi, after which they come back every second.
        over_quota_code: OverQuotaCode = OverQuotaCode::OverConnectionQuota;
        /// Whether every answer about a channel says occupied and subscription_count, and
        /// user_count on presence channels, asked for or not.
        soketi_channel_info: bool = false;
        /// Whether POST requests that succeed are answered with {"ok":true} instead of {}.
        soketi_ok: bool = false;
        /// Whether attributes that a channel does not have are left out of answers instead of
        /// refused with 400.
        ignore_unavailable_info: bool = false;
    }
}

section! {
    /// How webhooks are sent.
    "webhooks" WebhooksConfig {
        /// Where they wait until they are delivered: on "disk", in server.data_dir, or in "memory",
        /// where a restart loses them.
        store: WebhookStore = WebhookStore::Disk;
        /// How long a channel has to be empty, or a member gone, before anybody is told. Who comes
        /// back in time has never been away.
        delay: Duration = Duration::from_secs(3), in Bounds::seconds(0, HOUR);
        /// How long events are gathered for one request, in apps with batch_webhooks.
        batch_window: Milliseconds = Milliseconds::new(50), in Bounds::milliseconds(0, 60_000);
        /// How many events one such request may hold.
        batch_size: usize = 100, in Bounds::count(1, 10_000, "events");
        /// How long a receiver may take to answer.
        timeout: Duration = Duration::from_secs(10), in Bounds::seconds(1, 60);
        /// How long connecting to it may take.
        connect_timeout: Duration = Duration::from_secs(5), in Bounds::seconds(1, 60);
        /// How long clients have to come back after a restart of the server, before receivers hear
        /// that they are gone. At least delay.
        restart_delay: Duration = Duration::from_secs(30), in Bounds::seconds(0, HOUR);
        /// How long after its making a request that fails is tried again; then it is kept as a
        /// dead letter. Some receivers refuse what is older than five minutes.
        retry_window: Duration = Duration::from_secs(300), in Bounds::seconds(1, HOUR);
        /// How many requests one URL is sent at a time.
        concurrency: usize = 16, in Bounds::count(1, 1_000, "requests");
        /// Whether receivers may be on this machine, or in a private network.
        allow_private_addresses: bool = true;
        /// A PEM file with certificates that are trusted besides those of the system.
        ca_file: FilePath = FilePath::default();
    }
}

section! {
    /// The admin API, on the listener for Prometheus.
    "admin" AdminConfig {
        /// What requests have to prove themselves with, as "Authorization: Bearer TOKEN"; without
        /// one, there is no admin API.
        token: BearerToken = BearerToken::default();
    }
}

section! {
    /// A database with more apps, which can be changed while the server runs.
    "database" DatabaseConfig {
        /// Where it is: "sqlite://FILE", "postgres://USER:PASSWORD@HOST/NAME" or
        /// "mysql://USER:PASSWORD@HOST/NAME"; "" for none.
        url: DatabaseUrl = DatabaseUrl::default();
        /// Whose tables it has: this server's own, or one of soketi's, which is only read.
        layout: DatabaseLayout = DatabaseLayout::Foghorn;
        /// What soketi's table is called.
        table: TableName = TableName::of_soketi();
        /// How many connections to it there may be for looking up apps that nobody knows yet; two
        /// more are for everything else.
        max_connections: u32 = 5, in Bounds::count(1, 1_000, "connections");
        /// How long what it says of an app is believed before it is asked again.
        cache_ttl: Duration = Duration::from_secs(10), in Bounds::seconds(1, DAY);
        /// How long it is believed that there is no such app.
        negative_ttl: Duration = Duration::from_secs(5), in Bounds::seconds(1, DAY);
    }
}

section! {
    /// The log, on standard error.
    "log" LogConfig {
        /// Which lines are written: a level, or levels by target.
        level: LogFilter = LogFilter::info();
        /// How lines look: for people, or one JSON object each.
        format: LogFormat = LogFormat::Text;
    }
}

section! {
    /// An app: its own channels, users and credentials.
    "app" AppSettings {
        /// The id in the HTTP API's paths. Required.
        id: AppId = AppId::default();
        /// A name for people, in logs.
        name: String = String::new();
        /// Whether the app is served at all.
        enabled: bool = true;
        /// Whether clients may send events to each other on private and presence channels.
        client_events: bool = false;
        /// Whether clients are told, and back ends may ask, how many connections are subscribed
        /// to a channel.
        subscription_count: bool = false;
        /// Whether clients are told when the users on their watchlists come and go.
        watchlist_events: bool = false;
        /// Whether a connection that has neither signed in nor subscribed to a private or presence
        /// channel in time is closed.
        authorized_connections: bool = false;
        /// How much time authorized_connections gives.
        authorization_timeout: Duration = Duration::from_secs(30), in Bounds::seconds(1, HOUR);
        /// Whether connections without TLS are refused.
        force_tls: bool = false;
        /// The origins whose pages may connect: any, one with its scheme and port, a host, or all
        /// hosts below one. In the environment, separated by commas.
        allowed_origins: Origins = Origins::any();
        /// How many connections the app may have, on all nodes together.
        max_connections: Ceiling = Limits::default().max_connections,
            in Bounds::count(1, 10_000_000, "connections");
        /// How many events one connection may send a second.
        client_events_per_second: Rate = Limits::default().client_events_per_second,
            in Bounds::count(1, 1_000_000, "events a second");
        /// How many events back ends may publish a second on each node, counted once per channel.
        api_events_per_second: Rate = Limits::default().api_events_per_second,
            in Bounds::count(1, 1_000_000, "events a second");
        /// How many questions back ends may ask a second on each node.
        api_reads_per_second: Rate = Limits::default().api_reads_per_second,
            in Bounds::count(1, 1_000_000, "requests a second");
        /// How many messages the app may have a day, from midnight to midnight UTC: each that is
        /// published, and each that is delivered.
        max_messages_per_day: Ceiling = Ceiling::Unlimited,
            in Bounds::count(1, u32::MAX as i64, "messages");
        /// The status of answers beyond that: 403, or 402 for back ends that switch themselves off
        /// when they see it.
        quota_status: QuotaStatus = QuotaStatus::Forbidden;
        /// Whether one request to a webhook may tell several events.
        batch_webhooks: bool = false;
        /// How many channels one connection may be subscribed to.
        max_channels_per_connection: usize = Limits::default().max_channels_per_connection,
            in Bounds::count(1, 10_000_000, "channels");
        /// The longest name of a channel, prefix included.
        max_channel_name_length: usize = Limits::default().max_channel_name_length,
            in Bounds::count(1, 10_000, "characters");
        /// The longest name of an event.
        max_event_name_length: usize = Limits::default().max_event_name_length,
            in Bounds::count(1, 10_000, "characters");
        /// The largest data of an event, from the HTTP API and from clients.
        max_event_data_bytes: usize = Limits::default().max_event_data_bytes,
            in Bounds::bytes(1, 1_024 * MIB);
        /// How many channels one event may be sent to.
        max_channels_per_event: usize = Limits::default().max_channels_per_event,
            in Bounds::count(1, 100_000, "channels");
        /// How many events one batch may hold.
        max_batch_size: usize = Limits::default().max_batch_size,
            in Bounds::count(1, 100_000, "events");
        /// How many users one presence channel may have.
        max_presence_members: usize = Limits::default().max_presence_members,
            in Bounds::count(1, 1_000_000, "users");
        /// The largest description of a presence channel's member.
        max_presence_member_bytes: usize = Limits::default().max_presence_member_bytes,
            in Bounds::bytes(1, MIB);
        /// The longest id of a user.
        max_user_id_length: usize = Limits::default().max_user_id_length,
            in Bounds::count(1, 10_000, "characters");
        /// How many users one watchlist may have; those beyond it are left out.
        max_watchlist: usize = Limits::default().max_watchlist,
            in Bounds::count(1, 10_000, "users");
        /// How long a cache channel remembers its last event.
        cache_ttl: Duration = Limits::default().cache_ttl, in Bounds::seconds(1, DAY);
    }
}

section! {
    /// Credentials of an app. Several pairs let secrets be replaced without an interruption.
    "app" KeyPair {
        /// The public half, which clients connect with. Required.
        key: AppKey = AppKey::default();
        /// The secret half, which signatures are made with. Required.
        secret: SecretText = SecretText::default();
        /// Whether the pair is accepted.
        enabled: bool = true;
    }
}
