//! The floor as a client sees it: over sockets, in every variant.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, what cannot go on has failed"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What would hang fails after this.
const PATIENCE: Duration = Duration::from_secs(10);
const EVENT: &str = r#"{"event":"e","channel":"a","data":"x\"y"}"#;

struct Floor {
    process: Child,
    address: String,
}

impl Floor {
    fn start(flags: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_foghorn-floor"))
            .args(["--port", "0"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { process, address }
    }

    fn dial(&self) -> Peer {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Peer(stream)
    }

    fn subscriber(&self, channel: &str) -> Peer {
        let mut peer = self.dial();
        peer.write("GET /app/app-key HTTP/1.1\r\nSec-WebSocket-Key: abc\r\n\r\n");
        peer.expect_end("\"activity_timeout\\\":120}\"}");
        peer.send(&format!(
            r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}"#
        ));
        let ack = peer.text();
        assert!(ack.contains("subscription_succeeded"), "{ack}");
        assert!(ack.contains(&format!(r#""channel":"{channel}""#)), "{ack}");
        peer
    }

    fn publish(&self, path: &str, body: &str) -> String {
        let mut peer = self.dial();
        let length = body.len();
        peer.write(&format!(
            "POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        peer.expect_end("\r\n\r\n{}")
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Peer(TcpStream);

impl Peer {
    fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// A text frame, masked with zeros.
    fn send(&mut self, text: &str) {
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        assert!(text.len() < 126);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).unwrap();
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn text(&mut self) -> String {
        let [first, length] = self.bytes();
        assert_eq!(first, 0x81);
        let length = match length {
            126 => usize::from(u16::from_be_bytes(self.bytes())),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        String::from_utf8(payload).unwrap()
    }

    /// Reads up to and including `end`.
    fn expect_end(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            seen.extend(self.bytes::<1>());
        }
        String::from_utf8_lossy(&seen).into_owned()
    }
}

#[test]
fn events_reach_the_subscribers_of_their_channels_in_order() {
    for mode in ["each", "coalesce"] {
        let floor = Floor::start(&["--write", mode]);
        let mut subscribers = ["a", "a", "b"].map(|channel| floor.subscriber(channel));
        let event = r#"{"name":"e","channels":["a","none"],"data":"x\"y"}"#;
        let answer = floor.publish("/apps/app-id/events?auth_key=k", event);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let batch = r#"{"batch":[{"channel":"b","name":"1","data":"{}"},
            {"channel":"a","name":"2","data":""}]}"#
            .replace("\n            ", "");
        floor.publish("/apps/app-id/batch_events", &batch);
        let [first, second, other] = &mut subscribers;
        for peer in [first, second] {
            assert_eq!(peer.text(), EVENT);
            assert_eq!(peer.text(), r#"{"event":"2","channel":"a","data":""}"#);
        }
        assert_eq!(other.text(), r#"{"event":"1","channel":"b","data":"{}"}"#);
    }
}

#[test]
fn client_events_reach_all_but_their_sender() {
    for mode in ["each", "coalesce"] {
        let floor = Floor::start(&["--write", mode]);
        let [mut sender, mut other] = ["presence-p"; 2].map(|channel| floor.subscriber(channel));
        let text = r#"{"event":"client-e","channel":"presence-p","data":{"n":1}}"#;
        sender.send(text);
        assert_eq!(other.text(), text);
        sender.send(r#"{"event":"pusher:ping","data":{}}"#);
        assert_eq!(sender.text(), r#"{"event":"pusher:pong","data":"{}"}"#);
    }
}

#[test]
fn who_has_left_or_closed_gets_nothing() {
    let floor = Floor::start(&[]);
    let [gone, mut left, mut last] = ["a"; 3].map(|channel| floor.subscriber(channel));
    drop(gone);
    left.send(r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#);
    left.send(r#"{"event":"pusher:subscribe","data":{"channel":"b"}}"#);
    assert!(left.text().contains(r#""channel":"b""#));
    let body = r#"{"name":"e","channel":"a","data":"x\"y"}"#;
    floor.publish("/apps/app-id/events", body);
    assert_eq!(last.text(), EVENT);
    floor.publish("/apps/app-id/events", &body.replace(r#""a""#, r#""b""#));
    assert_eq!(left.text(), EVENT.replace(r#""a""#, r#""b""#));
}

#[test]
fn nothing_is_lost_when_a_reader_lags() {
    const EVENTS: usize = 200;
    let floor = Floor::start(&[]);
    let mut lagging = floor.subscriber("a");
    let filling = "x".repeat(60_000);
    for number in 0..EVENTS {
        let body = format!(r#"{{"name":"{number}","channel":"a","data":"{filling}"}}"#);
        floor.publish("/apps/app-id/events", &body);
    }
    for number in 0..EVENTS {
        let start = format!(r#"{{"event":"{number}","#);
        assert!(lagging.text().starts_with(&start));
    }
}

#[test]
fn unsigned_requests_are_refused_if_signatures_are_checked() {
    let floor = Floor::start(&["--auth", "check"]);
    let body = r#"{"name":"e","channel":"a","data":""}"#;
    let answer = floor.publish("/apps/app-id/events?auth_key=app-key", body);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
