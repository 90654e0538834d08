//! Requests as they come in: what they may ask for, and which node they reach.

use foghorn_config::{Config, Sources};
use prometheus::Registry;

use super::*;
use crate::capacity::Capacity;
use crate::http1::tests::with_request;

/// Connections that each node takes.
const CONNECTIONS: u64 = 400;

/// A node on `bus` with all that its requests share.
fn node_on(bus: &LocalBus) -> Shared {
    node_with("", bus)
}

/// The same with this configuration.
fn node_with(text: &str, bus: &LocalBus) -> Shared {
    let sources = Sources {
        file: Some(("foghorn.toml".into(), Ok(text.to_owned()))),
        environment: Vec::new(),
        flags: Vec::new(),
    };
    let loaded = Config::load(sources).unwrap();
    let config = loaded.config.clone();
    let capacity = Capacity {
        open_files: 1_000,
        connections: CONNECTIONS,
    };
    let composed = composition::node(&config, capacity, &Registry::new(), bus).unwrap();
    let clock = Clock::start();
    tokio::spawn(composed.link.run(clock));
    let apps = crate::apps::Catalogue::unattended(&composed.node, loaded, clock);
    composition::shared(&config, (composed.node, composed.clients, apps), clock)
}

/// What becomes of a request to `path`.
async fn ask(shared: &Shared, path: &str, body: &str) -> (u16, String) {
    ask_over(shared, Encryption::Plain, path, body).await
}

fn begin(shared: &Shared, encryption: Encryption, path: &str) -> Step<Sending, Upgrade> {
    let request = format!("POST {path}?protocol=7 HTTP/1.1\r\n\r\n");
    let peer = Peer {
        address: [127, 0, 0, 1].into(),
        encryption,
    };
    with_request(&request, |head| shared.fall_back(head, peer, path)).unwrap()
}

fn is_upgraded(shared: &Shared, path: &str) -> bool {
    let step = begin(shared, Encryption::Plain, path);
    matches!(step, Step::Upgrade { .. })
}

async fn ask_over(
    shared: &Shared,
    encryption: Encryption,
    path: &str,
    body: &str,
) -> (u16, String) {
    let answer = match begin(shared, encryption, path) {
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

#[tokio::test(start_paused = true)]
async fn sessions_that_nobody_receives_for_leave_room_for_others() {
    let node = node_on(&LocalBus::new());
    let open = async |n| {
        let path = format!("/pusher/app/app-key/1/{n:08}/xhr");
        ask(&node, &path, "").await.1
    };
    for n in 0..CONNECTIONS / FRESH_SHARE {
        let opened = open(n).await;
        assert!(opened.starts_with("o\na["), "{n}: {opened}");
    }
    let stream = format!("/pusher/app/app-key/2/{:08}/xhr_streaming", 0);
    assert!(is_upgraded(&node, &stream), "a stream holds a socket");
    let refused = open(999).await;
    let why = "sessions wait for their clients to come back, the limit is 100\"]\n";
    assert!(refused.starts_with("o\nc[4100,\""), "{refused}");
    assert!(refused.ends_with(why), "{refused}");
    assert_eq!(node.node.connections(), CONNECTIONS / FRESH_SHARE + 1);
    // Who is there already may come again, and those who do not make room.
    assert_eq!(open(0).await, "h\n");
    let opened = open(999).await;
    assert!(opened.starts_with("o\na["), "{opened}");
}

#[tokio::test]
async fn a_body_has_a_reasonable_number_of_messages() {
    let node = node_on(&LocalBus::new());
    ask(&node, &format!("{BASE}/xhr"), "").await;
    let send = async |count| {
        let ping = r#""{\"event\":\"pusher:ping\",\"data\":{}}""#;
        let body = format!("[{}]", vec![ping; count].join(","));
        ask(&node, &format!("{BASE}/xhr_send"), &body).await
    };
    let (status, text) = send(MESSAGES + 1).await;
    assert_eq!(
        (status, &*text),
        (413, "The body has 257 messages, the limit is 256\n")
    );
    assert_eq!(send(MESSAGES).await.0, 204);
    let answer = ask(&node, &format!("{BASE}/xhr"), "").await.1;
    assert_eq!(
        answer.lines().count(),
        MESSAGES,
        "none of the refused ones was carried out"
    );
}

#[tokio::test]
async fn an_app_with_tls_takes_none_of_its_requests_without() {
    let table = "[[apps]]\nid = \"1\"\nkey = \"app-key\"\nsecret = \"s\"\nforce_tls = true\n";
    let node = node_with(table, &LocalBus::new());
    let opened = ask_over(&node, Encryption::Tls, &format!("{BASE}/xhr"), "")
        .await
        .1;
    assert!(opened.starts_with("o\na["), "{opened}");
    let (status, _) = ask(&node, &format!("{BASE}/xhr_send"), "[]").await;
    assert_eq!(status, 404);
    let refused = ask(&node, &format!("{BASE}/xhr"), "").await.1;
    assert!(refused.starts_with("o\nc[4000,"), "{refused}");
}
