//! When a request that failed is made again.

use std::time::Duration;

use crate::UnixMillis;

/// Waits between attempts, seconds (webhooks.md §4); the last one repeats.
const STEPS: [u64; 7] = [1, 2, 4, 8, 16, 32, 60];
/// How far a wait may be from its step, in thousandths of it, so that what failed together does
/// not come back together (webhooks.md §4: ±20 %).
const JITTER: u64 = 200;

/// The longest time that the last attempt is made before the end of the window: it takes time to
/// arrive, and the receiver's clock may be ahead.
const MARGIN: Duration = Duration::from_secs(5);

/// The times of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    window: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::within(Self::WINDOW)
    }
}

impl Schedule {
    /// How long after its creation a request may arrive: retries stop after five minutes
    /// (Pusher's documentation of webhooks), and the Python SDK refuses what is older.
    pub const WINDOW: Duration = Duration::from_secs(300);

    /// Attempts that end this long after a request's creation.
    #[must_use]
    pub fn within(window: Duration) -> Self {
        Self { window }
    }

    /// When to try again what was `created` then, has failed `attempts_made` times, the last time
    /// `now`; `None`: never. `random` spreads the times. The first attempt is due at once, however
    /// long the request had to wait behind others.
    #[must_use]
    pub fn next(
        self,
        attempts_made: u32,
        created: UnixMillis,
        now: UnixMillis,
        random: u64,
    ) -> Option<UnixMillis> {
        let Some(failed) = attempts_made.checked_sub(1) else {
            return Some(now);
        };
        let step = 1000 * step_seconds(failed);
        let thousandths = 1000 - JITTER + random % (2 * JITTER + 1);
        let wait = step * thousandths / 1000;
        let margin = MARGIN.min(self.window / 10);
        let last = created.0.saturating_add(millis(self.window - margin));
        let shortest = step_seconds(0) * (1000 - JITTER);
        // Less than the shortest wait before the end would be the same attempt once more.
        if now.0.saturating_add(shortest) > last {
            return None;
        }
        Some(UnixMillis(now.0.saturating_add(wait).min(last)))
    }
}

fn step_seconds(failed: u32) -> u64 {
    let [steps @ .., longest] = STEPS;
    let index = usize::try_from(failed).unwrap_or(usize::MAX);
    steps.get(index).copied().unwrap_or(longest)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CREATED: UnixMillis = UnixMillis(1_760_000_000_000);
    /// Draws the middle of the spread.
    const MIDDLE: u64 = JITTER;

    /// Milliseconds after creation of all attempts, if each fails at once.
    fn attempts(random: impl Fn(u32) -> u64) -> Vec<u64> {
        let mut times = vec![CREATED];
        for made in 1.. {
            let now = *times.last().unwrap();
            match Schedule::default().next(made, CREATED, now, random(made)) {
                Some(at) => times.push(at),
                None => break,
            }
        }
        times.iter().map(|at| at.0 - CREATED.0).collect()
    }

    #[test]
    fn waits_double_and_the_last_attempt_is_just_before_the_end() {
        let seconds: Vec<_> = attempts(|_| MIDDLE).iter().map(|at| at / 1000).collect();
        assert_eq!(seconds, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 295]);
    }

    #[test]
    fn a_shorter_window_ends_sooner() {
        let schedule = Schedule::within(Duration::from_secs(4));
        let at = |seconds: u64| UnixMillis(CREATED.0 + 1000 * seconds);
        assert_eq!(schedule.next(1, CREATED, at(0), MIDDLE), Some(at(1)));
        let last = Some(UnixMillis(CREATED.0 + 3_600));
        assert_eq!(schedule.next(2, CREATED, at(2), MIDDLE), last);
        assert_eq!(
            schedule.next(3, CREATED, UnixMillis(CREATED.0 + 3_600), MIDDLE),
            None
        );
    }

    #[test]
    fn a_request_that_waited_for_long_is_tried_once() {
        let late = UnixMillis(CREATED.0 + 1_000_000);
        assert_eq!(Schedule::default().next(0, CREATED, late, 5), Some(late));
        assert_eq!(Schedule::default().next(1, CREATED, late, 5), None);
    }

    #[test]
    fn the_end_of_time_is_no_overflow() {
        let end = UnixMillis(u64::MAX);
        assert_eq!(
            Schedule::default().next(u32::MAX, end, end, u64::MAX),
            Some(end)
        );
        // A clock that was set back.
        let next = Schedule::default().next(1, CREATED, UnixMillis(0), MIDDLE);
        assert_eq!(next, Some(UnixMillis(1000)));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth(seed: u64) {
            let draw = |made: u32| seed.rotate_left(made).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let times = attempts(draw);
            for (index, pair) in times.windows(2).enumerate() {
                let step = 1000 * step_seconds(index.try_into().unwrap());
                let wait = pair[1] - pair[0];
                let is_last = index + 2 == times.len();
                prop_assert!(wait <= step * 12 / 10);
                prop_assert!(is_last || wait >= step * 8 / 10);
                prop_assert!(wait >= 800);
            }
            let last = *times.last().unwrap();
            prop_assert!(last <= 295_000 && last > 294_000, "{times:?}");
        }
    }
}
