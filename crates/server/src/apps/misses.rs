//! Names of apps that were looked for and not found. Anybody may ask for any name, so what is
//! remembered is bounded, and forgetting costs nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use foghorn_protocol::Moment;

/// Names that are remembered, each in one of two halves.
const HALF: usize = 5_000;

/// What an app is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name<'a> {
    /// Clients name a key.
    Key(Cow<'a, str>),
    /// Back ends name the id.
    Id(Cow<'a, str>),
}

impl Name<'_> {
    /// The same, to be kept.
    pub(super) fn into_owned(self) -> Name<'static> {
        match self {
            Self::Key(key) => Name::Key(Cow::Owned(key.into_owned())),
            Self::Id(id) => Name::Id(Cow::Owned(id.into_owned())),
        }
    }
}

/// Why there is no such app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// The database does not have it.
    Absent,
    /// Nobody can say now; come back later.
    Unanswered,
}

/// What was not found, until when that is believed.
#[derive(Debug, Default)]
pub(super) struct Misses {
    young: Names,
    old: Names,
}

type Names = BTreeMap<Name<'static>, (Moment, Miss)>;

impl Misses {
    pub(super) fn get(&self, name: &Name<'static>, now: Moment) -> Option<Miss> {
        let (until, miss) = self.young.get(name).or_else(|| self.old.get(name))?;
        (*until > now).then_some(*miss)
    }

    /// Remembers a miss `now`, for `span`. If there are too many, the older half is forgotten.
    pub(super) fn remember(&mut self, name: Name<'static>, miss: Miss, times: (Moment, Duration)) {
        let (now, span) = times;
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, (now.after(span), miss));
    }

    /// Forgets what is believed no longer.
    pub(super) fn expire(&mut self, now: Moment) {
        for names in [&mut self.young, &mut self.old] {
            names.retain(|_, (until, _)| *until > now);
        }
    }

    pub(super) fn forget(&mut self, name: &Name<'static>) {
        self.young.remove(name);
        self.old.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Name<'static> {
        Name::Key(format!("key-{number}").into())
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    const SPAN: Duration = Duration::from_secs(5);

    #[test]
    fn a_miss_is_believed_for_a_while() {
        let mut misses = Misses::default();
        misses.remember(key(1), Miss::Absent, (at(0), SPAN));
        assert_eq!(misses.get(&key(1), at(4)), Some(Miss::Absent));
        assert_eq!(misses.get(&key(1), at(5)), None);
        assert_eq!(misses.get(&Name::Id("key-1".into()), at(0)), None);
        misses.remember(key(1), Miss::Unanswered, (at(6), SPAN));
        assert_eq!(misses.get(&key(1), at(6)), Some(Miss::Unanswered));
        misses.forget(&key(1));
        assert_eq!(misses.get(&key(1), at(6)), None);
    }

    #[test]
    fn any_number_of_names_takes_bounded_room() {
        let mut misses = Misses::default();
        for number in 0..4 * HALF {
            misses.remember(key(number), Miss::Absent, (at(0), SPAN));
        }
        assert!(misses.young.len() + misses.old.len() <= 2 * HALF);
        assert_eq!(misses.get(&key(4 * HALF - 1), at(0)), Some(Miss::Absent));
        assert_eq!(misses.get(&key(3 * HALF), at(0)), Some(Miss::Absent));
        assert_eq!(misses.get(&key(0), at(0)), None);
        misses.expire(at(5));
        assert!(misses.young.is_empty() && misses.old.is_empty());
    }
}
