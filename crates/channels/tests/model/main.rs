//! The hub against a model that does one thing after the other: any sequence of joins, leaves and
//! sends, drained in slices of any size, gives every subscriber exactly what the model says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use foghorn_channels::{
    Announce, AppNumber, Change, Delivery, Drain, HashSeed, Hub, Joining, Key, Mailbox, Progress,
    QueueLimits, Remote, Send, Subscribe, SubscribeError,
};
use foghorn_protocol::{ChannelName, Frame, Limits, Member, ServerMessage, SocketId, UserId};
use proptest::prelude::*;

#[derive(Default)]
struct Inbox(Mutex<Vec<String>>);

impl Mailbox for Inbox {
    fn deliver(&self, frame: &Frame) -> Delivery {
        let text = String::from_utf8(frame.text().to_vec()).unwrap();
        self.0.lock().unwrap().push(text);
        Delivery::Accepted
    }
}

/// Records what would reach other nodes.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>, bool);

impl Announce for Recorder {
    fn interest(&self, _: &Key) -> Joining {
        if self.1 {
            Joining::Awaited
        } else {
            Joining::Done
        }
    }
    fn lost_interest(&self, key: &Key) {
        self.0.lock().unwrap().push(format!("lost {}", key.channel));
    }
    fn changed(&self, _: &Key, change: Change<'_>) {
        self.0.lock().unwrap().push(format!("{change:?}"));
    }
    fn relay(&self, key: &Key, _: &Send) {
        self.0
            .lock()
            .unwrap()
            .push(format!("relay {}", key.channel));
    }
}

fn hub(announce: Recorder) -> Hub {
    Hub::new(
        HashSeed::new(3, 4),
        QueueLimits::default(),
        Box::new(announce),
    )
}

fn key(name: &str) -> Key {
    Key {
        app: AppNumber(0),
        channel: ChannelName::parse(name, 200).unwrap(),
    }
}

fn socket(n: u64) -> SocketId {
    SocketId::from_random(n)
}

