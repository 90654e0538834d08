//! What a crowd of subscribers has received, and whether that is all.

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;
use crate::marker::Marker;
use crate::tally::{Arrival, Seen};

/// What was received; those of several processes add up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Connections that are subscribed, by channel.
    pub(crate) live: Vec<u64>,
    /// Events that those connections have received, from the beginning, each once.
    pub(crate) unique: u64,
    /// Events received in the window, each once.
    pub(crate) deliveries: u64,
    /// From the beginning.
    pub(crate) duplicated: u64,
    /// From the beginning.
    pub(crate) reordered: u64,
    /// Of the events in the window.
    pub(crate) latency: Histogram,
    /// When the last event came, in nanoseconds.
    pub(crate) last: u64,
    /// Events that closed connections have missed although later ones had come to them.
    pub(crate) gaps: u64,
    /// Connections that the server has closed.
    pub(crate) closed: u64,
    /// Of the first one.
    pub(crate) closed_because: Option<String>,
    /// Errors that the server has reported to subscribers.
    pub(crate) errors: u64,
    /// The first one.
    pub(crate) error: Option<String>,
    /// Subscriptions again in the window, acknowledged.
    pub(crate) rejoined: Vec<u64>,
    /// How long those acknowledgements took.
    pub(crate) rejoining: Histogram,
    /// How often members were announced in the window.
    pub(crate) added: u64,
    /// How often it was announced in the window that members are gone.
    pub(crate) removed: u64,
}

impl Counts {
    /// Adds what another crowd has received.
    pub(crate) fn merge(&mut self, other: Self) {
        if self.live.len() < other.live.len() {
            self.live.resize(other.live.len(), 0);
        }
        for (sum, live) in self.live.iter_mut().zip(other.live) {
            *sum += live;
        }
        self.added += other.added;
        self.removed += other.removed;
        self.unique += other.unique;
        self.deliveries += other.deliveries;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.latency.merge(&other.latency);
        self.last = self.last.max(other.last);
        self.gaps += other.gaps;
        self.closed += other.closed;
        self.closed_because = self.closed_because.take().or(other.closed_because);
        self.errors += other.errors;
        self.error = self.error.take().or(other.error);
    }

    /// How many events are missing, when so many were accepted on each channel.
    pub(crate) fn missing(&self, accepted: &[u64]) -> u64 {
        self.awaited(accepted) + self.gaps
    }

    /// How many of those may still come.
    pub(crate) fn awaited(&self, accepted: &[u64]) -> u64 {
        let expected = self.live.iter().zip(accepted);
        let expected: u64 = expected.map(|(live, accepted)| live * accepted).sum();
        expected.saturating_sub(self.unique)
    }
}

/// Which events have come to whom.
pub(crate) struct Ledger {
    /// For each subscriber as many as there are publishers.
    seen: Vec<Seen>,
    publishers: usize,
    /// Events sent before, in nanoseconds, are not of the window.
    since: u64,
    pub(crate) counts: Counts,
}

impl Ledger {
    pub(crate) fn new(subscribers: usize, publishers: usize, channels: usize) -> Self {
        let live = vec![0; channels];
        Self {
            seen: vec![Seen::default(); subscribers * publishers],
            publishers,
            since: 0,
            counts: Counts {
                rejoined: live.clone(),
                live,
                ..Counts::default()
            },
        }
    }

    /// Begins the window: events sent from `since` nanoseconds on.
    pub(crate) fn begin(&mut self, since: u64) {
        self.since = since;
        self.counts.deliveries = 0;
        self.counts.rejoined.fill(0);
        self.counts.rejoining = Histogram::default();
        self.counts.added = 0;
        self.counts.removed = 0;
        self.counts.latency = Histogram::default();
    }

    /// Notes an event that has come to a subscriber at `now` nanoseconds; tells whether it is one
    /// that had not come before.
    pub(crate) fn arrived(&mut self, subscriber: usize, event: Marker, now: u64) -> bool {
        let publisher = event.publisher as usize;
        let slot = subscriber * self.publishers + publisher;
        // A publisher of another run, or of another bench, is none of ours.
        let ours = publisher < self.publishers;
        let Some(seen) = self.seen.get_mut(slot).filter(|_| ours) else {
            return false;
        };
        let counts = &mut self.counts;
        counts.last = now;
        match seen.note(event.sequence) {
            Arrival::InOrder => {}
            Arrival::Late => counts.reordered += 1,
            Arrival::Again => {
                counts.duplicated += 1;
                return false;
            }
        }
        counts.unique += 1;
        if event.sent >= self.since {
            counts.deliveries += 1;
            counts.latency.record(now.saturating_sub(event.sent));
        }
        true
    }

    /// A subscriber has sent an event to its own channel, which it does not get itself.
    pub(crate) fn spoke(&mut self, subscriber: usize, event: Marker) {
        let slot = subscriber * self.publishers + event.publisher as usize;
        if let Some(seen) = self.seen.get_mut(slot) {
            seen.note(event.sequence);
        }
        self.counts.unique += 1;
    }

