//! Telling a crowd how many it is, now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use foghorn_channels::{Drain, Hub, Key};
use foghorn_protocol::Moment;
use parking_lot::Mutex;

/// How often a crowd is told its number while that changes (Pusher's documentation of webhooks, for
/// more than 100 connections).
const PAUSE: Duration = Duration::from_secs(5);

/// Channels with so many subscribers that they are not told of each who comes.
#[derive(Debug, Default)]
pub(crate) struct Crowds {
    /// Channels whose number has changed. A leaf lock: it is taken under audiences' locks.
    waiting: Mutex<BTreeSet<Key>>,
    told: Mutex<BTreeMap<Key, Moment>>,
}

impl Crowds {
    /// The number of a crowd has changed.
    pub(crate) fn wait(&self, key: &Key) {
        let mut waiting = self.waiting.lock();
        if !waiting.contains(key) {
            waiting.insert(key.clone());
        }
    }

    /// Tells those crowds their number that have not heard it for a while. The last number is never
    /// lost: a crowd waits until it has been told.
    pub(crate) fn tell(&self, hub: &Hub, now: Moment) -> Vec<Drain> {
        let mut told = self.told.lock();
        told.retain(|_, at| now.since(*at) < PAUSE);
        let mut due = Vec::new();
        self.waiting.lock().retain(|key| {
            let waits = told.contains_key(key);
            if !waits {
                due.push(key.clone());
            }
            waits
        });
        let mut drains = Vec::new();
        for key in due {
            drains.extend(hub.tell_count(&key));
            told.insert(key, now);
        }
        drains
    }
}
