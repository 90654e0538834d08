//! What this node tells the others of itself.

use crate::rows::Rows;
use crate::{Cached, Fact, Message, NodeId};

/// This node's own rows, the numbers of the facts about them, and those not yet sent.
///
/// Facts that wait are bounded: beyond the limit they are forgotten, and the gap in the numbers
/// makes every peer ask for a snapshot.
#[derive(Debug)]
pub struct Ledger {
    rows: Rows,
    next: u64,
    waiting: Vec<Fact>,
    waiting_limit: usize,
    overflows: u64,
}

impl Ledger {
    /// An empty ledger of node `me` that holds at most `waiting_limit` unsent facts.
    ///
    /// It counts from 1, as if something had been said before anybody could hear it: so whoever
    /// meets this node asks for a snapshot, which alone tells of events that others have published.
    #[must_use]
    pub fn new(me: NodeId, waiting_limit: usize) -> Self {
        Self {
            rows: Rows::new(me),
            next: 1,
            waiting: Vec::new(),
            waiting_limit,
            overflows: 0,
        }
    }

    /// Takes note of a fact and gives it a number. What was known already gets none.
    pub fn record(&mut self, fact: Fact) {
        // A cached event is news each time, and no row of this node.
        let is_news = matches!(fact, Fact::Cached(_)) || self.rows.apply(fact.clone()).is_some();
        if !is_news {
            return;
        }
        self.next += 1;
        if self.waiting.len() >= self.waiting_limit {
            self.waiting.clear();
            self.overflows += 1;
        } else {
            self.waiting.push(fact);
        }
    }

    /// The facts recorded since the last call, for the control topic; `None` if there are none.
    ///
    /// A node without peers drops the result: who comes later sees the numbers and asks.
    pub fn flush(&mut self) -> Option<Message> {
        if self.waiting.is_empty() {
            return None;
        }
        let facts = std::mem::take(&mut self.waiting);
        let first = self.next - facts.len() as u64;
        Some(Message::Facts { first, facts })
    }

    /// The sign of life, for the control topic. Flush first, or peers see a gap.
    #[must_use]
    pub fn heartbeat(&self) -> Message {
        Message::Heartbeat { next: self.next }
    }

    /// All rows, and the events that are cached now, for the topic of a node that asked.
    #[must_use]
    pub fn snapshot(&self, cached: impl IntoIterator<Item = Cached>) -> Message {
        let mut facts = self.rows.facts();
        facts.extend(cached.into_iter().map(Fact::Cached));
        Message::Snapshot {
            next: self.next,
            facts,
        }
    }

    /// How often unsent facts were forgotten because there were too many.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.overflows
    }
}
