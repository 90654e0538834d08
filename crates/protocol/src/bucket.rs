//! A token bucket.

use std::time::Duration;

use crate::{Moment, Rate};

/// Tokens are counted in thousandths, so that slow rates refill evenly.
const ONE: u64 = 1_000;

/// Allows a burst of one second's worth, then the steady rate.
#[derive(Debug)]
pub struct Bucket {
    filled: u64,
    at: Moment,
}

/// There are not enough tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Tokens per second, and in a full bucket.
    pub limit: u32,
    /// Whole tokens that are left.
    pub remaining: u32,
    /// When there will be enough; never, if more were asked for than a full bucket holds, and then
    /// it is the time to a full one.
    pub retry_after: Duration,
}

/// What a bucket allows at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Tokens per second, and in a full bucket.
    pub limit: u32,
    /// Whole tokens that are left.
    pub remaining: u32,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn full(now: Moment) -> Self {
        Self {
            filled: u64::MAX,
            at: now,
        }
    }

    /// Takes `tokens`, all or none; what is left, unless there is no limit.
    ///
    /// # Errors
    /// There are fewer.
    pub fn take(
        &mut self,
        rate: Rate,
        tokens: u32,
        now: Moment,
    ) -> Result<Option<Allowance>, Exhausted> {
        let Rate::PerSecond(limit) = rate else {
            return Ok(None);
        };
        let capacity = u64::from(limit) * ONE;
        let elapsed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        // Per millisecond, `limit` thousandths come in.
        let refill = elapsed.saturating_mul(u64::from(limit));
        self.filled = self.filled.saturating_add(refill).min(capacity);
        self.at = self.at.max(now);
        let cost = u64::from(tokens) * ONE;
        let whole = |filled: u64| u32::try_from(filled / ONE).unwrap_or(u32::MAX);
        if self.filled >= cost {
            self.filled -= cost;
            let remaining = whole(self.filled);
            return Ok(Some(Allowance { limit, remaining }));
        }
        let missing = cost.min(capacity).saturating_sub(self.filled);
        Err(Exhausted {
            limit,
            remaining: whole(self.filled),
            retry_after: Duration::from_millis(missing.div_ceil(u64::from(limit.max(1)))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(millis: u64) -> Moment {
        Moment::from_start(Duration::from_millis(5_000 + millis))
    }

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::full(after(0));
        let rate = Rate::PerSecond(10);
        let taken = |bucket: &mut Bucket, now| {
            (0..100)
                .take_while(|_| bucket.take(rate, 1, now).is_ok())
                .count()
        };
        assert_eq!(taken(&mut bucket, after(0)), 10);
        assert_eq!(taken(&mut bucket, after(99)), 0);
        assert_eq!(taken(&mut bucket, after(100)), 1);
        assert_eq!(taken(&mut bucket, after(60_000)), 10);
        assert!(bucket.take(Rate::PerSecond(0), 1, after(61_000)).is_err());
        assert_eq!(bucket.take(Rate::Unlimited, 1, after(0)), Ok(None));
    }

    #[test]
    fn all_or_none_and_when_to_come_back() {
        let mut bucket = Bucket::full(after(0));
        let rate = Rate::PerSecond(10);
        let exhausted = |remaining, millis| {
            Err(Exhausted {
                limit: 10,
                remaining,
                retry_after: Duration::from_millis(millis),
            })
        };
        let left = |remaining| {
            let limit = 10;
            Ok(Some(Allowance { limit, remaining }))
        };
        assert_eq!(bucket.take(rate, 8, after(0)), left(2));
        assert_eq!(bucket.take(rate, 3, after(0)), exhausted(2, 100));
        assert_eq!(bucket.take(rate, 11, after(0)), exhausted(2, 800));
        assert_eq!(bucket.take(rate, 2, after(0)), left(0));
        assert_eq!(bucket.take(rate, 1, after(50)), exhausted(0, 50));
        // A clock read by another thread a moment earlier refills nothing twice.
        assert_eq!(bucket.take(rate, 1, after(20)), exhausted(0, 50));
        assert_eq!(bucket.take(rate, 1, after(100)), left(0));
        assert_eq!(bucket.take(rate, 1, after(100)), exhausted(0, 100));
    }
}
