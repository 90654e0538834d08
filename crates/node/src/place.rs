//! Places for connections: a node has so many, and so has an app.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foghorn_protocol::Ceiling;

/// One of a limited number of connections. Dropping it makes room.
#[derive(Debug)]
pub struct Place(Arc<AtomicU64>);

impl Place {
    /// Takes a place, if fewer than `limit` of `taken` are; otherwise gives how many are.
    pub(crate) fn take(taken: &Arc<AtomicU64>, limit: u64) -> Result<Self, u64> {
        let one_more = |taken| (taken < limit).then_some(taken + 1);
        let took = taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        took.map(|_| Self(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The connections of one app that count against its limit, on all nodes together.
///
/// The limit is exact on one node. Nodes hear of each other's connections once a second, so several
/// may overshoot it by what comes within that time.
#[derive(Debug, Default)]
pub(crate) struct Places {
    here: Arc<AtomicU64>,
    elsewhere: AtomicU64,
}

/// An app has as many connections as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPlace {
    /// Connections now.
    pub(crate) taken: u64,
    /// Connections allowed.
    pub(crate) limit: u32,
}

impl Places {
    pub(crate) fn take(&self, ceiling: Ceiling) -> Result<Place, NoPlace> {
        let elsewhere = self.elsewhere.load(Ordering::Acquire);
        let limit = match ceiling {
            Ceiling::AtMost(limit) => u64::from(limit).saturating_sub(elsewhere),
            Ceiling::Unlimited => u64::MAX,
        };
        Place::take(&self.here, limit).map_err(|here| NoPlace {
            taken: here + elsewhere,
            limit: match ceiling {
                Ceiling::AtMost(limit) => limit,
                Ceiling::Unlimited => u32::MAX,
            },
        })
    }

    /// Connections on all nodes together.
    pub(crate) fn taken(&self) -> u64 {
        u64::from(self.here()) + self.elsewhere.load(Ordering::Acquire)
    }

    /// Connections on this node.
    pub(crate) fn here(&self) -> u32 {
        u32::try_from(self.here.load(Ordering::Acquire)).unwrap_or(u32::MAX)
    }

    /// Another node has announced its connections.
    pub(crate) fn count_elsewhere(&self, before: u32, after: u32) {
        // In this order the sum is never below zero.
        self.elsewhere.fetch_add(u64::from(after), Ordering::AcqRel);
        self.elsewhere
            .fetch_sub(u64::from(before), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_and_given_back() {
        let places = Places::default();
        let limit = Ceiling::AtMost(2);
        let first = places.take(limit).unwrap();
        let _second = places.take(limit).unwrap();
        let full = NoPlace { taken: 2, limit: 2 };
        assert_eq!(places.take(limit).unwrap_err(), full);
        assert!(places.take(Ceiling::Unlimited).is_ok());
        drop(first);
        assert!(places.take(limit).is_ok());
    }

    #[test]
    fn places_elsewhere_count() {
        let places = Places::default();
        places.count_elsewhere(0, 3);
        let full = NoPlace { taken: 3, limit: 3 };
        assert_eq!(places.take(Ceiling::AtMost(3)).unwrap_err(), full);
        let _one = places.take(Ceiling::AtMost(4)).unwrap();
        places.count_elsewhere(3, 0);
        assert!(places.take(Ceiling::AtMost(2)).is_ok());
    }
}
