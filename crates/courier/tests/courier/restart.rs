//! What one process could not do, the next one does.

use std::sync::Arc;

use foghorn_courier::{Retry, Settings, StoreKind, Usage};
use foghorn_protocol::ChannelName;
use foghorn_webhooks::{Mark, Subject};

use crate::receiver::Receiver;
use crate::world::{Scratch, World, delivery, once, quick, tomorrow};

fn on_disk(scratch: &Scratch) -> Settings {
    Settings::new(
        StoreKind::Disk(scratch.path().to_owned()),
        Retry::new(quick),
    )
}

#[tokio::test]
async fn everything_not_taken_is_delivered_by_the_next_process() {
    let scratch = Scratch::new();
    let mut receiver = Receiver::start().await;
    let url = receiver.url();
    let world = World::start(on_disk(&scratch));
    world.submit(["one", "two", "three"].map(|body| delivery(&url, "a", body)));
    receiver.call().await.answer(200);
    receiver.call().await.answer(500);
    let second = receiver.call().await;
    assert_eq!(second.header("x-webhook-attempt"), "2");
    world.kill().await;
    second.hang_up();

    let world = World::start(on_disk(&scratch));
    for (body, attempt) in [("two", "2"), ("three", "1")] {
        let call = receiver.call().await;
        assert_eq!(call.text(), body);
        let signature = format!("signature-of-{body}");
        assert_eq!(call.header("x-pusher-signature"), signature);
        assert_eq!(call.header("x-webhook-attempt"), attempt);
        call.answer(200);
    }
    world.flush().await;
    world.kill().await;

    let world = World::start(on_disk(&scratch));
    assert_eq!(world.backlog(), None);
    world.flush().await;
    receiver.assert_no_call();
}

#[tokio::test]
async fn a_retry_keeps_its_time_over_a_restart() {
    let scratch = Scratch::new();
    let mut receiver = Receiver::start().await;
    let mut settings = on_disk(&scratch);
    settings.retry = Retry::new(tomorrow);
    let world = World::start(settings.clone());
    world.submit([delivery(&receiver.url(), "a", "x")]);
    receiver.call().await.answer(500);
    world.flush().await;
    world.kill().await;
    let world = World::start(settings);
    world.flush().await;
    receiver.assert_no_call();
    assert_eq!(world.backlog().unwrap().waiting, 1);
}

#[tokio::test]
async fn dead_letters_outlive_the_process() {
    let scratch = Scratch::new();
    let mut receiver = Receiver::start().await;
    let mut settings = on_disk(&scratch);
    settings.retry = Retry::new(once);
    let world = World::start(settings.clone());
    world.submit([delivery(&receiver.url(), "a", "x")]);
    receiver.call().await.answer(410);
    world.flush().await;
    let dead = world.dead().await;
    assert_eq!(dead.len(), 1);
    world.kill().await;
    let world = World::start(settings);
    assert_eq!(world.dead().await, dead);
    // The number of the dead is not given out again.
    world.submit([delivery(&receiver.url(), "a", "y")]);
    receiver.call().await.answer(410);
    world.flush().await;
    assert_eq!(world.dead().await.len(), 2);
}

#[tokio::test]
async fn only_what_was_not_let_in_is_not_remembered_as_told() {
    let scratch = Scratch::new();
    let receiver = Receiver::start().await;
    let mut settings = on_disk(&scratch);
    settings.bounds.entrance = 1;
    let world = World::start(settings.clone());
    let subjects = ["a", "b", "c"].map(|name| Subject {
        channel: ChannelName::parse(name, 200).unwrap(),
        user_id: None,
    });
    let shop: Arc<str> = "shop".into();
    let told = |subject: &Subject| (Arc::clone(&shop), Mark::Told(subject.clone()));
    world.courier.submit(
        ["a", "b", "c"]
            .map(|name| delivery(&receiver.url(), name, name))
            .to_vec(),
        subjects.iter().map(told).collect(),
    );
    world.kill().await;
    let world = World::start(settings);
    let [a, b, _] = subjects;
    assert_eq!(
        world.recovered.told,
        [a, b].map(|one| (Arc::clone(&shop), one))
    );
}

#[tokio::test]
async fn the_number_of_a_discarded_letter_is_not_given_out_again() {
    let scratch = Scratch::new();
    let mut receiver = Receiver::start().await;
    let mut settings = on_disk(&scratch);
    settings.retry = Retry::new(once);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let world = World::start(settings.clone());
        world.submit([delivery(&receiver.url(), "a", "x")]);
        receiver.call().await.answer(410);
        world.flush().await;
        let id = world.dead().await[0].id;
        assert_eq!(world.courier.discard(vec![id]).await, 1);
        ids.push(id);
        world.kill().await;
    }
    assert!(ids[0] < ids[1], "{ids:?}");
}

#[tokio::test]
async fn marks_and_usage_are_recovered() {
    let scratch = Scratch::new();
    let receiver = Receiver::start().await;
    let world = World::start(on_disk(&scratch));
    let shop: Arc<str> = "shop".into();
    let subject = |name| Subject {
        channel: ChannelName::parse(name, 200).unwrap(),
        user_id: None,
    };
    let marks = ["a", "b"].map(|name| (Arc::clone(&shop), Mark::Told(subject(name))));
    let told = delivery(&receiver.url(), "a", "x");
    world.courier.submit(vec![told], marks.to_vec());
    let back = Mark::TakenBack(subject("b"));
    world
        .courier
        .submit(Vec::new(), vec![(Arc::clone(&shop), back)]);
    let usage = |used| Usage {
        app: Arc::clone(&shop),
        day: 20_000,
        used,
    };
    world.courier.put_usage(vec![usage(1)]);
    world.courier.put_usage(vec![usage(7)]);
    world.kill().await;

    let world = World::start(on_disk(&scratch));
    assert_eq!(world.recovered.told, [(Arc::clone(&shop), subject("a"))]);
    assert_eq!(world.recovered.usage, [usage(7)]);
    world.courier.forget(Arc::clone(&shop));
    world.kill().await;

    let world = World::start(on_disk(&scratch));
    assert_eq!(world.recovered.told, []);
    assert_eq!(
        world.recovered.usage,
        [usage(7)],
        "it may come back the same day"
    );
    assert_eq!(world.backlog(), None);
}
