//! What a run has shown, for people and for programs.

mod table;

use foghorn_cli::{Failure, Output};
use serde::Serialize;
use serde_json::Value;

use crate::clock;
use crate::counts::Counts;
use crate::histogram::Percentiles;
use crate::process::{Memory, Process};
use crate::publishers::Published;
use crate::session::Cost;

/// The result of a run; what does not apply is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Outcome {
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
    /// From asking to be subscribed until that is acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) join_latency_us: Option<Percentiles>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) announcements: Option<Announcements>,
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
    /// Subscribers that were there in the end.
    #[serde(skip)]
    pub(crate) left: u64,
}

/// What members were told of others.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Announcements {
    /// How often somebody should have been told of a newcomer, and as often of one who left.
    pub(crate) announcements_expected: u64,
    pub(crate) member_added: u64,
    pub(crate) member_removed: u64,
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
            left: counts.live.iter().sum(),
        }
    }

    /// Whether nothing went wrong, and somebody is left of whom that can be said.
    fn are_whole(&self) -> bool {
        let anybody = self.left > 0 || self.closed == 0;
        anybody && self.lost + self.duplicated + self.reordered == 0
    }
}

impl Announcements {
    fn are_whole(self) -> bool {
        let expected = self.announcements_expected;
        self.member_added == expected && self.member_removed == expected
    }
}

impl Publishes {
    /// What was published in a window that began at `begun` nanoseconds.
    pub(crate) fn new(published: &Published, begun: u64) -> Self {
        let seconds = clock::seconds(published.answered.saturating_sub(begun));
        Self {
            accepted: published.requests,
            refused: published.refused,
            per_second: rounded(published.requests as f64 / seconds.max(f64::MIN_POSITIVE)),
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

impl Outcome {
    /// The result of this scenario with these settings.
    pub(crate) fn about(self, scenario: &'static str, settings: Value) -> Self {
        Self {
            scenario,
            settings,
            ..self
        }
    }

    /// Writes the result; it is a failure if anything was lost or out of order.
    pub(crate) fn finish(&self, output: Output) -> Result<(), Failure> {
        output.report(self)?;
        let deliveries = self.deliveries.as_ref().is_none_or(Deliveries::are_whole);
        let announcements = self.announcements.is_none_or(Announcements::are_whole);
        if deliveries && announcements {
            Ok(())
        } else {
            Err(Failure::Negative)
        }
    }

    /// Adds how many subscribers the server has closed, and the errors that it has reported, where
    /// no deliveries are counted.
    pub(crate) fn note_trouble(&mut self, counts: &Counts) {
        self.note("closed", counts.closed);
        if let Some(why) = &counts.closed_because {
            self.note("closed_because", why.as_str());
        }
        self.note("errors", counts.errors);
        if let Some(error) = &counts.error {
            self.note("error", error.as_str());
        }
    }

    /// Adds a figure of its own to a scenario's result.
    pub(crate) fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.extra.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_lost_doubled_or_out_of_order_is_wrong() {
        let counts = Counts::default();
        assert!(Deliveries::new(&counts, 0, 1.0).are_whole());
        assert!(!Deliveries::new(&counts, 1, 1.0).are_whole());
        for (duplicated, reordered) in [(1, 0), (0, 1)] {
            let counts = Counts {
                duplicated,
                reordered,
                ..Counts::default()
            };
            assert!(!Deliveries::new(&counts, 0, 1.0).are_whole());
        }
    }

    #[test]
    fn nobody_left_is_wrong_too() {
        let whole = |live| {
            let counts = Counts {
                live: vec![live],
                closed: 1,
                ..Counts::default()
            };
            Deliveries::new(&counts, 0, 1.0).are_whole()
        };
        assert!(whole(1));
        assert!(!whole(0));
    }

    #[test]
    fn everybody_must_be_told_of_everybody() {
        let told = |member_added, member_removed| Announcements {
            announcements_expected: 2,
            member_added,
            member_removed,
        };
        assert!(told(2, 2).are_whole());
        for wrong in [told(1, 2), told(2, 1), told(3, 2)] {
            assert!(!wrong.are_whole());
        }
    }
}
