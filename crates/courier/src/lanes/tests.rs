//! The order, in virtual time.

use foghorn_protocol::ChannelName;

use super::*;

const WIDTHS: Widths = Widths {
    concurrency: 2,
    state: 3,
    client_events: 2,
};

const NOBODY: [u64; 0] = [];

const NOW: UnixMillis = UnixMillis(1_000_000);

struct Bench {
    lanes: Lanes,
    last: u64,
}

impl Bench {
    fn new(widths: Widths) -> Self {
        Self {
            lanes: Lanes::new(widths),
            last: 0,
        }
    }

    fn wide() -> Self {
        Self::new(Widths {
            concurrency: 2,
            state: 1_000,
            client_events: 1_000,
        })
    }

    /// Adds a delivery of the app `a` and gives its number.
    fn add(&mut self, host: &str, channel: &str) -> u64 {
        assert_eq!(self.add_as("a", host, channel, Class::State), None);
        self.last
    }

    fn add_as(&mut self, app: &str, host: &str, channel: &str, class: Class) -> Option<u64> {
        self.last += 1;
        let entry = entry(self.last, app, host, channel, class);
        self.lanes.add(entry).map(|overflow| overflow.id.0)
    }

    fn start_at(&mut self, now: UnixMillis) -> Vec<u64> {
        let turns = self.lanes.start(now);
        turns.into_iter().map(|turn| turn.id.0).collect()
    }

    fn start(&mut self) -> Vec<u64> {
        self.start_at(NOW)
    }

    fn done(&mut self, id: u64) {
        assert!(self.lanes.done(Id(id)), "{id} is known");
    }

    fn retry(&mut self, id: u64, attempts: u32, next: UnixMillis) {
        assert!(self.lanes.retry(Id(id), Progress { attempts, next }));
    }
}

fn entry(id: u64, app: &str, host: &str, channel: &str, class: Class) -> Entry {
    Entry {
        id: Id(id),
        app: app.into(),
        target: Arc::new(Target {
            url: format!("http://{host}/"),
            headers: Vec::new(),
        }),
        lane: Lane::Channel(ChannelName::parse(channel, 100).unwrap()),
        class,
        since: UnixMillis(id),
        progress: Progress::default(),
    }
}

fn later(millis: u64) -> UnixMillis {
    UnixMillis(NOW.0 + millis)
}

#[test]
fn a_lane_sends_one_after_the_other() {
    let mut bench = Bench::wide();
    let (first, second) = (bench.add("x", "c"), bench.add("x", "c"));
    assert_eq!(bench.start(), [first]);
    assert_eq!(bench.start(), NOBODY);
    bench.done(first);
    assert_eq!(bench.start(), [second]);
    bench.done(second);
    assert!(bench.lanes.settled(later(1_000_000)));
    assert!(bench.lanes.depths().is_empty());
}

#[test]
fn a_lane_waits_for_the_retry_of_its_head_and_others_do_not() {
    let mut bench = Bench::wide();
    let (head, behind) = (bench.add("x", "c"), bench.add("x", "c"));
    assert_eq!(bench.start(), [head]);
    bench.retry(head, 1, later(1_000));
    assert_eq!(bench.lanes.next(), Some(later(1_000)));
    assert_eq!(bench.start(), NOBODY);
    let (other, next) = (bench.add("x", "d"), bench.add("x", "e"));
    assert_eq!(
        bench.start(),
        [other, next],
        "a sleeping head takes no place"
    );
    bench.done(other);
    assert_eq!(bench.start_at(later(999)), NOBODY);
    let turns = bench.lanes.start(later(1_000));
    let again = Turn {
        id: Id(head),
        attempts: 1,
        failures: 1,
        since: UnixMillis(head),
    };
    assert_eq!(turns, [again]);
    bench.done(head);
    let fresh = Turn {
        id: Id(behind),
        attempts: 0,
        failures: 0,
        since: UnixMillis(behind),
    };
    assert_eq!(bench.lanes.start(later(1_000)), [fresh]);
}

#[test]
fn a_url_has_so_many_places_and_others_have_their_own() {
    let mut bench = Bench::wide();
    for channel in ["a", "b", "c", "d"] {
        bench.add("slow", channel);
    }
    let quick = bench.add("quick", "a");
    assert_eq!(bench.start(), [quick, 1, 2]);
    bench.done(1);
    assert_eq!(bench.start(), [3]);
    bench.done(3);
    bench.done(2);
    assert_eq!(bench.start(), [4]);
}

