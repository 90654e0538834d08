//! One after the other in a lane, and nobody waits for another's slow target.

use foghorn_courier::Retry;

use crate::receiver::Receiver;
use crate::world::{World, delivery, in_memory, tomorrow};

#[tokio::test]
async fn a_lane_waits_until_its_first_is_taken() {
    let mut receiver = Receiver::start().await;
    let world = World::start(in_memory());
    let url = receiver.url();
    world.submit(["one", "two", "three"].map(|body| delivery(&url, "a", body)));
    let first = receiver.call().await;
    assert_eq!(first.text(), "one");
    // It is submitted last, so the others would have come by now.
    world.submit([delivery(&url, "b", "other")]);
    let other = receiver.call().await;
    assert_eq!(other.text(), "other");
    other.answer(200);
    receiver.assert_no_call();
    first.answer(503);
    for expect in ["one", "two", "three"] {
        let call = receiver.call().await;
        assert_eq!(call.text(), expect);
        receiver.assert_no_call();
        call.answer(200);
    }
    world.flush().await;
}

#[tokio::test]
async fn a_slow_target_delays_no_other() {
    let mut slow = Receiver::start().await;
    let mut quick = Receiver::start().await;
    let mut settings = in_memory();
    settings.concurrency = 2;
    let world = World::start(settings);
    let channels = ["a", "b", "c"];
    world.submit(channels.map(|channel| delivery(&slow.url(), channel, channel)));
    let unanswered = [slow.call().await, slow.call().await];
    world.submit(channels.map(|channel| delivery(&quick.url(), channel, channel)));
    for _ in channels {
        quick.call().await.answer(200);
    }
    slow.assert_no_call();
    for call in unanswered {
        call.answer(200);
    }
    let third = slow.call().await;
    assert_eq!(third.text(), "c");
    third.answer(200);
    world.flush().await;
}

#[tokio::test]
async fn who_waits_for_another_attempt_takes_no_place() {
    let mut receiver = Receiver::start().await;
    let mut settings = in_memory();
    settings.concurrency = 1;
    settings.retry = Retry::new(tomorrow);
    let world = World::start(settings);
    world.submit(["a", "b"].map(|channel| delivery(&receiver.url(), channel, channel)));
    receiver.call().await.answer(500);
    let next = receiver.call().await;
    assert_eq!(next.text(), "b");
    next.answer(200);
    // What is due tomorrow is nothing to wait for.
    world.flush().await;
    assert_eq!(world.backlog().unwrap().waiting, 1);
}
