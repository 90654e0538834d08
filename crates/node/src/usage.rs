//! How many messages an app has used today, and how many it may.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foghorn_channels::Tally;
use foghorn_protocol::UnixSeconds;
use parking_lot::Mutex;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// Operators hear of a quota when so much of it is used up, in hundredths.
const NEAR: u128 = 80;

/// A day in UTC. Its text is its date, as in `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(
    /// Days since 1970 began.
    pub u64,
);

/// What an app may use in a day, and what its back ends are told beyond that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Messages; `None` for as many as there are.
    pub messages_per_day: Option<u64>,
    /// The status of refused publishes.
    pub status: QuotaStatus,
}

/// The status of publishes that are refused because the quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaStatus {
    /// 403, as Pusher documents it.
    Forbidden,
    /// 402, on which some back ends stop publishing.
    PaymentRequired,
}

/// The quota of today is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverQuota {
    /// Messages of today; deliveries go on, so there may be more than allowed.
    pub used: u64,
    /// Messages allowed in a day.
    pub limit: u64,
    /// When there are new ones.
    pub reset: Reset,
}

/// When counting begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// With the beginning of this day.
    pub on: Day,
    /// How long that is from now, in whole seconds; at least one.
    pub after: Duration,
}

/// The messages of one app on this node, day by day.
#[derive(Debug, Default)]
pub struct Usage {
    /// Messages since the node started.
    tally: Arc<Tally>,
    today: Mutex<Today>,
}

#[derive(Debug, Default)]
struct Today {
    /// `None` before anybody has said what day it is.
    day: Option<Day>,
    /// What had been counted when the day began.
    before: u64,
    /// What a former life of this node used of the same day.
    carried: u64,
    /// What operators have been told today.
    told: Told,
}

/// Of which quotas operators have heard today.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    messages: bool,
    connections: bool,
}

/// What a quota is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Messages of today.
    Messages,
    /// Connections now.
    Connections,
}

impl Day {
    /// The day of this second.
    #[must_use]
    pub fn of(now: UnixSeconds) -> Self {
        Self(now.0 / SECONDS_PER_DAY)
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    fn begin(self) -> u64 {
        self.0.saturating_mul(SECONDS_PER_DAY)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The Gregorian calendar repeats itself after 400 years.
        const CYCLE: u64 = 400 * 365 + 97;
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let mut left = self.0 % CYCLE;
        let mut year = 1970 + self.0 / CYCLE * 400;
        let length = |year| if is_leap(year) { 366 } else { 365 };
        while left >= length(year) {
            left -= length(year);
            year += 1;
        }
        let february = if is_leap(year) { 29 } else { 28 };
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if left < length {
                break;
            }
            left -= length;
            month += 1;
        }
        write!(f, "{year:04}-{month:02}-{:02}", left + 1)
    }
}

impl fmt::Display for Reset {
    /// The moment as RFC 3339 has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T00:00:00Z", self.on)
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            messages_per_day: None,
            status: QuotaStatus::Forbidden,
        }
    }
}

impl Usage {
    /// Counts `messages`.
    pub fn count(&self, messages: usize) {
        self.tally.add(messages);
    }

    /// Where messages are counted.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Messages of today.
    #[must_use]
    pub fn today(&self, now: UnixSeconds) -> u64 {
        self.turned(now, |today, counted| today.used(counted))
    }

    /// When counting begins anew. A clock that was set back by no more than a day does not bring
    /// a day back.
    #[must_use]
    pub fn reset(&self, now: UnixSeconds) -> Reset {
        let day = self.turned(now, |today, _| today.day);
        let on = day.unwrap_or(Day::of(now)).next();
        let seconds = on.begin().saturating_sub(now.0).max(1);
        Reset {
            on,
            after: Duration::from_secs(seconds),
        }
    }

    /// Whether one more message may be published: as long as fewer than `limit` are used.
    ///
    /// # Errors
    /// The quota is used up.
    pub fn check(&self, limit: Option<u64>, now: UnixSeconds) -> Result<(), OverQuota> {
        let Some(limit) = limit else { return Ok(()) };
        let used = self.today(now);
        if used < limit {
            return Ok(());
        }
        Err(OverQuota {
            used,
            limit,
            reset: self.reset(now),
        })
    }

    /// What is to be kept for the next life of this node; `None` before anybody has said what day
    /// it is.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Option<(Day, u64)> {
        let today = self.today.lock();
        let used = today.used(self.tally.sum());
        today.day.map(|day| (day, used))
    }

    /// Takes over what a former life used on `day`, unless that is over. To be called once.
    pub(crate) fn restore(&self, day: Day, used: u64) {
        let mut today = self.today.lock();
        if today.day.is_none_or(|today| today <= day) {
            today.day = Some(day);
            today.carried = used;
        }
    }

    /// Whether operators are to hear that much of a quota is used up: once a day, at four fifths.
    pub(crate) fn is_news(
        &self,
        quantity: Quantity,
        (used, limit): (u64, Option<u64>),
        now: UnixSeconds,
    ) -> bool {
        let is_near = |limit| u128::from(used) * 100 >= u128::from(limit) * NEAR;
        self.turned(now, |today, _| {
            let told = match quantity {
                Quantity::Messages => &mut today.told.messages,
                Quantity::Connections => &mut today.told.connections,
            };
            let is_news = !*told && limit.is_some_and(is_near);
            *told |= is_news;
            is_news
        })
    }

    /// Looks at today, which begins now if it was another day until now. Around midnight a clock
    /// may be set back to yesterday, whose messages are not forgotten; one that goes back further
    /// was wrong, and waiting for the day that it had would stop counting until then.
    fn turned<R>(&self, now: UnixSeconds, look: impl FnOnce(&mut Today, u64) -> R) -> R {
        let mut today = self.today.lock();
        let counted = self.tally.sum();
        let day = Day::of(now);
        match today.day {
            Some(before) if before == day || before == day.next() => {}
            Some(_) => {
                *today = Today {
                    day: Some(day),
                    before: counted,
                    ..Today::default()
                }
            }
            None => today.day = Some(day),
        }
        look(&mut today, counted)
    }
}

