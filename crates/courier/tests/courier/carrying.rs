//! What a request looks like, and which answers count.

use std::time::Duration;

use foghorn_courier::Retry;
use foghorn_webhooks::{Delivery, UnixMillis};

use crate::receiver::{Call, Receiver};
use crate::world::{World, delivery, in_memory, once};

#[tokio::test]
async fn a_request_is_what_verifiers_expect() {
    let mut receiver = Receiver::start().await;
    let world = World::start(in_memory());
    let url = format!("{}?token=1", receiver.url());
    world.submit([delivery(&url, "a", r#"{"time_ms":1}"#)]);
    let call = receiver.call().await;
    assert_eq!(call.line, "POST /hook?token=1 HTTP/1.1");
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!(call.header("x-pusher-key"), "k7f3d0c1b2a39485");
    let signature = "signature-of-{\"time_ms\":1}";
    assert_eq!(call.header("x-pusher-signature"), signature);
    assert_eq!(call.header("x-webhook-attempt"), "1");
    assert_eq!(call.header("x-env"), "prod");
    let agent = concat!("foghorn/", env!("CARGO_PKG_VERSION"));
    assert_eq!(call.header("user-agent"), agent);
    assert_eq!(call.header("host"), format!("127.0.0.1:{}", receiver.port));
    assert_eq!(call.text(), r#"{"time_ms":1}"#);
    call.answer(204);
    world.flush().await;
    let metric = r#"foghorn_webhook_deliveries_total{app_id="shop",outcome="delivered"}"#;
    assert_eq!(world.metric(metric), Some(1.0));
    assert_eq!(world.backlog(), None);
}

#[tokio::test]
async fn every_answer_but_2xx_is_a_failure_and_each_attempt_is_the_same() {
    let mut receiver = Receiver::start().await;
    let elsewhere = Receiver::start().await;
    let world = World::start(in_memory());
    world.submit([delivery(&receiver.url(), "a", "body")]);
    let redirect = format!(
        "HTTP/1.1 302 x\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url()
    );
    let answers: [&dyn Fn(Call); 4] = [
        &|call| call.answer(500),
        &|call| call.answer_with(&redirect),
        &Call::hang_up,
        &|call| call.answer(200),
    ];
    for (before, answer) in answers.into_iter().enumerate() {
        let call = receiver.call().await;
        assert_eq!(call.header("x-webhook-attempt"), (before + 1).to_string());
        assert_eq!(call.header("x-pusher-signature"), "signature-of-body");
        assert_eq!(call.text(), "body");
        answer(call);
    }
    world.flush().await;
    assert_eq!(world.dead().await, []);
    let attempts = |result| {
        let name = "foghorn_webhook_attempts_total";
        world.metric(&format!("{name}{{app_id=\"shop\",result=\"{result}\"}}"))
    };
    assert_eq!(attempts("status"), Some(2.0));
    assert_eq!(attempts("connection"), Some(1.0));
    assert_eq!(attempts("ok"), Some(1.0));
    let retries = world.metric(r#"foghorn_webhook_retries_total{app_id="shop"}"#);
    assert_eq!(retries, Some(3.0));
}

#[tokio::test]
async fn a_wall_clock_that_was_put_back_or_forth_leaves_the_retries() {
    let mut receiver = Receiver::start().await;
    let mut settings = in_memory();
    // An age that no delivery of this test has by the courier's own clock.
    settings.retry = Retry::new(|attempts, since, now, _| {
        let age = now.0.checked_sub(since.0)?;
        (attempts < 2 && age < 3_600_000).then_some(now)
    });
    let world = World::start(settings);
    for created in [0, u64::MAX] {
        let created = UnixMillis(created);
        let one = delivery(&receiver.url(), "a", "x");
        world.submit([Delivery { created, ..one }]);
        receiver.call().await.answer(500);
        let again = receiver.call().await;
        assert_eq!(again.header("x-webhook-attempt"), "2");
        again.answer(200);
        world.flush().await;
    }
}

#[tokio::test]
async fn who_does_not_answer_is_asked_again() {
    let mut receiver = Receiver::start().await;
    let mut settings = in_memory();
    settings.requests.timeout = Duration::from_millis(50);
    let world = World::start(settings);
    world.submit([delivery(&receiver.url(), "a", "x")]);
    let unanswered = receiver.call().await;
    let again = receiver.call().await;
    assert_eq!(again.header("x-webhook-attempt"), "2");
    again.answer(200);
    world.flush().await;
    drop(unanswered);
    let metric = r#"foghorn_webhook_attempts_total{app_id="shop",result="timeout"}"#;
    assert_eq!(world.metric(metric), Some(1.0));
}

#[tokio::test]
async fn an_answer_is_not_read_for_ever() {
    let mut receiver = Receiver::start().await;
    let world = World::start(in_memory());
    world.submit(["one", "two"].map(|body| delivery(&receiver.url(), "a", body)));
    let endless = format!(
        "HTTP/1.1 200 x\r\ncontent-length: 100000000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    receiver.call().await.answer_with(&endless);
    let next = receiver.call().await;
    assert_eq!(next.text(), "two");
    next.answer(200);
    world.flush().await;
}

#[tokio::test]
async fn reasons_say_what_is_wrong() {
    let mut receiver = Receiver::start().await;
    let nobody = Receiver::start().await.port;
    let mut settings = in_memory();
    settings.retry = Retry::new(once);
    let world = World::start(settings);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("http://{}/?secret", closed.local_addr().unwrap());
    drop(closed);
    let tls_at_plain = format!("https://127.0.0.1:{nobody}/");
    // Too long for DNS, so nobody is asked for it.
    let unknown = format!("http://{}/", "x".repeat(64));
    for (url, expect) in [
        (refused.as_str(), "connection refused"),
        (tls_at_plain.as_str(), "tls handshake eof"),
        (unknown.as_str(), "host not found: "),
    ] {
        world.submit([delivery(url, "a", "x")]);
        world.flush().await;
        let letter = world.dead().await.pop().unwrap();
        assert!(letter.reason.starts_with(expect), "{}", letter.reason);
    }
    for (answer, expect) in [
        ("HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n", "status 404"),
        ("220 mail.example.test\r\n\r\n", "the answer is no HTTP"),
    ] {
        world.submit([delivery(&receiver.url(), "a", "x")]);
        receiver.call().await.answer_with(answer);
        world.flush().await;
        let letter = world.dead().await.pop().unwrap();
        assert_eq!(letter.reason, expect);
    }
}
