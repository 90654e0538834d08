//! What is given up is kept, and can be sent again.

use foghorn_courier::{Letters, Retry};

use crate::receiver::Receiver;
use crate::world::{World, delivery, in_memory, once};

const DEAD: &str = r#"foghorn_webhook_dead_letters{app_id="shop"}"#;

async fn with_dead(receiver: &mut Receiver, bodies: &[&str]) -> World {
    let mut settings = in_memory();
    settings.retry = Retry::new(once);
    let world = World::start(settings);
    for body in bodies {
        world.submit([delivery(&receiver.url(), "a", body)]);
        receiver.call().await.answer(500);
    }
    world.flush().await;
    world
}

#[tokio::test]
async fn after_the_last_attempt_it_is_a_dead_letter_and_the_lane_goes_on() {
    let mut receiver = Receiver::start().await;
    let world = World::start(in_memory());
    world.submit(["one", "two"].map(|body| delivery(&receiver.url(), "a", body)));
    for _ in 0..4 {
        let call = receiver.call().await;
        assert_eq!(call.text(), "one");
        call.answer(500);
    }
    let next = receiver.call().await;
    assert_eq!(next.text(), "two");
    next.answer(200);
    world.flush().await;
    let letters = world.dead().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "status 500");
    assert_eq!(letters[0].attempts, 4);
    assert_eq!(letters[0].delivery, delivery(&receiver.url(), "a", "one"));
    let failed = r#"foghorn_webhook_deliveries_total{app_id="shop",outcome="failed"}"#;
    assert_eq!(world.metric(failed), Some(1.0));
    assert_eq!(world.metric(DEAD), Some(1.0));
}

#[tokio::test]
async fn the_dead_are_sent_again_as_they_were() {
    let mut receiver = Receiver::start().await;
    let world = with_dead(&mut receiver, &["one", "two"]).await;
    let ids: Vec<_> = world.dead().await.iter().map(|one| one.id).collect();
    let twice = Letters::Ids(vec![ids[1], ids[1]]);
    assert_eq!(world.courier.redeliver(twice).await, 1);
    let call = receiver.call().await;
    assert_eq!(call.text(), "two");
    assert_eq!(call.header("x-pusher-signature"), "signature-of-two");
    assert_eq!(call.header("x-webhook-attempt"), "1");
    call.answer(200);
    world.flush().await;
    assert_eq!(world.metric(DEAD), Some(1.0));

    assert_eq!(world.courier.redeliver(Letters::Of("bank".into())).await, 0);
    assert_eq!(world.courier.redeliver(Letters::Of("shop".into())).await, 1);
    let call = receiver.call().await;
    assert_eq!(call.text(), "one");
    call.answer(500);
    world.flush().await;
    assert_eq!(world.dead().await.len(), 1, "it is dead again");
}

#[tokio::test]
async fn the_dead_are_listed_page_by_page_and_discarded() {
    let mut receiver = Receiver::start().await;
    let world = with_dead(&mut receiver, &["one", "two", "three"]).await;
    let courier = &world.courier;
    let first = courier.dead(Some("shop"), None, 2).await.unwrap();
    let first: Vec<_> = first.iter().map(|letter| letter.id).collect();
    assert_eq!(first.len(), 2);
    let rest = courier.dead(None, Some(first[1]), 2).await.unwrap();
    assert_eq!(&*rest[0].delivery.body, b"three");
    assert_eq!(rest.len(), 1);
    assert_eq!(courier.dead(Some("bank"), None, 9).await.unwrap(), []);

    assert_eq!(courier.discard(first.clone()).await, 2);
    assert_eq!(courier.discard(first).await, 0);
    assert_eq!(world.dead().await, rest);
}
