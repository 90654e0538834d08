//! The desk against a world in which people come and go, a shell that sleeps unless it is woken,
//! and receivers who believe what they are told.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const DELAY: u64 = 3000;

#[derive(Clone, Debug)]
enum Step {
    /// A connection of a user.
    Join {
        channel: u8,
        user: u8,
        order: Order,
    },
    Part {
        channel: u8,
        user: u8,
        order: Order,
    },
    /// A client event, which fills batches.
    Say {
        channel: u8,
    },
    Pass {
        millis: u64,
    },
    Ask,
    /// All connections are lost, and what the receivers believe is restored.
    Restart {
        grace: u64,
    },
}

/// In which order a node notes what happens to a channel and its member at once, and whether the
/// shell asks in between.
#[derive(Clone, Copy, Debug)]
enum Order {
    ChannelFirst,
    MemberFirst,
    ChannelAskMember,
    MemberAskChannel,
}

fn step() -> impl Strategy<Value = Step> {
    let order = || {
        prop::sample::select(vec![
            Order::ChannelFirst,
            Order::MemberFirst,
            Order::ChannelAskMember,
            Order::MemberAskChannel,
        ])
    };
    let who = || (0..2u8, 0..3u8, order());
    let millis = prop_oneof![Just(0), 1..100u64, 1000..4000u64, Just(DELAY)];
    prop_oneof![
        6 => who().prop_map(|(channel, user, order)| Step::Join { channel, user, order }),
        6 => who().prop_map(|(channel, user, order)| Step::Part { channel, user, order }),
        1 => (0..2u8).prop_map(|channel| Step::Say { channel }),
        4 => millis.prop_map(|millis| Step::Pass { millis }),
        5 => Just(Step::Ask),
        1 => (DELAY..9000).prop_map(|grace| Step::Restart { grace }),
    ]
}

struct World {
    desk: Desk,
    rules: Webhooks,
    now: u64,
    connections: BTreeMap<(u8, u8), u32>,
    present: BTreeSet<Subject>,
    absent_since: BTreeMap<Subject, u64>,
    believed: BTreeSet<Subject>,
    is_woken: bool,
    /// How much the desk looks at when it is asked.
    most: usize,
}

impl World {
    fn new(rules: Webhooks) -> Self {
        Self {
            desk: Desk::default(),
            rules,
            now: 0,
            connections: BTreeMap::new(),
            present: BTreeSet::new(),
            absent_since: BTreeMap::new(),
            believed: BTreeSet::new(),
            is_woken: false,
            most: usize::MAX,
        }
    }

