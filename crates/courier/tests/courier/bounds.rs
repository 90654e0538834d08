//! What is given up when too much comes.

use std::time::Duration;

use foghorn_courier::Retry;
use foghorn_webhooks::Delivery;

use crate::receiver::Receiver;
use crate::world::{World, client_event, delivery, in_memory};

fn dropped(world: &World, reason: &str) -> Option<f64> {
    let name = "foghorn_webhook_dropped_total";
    world.metric(&format!("{name}{{app_id=\"shop\",reason=\"{reason}\"}}"))
}

/// Answers all that comes until nothing is left, and returns the bodies.
async fn drain(world: &World, receiver: &mut Receiver) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        tokio::select! {
            call = receiver.call() => {
                bodies.push(call.text().to_owned());
                call.answer(200);
            }
            () = world.flush() => return bodies,
        }
    }
}

#[tokio::test]
async fn the_oldest_client_events_are_dropped_and_the_oldest_states_become_letters() {
    let mut receiver = Receiver::start().await;
    let url = receiver.url();
    let mut settings = in_memory();
    settings.bounds.client_events = 1;
    settings.bounds.state = 2;
    let world = World::start(settings);
    world.submit([delivery(&url, "a", "first")]);
    let first = receiver.call().await;
    world.submit(["c1", "c2", "c3"].map(|body| client_event(&url, "a", body)));
    world.submit(["s1", "s2"].map(|body| delivery(&url, "a", body)));
    world.courier.flush(Duration::ZERO).await;
    assert_eq!(dropped(&world, "queue_full"), Some(2.0));
    let letters = world.dead().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(&*letters[0].delivery.body, b"s1");
    let reason = "queue full: more than 2 wait for this target";
    assert_eq!((&*letters[0].reason, letters[0].attempts), (reason, 0));
    let depth = world.metric(r#"foghorn_webhook_queue_depth{app_id="shop"}"#);
    assert_eq!(depth, Some(3.0));
    let oldest = r#"foghorn_webhook_oldest_seconds{app_id="shop"}"#;
    let age = world.metric(oldest).unwrap();
    assert!(
        (0.0..3_600.0).contains(&age),
        "by the courier's clock: {age}"
    );
    first.answer(200);
    assert_eq!(drain(&world, &mut receiver).await, ["c3", "s2"]);
}

#[tokio::test]
async fn more_than_can_be_stored_is_not_let_in() {
    let mut receiver = Receiver::start().await;
    let url = receiver.url();
    let mut settings = in_memory();
    settings.bounds.entrance = 1;
    let world = World::start(settings);
    let events = ["c1", "c2"].map(|body| client_event(&url, "a", body));
    let states = ["s1", "s2"].map(|body| delivery(&url, "a", body));
    let all: Vec<Delivery> = events.into_iter().chain(states).collect();
    world.submit(all);
    assert_eq!(dropped(&world, "entrance_full"), Some(2.0));
    assert_eq!(drain(&world, &mut receiver).await, ["c1", "s1"]);
    world.submit([client_event(&url, "a", "later")]);
    assert_eq!(drain(&world, &mut receiver).await, ["later"]);
}

#[tokio::test]
async fn the_oldest_dead_letters_go() {
    let mut receiver = Receiver::start().await;
    let mut settings = in_memory();
    settings.bounds.dead_letters = 2;
    settings.retry = Retry::new(crate::world::once);
    let world = World::start(settings);
    for body in ["one", "two", "three"] {
        world.submit([delivery(&receiver.url(), "a", body)]);
        receiver.call().await.answer(500);
    }
    world.flush().await;
    let letters = world.dead().await;
    let bodies: Vec<_> = letters.iter().map(|one| &*one.delivery.body).collect();
    assert_eq!(bodies, [b"two" as &[u8], b"three"]);
    assert_eq!(dropped(&world, "dead_letters_full"), Some(1.0));
}

#[tokio::test]
async fn a_removed_app_takes_what_waits_along() {
    let mut receiver = Receiver::start().await;
    let world = World::start(in_memory());
    world.submit(["one", "two"].map(|body| delivery(&receiver.url(), "a", body)));
    let first = receiver.call().await;
    world.courier.forget("shop".into());
    world.courier.flush(Duration::ZERO).await;
    assert_eq!(world.backlog(), None);
    assert_eq!(dropped(&world, "app_removed"), Some(2.0));
    first.answer(500);
    world.flush().await;
    receiver.assert_no_call();
    assert_eq!(world.dead().await, []);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_target_that_hangs() {
    let mut receiver = Receiver::start().await;
    let world = World::start(in_memory());
    world.submit([delivery(&receiver.url(), "a", "x")]);
    let unanswered = receiver.call().await;
    world.courier.flush(Duration::from_millis(20)).await;
    assert_eq!(world.backlog().unwrap().waiting, 1);
    unanswered.answer(200);
    world.flush().await;
    assert_eq!(world.backlog(), None);
}
