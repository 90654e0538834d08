//! Durations, counted in buckets that are at most 1.6 % wide.

use serde::{Deserialize, Serialize};

/// Buckets for each doubling, as a power of two. Durations below two times this many nanoseconds
/// have a bucket each.
const PRECISION: u32 = 6;

/// How often each duration was seen; children hand theirs over as pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, u64)>", into = "Vec<(usize, u64)>")]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    /// Nanoseconds.
    longest: u64,
}

/// What a reader wants of a histogram, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Histogram {
    /// Counts a duration in nanoseconds.
    pub(crate) fn record(&mut self, nanos: u64) {
        self.add(bucket(nanos), 1);
        self.longest = self.longest.max(nanos);
    }

    /// Counts what another one has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, &count) in other.counts.iter().enumerate() {
            if count > 0 {
                self.add(bucket, count);
            }
        }
        self.longest = self.longest.max(other.longest);
    }

    fn add(&mut self, bucket: usize, count: u64) {
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        if let Some(counted) = self.counts.get_mut(bucket) {
            *counted += count;
        }
        self.total += count;
    }

    /// `None` if nothing was counted.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        (self.total > 0).then(|| Percentiles {
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: microseconds(self.longest),
        })
    }

    /// Microseconds that this share of all durations did not exceed.
    fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.total as f64).ceil() as u64;
        let mut below = 0;
        let found = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        let end = found.map_or(self.longest, highest);
        microseconds(end.min(self.longest))
    }
}

fn microseconds(nanos: u64) -> f64 {
    (nanos / 10) as f64 / 100.0
}

/// Which bucket a number belongs to: itself while it is small, then its leading bits.
fn bucket(value: u64) -> usize {
    let doublings = (u64::BITS - value.leading_zeros()).saturating_sub(PRECISION + 1);
    ((u64::from(doublings) << PRECISION) + (value >> doublings)) as usize
}

/// The highest number of a bucket.
fn highest(bucket: usize) -> u64 {
    let doublings = ((bucket >> PRECISION) as u32).saturating_sub(1);
    let leading = bucket as u64 - (u64::from(doublings) << PRECISION);
    (leading << doublings) + ((1 << doublings) - 1)
}

impl From<Vec<(usize, u64)>> for Histogram {
    fn from(pairs: Vec<(usize, u64)>) -> Self {
        let mut histogram = Self::default();
        for (bucket, count) in pairs {
            histogram.add(bucket, count);
            histogram.longest = histogram.longest.max(highest(bucket));
        }
        histogram
    }
}

impl From<Histogram> for Vec<(usize, u64)> {
    fn from(histogram: Histogram) -> Self {
        let pairs = histogram.counts.into_iter().enumerate();
        pairs.filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_without_gaps_and_narrow() {
        let mut last = bucket(0);
        for value in 1..100_000 {
            let this = bucket(value);
            assert!(this == last || this == last + 1, "{value}");
            assert!(highest(this) >= value && highest(this) - value <= value / 64);
            last = this;
        }
        assert_eq!(highest(bucket(u64::MAX)), u64::MAX);
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), None);
        for thousand in 1..=1000 {
            histogram.record(thousand * 1000);
        }
        let found = histogram.percentiles().unwrap();
        for (got, expect) in [
            (found.p50, 500.0),
            (found.p90, 900.0),
            (found.p99, 990.0),
            (found.p999, 999.0),
        ] {
            assert!(got >= expect && got <= expect * 1.016, "{got} {expect}");
        }
        assert_eq!(found.max, 1000.0);
    }

    #[test]
    fn parts_add_up_also_over_a_pipe() {
        let record = |values: &[u64]| {
            let mut histogram = Histogram::default();
            values.iter().for_each(|value| histogram.record(*value));
            histogram
        };
        let text = serde_json::to_string(&record(&[5, 70_000])).unwrap();
        let mut sum: Histogram = serde_json::from_str(&text).unwrap();
        sum.merge(&record(&[5, 1_000_000]));
        assert_eq!(sum.counts, record(&[5, 70_000, 5, 1_000_000]).counts);
        assert_eq!((sum.total, sum.longest), (4, 1_000_000));
    }
}
