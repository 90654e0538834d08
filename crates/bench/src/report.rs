//! What a run has shown, for people and for programs.

use foghorn_cli::{Failure, Output, Paint, Report};
use serde::Serialize;
use serde_json::Value;

use crate::clock;
use crate::counts::Counts;
use crate::histogram::Percentiles;
use crate::process::{Memory, Process};
use crate::publishers::Published;
use crate::session::Cost;

/// Above this share of a core the bench itself may be what limits the figures.
const BUSY: f64 = 0.8;

/// The result of a run; what does not apply is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Result {
    pub(crate) scenario: &'static str,
    pub(crate) settings: Value,
    pub(crate) seconds: f64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) deliveries: Option<Deliveries>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) publishes: Option<Publishes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_us: Option<Percentiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) publish_latency_us: Option<Percentiles>,
    #[serde(flatten)]
    pub(crate) extra: serde_json::Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ServerFigures>,
    pub(crate) client: ClientFigures,
}

/// What arrived.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Deliveries {
    pub(crate) deliveries: u64,
    pub(crate) deliveries_per_second: f64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    /// Subscribers that the server has closed.
    pub(crate) closed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed_because: Option<String>,
    /// Errors that the server has reported to subscribers.
    pub(crate) errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// What was published.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Publishes {
    /// Requests answered 200.
    pub(crate) accepted: u64,
    /// Requests answered 429 or 503.
    pub(crate) refused: u64,
    pub(crate) per_second: f64,
    /// How late the latest request was by the schedule.
    pub(crate) behind_ms: f64,
}

/// What the server's process used.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ServerFigures {
    pub(crate) pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_us_per_delivery: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_us_per_publish: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_us_per_connection: Option<f64>,
    pub(crate) cpu_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rss_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peak_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_per_connection: Option<f64>,
}

/// What the bench used itself.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ClientFigures {
    pub(crate) cpu_seconds: f64,
    /// Of one core, by the busiest process of the bench.
    pub(crate) busiest_share: f64,
}

impl Deliveries {
    pub(crate) fn new(counts: &Counts, lost: u64, seconds: f64) -> Self {
        Self {
            deliveries: counts.deliveries,
            deliveries_per_second: rounded(counts.deliveries as f64 / seconds),
            lost,
            duplicated: counts.duplicated,
            reordered: counts.reordered,
            closed: counts.closed,
            closed_because: counts.closed_because.clone(),
            errors: counts.errors,
            error: counts.error.clone(),
        }
    }
}

impl Publishes {
    pub(crate) fn new(published: &Published, seconds: f64) -> Self {
        Self {
            accepted: published.requests,
            refused: published.refused,
            per_second: rounded(published.requests as f64 / seconds),
            behind_ms: rounded(clock::seconds(published.behind) * 1000.0),
        }
    }
}

impl ServerFigures {
    /// What the process used at this cost.
    pub(crate) fn new(process: &Process, cost: Cost) -> Self {
        let memory = process.memory();
        Self {
            pid: process.pid,
            cpu_seconds: clock::seconds(cost.server),
            rss_bytes: memory.map(|memory: Memory| memory.resident),
            peak_bytes: memory.map(|memory| memory.peak),
            ..Self::default()
        }
    }

    /// Microseconds of CPU for each of so many.
    pub(crate) fn per(&self, count: u64) -> Option<f64> {
        (count > 0).then(|| rounded(self.cpu_seconds * 1e6 / count as f64))
    }
}

impl ClientFigures {
    pub(crate) fn new(cost: Cost) -> Self {
        Self {
            cpu_seconds: clock::seconds(cost.client),
            busiest_share: rounded(cost.busiest as f64 / cost.length.max(1) as f64),
        }
    }
}

/// To three decimals, which is more than any figure is worth.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

impl Result {
    /// Writes the result; it is a failure if anything was lost or out of order.
    pub(crate) fn finish(&self, output: Output) -> std::result::Result<(), Failure> {
        let bad = |d: &Deliveries| d.lost + d.duplicated + d.reordered > 0;
        let wrong = self.deliveries.as_ref().is_some_and(bad);
        self.finish_unless(wrong, output)
    }