impl Today {
    fn used(&self, counted: u64) -> u64 {
        let here = counted.saturating_sub(self.before);
        self.carried.saturating_add(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 21 November 2026, 22:00:00.
    const EVENING: UnixSeconds = UnixSeconds(1_795_298_400);
    const HOUR: u64 = 3_600;

    fn later(hours: u64) -> UnixSeconds {
        UnixSeconds(EVENING.0 + hours * HOUR)
    }

    #[test]
    fn days_have_dates() {
        for (seconds, date) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (68_169_600, "1972-02-29"),
            (68_256_000, "1972-03-01"),
            (951_782_400, "2000-02-29"),
            (1_795_298_400, "2026-11-21"),
            (1_798_761_599, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
            (4_107_542_400, "2100-03-01"),
            (13_574_563_200, "2400-02-29"),
        ] {
            assert_eq!(Day::of(UnixSeconds(seconds)).to_string(), date);
        }
    }

    #[test]
    fn counting_begins_anew_at_midnight() {
        let usage = Usage::default();
        usage.count(5);
        assert_eq!(usage.today(EVENING), 5);
        usage.count(2);
        assert_eq!(usage.today(UnixSeconds(later(2).0 - 1)), 7);
        assert_eq!(usage.today(later(2)), 0);
        usage.count(1);
        assert_eq!(usage.today(later(3)), 1);
        assert_eq!(usage.today(EVENING), 1, "a clock that was set back");
        assert_eq!(usage.reset(EVENING).to_string(), "2026-11-23T00:00:00Z");
    }

    #[test]
    fn a_clock_that_was_days_ahead_does_not_keep_its_day() {
        let usage = Usage::default();
        assert_eq!(usage.today(later(2 * 24)), 0);
        usage.count(3);
        let over = usage.check(Some(3), later(2 * 24)).unwrap_err();
        assert_eq!(over.reset.to_string(), "2026-11-24T00:00:00Z");
        assert_eq!(usage.check(Some(3), EVENING), Ok(()));
        usage.count(1);
        assert_eq!(usage.today(EVENING), 1);
        assert_eq!(usage.reset(EVENING).to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(usage.snapshot(), Some((Day::of(EVENING), 1)));
    }

    #[test]
    fn what_is_allowed_and_one_more() {
        let usage = Usage::default();
        assert_eq!(usage.check(None, EVENING), Ok(()));
        usage.count(2);
        assert_eq!(usage.check(Some(3), EVENING), Ok(()));
        usage.count(2);
        let over = usage.check(Some(3), EVENING).unwrap_err();
        assert_eq!((over.used, over.limit), (4, 3));
        assert_eq!(over.reset.to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(over.reset.after, Duration::from_secs(2 * HOUR));
        assert_eq!(usage.check(None, EVENING), Ok(()));
        assert_eq!(usage.check(Some(3), later(2)), Ok(()));
    }

    #[test]
    fn a_former_life_counts_for_its_day() {
        let before = Usage::default();
        assert_eq!(before.snapshot(), None);
        assert_eq!(before.today(EVENING), 0);
        before.count(7);
        let (day, used) = before.snapshot().unwrap();
        assert_eq!((day, used), (Day::of(EVENING), 7));

        let same_day = Usage::default();
        same_day.count(1);
        same_day.restore(day, used);
        assert_eq!(same_day.today(later(1)), 8);
        assert_eq!(same_day.today(later(2)), 0);

        let next_day = Usage::default();
        next_day.restore(day, used);
        assert_eq!(next_day.today(later(2)), 0);

        let too_late = Usage::default();
        assert_eq!(too_late.today(later(2)), 0);
        too_late.restore(day, used);
        assert_eq!(too_late.today(later(2)), 0);
    }

    #[test]
    fn four_fifths_are_news_once_a_day() {
        let usage = Usage::default();
        let is_news = |used, limit, now| usage.is_news(Quantity::Messages, (used, limit), now);
        assert!(!is_news(7, Some(9), EVENING));
        assert!(!is_news(u64::MAX, None, EVENING));
        assert!(is_news(8, Some(10), EVENING));
        assert!(!is_news(10, Some(10), EVENING));
        assert!(usage.is_news(Quantity::Connections, (4, Some(5)), EVENING));
        assert!(!is_news(1, Some(10), later(2)));
        assert!(is_news(9, Some(10), later(2)));
    }
}
