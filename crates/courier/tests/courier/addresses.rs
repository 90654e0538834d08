//! Whom requests go to: only where they may, and only to who proves to be it.

use std::path::PathBuf;

use foghorn_courier::{Addresses, Courier, OpenError, Retry};
use prometheus::Registry;

use crate::receiver::Receiver;
use crate::world::{World, delivery, in_memory, once};

fn authority() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/courier/tls/authority.pem")
}

#[tokio::test]
async fn private_addresses_can_be_forbidden_however_they_are_written() {
    let mut receiver = Receiver::start().await;
    let mut settings = in_memory();
    settings.retry = Retry::new(once);
    settings.requests.addresses = Addresses::Public;
    let world = World::start(settings);
    let port = receiver.port;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "127.1",
        "[::ffff:127.0.0.1]",
    ] {
        world.submit([delivery(&format!("http://{host}:{port}/"), "a", "x")]);
        world.flush().await;
        let letter = world.dead().await.pop().unwrap();
        let reason = "the address is not public, which is not allowed here";
        assert_eq!(letter.reason, reason, "{host}");
        assert_eq!(world.courier.discard(vec![letter.id]).await, 1);
    }
    receiver.assert_no_call();
    let metric = r#"foghorn_webhook_attempts_total{app_id="shop",result="blocked"}"#;
    assert_eq!(world.metric(metric), Some(5.0));
}

#[tokio::test]
async fn a_certificate_has_to_be_trusted_and_to_fit_the_name() {
    let mut receiver = Receiver::start_tls().await;
    let port = receiver.port;
    let mut settings = in_memory();
    settings.retry = Retry::new(once);
    let stranger = World::start(settings.clone());
    stranger.submit([delivery(&format!("https://localhost:{port}/"), "a", "x")]);
    stranger.flush().await;
    let letter = stranger.dead().await.pop().unwrap();
    let expect = "TLS: invalid peer certificate";
    assert!(letter.reason.starts_with(expect), "{}", letter.reason);

    settings.requests.ca_file = Some(authority());
    let world = World::start(settings);
    world.submit([delivery(&format!("https://127.0.0.1:{port}/"), "a", "x")]);
    world.flush().await;
    let letter = world.dead().await.pop().unwrap();
    assert!(letter.reason.starts_with(expect), "{}", letter.reason);

    receiver.assert_no_call();
    world.submit([delivery(
        &format!("https://localhost:{port}/"),
        "a",
        "secret",
    )]);
    let call = receiver.call().await;
    assert_eq!(call.text(), "secret");
    call.answer(200);
    world.flush().await;
    assert_eq!(world.dead().await.len(), 1);
}

#[test]
fn a_file_without_certificates_is_named() {
    for file in ["tests/courier/tls/key.pem", "no-such-file.pem"] {
        let mut settings = in_memory();
        settings.requests.ca_file = Some(file.into());
        let opened = Courier::open(settings, &Registry::new());
        let error = opened.map(|_| ()).unwrap_err();
        assert!(matches!(error, OpenError::Authorities(_)));
        assert!(error.to_string().starts_with(file), "{error}");
    }
}
