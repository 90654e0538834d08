//! Several sites on one bus, and time.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use foghorn_cluster::local::{LocalBus, LocalHandle, LocalInbox};
use foghorn_cluster::{AppId, Bus, Inbound, Inbox, Joining, Message, Topic};
use foghorn_node::{Clustering, Effect};
use foghorn_protocol::Moment;
use foghorn_protocol::fallback::SessionName;

use crate::site::{Clock, Setup, Site};

/// What becomes of a message on its way to the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    IsLost,
}

/// Sites that hear each other. A message leaves its node when [`World::carry`] takes it from there
/// and arrives when [`World::hear`] hands it over; [`World::settle`] does both until all is quiet.
pub(crate) struct World {
    bus: LocalBus,
    pub(crate) sites: Vec<Site>,
    lines: Vec<Line>,
    setup: Setup,
    clock: Clock,
}

struct Line {
    out: LocalHandle,
    inbox: LocalInbox,
    facts: Cell<Facts>,
    sent: RefCell<Vec<Sent>>,
}

/// What clients sent by way of another node: for which app's session, and the messages.
pub(crate) type Sent = (AppId, SessionName, Vec<String>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Facts {
    None,
    Waiting,
}

impl World {
    pub(crate) fn of(sites: usize) -> Self {
        Self::with(sites, Setup::default())
    }

    /// As [`World::of`], with sites that are set up like this.
    pub(crate) fn with(sites: usize, setup: Setup) -> Self {
        let mut world = Self::on(LocalBus::new());
        world.setup = Setup {
            clustering: Clustering::Linked(Joining::AtOnce),
            ..setup
        };
        for _ in 0..sites {
            world.add();
        }
        world
    }

    pub(crate) fn on(bus: LocalBus) -> Self {
        Self {
            bus,
            sites: Vec::new(),
            lines: Vec::new(),
            setup: Setup {
                clustering: Clustering::Linked(Joining::AtOnce),
                ..Setup::default()
            },
            clock: Clock::default(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Starts one more site; its place in [`World::sites`].
    pub(crate) fn add(&mut self) -> usize {
        let number = self.sites.len() as u64 + 1;
        let site = Site::on_clock(number, self.setup, self.clock.clone());
        let (out, inbox) = self.bus.attach(site.node.id());
        site.node.on_inbound(Inbound::LinkUp, self.now());
        self.sites.push(site);
        let facts = Cell::new(Facts::None);
        self.lines.push(Line {
            out,
            inbox,
            facts,
            sent: RefCell::default(),
        });
        self.sites.len() - 1
    }

    /// Time passes; the nodes do not notice yet.
    pub(crate) fn wait(&self, span: Duration) {
        self.clock.wait(span);
    }

    /// One site does what is due every second.
    pub(crate) fn tick(&self, site: usize) {
        self.sites[site].node.on_tick(self.now());
    }

    /// Carries out the oldest effect of a site; `fate` decides what becomes of its message.
    pub(crate) fn carry(
        &self,
        site: usize,
        fate: impl FnOnce(&Topic, &Message) -> Fate,
    ) -> Option<()> {
        let (at, line) = (&self.sites[site], &self.lines[site]);
        match at.next_effect()? {
            Effect::Drain(mut drain) => {
                at.finish(&mut drain, 16);
            }
            Effect::FactsWaiting => line.facts.set(Facts::Waiting),
            Effect::Sent {
                app,
                session,
                messages,
            } => line.sent.borrow_mut().push((app, session, messages)),
            Effect::CloseApp { .. } => panic!("nobody operates here"),
            // Tests ask when they want to.
            Effect::WebhooksWaiting => {}
            Effect::UsersWaiting => at.node.look_at_users(self.now()),
            Effect::Join(topic) => ready(line.out.join(&topic)).unwrap(),
            Effect::Leave(topic) => ready(line.out.leave(&topic)).unwrap(),
            Effect::Publish(topic, message) => {
                if fate(&topic, &message) == Fate::Arrives {
                    let bytes = message.encode(at.node.id());
                    ready(line.out.publish(&topic, bytes)).unwrap();
                }
            }
        }
        Some(())
    }

    /// Takes what a site's shell was handed for sessions.
    pub(crate) fn sent(&self, site: usize) -> Vec<Sent> {
        self.lines[site].sent.take()
    }

    /// Sends the facts of a site that wait, if any.
    pub(crate) fn flush(&self, site: usize) -> Option<()> {
        let waited = self.lines[site].facts.replace(Facts::None);
        (waited == Facts::Waiting).then(|| self.sites[site].node.flush_facts())
    }

    /// Hands a site the oldest message that has arrived for it, if the site listens to its topic:
    /// a broker would not even send it.
    pub(crate) fn hear(&mut self, site: usize) -> Option<()> {
        let inbound = poll_once(self.lines[site].inbox.next())?;
        let node = &self.sites[site].node;
        let listens = match &inbound {
            Inbound::Message { topic, .. } => node.wants(topic),
            _ => true,
        };
        if listens {
            node.on_inbound(inbound, self.clock.now());
        }
        Some(())
    }

    /// Moves everything until nothing moves any more.
    pub(crate) fn settle(&mut self) {
        self.settle_with(|_, _| Fate::Arrives);
    }

    /// As [`World::settle`], with messages lost on the way.
    pub(crate) fn settle_with(&mut self, mut fate: impl FnMut(&Topic, &Message) -> Fate) {
        for _ in 0..10_000 {
            let mut moved = false;
            for site in 0..self.sites.len() {
                while self.carry(site, &mut fate).is_some() {
                    moved = true;
                }
                moved |= self.flush(site).is_some();
                moved |= self.hear(site).is_some();
            }
            if !moved {
                return;
            }
        }
        panic!("the nodes never stop talking");
    }

    /// Lets a second pass in which every site ticks and all messages arrive.
    pub(crate) fn second(&mut self) {
        let all: Vec<usize> = (0..self.sites.len()).collect();
        self.second_of(&all);
    }

    /// As [`World::second`], but only these sites tick: the others are silent.
    pub(crate) fn second_of(&mut self, sites: &[usize]) {
        self.wait(Duration::from_secs(1));
        for &site in sites {
            self.tick(site);
        }
        self.settle();
    }

    /// Enough seconds for every loss to be noticed and repaired.
    pub(crate) fn quiesce(&mut self) {
        for _ in 0..8 {
            self.second();
        }
    }
}

/// A message that speaks of rows, not of events.
pub(crate) fn is_control(topic: &Topic) -> bool {
    match topic {
        Topic::Control | Topic::Node(_) => true,
        Topic::Audience { .. } => false,
    }
}

/// The result of a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    poll_once(future).unwrap()
}

/// The result of a future, if it need not wait.
fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
