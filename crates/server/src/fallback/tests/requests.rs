//! Two nodes, and a client whose requests reach the wrong one.

use foghorn_config::{Config, Sources};
use prometheus::Registry;

use super::*;
use crate::capacity::Capacity;
use crate::http1::tests::with_request;

/// A node on `bus` with all that its requests share.
fn node_on(bus: &LocalBus) -> Shared {
    let sources = Sources {
        file: None,
        environment: Vec::new(),
        flags: Vec::new(),
    };
    let config = Config::load(sources).unwrap().config;
    let capacity = Capacity {
        open_files: 100,
        connections: 50,
    };
    let composed = composition::node(&config, capacity, &Registry::new(), bus).unwrap();
    let clock = Clock::start();
    tokio::spawn(composed.link.run(clock));
    composition::shared(&config, (composed.node, composed.sessions), clock)
}

/// What becomes of a request to `path`.
async fn ask(shared: &Shared, path: &str, body: &str) -> (u16, String) {
    let request = format!("POST {path}?protocol=7 HTTP/1.1\r\n\r\n");
    let peer = Peer {
        address: [127, 0, 0, 1].into(),
        encryption: Encryption::Plain,
    };
    let step: Step<Sending, Upgrade> =
        with_request(&request, |head| shared.fall_back(head, peer, path)).unwrap();
    let answer = match step {
        Step::Answer(answer) => answer,
        Step::Later(answer) => answer.await,
        Step::Body(sending, _) => shared.finish_sending(sending, Ok(body.as_bytes())),
        Step::Upgrade { .. } => unreachable!("no stream is asked for"),
    };
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    (answer.status.as_u16(), body)
}

const BASE: &str = "/pusher/app/app-key/469/l1o1166u";

fn subscribe(channel: &str) -> String {
    let message = format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}"#);
    format!("[\"{}\"]", message.replace('"', "\\\""))
}

#[tokio::test]
async fn what_is_sent_to_the_wrong_node_reaches_the_session() {
    let bus = LocalBus::new();
    // The second seat is taken before the first node looks, so neither thinks that it is alone.
    let (_other, _inbox) = bus.attach(foghorn_cluster::NodeId::from_random(7));
    let (here, there) = (node_on(&bus), node_on(&bus));
    let (status, opened) = ask(&there, &format!("{BASE}/xhr"), "").await;
    assert_eq!((status, opened.starts_with("o\n")), (200, true));
    // What is said before the other node listens is lost, as on any bus.
    let poll = format!("{BASE}/xhr");
    let mut held = std::pin::pin!(ask(&there, &poll, ""));
    let listens = loop {
        ask(&here, &format!("{BASE}/xhr_send"), "[]").await;
        tokio::select! {
            biased;
            listens = &mut held => break listens,
            () = tokio::task::yield_now() => {}
        }
    };
    assert_eq!(listens.1, "a[]\n");
    for channel in ["first", "second"] {
        let told = ask(&here, &format!("{BASE}/xhr_send"), &subscribe(channel)).await;
        assert_eq!(told, (204, String::new()));
    }
    let mut heard = String::new();
    while !heard.contains("second") {
        heard += &ask(&there, &format!("{BASE}/xhr"), "").await.1;
    }
    let at = |word| heard.find(word).unwrap();
    assert!(at("first") < at("second"), "{heard}");
}

#[tokio::test]
async fn a_receive_request_to_the_wrong_node_is_a_new_session() {
    let bus = LocalBus::new();
    let (_other, _inbox) = bus.attach(foghorn_cluster::NodeId::from_random(7));
    let (here, there) = (node_on(&bus), node_on(&bus));
    for node in [&here, &there] {
        let (_, opened) = ask(node, &format!("{BASE}/xhr"), "").await;
        assert!(
            opened.starts_with("o\n"),
            "pusher-js takes a second one as a lost session"
        );
    }
}

#[tokio::test]
async fn a_node_that_is_alone_knows_that_a_session_is_nowhere() {
    let alone = node_on(&LocalBus::new());
    let (status, _) = ask(&alone, &format!("{BASE}/xhr_send"), "[]").await;
    assert_eq!(status, 404);
}
