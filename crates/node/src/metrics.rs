//! What a node counts. Names and help texts live here and nowhere else.

use std::collections::BTreeSet;
use std::sync::Arc;

use foghorn_cluster::AppId;
use foghorn_protocol::CloseCode;
use parking_lot::Mutex;
use prometheus::{Error, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::transport::Transport;
use crate::usage::Quantity;

/// The node's counters, by app where that says something. Channel names are never labels.
#[derive(Clone, Debug)]
pub struct Metrics {
    connections: Connections,
    subscriptions: IntGaugeVec,
    messages_received: IntCounterVec,
    messages_sent: IntCounterVec,
    bytes_received: IntCounterVec,
    bytes_sent: IntCounterVec,
    events_published: IntCounterVec,
    api_requests: IntCounterVec,
    accepted: Accepted,
    overflows: IntCounterVec,
    unreadable_messages: IntCounter,
    cache_evictions: IntCounter,
    webhook_events_dropped: IntCounterVec,
    quotas: Quotas,
}

/// What apps have used of what they may use.
#[derive(Clone, Debug)]
struct Quotas {
    messages_used: IntGaugeVec,
    messages_limit: IntGaugeVec,
    connections_limit: IntGaugeVec,
    /// The apps that these are of.
    shown: Arc<Mutex<BTreeSet<AppId>>>,
}

/// Counters of connections, by transport.
#[derive(Clone, Debug)]
struct Connections {
    now: IntGaugeVec,
    opened: IntCounterVec,
    refused: IntCounterVec,
}

/// Counters of the two answers that are given most, looked up once.
#[derive(Clone, Debug)]
struct Accepted {
    events: IntCounter,
    batches: IntCounter,
}

/// One app's counters, looked up once.
#[derive(Debug)]
pub struct AppMeters {
    websocket: TransportMeters,
    xhr_streaming: TransportMeters,
    xhr_polling: TransportMeters,
    subscriptions: IntGauge,
    messages_received: IntCounter,
    messages_sent: IntCounter,
    bytes_received: IntCounter,
    bytes_sent: IntCounter,
    api_events: IntCounter,
    client_events: IntCounter,
    overflows: IntCounter,
}

/// Counters of one app's connections over one transport.
#[derive(Debug)]
struct TransportMeters {
    now: IntGauge,
    opened: IntCounter,
}

/// Makes metrics and registers them.
struct Registrar<'a>(&'a Registry);

impl Registrar<'_> {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        let metric = IntCounter::new(name, help)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// A name is taken in `registry`.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let new = Registrar(registry);
        let app = &["app_id"];
        let api_requests = new.counters(
            "foghorn_api_requests_total",
            "Answered requests to the HTTP API, by route and status.",
            &["route", "status"],
        )?;
        Ok(Self {
            connections: Connections::register(&new)?,
            subscriptions: new.gauges(
                "foghorn_subscriptions",
                "Subscriptions of connected clients.",
                app,
            )?,
            messages_received: new.counters(
                "foghorn_messages_received_total",
                "Messages received from clients.",
                app,
            )?,
            messages_sent: new.counters(
                "foghorn_messages_sent_total",
                "Messages written to clients.",
                app,
            )?,
            bytes_received: new.counters(
                "foghorn_received_bytes_total",
                "Bytes of messages received from clients.",
                app,
            )?,
            bytes_sent: new.counters(
                "foghorn_sent_bytes_total",
                "Bytes of messages written to clients, frame headers included.",
                app,
            )?,
            events_published: new.counters(
                "foghorn_events_published_total",
                "Events accepted, once per channel, by who sent them (api or client).",
                &["app_id", "origin"],
            )?,
            accepted: Accepted {
                events: api_requests.with_label_values(&["events", "200"]),
                batches: api_requests.with_label_values(&["batch_events", "200"]),
            },
            api_requests,
            overflows: new.counters(
                "foghorn_overflows_total",
                "Times a bounded queue was full: connection (closed with 4100), channel (publisher \
                 told to come back) or link (a message did not reach other nodes).",
                &["queue"],
            )?,
            unreadable_messages: new.counter(
                "foghorn_cluster_unreadable_messages_total",
                "Messages of other nodes that this node does not understand.",
            )?,
            webhook_events_dropped: new.counters(
                "foghorn_webhook_events_dropped_total",
                "Client events of which no webhook was made, because too many waited for that.",
                app,
            )?,
            cache_evictions: new.counter(
                "foghorn_cache_evictions_total",
                "Cached events that were forgotten before their time for want of room.",
            )?,
            quotas: Quotas::register(&new)?,
        })
    }

    /// The counters of one app.
    #[must_use]
    pub fn of_app(&self, id: &str) -> AppMeters {
        let app = &[id];
        AppMeters {
            websocket: self.connections.of_app(id, Transport::WebSocket),
            xhr_streaming: self.connections.of_app(id, Transport::XhrStreaming),
            xhr_polling: self.connections.of_app(id, Transport::XhrPolling),
            subscriptions: self.subscriptions.with_label_values(app),
            messages_received: self.messages_received.with_label_values(app),
            messages_sent: self.messages_sent.with_label_values(app),
            bytes_received: self.bytes_received.with_label_values(app),
            bytes_sent: self.bytes_sent.with_label_values(app),
            api_events: self.events_published.with_label_values(&[id, "api"]),
            client_events: self.events_published.with_label_values(&[id, "client"]),
            overflows: self.overflows.with_label_values(&["connection"]),
        }
    }

    /// An API request was answered. `route` is a pattern, never a path.
    pub fn api_request(&self, route: &str, status: u16) {
        match (route, status) {
            ("events", 200) => self.accepted.events.inc(),
            ("batch_events", 200) => self.accepted.batches.inc(),
            _ => {
                let labels = [route, &status.to_string()];
                self.api_requests.with_label_values(&labels).inc();
            }
        }
    }

    /// Counts messages that did not reach other nodes.
    #[must_use]
    pub fn link_overflows(&self) -> IntCounter {
        self.overflows.with_label_values(&["link"])
    }

    pub(crate) fn webhook_events_dropped(&self, app: &str, events: u64) {
        if events > 0 {
            let dropped = self.webhook_events_dropped.with_label_values(&[app]);
            dropped.inc_by(events);
        }
    }

    /// An app has used so much, of what it may if that is limited.
    pub(crate) fn quota(&self, app: &str, quantity: Quantity, (used, limit): (u64, Option<u64>)) {
        let gauge = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let quotas = &self.quotas;
        let limits = match quantity {
            Quantity::Messages => {
                let messages = quotas.messages_used.with_label_values(&[app]);
                messages.set(gauge(used));
                &quotas.messages_limit
            }
            // How many there are is counted where they come and go.
            Quantity::Connections => &quotas.connections_limit,
        };
        match limit {
            Some(limit) => limits.with_label_values(&[app]).set(gauge(limit)),
            // It is no error if there was none before either.
            None => drop(limits.remove_label_values(&[app])),
        }
    }

    /// These are all apps: what others used, and might, is shown no more.
    pub(crate) fn keep_quotas(&self, apps: BTreeSet<AppId>) {
        let quotas = &self.quotas;
        let mut shown = quotas.shown.lock();
        for gone in shown.difference(&apps) {
            for gauges in [
                &quotas.messages_used,
                &quotas.messages_limit,
                &quotas.connections_limit,
            ] {
                // Limits that there never were are no error.
                drop(gauges.remove_label_values(&[gone]));
            }
        }
        *shown = apps;
    }

    pub(crate) fn audience_overflow(&self) {
        self.overflows.with_label_values(&["channel"]).inc();
    }

    pub(crate) fn connection_refused(&self, code: CloseCode, transport: Transport) {
        self.connections
            .refused
            .with_label_values(&[&*code.number().to_string(), transport.name()])
            .inc();
    }

    pub(crate) fn cached_event_evicted(&self) {
        self.cache_evictions.inc();
    }

    pub(crate) fn unreadable_message(&self) {
        self.unreadable_messages.inc();
    }
}