fn member(user: &str) -> Member {
    Member::parse(&format!(r#"{{"user_id":"{user}"}}"#), &Limits::default()).unwrap()
}

fn event(key: &Key, n: usize) -> Frame {
    let data = n.to_string();
    ServerMessage::Event {
        event: "e",
        channel: &key.channel,
        data: &data,
        user_id: None,
    }
    .encode()
}

fn finish(drain: Option<Drain>) {
    if let Some(mut drain) = drain {
        while drain.run(3) == Progress::More {}
    }
}

/// The model: per channel the subscribers in joining order with their users, and what each was
/// told.
#[derive(Default)]
struct Model {
    seats: Vec<(u64, Option<String>)>,
    heard: BTreeMap<u64, Vec<String>>,
}

impl Model {
    fn tell(&mut self, text: &str, except: Option<u64>) {
        for (id, _) in self.seats.iter().filter(|(id, _)| Some(*id) != except) {
            self.heard.entry(*id).or_default().push(text.to_owned());
        }
    }

    fn users(&self) -> Vec<String> {
        let mut users: Vec<_> = self
            .seats
            .iter()
            .filter_map(|(_, user)| user.clone())
            .collect();
        users.sort();
        users.dedup();
        users
    }

    fn join(&mut self, channel: &ChannelName, id: u64, user: Option<String>) {
        if let Some(user) = &user
            && !self.users().contains(user)
        {
            let added = ServerMessage::MemberAdded {
                channel,
                member: &member(user),
            }
            .encode();
            self.tell(&String::from_utf8_lossy(added.text()), None);
        }
        let presence = user.is_some();
        self.seats.push((id, user));
        let ids: Vec<UserId> = self
            .users()
            .iter()
            .map(|u| UserId::parse(u, 128).unwrap())
            .collect();
        let members: Vec<_> = ids.iter().map(|id| (id, None)).collect();
        let ack = if presence {
            ServerMessage::PresenceSucceeded {
                channel,
                members: &members,
            }
            .encode()
        } else {
            ServerMessage::SubscriptionSucceeded { channel }.encode()
        };
        let text = String::from_utf8_lossy(ack.text()).into_owned();
        self.heard.entry(id).or_default().push(text);
    }

    fn leave(&mut self, channel: &ChannelName, id: u64) {
        let at = self.seats.iter().position(|(seat, _)| *seat == id).unwrap();
        if let (_, Some(user)) = self.seats.remove(at)
            && !self.users().contains(&user)
        {
            let user_id = UserId::parse(&user, 128).unwrap();
            let removed = ServerMessage::MemberRemoved {
                channel,
                user_id: &user_id,
            }
            .encode();
            self.tell(&String::from_utf8_lossy(removed.text()), None);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Join(usize, u64),
    Leave(usize, u64),
    Send(usize, Option<u64>),
    /// Goes on with the oldest unfinished drain.
    Run(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0usize..2, 0u64..8).prop_map(|(c, s)| Step::Join(c, s)),
        2 => (0usize..2, 0u64..8).prop_map(|(c, s)| Step::Leave(c, s)),
        3 => (0usize..2, prop::option::of(0u64..8)).prop_map(|(c, s)| Step::Send(c, s)),
        2 => (1usize..5).prop_map(Step::Run),
    ];
    prop::collection::vec(step, 0..60)
}

fn user_of(id: u64) -> String {
    format!("u{}", id % 3)
}

proptest! {
    #[test]
    fn every_subscriber_hears_what_the_model_says(steps in steps()) {
        let hub = hub(Recorder::default());
        let keys = [key("news"), key("presence-lobby")];
        let mut models = [Model::default(), Model::default()];
        let mut inboxes: BTreeMap<(usize, u64), Arc<Inbox>> = BTreeMap::new();
        let mut drains: Vec<Drain> = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Join(c, id) => {
                    if models[c].seats.iter().any(|(seat, _)| *seat == id) { continue }
                    let user = keys[c].channel.kind().is_presence().then(|| user_of(id));
                    let inbox = Arc::clone(inboxes.entry((c, id)).or_default());
                    let member = user.as_deref().map(member);
                    let subscribe =
                        Subscribe { socket: socket(id), mailbox: inbox, member, max_members: 100 };
                    drains.extend(hub.subscribe(&keys[c], subscribe).unwrap());
                    models[c].join(&keys[c].channel, id, user);
                }
                Step::Leave(c, id) => {
                    let seat = models[c].seats.iter().find(|(seat, _)| *seat == id);
                    let Some((_, user)) = seat else { continue };
                    let user = user.as_deref().map(|u| UserId::parse(u, 128).unwrap());
                    drains.extend(hub.unsubscribe(&keys[c], socket(id), user.as_ref()));
                    models[c].leave(&keys[c].channel, id);
                }
                Step::Send(c, except) => {
                    let frame = event(&keys[c], n);
                    models[c].tell(&String::from_utf8_lossy(frame.text()), except);
                    let send = Send { frame, except: except.map(socket) };
                    drains.extend(hub.publish(&keys[c], send));
                }
                Step::Run(budget) => {
                    if let Some(mut drain) = drains.pop()
                        && drain.run(budget) == Progress::More
                    {
                        drains.push(drain);
                    }
                }
            }
            for (c, model) in models.iter().enumerate() {
                let occupancy = hub.occupancy(&keys[c]);
                prop_assert_eq!(occupancy.subscriptions, model.seats.len() as u64);
                prop_assert_eq!(occupancy.users, model.users().len());
            }
        }
        for drain in drains { finish(Some(drain)); }
        for (c, model) in models.iter_mut().enumerate() {
            for (id, heard) in &model.heard {
                prop_assert_eq!(&*inboxes[&(c, *id)].0.lock().unwrap(), heard);
            }
            for (id, user) in std::mem::take(&mut model.seats) {
                let user = user.map(|u| UserId::parse(&u, 128).unwrap());
                finish(hub.unsubscribe(&keys[c], socket(id), user.as_ref()));
            }
        }
        prop_assert_eq!(hub.channels(), 0, "all have left, nothing remains");
    }
}

fn subscribe_one(hub: &Hub, key: &Key, id: u64, user: Option<&str>) -> (Arc<Inbox>, Option<Drain>) {
    let inbox = Arc::new(Inbox::default());
    let mailbox: Arc<dyn Mailbox> = Arc::clone(&inbox) as _;
    let subscribe = Subscribe {
        socket: socket(id),
        mailbox,
        member: user.map(member),
        max_members: 2,
    };
    let drain = hub.subscribe(key, subscribe).unwrap();
    (inbox, drain)
}

#[test]
fn a_join_waits_until_its_topic_is_joined() {
    let hub = hub(Recorder(Arc::default(), true));
    let news = key("news");
    let (inbox, drain) = subscribe_one(&hub, &news, 1, None);
    assert!(
        drain.is_none(),
        "INV-ACK-1: no ack before the topic is joined"
    );
    assert!(
        hub.publish(
            &news,
            Send {
                frame: event(&news, 1),
                except: None
            }
        )
        .is_none()
    );
    assert!(inbox.0.lock().unwrap().is_empty());
    finish(hub.joined(&news));
    let heard = inbox.0.lock().unwrap().clone();
    assert_eq!(heard.len(), 2);
    assert!(heard[0].contains("subscription_succeeded"), "{heard:?}");
}

#[test]
fn a_lost_link_lets_those_who_wait_in() {
    let hub = hub(Recorder(Arc::default(), true));
    let (inbox, drain) = subscribe_one(&hub, &key("news"), 1, None);
    finish(drain);
    for drain in hub.stop_waiting() {
        finish(Some(drain));
    }
    assert_eq!(inbox.0.lock().unwrap().len(), 1);
}

#[test]
fn a_drain_that_is_dropped_loses_nothing() {
    let hub = hub(Recorder::default());
    let news = key("news");
    let inboxes: Vec<_> = (0..10)
        .map(|id| {
            let (inbox, drain) = subscribe_one(&hub, &news, id, None);
            finish(drain);
            inbox
        })
        .collect();
    let mut drain = hub
        .publish(
            &news,
            Send {
                frame: event(&news, 1),
                except: None,
            },
        )
        .unwrap();
    assert_eq!(drain.run(4), Progress::More);
    drop(drain);
    finish(hub.publish(
        &news,
        Send {
            frame: event(&news, 2),
            except: None,
        },
    ));
    for inbox in inboxes {
        assert_eq!(
            inbox.0.lock().unwrap().len(),
            3,
            "greeting and both events, once each"
        );
    }
}

#[test]
fn presence_is_merged_with_other_nodes() {
    let announced = Recorder::default();
    let hub = hub(announced.clone());
    let lobby = key("presence-lobby");
    let (inbox, drain) = subscribe_one(&hub, &lobby, 1, Some("zoe"));
    finish(drain);
    finish(hub.apply(
        &lobby,
        &Remote::Count {
            before: 0,
            after: 2,
        },
    ));
    finish(hub.apply(&lobby, &Remote::Joined(member("bob"))));
    finish(hub.apply(&lobby, &Remote::Joined(member("zoe"))));
    assert_eq!(hub.occupancy(&lobby).subscriptions, 3);
    assert_eq!(hub.occupancy(&lobby).users, 2);
    // Full for a newcomer, open for who is present elsewhere.
    let newcomer = Subscribe {
        socket: socket(2),
        mailbox: Arc::new(Inbox::default()),
        member: Some(member("eve")),
        max_members: 2,
    };
    assert!(hub.subscribe(&lobby, newcomer).is_err());
    finish(subscribe_one(&hub, &lobby, 3, Some("bob")).1);
    finish(hub.apply(&lobby, &Remote::Left(member("zoe").user_id)));
    finish(hub.apply(&lobby, &Remote::Left(member("bob").user_id)));
    // INV-SNAPSHOT-1: what follows the roster in the ack is exactly what changed since.
    let heard = inbox.0.lock().unwrap().clone();
    assert_eq!(
        heard.len(),
        2,
        "ack and one member_added for bob, nothing twice: {heard:?}"
    );
    finish(hub.unsubscribe(&lobby, socket(3), Some(&member("bob").user_id)));
    finish(hub.unsubscribe(&lobby, socket(1), Some(&member("zoe").user_id)));
    assert_eq!(
        hub.channels(),
        1,
        "it lives on while another node has subscribers"
    );
    finish(hub.apply(
        &lobby,
        &Remote::Count {
            before: 2,
            after: 0,
        },
    ));
    assert_eq!(hub.channels(), 0);
    assert!(
        announced
            .0
            .lock()
            .unwrap()
            .contains(&"lost presence-lobby".to_owned())
    );
}

#[test]
fn a_refused_newcomer_leaves_no_trace() {
    let hub = hub(Recorder::default());
    let lobby = key("presence-lobby");
    let newcomer = Subscribe {
        socket: socket(2),
        mailbox: Arc::new(Inbox::default()),
        member: Some(member("eve")),
        max_members: 0,
    };
    assert!(hub.subscribe(&lobby, newcomer).is_err());
    assert_eq!(hub.channels(), 0);
}

#[test]
fn a_full_queue_is_busy_until_it_is_drained() {
    let limits = QueueLimits {
        operations: usize::MAX,
        sends: 2,
        bytes: usize::MAX,
    };
    let hub = Hub::new(HashSeed::new(3, 4), limits, Box::new(Recorder::default()));
    let news = key("news");
    finish(subscribe_one(&hub, &news, 1, None).1);
    let send = || Send {
        frame: event(&news, 1),
        except: None,
    };
    let drain = hub.publish(&news, send());
    assert!(!hub.is_busy(&news));
    assert!(
        hub.publish(&news, send()).is_none(),
        "INV-BATON-1: one drainer at a time"
    );
    assert!(hub.is_busy(&news));
    finish(drain);
    assert!(!hub.is_busy(&news));
}

#[test]
fn newcomers_are_refused_when_too_much_waits_but_members_never_silence_a_publisher() {
    let limits = QueueLimits {
        sends: 2,
        bytes: usize::MAX,
        operations: 6,
    };
    let hub = Hub::new(HashSeed::new(3, 4), limits, Box::new(Recorder::default()));
    let lobby = key("presence-lobby");
    finish(subscribe_one(&hub, &lobby, 1, Some("zoe")).1);
    let send = Send {
        frame: event(&lobby, 1),
        except: None,
    };
    let drain = hub.publish(&lobby, send);
    // Somebody comes and goes while the channel is being drained: four operations each time.
    let (_, none) = subscribe_one(&hub, &lobby, 2, Some("bob"));
    assert!(none.is_none());
    assert!(
        hub.unsubscribe(&lobby, socket(2), Some(&member("bob").user_id))
            .is_none()
    );
    assert!(!hub.is_busy(&lobby), "members do not push publishers back");
    subscribe_one(&hub, &lobby, 3, Some("bob"));
    let newcomer = Subscribe {
        socket: socket(4),
        mailbox: Arc::new(Inbox::default()),
        member: Some(member("zoe")),
        max_members: 2,
    };
    assert_eq!(
        hub.subscribe(&lobby, newcomer).err(),
        Some(SubscribeError::Busy)
    );
    finish(drain);
    assert!(subscribe_one(&hub, &lobby, 4, Some("zoe")).1.is_some());
}
