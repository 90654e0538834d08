//! What this node has heard of its peers.

use std::collections::BTreeMap;
use std::time::Duration;

use foghorn_protocol::Moment;

use crate::rows::Rows;
use crate::{Cached, Fact, Message, NodeId, RowChange};

/// The rows of every peer, kept in step by sequence numbers.
///
/// A number further ahead than the next is a gap, and the first contact with a peer is one too,
/// because ledgers count from 1: the view asks for a snapshot and ignores news until it comes. So
/// the rows held of a peer are always those which that peer had at one of its numbers.
#[derive(Debug)]
pub struct View {
    me: NodeId,
    patience: Patience,
    link: LinkState,
    listening_since: Moment,
    peers: BTreeMap<NodeId, Peer>,
}

/// How long the view waits for peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Silence after which a peer's rows are dropped; several heartbeats long.
    pub suspect_after: Duration,
    /// How long a request for a snapshot may stay unanswered before it is repeated.
    pub ask_again_after: Duration,
}

/// Whether this node hears the cluster at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Connected: silence says something about a peer.
    Up,
    /// Not connected: silence says nothing.
    Down,
}

/// What follows from a message or from time passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewEvent {
    /// A peer's row is different.
    Row(RowChange),
    /// A peer remembers this event; perhaps a later one is known here.
    Cached(Cached),
    /// Send [`Message::SnapshotRequest`] to this node's topic.
    NeedSnapshot(NodeId),
    /// Send [`crate::Ledger::snapshot`] to this node's topic.
    SnapshotWanted(NodeId),
}

#[derive(Debug)]
struct Peer {
    heard: Moment,
    /// The number of the first fact that is not in `rows`.
    next: u64,
    standing: Standing,
    rows: Rows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Following,
    /// There is a gap; a snapshot was asked for.
    Waiting {
        asked: Moment,
    },
    /// It said goodbye. Kept for a while so that stragglers do not bring it back.
    Left,
}

impl View {
    /// A view of node `me`, which has heard nobody. The link counts as down until
    /// [`View::on_timeout`] says otherwise.
    #[must_use]
    pub fn new(me: NodeId, patience: Patience) -> Self {
        Self {
            me,
            patience,
            link: LinkState::Down,
            listening_since: Moment::default(),
            peers: BTreeMap::new(),
        }
    }

    /// Takes in what node `from` said. Own messages that come back are ignored.
    ///
    /// An event, or what a client sent, is a sign of life and nothing else here; delivering it is
    /// the caller's.
    pub fn apply(&mut self, from: NodeId, message: Message, now: Moment) -> Vec<ViewEvent> {
        if from == self.me {
            return Vec::new();
        }
        let again = self.patience.ask_again_after;
        match message {
            Message::Event { .. } | Message::Terminate { .. } | Message::Sent { .. } => {
                self.acquaintance(from, now);
                Vec::new()
            }
            Message::SnapshotRequest => {
                self.acquaintance(from, now);
                vec![ViewEvent::SnapshotWanted(from)]
            }
            Message::Facts { first, facts } => {
                let peer = self.peer(from, now);
                match peer.standing {
                    Standing::Following if first <= peer.next => peer.advance(first, facts),
                    _ => peer.ask(now, again),
                }
            }
            Message::Heartbeat { next } => {
                let peer = self.peer(from, now);
                match peer.standing {
                    Standing::Following if next <= peer.next => Vec::new(),
                    _ => peer.ask(now, again),
                }
            }
            Message::Snapshot { next, facts } => self.peer(from, now).adopt(next, facts),
            Message::Leaving => self.peer(from, now).leave(),
        }
    }