impl Quotas {
    fn register(new: &Registrar<'_>) -> Result<Self, Error> {
        let app = &["app_id"];
        Ok(Self {
            messages_used: new.gauges(
                "foghorn_messages_used",
                "Messages that count against the app's quota, on this node and since midnight UTC.",
                app,
            )?,
            messages_limit: new.gauges(
                "foghorn_messages_limit",
                "Messages that the app may use in a day; absent if there is no limit.",
                app,
            )?,
            connections_limit: new.gauges(
                "foghorn_connections_limit",
                "Connections that the app may have; absent if there is no limit.",
                app,
            )?,
            shown: Arc::default(),
        })
    }
}

impl Connections {
    fn register(new: &Registrar<'_>) -> Result<Self, Error> {
        let app_and_transport = &["app_id", "transport"];
        Ok(Self {
            now: new.gauges(
                "foghorn_connections",
                "Connected clients, by transport.",
                app_and_transport,
            )?,
            opened: new.counters(
                "foghorn_connections_opened_total",
                "Clients that have connected, by transport.",
                app_and_transport,
            )?,
            refused: new.counters(
                "foghorn_connections_refused_total",
                "Clients that were refused, by close code and transport.",
                &["code", "transport"],
            )?,
        })
    }

    fn of_app(&self, id: &str, transport: Transport) -> TransportMeters {
        let labels = &[id, transport.name()];
        TransportMeters {
            now: self.now.with_label_values(labels),
            opened: self.opened.with_label_values(labels),
        }
    }
}

impl AppMeters {
    /// `messages` were written to a client, `bytes` in all.
    pub fn sent(&self, messages: u64, bytes: u64) {
        self.messages_sent.inc_by(messages);
        self.bytes_sent.inc_by(bytes);
    }

    /// A connection's queue was full.
    pub fn overflowed(&self) {
        self.overflows.inc();
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.messages_received.inc();
        self.bytes_received.inc_by(bytes as u64);
    }

    pub(crate) fn connected(&self, transport: Transport) {
        let meters = self.over(transport);
        meters.now.inc();
        meters.opened.inc();
    }

    pub(crate) fn disconnected(&self, transport: Transport) {
        self.over(transport).now.dec();
    }

    fn over(&self, transport: Transport) -> &TransportMeters {
        match transport {
            Transport::WebSocket => &self.websocket,
            Transport::XhrStreaming => &self.xhr_streaming,
            Transport::XhrPolling => &self.xhr_polling,
        }
    }

    pub(crate) fn subscribed(&self) {
        self.subscriptions.inc();
    }

    pub(crate) fn unsubscribed(&self) {
        self.subscriptions.dec();
    }

    pub(crate) fn client_event(&self) {
        self.client_events.inc();
    }

    pub(crate) fn api_events(&self, count: usize) {
        self.api_events.inc_by(count as u64);
    }
}
