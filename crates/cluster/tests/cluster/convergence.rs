//! Whatever the bus does to a peer's messages, the view comes to hold the peer's rows.

use std::time::Duration;

use foghorn_cluster::{
    AppId, Change, Fact, Ledger, LinkState, Message, NodeId, RowChange, View, ViewEvent,
};
use foghorn_protocol::{ChannelName, Member, Moment, Recipient, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

use crate::node;
use crate::strategies::colliding_fact;
use crate::view::PATIENCE;

#[derive(Clone, Debug)]
enum Step {
    Record(Fact),
    Flush,
    Heartbeat,
    Deliver(prop::sample::Index),
    Duplicate(prop::sample::Index),
    Lose(prop::sample::Index),
    Wait(u64),
    LinkDown,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => colliding_fact().prop_map(Step::Record),
        2 => Just(Step::Flush),
        1 => Just(Step::Heartbeat),
        6 => any::<prop::sample::Index>().prop_map(Step::Deliver),
        1 => any::<prop::sample::Index>().prop_map(Step::Duplicate),
        1 => any::<prop::sample::Index>().prop_map(Step::Lose),
        1 => (0..40u64).prop_map(Step::Wait),
        1 => Just(Step::LinkDown),
    ]
}

/// What is on its way.
#[derive(Clone, Debug)]
enum Flight {
    ToView(Message),
    ToPeer,
}

struct World {
    peer: NodeId,
    ledger: Ledger,
    /// The peer's rows at every number; what the view holds must be one of them.
    history: Vec<Vec<Fact>>,
    view: View,
    /// The rows as somebody knows them who only sees the changes.
    mirror: Mirror,
    flights: Vec<Flight>,
    now: Moment,
}

impl World {
    fn new(waiting_limit: usize) -> Self {
        let mut view = View::new(node(1), PATIENCE);
        view.on_timeout(Moment::default(), LinkState::Up);
        Self {
            peer: node(2),
            ledger: Ledger::new(node(2), waiting_limit),
            history: vec![vec![]],
            view,
            mirror: Mirror::default(),
            flights: Vec::new(),
            now: Moment::default(),
        }
    }

    fn rows(&self) -> Vec<Fact> {
        let Message::Snapshot { facts, .. } = self.ledger.snapshot([]) else {
            panic!("a ledger's snapshot");
        };
        facts
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Record(fact) => {
                self.ledger.record(fact);
                self.history.push(self.rows());
            }
            Step::Flush => {
                let news = self.ledger.flush();
                self.flights.extend(news.map(Flight::ToView));
            }
            Step::Heartbeat => self.flights.push(Flight::ToView(self.ledger.heartbeat())),
            Step::Deliver(at) => {
                if let Some(flight) = self.take(at) {
                    self.deliver(flight);
                }
            }
            Step::Duplicate(at) => {
                if let Some(flight) = self.take(at) {
                    self.flights.extend([flight.clone(), flight]);
                }
            }
            Step::Lose(at) => {
                self.take(at);
            }
            Step::Wait(seconds) => {
                self.now = self.now.after(Duration::from_secs(seconds));
                let events = self.view.on_timeout(self.now, LinkState::Up);
                self.follow(events);
            }
            Step::LinkDown => {
                let events = self.view.on_timeout(self.now, LinkState::Down);
                assert_eq!(events, []);
            }
        }
    }

    fn take(&mut self, at: prop::sample::Index) -> Option<Flight> {
        (!self.flights.is_empty()).then(|| self.flights.remove(at.index(self.flights.len())))
    }

    fn deliver(&mut self, flight: Flight) {
        match flight {
            Flight::ToView(message) => {
                let events = self.view.apply(self.peer, message, self.now);
                self.follow(events);
            }
            Flight::ToPeer => self.flights.push(Flight::ToView(self.ledger.snapshot([]))),
        }
    }

    fn follow(&mut self, events: Vec<ViewEvent>) {
        for event in events {
            match event {
                ViewEvent::Cached(_) => {}
                ViewEvent::Row(change) => {
                    assert_eq!(change.node, self.peer);
                    self.mirror.apply(change);
                }
                ViewEvent::NeedSnapshot(of) => {
                    assert_eq!(of, self.peer);
                    self.flights.push(Flight::ToPeer);
                }
                ViewEvent::SnapshotWanted(_) => panic!("nobody asked"),
            }
        }
        let rows = self.view.rows_of(self.peer);
        assert_eq!(self.mirror.facts(), rows, "changes add up to the rows");
        assert!(
            self.history.contains(&rows),
            "the peer never had these rows: {rows:?}"
        );
    }

    /// The bus behaves from here on.
    fn settle(&mut self) {
        self.step(Step::Flush);
        for _ in 0..2 {
            self.step(Step::Wait(PATIENCE.ask_again_after.as_secs()));
            self.step(Step::Heartbeat);
            while !self.flights.is_empty() {
                let flight = self.flights.remove(0);
                self.deliver(flight);
            }
        }
    }
}

/// A second opinion on what changes mean, stricter than the view: each must fit what was before.
#[derive(Default)]
struct Mirror {
    connected: u32,
    counts: BTreeMap<(AppId, Recipient), u32>,
    members: BTreeMap<(AppId, ChannelName, UserId), Member>,
}

impl Mirror {
    fn apply(&mut self, row: RowChange) {
        let app = row.app;
        match row.change {
            Change::Connected { before, after } => {
                assert_ne!(before, after);
                assert_eq!(std::mem::replace(&mut self.connected, after), before);
            }
            Change::Count {
                recipient,
                before,
                after,
            } => {
                assert_ne!(before, after);
                let was = self.counts.remove(&(app.clone(), recipient.clone()));
                assert_eq!(was.unwrap_or(0), before);
                if after > 0 {
                    self.counts.insert((app, recipient), after);
                }
            }
            Change::Joined(channel, member) => {
                let key = (app, channel, member.user_id.clone());
                assert!(self.members.insert(key, member).is_none());
            }
            Change::Updated(channel, member) => {
                let key = (app, channel, member.user_id.clone());
                let before = self.members.insert(key, member.clone());
                assert!(before.is_some_and(|before| before != member));
            }
            Change::Left(channel, user) => {
                assert!(self.members.remove(&(app, channel, user)).is_some());
            }
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let connected = (self.connected > 0).then(|| crate::connected(self.connected));
        let counts = self
            .counts
            .iter()
            .map(|((app, recipient), count)| Fact::Occupied {
                app: app.clone(),
                recipient: recipient.clone(),
                count: *count,
            });
        let members = self
            .members
            .iter()
            .map(|((app, channel, _), member)| Fact::Joined {
                app: app.clone(),
                channel: channel.clone(),
                member: member.clone(),
            });
        connected.into_iter().chain(counts).chain(members).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_loss_duplication_and_reordering_converges(
        steps in vec(step(), 0..120),
        waiting_limit in 1..8usize,
    ) {
        let mut world = World::new(waiting_limit);
        for step in steps {
            world.step(step);
        }
        world.settle();
        prop_assert_eq!(world.view.rows_of(world.peer), world.rows());
        prop_assert!(world.view.is_caught_up());
    }
}