    fn name(number: u8) -> ChannelName {
        channel(&format!("presence-{number}"))
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Join {
                channel,
                user,
                order,
            } => self.join(channel, user, order),
            Step::Part {
                channel,
                user,
                order,
            } => self.part(channel, user, order),
            Step::Say { channel } => {
                let wake = self
                    .desk
                    .client_event(client_event(Self::name(channel).as_str(), 1));
                self.wake(wake);
            }
            Step::Pass { millis } => self.pass(millis),
            Step::Ask => self.ask(),
            Step::Restart { grace } => self.restart(grace),
        }
    }

    fn wake(&mut self, wake: Wake) {
        if wake == Wake::Shell {
            assert!(!self.is_woken, "woken twice");
            self.is_woken = true;
        }
    }

    /// Nothing is due that the shell did not know of.
    fn pass(&mut self, millis: u64) {
        let sleeps_until = self.desk.next().filter(|_| !self.is_woken);
        self.now += millis;
        // A shell that sleeps is never later than it was asked to be.
        if let Some(until) = sleeps_until.filter(|until| *until <= at(self.now)) {
            let end = self.now;
            self.now = u64::try_from(until.since_start().as_millis()).unwrap();
            self.ask();
            self.now = end;
        }
    }

    fn change(&mut self, subjects: Vec<Subject>, order: Order, is_coming: bool) {
        let is_reversed = matches!(order, Order::MemberFirst | Order::MemberAskChannel);
        let mut ordered = subjects;
        ordered.sort();
        if is_reversed {
            ordered.reverse();
        }
        for (index, subject) in ordered.iter().enumerate() {
            let between = matches!(order, Order::ChannelAskMember | Order::MemberAskChannel);
            if index > 0 && between {
                self.deliver();
            }
            if is_coming {
                self.present.insert(subject.clone());
            } else {
                self.present.remove(subject);
                self.absent_since.insert(subject.clone(), self.now);
            }
            let Subject { channel, user_id } = subject;
            let wake = match (user_id, is_coming) {
                (None, true) => self.desk.occupied(channel),
                (None, false) => self.desk.vacated(channel),
                (Some(user_id), true) => self.desk.member_added(channel, user_id),
                (Some(user_id), false) => self.desk.member_removed(channel, user_id),
            };
            self.wake(wake);
        }
    }

    /// The channel and the member, as far as they change with this user's connections.
    fn changing(&self, channel: u8, user_number: u8) -> Vec<Subject> {
        let name = Self::name(channel);
        let count = |user| self.connections.get(&(channel, user)).copied().unwrap_or(0);
        let mut changing = Vec::new();
        if count(user_number) == 0 {
            changing.push(member_subject(&name, &user(&user_number.to_string())));
        }
        if (0..3).all(|user| count(user) == 0) {
            changing.push(channel_subject(&name));
        }
        changing
    }

    fn join(&mut self, channel: u8, user: u8, order: Order) {
        let changing = self.changing(channel, user);
        *self.connections.entry((channel, user)).or_default() += 1;
        self.change(changing, order, true);
    }

    fn part(&mut self, channel: u8, user: u8, order: Order) {
        let connections = self.connections.entry((channel, user)).or_default();
        if *connections == 0 {
            return;
        }
        *connections -= 1;
        let changing = self.changing(channel, user);
        self.change(changing, order, false);
    }

    fn restart(&mut self, grace: u64) {
        self.desk = Desk::default();
        self.is_woken = false;
        self.connections.clear();
        for subject in std::mem::take(&mut self.present) {
            self.absent_since.insert(subject, self.now);
        }
        let told = self.believed.iter().cloned();
        self.rules.restart_delay = Duration::from_millis(grace);
        self.desk.restore(told);
        self.is_woken = true;
    }

    fn ask(&mut self) {
        self.deliver();
        while self.desk.has_more() {
            self.deliver();
        }
        if self.rules.batching == Batching::Off {
            let told: BTreeSet<_> = self.present.difference(&self.believed).collect();
            assert!(told.is_empty(), "nobody heard of {told:?}");
        }
    }

    /// The shell asks, and the receivers hear.
    fn deliver(&mut self) {
        let is_awake = self.is_woken || self.desk.next().is_some_and(|next| next <= at(self.now));
        let turn = Turn {
            most: self.most,
            ..turn(self.now)
        };
        let due = self.desk.due(turn, &self.rules, |_| true);
        assert!(is_awake || due.is_empty(), "slept over {due:?}");
        self.is_woken = false;
        let mut marks = due.marks.iter();
        for event in &due.events {
            let (subject, is_coming) = match event {
                Event::ChannelOccupied { channel } => (channel_subject(channel), true),
                Event::ChannelVacated { channel } => (channel_subject(channel), false),
                Event::MemberAdded { channel, user_id } => (member_subject(channel, user_id), true),
                Event::MemberRemoved { channel, user_id } => {
                    (member_subject(channel, user_id), false)
                }
                _ => continue,
            };
            let mark = if is_coming {
                Mark::Told(subject.clone())
            } else {
                Mark::TakenBack(subject.clone())
            };
            assert_eq!(marks.next(), Some(&mark), "marks go with their events");
            if is_coming {
                self.hear_coming(&subject);
            } else {
                self.hear_going(&subject);
            }
        }
        assert_eq!(marks.next(), None);
    }

    fn hear_coming(&mut self, subject: &Subject) {
        assert!(
            self.believed.insert(subject.clone()),
            "told twice: {subject:?}"
        );
        let its_channel = channel_subject(&subject.channel);
        assert!(
            self.believed.contains(&its_channel),
            "no channel: {subject:?}"
        );
    }

    fn hear_going(&mut self, subject: &Subject) {
        assert!(self.believed.remove(subject), "never told: {subject:?}");
        let mut left = self.believed.iter();
        let has_members = left.any(|other| other.channel == subject.channel);
        assert!(
            subject.user_id.is_some() || !has_members,
            "has members: {subject:?}"
        );
        // What waits in a batch may have come back since.
        if self.rules.batching == Batching::Off {
            assert!(!self.present.contains(subject), "is there: {subject:?}");
            let since = self.absent_since[subject];
            assert!(self.now >= since + DELAY, "since {since}: {subject:?}");
        }
    }

    /// Lets everything come to rest.
    fn rest(&mut self) {
        self.ask();
        let mut rounds = 0;
        while let Some(next) = self.desk.next() {
            rounds += 1;
            assert!(rounds < 100, "it does not come to rest");
            let next = u64::try_from(next.since_start().as_millis()).unwrap();
            self.now = self.now.max(next);
            self.ask();
        }
        assert_eq!(self.believed, self.present);
    }

    fn run(mut self, steps: &[Step]) {
        for step in steps {
            self.take(step);
        }
        self.rest();
        for key in Vec::from_iter(self.connections.keys().copied()) {
            while self.connections[&key] > 0 {
                self.part(key.0, key.1, Order::ChannelFirst);
            }
        }
        self.rest();
        assert!(self.desk.is_empty(), "{:?}", self.desk);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn receivers_believe_what_is_true(steps in prop::collection::vec(step(), 1..60)) {
        World::new(all()).run(&steps);
    }

    #[test]
    fn batches_change_nothing_but_time(
        steps in prop::collection::vec(step(), 1..60),
        window in 0..5000u64,
        most in 0..8usize,
    ) {
        let window = Duration::from_millis(window);
        let batching = Batching::Within { window, most };
        World::new(Webhooks { batching, ..all() }).run(&steps);
    }

    /// Whatever goes on happening between the parts of a round.
    #[test]
    fn receivers_believe_what_is_true_when_rounds_are_cut(
        steps in prop::collection::vec(step(), 1..80),
        most in 1..6usize,
    ) {
        let mut world = World::new(all());
        world.most = most;
        world.run(&steps);
    }

    #[test]
    fn counts_end_with_the_last(
        steps in prop::collection::vec(
            (prop_oneof![0..4u64, 99..103u64, Just(5000)], 0..3000u64, any::<bool>()),
            1..60,
        ),
    ) {
        let (mut desk, rules, news) = (Desk::default(), all(), channel("news"));
        let (mut now, mut told, mut last) = (0, Vec::<(u64, u64)>::new(), 0);
        let mut ask = |desk: &mut Desk, now: u64| {
            for event in desk.due(turn(now), &rules, |_| true).events {
                let Event::SubscriptionCount { count, .. } = event else { panic!("{event:?}") };
                if let Some((before, at)) = told.last() {
                    assert_ne!(*before, count);
                    assert!(count <= 100 || now >= at + 5000 || *before == 0, "{count} at {now}");
                }
                told.push((count, now));
            }
            told.last().map_or(0, |(count, _)| *count)
        };
        for (count, millis, asks) in steps {
            _ = desk.counted(&news, count);
            last = count;
            now += millis;
            if asks {
                ask(&mut desk, now);
            }
        }
        ask(&mut desk, now);
        let rest = desk.next().map_or(now, |next| next.since_start().as_millis() as u64);
        prop_assert_eq!(ask(&mut desk, rest.max(now)), last);
        prop_assert_eq!(desk.next(), None);
        prop_assert_eq!(desk.is_empty(), last == 0);
    }
}
