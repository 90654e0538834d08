//! When the next request is due.

use std::ops::Range;

use crate::clock::SECOND;

/// Evenly spaced moments, or as soon as an answer has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Every publisher sends again when it has its answer.
    Closed,
    /// So many a second, whether answers have come or not.
    Open { per_second: f64 },
}

impl Pace {
    /// Evenly spaced if there is a rate, of so many a second.
    pub(crate) fn new(rate: Option<f64>) -> Self {
        match rate {
            Some(per_second) => Self::Open { per_second },
            None => Self::Closed,
        }
    }
}

/// A pace within a stretch of time.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    /// In nanoseconds.
    stretch: Range<u64>,
    taken: u64,
}

impl Schedule {
    /// Within a stretch of time, in nanoseconds.
    pub(crate) fn start(pace: Pace, stretch: Range<u64>) -> Self {
        Self {
            pace,
            stretch,
            taken: 0,
        }
    }

    /// When the next request is due, in nanoseconds; never is the end of time. Without a rate that
    /// is long ago.
    pub(crate) fn due(&self) -> u64 {
        let since_start = match self.pace {
            Pace::Closed => 0,
            Pace::Open { per_second } => (self.taken as f64 * SECOND as f64 / per_second) as u64,
        };
        let due = self.stretch.start.saturating_add(since_start);
        if self.stretch.contains(&due) {
            due
        } else {
            u64::MAX
        }
    }

    /// Takes the request that is due at `now` nanoseconds; gives the moment from which its latency
    /// counts. With a rate that is when it was due, so that a request is not excused for having
    /// waited behind those that are slow.
    pub(crate) fn take(&mut self, now: u64) -> u64 {
        let due = match self.pace {
            Pace::Closed => now,
            Pace::Open { .. } => self.due(),
        };
        self.taken += 1;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_evenly_spaced_and_do_not_drift_until_the_end() {
        let stretch = 100..2 * SECOND + 100;
        let mut schedule = Schedule::start(Pace::new(Some(3.0)), stretch);
        let mut due = Vec::new();
        for _ in 0..7 {
            due.push(schedule.due());
            schedule.take(0);
        }
        assert_eq!(due[..3], [100, 333_333_433, 666_666_766]);
        assert_eq!(due[5..], [1_666_666_766, u64::MAX]);
    }

    #[test]
    fn without_a_rate_everything_is_due() {
        let mut schedule = Schedule::start(Pace::new(None), 100..200);
        assert_eq!(schedule.take(150), 150);
        assert_eq!(schedule.due(), 100);
    }

    #[test]
    fn a_late_request_counts_from_when_it_was_due() {
        let mut schedule = Schedule::start(Pace::new(Some(2.0)), 100..2 * SECOND);
        assert_eq!(schedule.take(700), 100);
        assert_eq!(schedule.take(3 * SECOND), SECOND / 2 + 100);
    }

    #[test]
    fn the_next_request_of_a_tiny_rate_is_never_due() {
        let mut schedule = Schedule::start(Pace::new(Some(1e-300)), 100..200);
        schedule.take(100);
        assert_eq!(schedule.due(), u64::MAX);
    }
}
