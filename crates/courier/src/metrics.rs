//! What a courier counts. Names and help texts live here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Metric, MetricFamily};
use prometheus::{Error, GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::post::Failure;

/// All by app, but for the store. URLs are never labels.
#[derive(Clone)]
pub(crate) struct Metrics {
    deliveries: IntCounterVec,
    attempts: IntCounterVec,
    retries: IntCounterVec,
    dropped: IntCounterVec,
    store_failing: IntGauge,
}

/// Why something was dropped that is not kept as a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// More was submitted than could be stored.
    EntranceFull,
    /// Too much waits for the target.
    QueueFull,
    /// The app has too many dead letters.
    DeadLettersFull,
    /// The store cannot hold it.
    Unstorable,
    /// Its app is gone.
    AppRemoved,
}

impl Loss {
    fn name(self) -> &'static str {
        match self {
            Self::EntranceFull => "entrance_full",
            Self::QueueFull => "queue_full",
            Self::DeadLettersFull => "dead_letters_full",
            Self::Unstorable => "unstorable",
            Self::AppRemoved => "app_removed",
        }
    }
}

impl Metrics {
    /// Registers the counters, and gauges that look into `ledger` when they are asked for.
    pub(crate) fn register(
        registry: &Registry,
        ledger: &Arc<Mutex<Ledger>>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok::<_, Error>(metric)
        };
        let attempts = counters(
            "foghorn_webhook_attempts_total",
            "Attempts at webhook requests, by result: ok, or what went wrong.",
            &["app_id", "result"],
        )?;
        let depths = Depths::new(Arc::clone(ledger), clock, attempts.clone())?;
        registry.register(Box::new(depths))?;
        let store_failing = IntGauge::new(
            "foghorn_webhook_store_failing",
            "1 while webhook requests cannot be stored and wait in memory, otherwise 0.",
        )?;
        registry.register(Box::new(store_failing.clone()))?;
        Ok(Self {
            deliveries: counters(
                "foghorn_webhook_deliveries_total",
                "Webhook requests that came to an end: delivered, or failed (given up).",
                &["app_id", "outcome"],
            )?,
            attempts,
            retries: counters(
                "foghorn_webhook_retries_total",
                "Attempts at webhook requests that followed a failed one.",
                &["app_id"],
            )?,
            dropped: counters(
                "foghorn_webhook_dropped_total",
                "Webhook requests dropped without being kept as dead letters, by reason.",
                &["app_id", "reason"],
            )?,
            store_failing,
        })
    }

    /// An attempt ended, after so many before it.
    pub(crate) fn attempted(&self, app: &str, before: u32, result: &Result<(), Failure>) {
        let result = result.as_ref().map_or_else(|e| e.kind.name(), |()| "ok");
        self.attempts.with_label_values(&[app, result]).inc();
        if before > 0 {
            self.retries.with_label_values(&[app]).inc();
        }
    }

    pub(crate) fn delivered(&self, app: &str) {
        self.deliveries.with_label_values(&[app, "delivered"]).inc();
    }

    pub(crate) fn failed(&self, app: &str) {
        self.deliveries.with_label_values(&[app, "failed"]).inc();
    }

    pub(crate) fn store_failing(&self, failing: bool) {
        self.store_failing.set(i64::from(failing));
    }

    pub(crate) fn dropped(&self, app: &str, loss: Loss, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let counter = self.dropped.with_label_values(&[app, loss.name()]);
        counter.inc_by(count);
    }
}

/// What waits at the moment of a scrape.
struct Depths {
    ledger: Arc<Mutex<Ledger>>,
    clock: Clock,
    waiting: IntGaugeVec,
    unstored: IntGaugeVec,
    oldest: GaugeVec,
    dead: IntGaugeVec,
    /// Names the apps whose gauges are zero when nothing is left.
    attempts: IntCounterVec,
}

impl Depths {
    fn new(
        ledger: Arc<Mutex<Ledger>>,
        clock: Clock,
        attempts: IntCounterVec,
    ) -> Result<Self, Error> {
        let app = &["app_id"];
        let gauges = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), app);
        Ok(Self {
            ledger,
            clock,
            waiting: gauges(
                "foghorn_webhook_queue_depth",
                "Webhook requests that wait to be delivered.",
            )?,
            unstored: gauges(
                "foghorn_webhook_unstored",
                "Webhook requests among those that wait that are not stored yet.",
            )?,
            oldest: GaugeVec::new(
                Opts::new(
                    "foghorn_webhook_oldest_seconds",
                    "How long the oldest webhook request has waited that is not delivered yet.",
                ),
                app,
            )?,
            dead: gauges(
                "foghorn_webhook_dead_letters",
                "Webhook requests that were given up and can be redelivered.",
            )?,
            attempts,
        })
    }

    /// All zero, for apps of which anything was ever sent: gauges that come and go look like
    /// failures.
    fn clear(&self) {
        self.waiting.reset();
        self.unstored.reset();
        self.oldest.reset();
        self.dead.reset();
        for family in self.attempts.collect() {
            let labels = family.get_metric().iter().flat_map(Metric::get_label);
            for app in labels.filter(|label| label.name() == "app_id") {
                let app = &[app.value()];
                self.waiting.with_label_values(app);
                self.unstored.with_label_values(app);
                self.oldest.with_label_values(app);
                self.dead.with_label_values(app);
            }
        }
    }
}

impl Collector for Depths {
    fn desc(&self) -> Vec<&Desc> {
        let gauges: [&dyn Collector; 4] = [&self.waiting, &self.unstored, &self.oldest, &self.dead];
        gauges.into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = self.clock.now();
        let backlogs = self.ledger.lock().backlogs();
        self.clear();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for backlog in backlogs {
            let app = &[&*backlog.app];
            let waiting = self.waiting.with_label_values(app);
            waiting.set(count(backlog.waiting));
            let unstored = self.unstored.with_label_values(app);
            unstored.set(count(backlog.unstored));
            let since = backlog.oldest.unwrap_or(now);
            let age = Duration::from_millis(now.0.saturating_sub(since.0));
            self.oldest.with_label_values(app).set(age.as_secs_f64());
            self.dead.with_label_values(app).set(count(backlog.dead));
        }
        let gauges: [&dyn Collector; 4] = [&self.waiting, &self.unstored, &self.oldest, &self.dead];
        gauges.into_iter().flat_map(Collector::collect).collect()
    }
}