    /// Drops the rows of peers that were silent for too long while this node could hear.
    ///
    /// Call it regularly, and at once when the link changes: what was missed while it was down must
    /// not count as silence.
    pub fn on_timeout(&mut self, now: Moment, link: LinkState) -> Vec<ViewEvent> {
        if (self.link, link) == (LinkState::Down, LinkState::Up) {
            self.listening_since = now;
        }
        self.link = link;
        let mut events = Vec::new();
        if link == LinkState::Up {
            let (since, limit) = (self.listening_since, self.patience.suspect_after);
            self.peers.retain(|_, peer| {
                let silent = now.since(peer.heard.max(since)) >= limit;
                if silent {
                    events.extend(peer.replace(Vec::new()));
                }
                !silent
            });
        }
        events
    }

    /// The peers that live, in the order of their ids; not this node.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.standing != Standing::Left)
            .map(|(&node, _)| node)
    }

    /// Whether no snapshot is awaited: the rows are complete as far as this node can know.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.peers
            .values()
            .all(|peer| !matches!(peer.standing, Standing::Waiting { .. }))
    }

    /// What `node` has announced, one fact per row; nothing if it is not a peer.
    #[must_use]
    pub fn rows_of(&self, node: NodeId) -> Vec<Fact> {
        let peer = self.peers.get(&node);
        peer.map(|peer| peer.rows.facts()).unwrap_or_default()
    }

    /// Hears a peer that is known. What is said to a channel or to one node introduces nobody,
    /// because it tells nothing of the speaker's rows.
    fn acquaintance(&mut self, node: NodeId, now: Moment) {
        if self.peers.contains_key(&node) {
            self.peer(node, now);
        }
    }

    fn peer(&mut self, node: NodeId, now: Moment) -> &mut Peer {
        let peer = self.peers.entry(node).or_insert_with(|| Peer {
            heard: now,
            next: 0,
            standing: Standing::Following,
            rows: Rows::new(node),
        });
        if peer.standing != Standing::Left {
            peer.heard = peer.heard.max(now);
        }
        peer
    }
}

impl Peer {
    /// Applies those of `facts` that are news. Their numbers leave no gap.
    fn advance(&mut self, first: u64, facts: Vec<Fact>) -> Vec<ViewEvent> {
        let known = usize::try_from(self.next - first).unwrap_or(usize::MAX);
        let mut events = Vec::new();
        for fact in facts.into_iter().skip(known) {
            self.next = self.next.saturating_add(1);
            events.extend(match fact {
                Fact::Cached(cached) => Some(ViewEvent::Cached(cached)),
                row => self.rows.apply(row).map(ViewEvent::Row),
            });
        }
        events
    }

    /// Asks for a snapshot, unless it was asked for a moment ago.
    fn ask(&mut self, now: Moment, again: Duration) -> Vec<ViewEvent> {
        match self.standing {
            Standing::Left => return Vec::new(),
            Standing::Waiting { asked } if now.since(asked) < again => return Vec::new(),
            Standing::Waiting { .. } | Standing::Following => {}
        }
        self.standing = Standing::Waiting { asked: now };
        vec![ViewEvent::NeedSnapshot(self.rows.node())]
    }

    /// Takes a snapshot, unless it is older than what is known.
    fn adopt(&mut self, next: u64, facts: Vec<Fact>) -> Vec<ViewEvent> {
        if self.standing == Standing::Left || next < self.next {
            return Vec::new();
        }
        self.next = next;
        self.standing = Standing::Following;
        self.replace(facts)
    }

    fn leave(&mut self) -> Vec<ViewEvent> {
        self.standing = Standing::Left;
        self.replace(Vec::new())
    }

    fn replace(&mut self, facts: Vec<Fact>) -> Vec<ViewEvent> {
        let cached = facts.iter().filter_map(|fact| match fact {
            Fact::Cached(cached) => Some(ViewEvent::Cached(cached.clone())),
            _ => None,
        });
        let mut events: Vec<ViewEvent> = cached.collect();
        let changes = self.rows.replace(facts);
        events.extend(changes.into_iter().map(ViewEvent::Row));
        events
    }
}