#[test]
fn lanes_take_turns() {
    let mut bench = Bench::new(Widths {
        concurrency: 1,
        ..WIDTHS
    });
    let busy = [bench.add("x", "busy"), bench.add("x", "busy")];
    let rare = bench.add("x", "rare");
    let mut order = Vec::new();
    while let [id] = bench.start()[..] {
        order.push(id);
        bench.done(id);
    }
    assert_eq!(order, [busy[0], rare, busy[1]]);
}

#[test]
fn the_oldest_of_a_class_goes_when_too_many_wait() {
    let mut bench = Bench::new(WIDTHS);
    let mut add = |class| bench.add_as("a", "x", "c", class);
    assert_eq!(add(Class::State), None);
    assert_eq!(add(Class::ClientEvents), None);
    assert_eq!(add(Class::ClientEvents), None);
    assert_eq!(add(Class::ClientEvents), Some(2));
    assert_eq!(add(Class::State), None);
    assert_eq!(add(Class::State), None);
    assert_eq!(add(Class::State), Some(1));
    let other_app = bench.add_as("b", "x", "c", Class::State);
    assert_eq!(other_app, None, "each app has room of its own");
    assert_eq!(bench.start(), [3, 8]);
}

#[test]
fn what_is_under_way_does_not_overflow_and_what_sleeps_does() {
    let mut bench = Bench::new(WIDTHS);
    for channel in ["a", "b", "c"] {
        bench.add("x", channel);
    }
    assert_eq!(bench.start(), [1, 2]);
    bench.retry(2, 4, later(60_000));
    let entry = entry(4, "a", "x", "d", Class::State);
    let overflow = bench.lanes.add(entry).unwrap();
    assert_eq!((overflow.id, overflow.attempts), (Id(2), 4));
    assert_eq!(bench.lanes.next(), None, "nothing is left to wake");
    assert_eq!(bench.start(), [3]);
}

#[test]
fn who_takes_the_place_of_a_sleeper_sleeps_on() {
    let mut bench = Bench::new(WIDTHS);
    let add = |bench: &mut Bench| bench.add_as("a", "x", "c", Class::State);
    assert_eq!(add(&mut bench), None);
    assert_eq!(bench.start(), [1]);
    bench.retry(1, 4, later(60_000));
    assert_eq!((add(&mut bench), add(&mut bench)), (None, None));
    for evicted in 1..50 {
        assert_eq!(add(&mut bench), Some(evicted));
        assert_eq!(bench.start_at(later(59_999)), NOBODY);
    }
    let turn = bench.lanes.start(later(60_000))[0];
    assert_eq!((turn.id, turn.attempts, turn.failures), (Id(50), 0, 4));
    bench.retry(50, 1, later(120_000));
    assert_eq!(add(&mut bench), Some(50));
    let turn = bench.lanes.start(later(120_000))[0];
    assert_eq!((turn.id, turn.attempts, turn.failures), (Id(51), 0, 5));
    bench.done(51);
    let turn = bench.lanes.start(later(120_000))[0];
    assert_eq!((turn.id, turn.failures), (Id(52), 0), "it works again");
}

#[test]
fn a_lane_is_in_line_once_however_much_overflows() {
    let mut bench = Bench::new(WIDTHS);
    for channel in ["a", "b"] {
        bench.add("x", channel);
    }
    assert_eq!(bench.start(), [1, 2], "there is no place left");
    for _ in 0..1_000 {
        bench.add_as("a", "x", "c", Class::State);
        bench.add_as("a", "x", "d", Class::ClientEvents);
        bench.add_as("a", "x", "e", Class::ClientEvents);
    }
    assert!(bench.lanes.endpoints.lined_up() <= 3);
    bench.lanes.forget("a");
    assert_eq!(bench.lanes.endpoints.lined_up(), 0);
}

#[test]
fn a_stored_head_goes_on_where_it_was() {
    let mut bench = Bench::wide();
    let mut head = entry(1, "a", "x", "c", Class::State);
    head.progress = Progress {
        attempts: 3,
        next: later(500),
    };
    bench.lanes.add(head);
    bench.lanes.add(entry(2, "a", "x", "c", Class::State));
    assert_eq!(bench.start(), NOBODY);
    let turn = bench.lanes.start(later(500))[0];
    assert_eq!((turn.id, turn.attempts), (Id(1), 3));
}

