//! What a node counts. Names and help texts live here and nowhere else.

use foghorn_protocol::CloseCode;
use prometheus::{Error, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// The node's counters, by app where that says something. Channel names are never labels.
#[derive(Clone, Debug)]
pub struct Metrics {
    connections: IntGaugeVec,
    connections_opened: IntCounterVec,
    connections_refused: IntCounterVec,
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
    connections: IntGauge,
    connections_opened: IntCounter,
    subscriptions: IntGauge,
    messages_received: IntCounter,
    messages_sent: IntCounter,
    bytes_received: IntCounter,
    bytes_sent: IntCounter,
    api_events: IntCounter,
    client_events: IntCounter,
    overflows: IntCounter,
}

/// Makes metrics and registers them.
struct Registrar<'a>(&'a Registry);

impl Registrar<'_> {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauges(&self, name: &str, help: &str) -> Result<IntGaugeVec, Error> {
        let metric = IntGaugeVec::new(Opts::new(name, help), &["app_id"])?;
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
            connections: new.gauges("foghorn_connections", "Connected clients.")?,
            connections_opened: new.counters(
                "foghorn_connections_opened_total",
                "Clients that have connected.",
                app,
            )?,
            connections_refused: new.counters(
                "foghorn_connections_refused_total",
                "Clients that were refused, by close code.",
                &["code"],
            )?,
            subscriptions: new.gauges(
                "foghorn_subscriptions",
                "Subscriptions of connected clients.",
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
            cache_evictions: new.counter(
                "foghorn_cache_evictions_total",
                "Cached events that were forgotten before their time for want of room.",
            )?,
        })
    }

    /// The counters of one app.
    #[must_use]
    pub fn of_app(&self, id: &str) -> AppMeters {
        let app = &[id];
        AppMeters {
            connections: self.connections.with_label_values(app),
            connections_opened: self.connections_opened.with_label_values(app),
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

    pub(crate) fn audience_overflow(&self) {
        self.overflows.with_label_values(&["channel"]).inc();
    }

    pub(crate) fn connection_refused(&self, code: CloseCode) {
        self.connections_refused
            .with_label_values(&[&code.number().to_string()])
            .inc();
    }

    pub(crate) fn cached_event_evicted(&self) {
        self.cache_evictions.inc();
    }

    pub(crate) fn unreadable_message(&self) {
        self.unreadable_messages.inc();
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

    pub(crate) fn connected(&self) {
        self.connections.inc();
        self.connections_opened.inc();
    }

    pub(crate) fn disconnected(&self) {
        self.connections.dec();
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
