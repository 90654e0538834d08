//! The in-process driver: waking, bounds, detaching.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::suite;

fn node(bits: u64) -> NodeId {
    NodeId::from_random(bits)
}

/// Polls once: nothing in memory has a reason to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match poll(future) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing there"),
    }
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn say(bus: &LocalHandle, text: &'static str) {
    assert_eq!(
        now(bus.publish(&Topic::Control, text.into())),
        Ok(()),
        "{text}"
    );
}

fn heard(text: &'static str) -> Inbound {
    Inbound::Message {
        topic: Topic::Control,
        bytes: text.into(),
    }
}

#[test]
fn the_seam_suite() {
    let bus = LocalBus::new();
    let seats = [1, 2, 3].map(|bits| {
        let (handle, inbox) = bus.attach(node(bits));
        suite::Seat {
            node: node(bits),
            bus: handle,
            inbox,
        }
    });
    now(suite::run(seats));
}

#[test]
fn a_node_is_alone_until_another_attaches_and_after_it_detached() {
    let bus = LocalBus::new();
    let (a, mut at_a) = bus.attach(node(1));
    assert_eq!(a.reach(), Reach::Alone);
    say(&a, "to nobody");

    let (b, at_b) = bus.attach(node(2));
    assert_eq!((a.reach(), b.reach()), (Reach::Peers, Reach::Peers));

    drop(at_b);
    assert_eq!(a.reach(), Reach::Alone);
    assert_eq!(
        now(b.publish(&Topic::Control, Bytes::new())),
        Err(BusError::LinkDown)
    );
    assert!(poll(at_a.next()).is_pending());
}

#[test]
fn an_inbox_that_overflows_looks_like_a_broken_link() {
    let bus = LocalBus::with_capacity(4);
    let (a, _at_a) = bus.attach(node(1));
    let (_b, mut at_b) = bus.attach(node(2));
    let (_c, mut at_c) = bus.attach(node(3));

    for text in ["1", "2", "3", "4"] {
        say(&a, text);
    }
    assert_eq!(at_b.overflows(), 0);
    assert_eq!(now(at_c.next()), heard("1"));

    say(&a, "5");
    assert_eq!((at_b.overflows(), at_c.overflows()), (1, 0));
    for expect in [Inbound::LinkDown, Inbound::LinkUp, heard("5")] {
        assert_eq!(now(at_b.next()), expect);
    }
    assert!(poll(at_b.next()).is_pending());
    for expect in ["2", "3", "4", "5"] {
        assert_eq!(now(at_c.next()), heard(expect));
    }
}

#[test]
fn a_reader_that_waits_is_woken_once_per_wait() {
    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let bus = LocalBus::new();
    let (a, _at_a) = bus.attach(node(1));
    let (_b, mut at_b) = bus.attach(node(2));
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);

    {
        let mut next = pin!(at_b.next());
        assert!(next.as_mut().poll(&mut context).is_pending());
        say(&a, "1");
        say(&a, "2");
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(next.poll(&mut context), Poll::Ready(heard("1")));
    }
    // A future dropped while it waited takes nothing along.
    assert_eq!(now(at_b.next()), heard("2"));
    drop(poll(at_b.next()));
    say(&a, "3");
    assert_eq!(now(at_b.next()), heard("3"));
}