    /// A connection of `channel` is subscribed again, so many nanoseconds after it asked.
    pub(crate) fn rejoined(&mut self, channel: usize, took: u64) {
        if let Some(rejoined) = self.counts.rejoined.get_mut(channel) {
            *rejoined += 1;
        }
        self.counts.rejoining.record(took);
    }

    /// A connection of `channel` is subscribed.
    pub(crate) fn joined(&mut self, channel: usize) {
        if let Some(live) = self.counts.live.get_mut(channel) {
            *live += 1;
        }
    }

    /// A connection of `channel` is not subscribed for the moment.
    pub(crate) fn away(&mut self, channel: usize) {
        if let Some(live) = self.counts.live.get_mut(channel) {
            *live = live.saturating_sub(1);
        }
    }

    /// A subscribed connection of `channel` has ended that had received `unique` events. What
    /// followed them does not count, but what came before the last of them does.
    pub(crate) fn left(&mut self, subscriber: usize, channel: usize, unique: u64, why: &str) {
        self.away(channel);
        let seen = self.seen.iter().skip(subscriber * self.publishers);
        let sent: u64 = seen.take(self.publishers).map(|seen| seen.span()).sum();
        self.counts.gaps += sent.saturating_sub(unique);
        self.counts.unique -= unique;
        self.counts.closed += 1;
        self.counts
            .closed_because
            .get_or_insert_with(|| why.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(publisher: u32, sequence: u32, sent: u64) -> Marker {
        Marker {
            publisher,
            sequence,
            sent,
        }
    }

    /// Two subscribers of two channels, two publishers.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(2, 2, 2);
        ledger.joined(0);
        ledger.joined(1);
        ledger
    }

    #[test]
    fn each_pair_has_a_sequence_of_its_own() {
        let mut ledger = ledger();
        for (subscriber, publisher) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!(ledger.arrived(subscriber, event(publisher, 0, 0), 1));
        }
        assert!(!ledger.arrived(1, event(1, 0, 0), 2));
        assert!(!ledger.arrived(0, event(2, 0, 0), 2));
        let Counts {
            unique,
            duplicated,
            reordered,
            ..
        } = ledger.counts;
        assert_eq!((unique, duplicated, reordered), (4, 1, 0));
    }

    #[test]
    fn what_is_missing_is_known_by_channel() {
        let mut ledger = ledger();
        assert_eq!(ledger.counts.missing(&[2, 1]), 3);
        ledger.arrived(0, event(0, 1, 0), 1);
        ledger.arrived(0, event(0, 0, 0), 1);
        assert_eq!(ledger.counts.missing(&[2, 1]), 1);
        assert_eq!(ledger.counts.reordered, 1);
        ledger.left(1, 1, 0, "4100");
        assert_eq!(ledger.counts.missing(&[2, 1]), 0);
        assert_eq!(ledger.counts.closed_because.as_deref(), Some("4100"));
    }

    #[test]
    fn a_connection_that_ended_counts_neither_as_receiver_nor_as_received() {
        let mut ledger = ledger();
        ledger.arrived(0, event(0, 0, 0), 1);
        ledger.left(0, 0, 1, "4100");
        assert_eq!(ledger.counts.missing(&[1, 1]), 1);
    }

    #[test]
    fn what_a_connection_missed_before_it_ended_is_lost() {
        let mut ledger = ledger();
        for (publisher, sequence) in [(0, 0), (0, 3), (1, 1)] {
            ledger.arrived(0, event(publisher, sequence, 0), 1);
        }
        // Seven were sent, of which the last one could not come any more.
        ledger.left(0, 0, 3, "4100");
        assert_eq!(ledger.counts.missing(&[7, 0]), 3);
        assert_eq!(ledger.counts.awaited(&[7, 0]), 0);
        let mut sum = Counts::default();
        sum.merge(ledger.counts);
        assert_eq!(sum.missing(&[7, 0]), 3);
    }

    #[test]
    fn what_a_connection_sent_itself_is_no_gap() {
        let mut ledger = ledger();
        ledger.spoke(0, event(1, 0, 0));
        ledger.arrived(0, event(1, 1, 0), 1);
        ledger.left(0, 0, 2, "4100");
        assert_eq!(ledger.counts.missing(&[2, 0]), 0);
    }

    #[test]
    fn only_the_window_has_latencies() {
        let mut ledger = ledger();
        ledger.begin(100);
        ledger.arrived(0, event(0, 0, 99), 150);
        ledger.arrived(0, event(0, 1, 100), 150);
        assert_eq!(ledger.counts.deliveries, 1);
        let latency = ledger.counts.latency.percentiles().unwrap();
        assert!((latency.max - 0.05).abs() < 0.001);
    }

    #[test]
    fn crowds_add_up() {
        let mut one = ledger();
        one.arrived(0, event(0, 0, 0), 7);
        let mut sum = Counts::default();
        sum.merge(one.counts.clone());
        sum.merge(one.counts);
        assert_eq!(sum.live, [2, 2]);
        assert_eq!((sum.unique, sum.deliveries, sum.last), (2, 2, 7));
    }
}
