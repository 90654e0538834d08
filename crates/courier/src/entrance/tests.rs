//! Who is let in, and who waits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use foghorn_auth::AppKey;
use foghorn_webhooks::{Delivery, Lane, Target, UnixMillis};

use super::*;
use crate::store::{Id, Progress};

fn waiting(length: usize) -> Waiting {
    let url = "http://x/".to_owned();
    let headers = Vec::new();
    Waiting {
        id: Id(1),
        delivery: Delivery {
            app: "a".into(),
            target: Arc::new(Target { url, headers }),
            lane: Lane::App,
            class: Class::ClientEvents,
            created: UnixMillis(0),
            key: AppKey::parse("key").unwrap(),
            signature: String::new(),
            body: vec![0; length].into(),
        },
        since: UnixMillis(0),
        progress: Progress::default(),
    }
}

fn is_over(future: Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    future.poll(&mut context).is_ready()
}

#[test]
fn who_waits_for_room_loses_nothing() {
    let entrance = Entrance::new(2 * CHUNK);
    let chunk = || vec![waiting(1); CHUNK];
    for _ in 0..2 {
        assert!(is_over(pin!(entrance.room())));
        let (_, refused) = entrance.admit(chunk());
        assert!(refused.is_empty());
    }
    let mut room = pin!(entrance.room());
    assert!(!is_over(room.as_mut()));
    assert_eq!(entrance.admit(chunk()).1.len(), CHUNK, "who does not wait");
    entrance.leave(&chunk()[..CHUNK - 1]);
    assert!(!is_over(room.as_mut()));
    entrance.leave(&chunk()[..1]);
    assert!(is_over(room.as_mut()));
}

#[test]
fn long_bodies_are_taken_in_whole_and_hold_up_the_next() {
    let entrance = Entrance::new(2 * CHUNK);
    let long = vec![waiting(2 * BYTES_EACH); CHUNK + 1];
    assert!(entrance.admit(long.clone()).1.is_empty());
    assert!(!is_over(pin!(entrance.room())));
    assert_eq!(entrance.admit(vec![waiting(1)]).1.len(), 1);
    entrance.leave(&long);
    assert!(is_over(pin!(entrance.room())));
}

#[test]
fn nobody_waits_for_a_store_that_fails() {
    let entrance = Entrance::new(CHUNK);
    assert!(entrance.admit(vec![waiting(1); 2]).1.is_empty());
    let mut room = pin!(entrance.room());
    assert!(!is_over(room.as_mut()));
    entrance.set_failing(true);
    assert!(is_over(room.as_mut()));
    entrance.set_failing(false);
    assert!(!is_over(pin!(entrance.room())));
}

#[test]
fn what_is_inside_is_counted_by_app_from_the_oldest_on() {
    let entrance = Entrance::new(10);
    let (mut one, mut two) = (waiting(1), waiting(1));
    (one.since, two.since) = (UnixMillis(5), UnixMillis(7));
    entrance.admit(vec![one.clone(), two.clone()]);
    let depth = |waiting, oldest| {
        let oldest = UnixMillis(oldest);
        BTreeMap::from([("a".into(), Depth { waiting, oldest })])
    };
    assert_eq!(entrance.depths(), depth(2, 5));
    entrance.leave(&[one]);
    assert_eq!(entrance.depths(), depth(1, 7));
    entrance.leave(&[two]);
    assert!(entrance.depths().is_empty());
}

#[test]
fn only_the_latest_usage_of_an_app_waits() {
    let entrance = Entrance::new(10);
    let usage = |app: &str, used| Usage {
        app: app.into(),
        day: 1,
        used,
    };
    assert!(entrance.put_usage(vec![usage("a", 1), usage("b", 2)]));
    assert!(!entrance.put_usage(vec![usage("a", 3)]));
    assert_eq!(entrance.take_usage(), [usage("a", 3), usage("b", 2)]);
    assert_eq!(entrance.take_usage(), []);
    assert!(!entrance.put_usage(Vec::new()));
}
