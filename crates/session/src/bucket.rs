//! A token bucket.

use foghorn_protocol::{Moment, Rate};

/// Tokens are counted in thousandths, so that slow rates refill evenly.
const ONE: u64 = 1_000;

/// Allows a burst of one second's worth, then the steady rate.
#[derive(Debug)]
pub(crate) struct Bucket {
    filled: u64,
    at: Moment,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(now: Moment) -> Self {
        Self {
            filled: u64::MAX,
            at: now,
        }
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: Moment) -> Result<(), u32> {
        let Rate::PerSecond(per_second) = rate else {
            return Ok(());
        };
        let capacity = u64::from(per_second) * ONE;
        let elapsed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        // Per millisecond, `per_second` thousandths come in.
        let refill = elapsed.saturating_mul(u64::from(per_second));
        self.filled = self.filled.saturating_add(refill).min(capacity);
        self.at = now;
        if self.filled < ONE {
            return Err(per_second);
        }
        self.filled -= ONE;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Moment::from_start(Duration::from_secs(5));
        let mut bucket = Bucket::full(start);
        let rate = Rate::PerSecond(10);
        let taken = |bucket: &mut Bucket, now| {
            (0..100)
                .take_while(|_| bucket.take(rate, now).is_ok())
                .count()
        };
        assert_eq!(taken(&mut bucket, start), 10);
        assert_eq!(
            taken(&mut bucket, start.after(Duration::from_millis(99))),
            0
        );
        assert_eq!(
            taken(&mut bucket, start.after(Duration::from_millis(100))),
            1
        );
        assert_eq!(taken(&mut bucket, start.after(Duration::from_secs(60))), 10);
        assert_eq!(
            bucket.take(Rate::PerSecond(0), start.after(Duration::from_secs(61))),
            Err(0)
        );
        assert_eq!(bucket.take(Rate::Unlimited, start), Ok(()));
    }
}
