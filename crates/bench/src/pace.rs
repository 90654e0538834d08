//! When the next request is due.

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

/// A pace that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    /// Nanoseconds.
    begin: u64,
    taken: u64,
}

impl Schedule {
    /// Begins at `begin` nanoseconds.
    pub(crate) fn start(pace: Pace, begin: u64) -> Self {
        Self {
            pace,
            begin,
            taken: 0,
        }
    }

    /// When the next request is due, in nanoseconds.
    pub(crate) fn due(&self) -> u64 {
        match self.pace {
            Pace::Closed => self.begin,
            Pace::Open { per_second } => {
                self.begin + (self.taken as f64 * SECOND as f64 / per_second) as u64
            }
        }
    }

    /// Takes the request that is due.
    pub(crate) fn take(&mut self) {
        self.taken += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_evenly_spaced_and_do_not_drift() {
        let mut schedule = Schedule::start(Pace::Open { per_second: 3.0 }, 100);
        let mut due = Vec::new();
        for _ in 0..7 {
            due.push(schedule.due());
            schedule.take();
        }
        assert_eq!(due[..3], [100, 333_333_433, 666_666_766]);
        assert_eq!(due[6], 2 * SECOND + 100);
    }

    #[test]
    fn without_a_rate_everything_is_due() {
        let mut schedule = Schedule::start(Pace::Closed, 100);
        schedule.take();
        assert_eq!(schedule.due(), 100);
    }
}