    /// Writes the result, which is a failure if something is `wrong`.
    pub(crate) fn finish_unless(
        &self,
        wrong: bool,
        output: Output,
    ) -> std::result::Result<(), Failure> {
        output.report(self)?;
        if wrong {
            Err(Failure::Negative)
        } else {
            Ok(())
        }
    }

    /// Adds a figure of its own to a scenario's result.
    pub(crate) fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.extra.insert(name.to_owned(), value.into());
    }

    fn rows(&self, paint: Paint) -> Vec<(String, String)> {
        let mut rows = vec![
            ("scenario".to_owned(), paint.name(self.scenario)),
            ("seconds".to_owned(), format!("{:.2}", self.seconds)),
        ];
        let mut row = |name: &str, text: String| rows.push((name.to_owned(), text));
        if let Some(found) = &self.deliveries {
            let rate = grouped(found.deliveries_per_second as u64);
            let count = grouped(found.deliveries);
            row("deliveries", format!("{count}, {rate} a second"));
            row("lost", checked(found.lost, paint));
            row("duplicated", checked(found.duplicated, paint));
            row("reordered", checked(found.reordered, paint));
            if let Some(why) = &found.closed_because {
                let text = format!("{} by the server: {why}", found.closed);
                row("closed", paint.bad(&text));
            }
            if let Some(error) = &found.error {
                row("errors", paint.bad(&format!("{}: {error}", found.errors)));
            }
        }
        if let Some(found) = &self.publishes {
            let rate = grouped(found.per_second as u64);
            let accepted = grouped(found.accepted);
            row("requests accepted", format!("{accepted}, {rate} a second"));
            row("answered busy", grouped(found.refused));
            if found.behind_ms >= 1.0 {
                row("behind schedule", format!("up to {} ms", found.behind_ms));
            }
        }
        for (name, latency) in [
            ("latency", self.latency_us),
            ("publish latency", self.publish_latency_us),
        ] {
            if let Some(latency) = latency {
                row(name, latency.to_string());
            }
        }
        for (name, value) in &self.extra {
            row(&name.replace('_', " "), plain(value));
        }
        self.processes(&mut rows, paint);
        rows
    }

    fn processes(&self, rows: &mut Vec<(String, String)>, paint: Paint) {
        let mut row = |name: &str, text: String| rows.push((name.to_owned(), text));
        match &self.server {
            None => row(
                "server",
                paint.dim("not on this computer, or not to be seen"),
            ),
            Some(server) => {
                let cpu = format!("{:.2} s", server.cpu_seconds);
                row("server CPU", format!("{cpu} (process {})", server.pid));
                let each = [
                    ("delivery", server.cpu_us_per_delivery),
                    ("publish", server.cpu_us_per_publish),
                    ("connection", server.cpu_us_per_connection),
                ];
                for (unit, value) in each {
                    if let Some(value) = value {
                        row(&format!("server CPU per {unit}"), format!("{value:.2} µs"));
                    }
                }
                if let (Some(resident), Some(peak)) = (server.rss_bytes, server.peak_bytes) {
                    let text = format!("{}, at most {}", mebibytes(resident), mebibytes(peak));
                    row("server memory", text);
                }
                if let Some(bytes) = server.bytes_per_connection {
                    row("per connection", format!("{} bytes", grouped(bytes as u64)));
                }
            }
        }
        row("client CPU", format!("{:.2} s", self.client.cpu_seconds));
        if self.client.busiest_share > BUSY {
            let percent = self.client.busiest_share * 100.0;
            let text = format!("the client is the bottleneck: it used {percent:.0} % of a core");
            row("note", paint.bad(&text));
        }
    }
}

impl Report for Result {
    fn people(&self, paint: Paint) -> String {
        let rows = self.rows(paint);
        let width = rows.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or_default();
        let line = |(name, text): &(String, String)| {
            let name = paint.dim(&format!("{name:width$}"));
            format!("{name}  {text}")
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl std::fmt::Display for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            p50,
            p90,
            p99,
            p999,
            max,
        } = self;
        write!(
            f,
            "p50 {p50:.0}, p90 {p90:.0}, p99 {p99:.0}, p99.9 {p999:.0}, max {max:.0} µs"
        )
    }
}

fn checked(count: u64, paint: Paint) -> String {
    let text = grouped(count);
    if count > 0 { paint.bad(&text) } else { text }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().map_or(number.to_string(), grouped),
        other => other.to_string(),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