#[test]
fn a_forgotten_app_leaves_nothing_but_what_is_under_way() {
    let mut bench = Bench::wide();
    let one = bench.add("x", "c");
    bench.add("x", "c");
    let sleeper = bench.add("x", "d");
    bench.add_as("b", "x", "c", Class::State);
    assert_eq!(bench.start(), [one, sleeper]);
    bench.retry(sleeper, 1, later(10));
    assert_eq!(bench.lanes.forget("a"), 3);
    assert_eq!(bench.lanes.next(), None);
    assert!(!bench.lanes.settled(NOW), "one is under way");
    assert_eq!(bench.start(), [4]);
    assert!(!bench.lanes.done(Id(one)));
    assert!(!bench.lanes.retry(Id(sleeper), Progress::default()));
    bench.done(4);
    assert!(bench.lanes.settled(NOW));
}

#[test]
fn it_is_settled_when_nothing_is_due_in_time() {
    let mut bench = Bench::wide();
    assert!(bench.lanes.settled(NOW));
    let id = bench.add("x", "c");
    assert!(!bench.lanes.settled(NOW));
    bench.start();
    assert!(!bench.lanes.settled(NOW));
    bench.retry(id, 1, later(2_000));
    assert!(bench.lanes.settled(later(1_999)));
    assert!(!bench.lanes.settled(later(2_000)));
}

#[test]
fn depths_tell_how_many_wait_and_since_when() {
    let mut bench = Bench::wide();
    bench.add("x", "c");
    bench.add("y", "c");
    bench.add_as("b", "y", "c", Class::ClientEvents);
    let depth = |waiting, oldest| Depth {
        waiting,
        oldest: UnixMillis(oldest),
    };
    let expect = [("a".into(), depth(2, 1)), ("b".into(), depth(1, 3))];
    assert_eq!(bench.lanes.depths(), BTreeMap::from(expect));
}

mod model {
    //! Whatever happens, lanes keep their order and nothing is lost.

    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add {
            host: u8,
            channel: u8,
        },
        Start,
        /// The n-th of those under way is taken.
        Done(usize),
        /// The n-th of those under way is to be tried again after so many milliseconds.
        Retry(usize, u64),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..2u8, 0..3u8).prop_map(|(host, channel)| Step::Add { host, channel }),
            Just(Step::Start),
            (0..4usize).prop_map(Step::Done),
            (0..4usize, 1..50u64).prop_map(|(index, pause)| Step::Retry(index, pause)),
            (1..60u64).prop_map(Step::Pass),
        ]
    }

    struct Model {
        bench: Bench,
        now: UnixMillis,
        /// What waits in each lane, in order; the first may be under way.
        lanes: BTreeMap<(u8, u8), VecDeque<u64>>,
        under_way: Vec<(u64, (u8, u8))>,
    }

    impl Model {
        fn apply(&mut self, step: &Step) {
            match *step {
                Step::Add { host, channel } => {
                    let id = self.bench.add(&host.to_string(), &channel.to_string());
                    self.lanes.entry((host, channel)).or_default().push_back(id);
                }
                Step::Start => self.start(),
                Step::Done(index) if index < self.under_way.len() => {
                    let (id, lane) = self.under_way.remove(index);
                    self.bench.done(id);
                    assert_eq!(self.lanes.get_mut(&lane).unwrap().pop_front(), Some(id));
                }
                Step::Retry(index, pause) if index < self.under_way.len() => {
                    let (id, _) = self.under_way.remove(index);
                    self.bench.retry(id, 1, UnixMillis(self.now.0 + pause));
                }
                Step::Pass(millis) => self.now = UnixMillis(self.now.0 + millis),
                Step::Done(_) | Step::Retry(..) => {}
            }
        }

        fn start(&mut self) {
            for id in self.bench.start_at(self.now) {
                let heads = self.lanes.iter();
                let mut owners = heads.filter(|(_, queue)| queue.front() == Some(&id));
                let (lane, _) = owners.next().expect("only heads are sent");
                self.under_way.push((id, *lane));
            }
            for host in 0..2 {
                let busy = self.under_way.iter().filter(|(_, lane)| lane.0 == host);
                assert!(busy.count() <= 2);
            }
        }
    }

    proptest! {
        #[test]
        fn every_delivery_is_made_in_the_order_of_its_lane(
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let mut model = Model {
                bench: Bench::wide(),
                now: NOW,
                lanes: BTreeMap::new(),
                under_way: Vec::new(),
            };
            for step in &steps {
                model.apply(step);
            }
            // Nothing fails from now on, so all of it arrives.
            let total: usize = model.lanes.values().map(VecDeque::len).sum();
            for _ in 0..=total {
                model.apply(&Step::Pass(100));
                model.start();
                while !model.under_way.is_empty() {
                    model.apply(&Step::Done(0));
                }
            }
            prop_assert!(model.lanes.values().all(VecDeque::is_empty));
            prop_assert!(model.bench.lanes.settled(UnixMillis(u64::MAX)));
        }
    }
}
