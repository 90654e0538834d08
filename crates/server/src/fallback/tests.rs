//! Sessions over narrow pipes, in virtual time.

mod client;

use std::time::Duration;

use foghorn_channels::{Delivery, Mailbox as _};
use foghorn_cluster::local::LocalBus;
use foghorn_node::{Encryption, Handshake, Node};
use foghorn_protocol::fallback::RESPONSE_UNITS;
use foghorn_protocol::{Close, CloseCode, Frame};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::composition;
use crate::connections::Connections;
use crate::outbox::Outbox;
use client::Client;

const HEARTBEAT: Duration = Duration::from_secs(25);
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

type Sessioned = Session<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

/// A session of which nobody has asked anything yet.
struct Site {
    session: Arc<Sessioned>,
    outbox: Arc<Outbox<Line<WriteHalf<DuplexStream>>>>,
    keeper: JoinHandle<()>,
    node: Arc<Node>,
    clock: Clock,
}

impl Site {
    fn open(queue: usize) -> Self {
        let node = composition::unconfigured(&LocalBus::new()).node;
        let admission = node
            .admit(&Handshake {
                key: Some("app-key"),
                protocol: Some("7"),
                client: None,
                origin: None,
                encryption: Encryption::Plain,
                transport: Transport::XhrStreaming,
            })
            .unwrap();
        let outbox = Arc::new(Outbox::new(queue, Arc::clone(admission.app.meters())));
        let clock = Clock::start();
        let mailbox = Arc::clone(&outbox);
        let open = foghorn_node::Connection::open;
        let connection = open(Arc::clone(&node), admission, mailbox, 1, clock.now());
        let registered = Connections::default().register(connection.socket(), outbox.clone());
        let session = Arc::new(Session::new(connection, Arc::clone(&outbox)));
        let terms = Terms {
            timing: Timing {
                heartbeat: HEARTBEAT,
                session_timeout: SESSION_TIMEOUT,
            },
            rules: Rules {
                max_message: 65_536,
                send_queue: queue,
                write_timeout: WRITE_TIMEOUT,
                clock,
            },
        };
        let line = Line::new(opening(None));
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&session), line, terms, registered));
        Self {
            session,
            outbox,
            keeper,
            node,
            clock,
        }
    }

    /// A request for a stream, over a pipe that holds `pipe` bytes.
    fn stream_over(&self, pipe: usize, version: Version) -> Client {
        let (client, stream) = duplex(pipe);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let head = b"HEAD\r\n\r\n".to_vec();
        let receiver = Receiver::stream(split(stream), place, version, head);
        assert!(self.session.attach(receiver).is_ok());
        Client::new(client, version)
    }

    fn stream(&self) -> Client {
        self.stream_over(1 << 20, Version::Http11)
    }

    /// A request that waits for one answer; none if it ends without.
    fn poll(&self) -> JoinHandle<Option<String>> {
        let (poll, answer) = oneshot::channel();
        assert!(self.session.attach(Receiver::Poll(poll)).is_ok());
        tokio::spawn(async {
            let body = answer.await.ok()?.body;
            Some(String::from_utf8(body.to_vec()).unwrap())
        })
    }

    fn deliver(&self, text: &str) -> Delivery {
        self.outbox.deliver(&[Frame::from_text(text.as_bytes())])
    }

    fn post(&self, messages: &[&str]) -> Posted {
        let messages: Vec<String> = messages.iter().map(|&text| text.to_owned()).collect();
        self.session.post(&messages, self.clock.now())
    }
}

/// A stream that has been greeted.
async fn greeted() -> (Site, Client) {
    let site = Site::open(8 << 20);
    let mut client = site.stream();
    assert_eq!(client.line().await, "o");
    assert!(client.line().await.contains("connection_established"));
    (site, client)
}

/// Lets the other tasks come to rest.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_opens_in_chunks_or_without() {
    for version in [Version::Http11, Version::Http10] {
        let site = Site::open(1 << 20);
        let mut client = site.stream_over(1 << 20, version);
        assert_eq!(client.line().await, "o");
        assert!(
            client
                .line()
                .await
                .starts_with("a[\"{\\\"event\\\":\\\"pusher:connection_est")
        );
        site.deliver("Zoë");
        assert_eq!(client.line().await, "a[\"Zoë\"]");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_asked_and_given_up_when_it_does_not_answer() {
    let (site, mut client) = greeted().await;
    let begun = Instant::now();
    assert_eq!(client.line().await, "h");
    assert_eq!(begun.elapsed().as_secs(), 25);
    assert_eq!(site.post(&[]), Posted::Heard);
    assert_eq!(client.line().await, "h", "the answer is not answered");
    assert_eq!(client.line().await, "h");
    assert_eq!(begun.elapsed().as_secs(), 75);
    let close = client.line().await;
    assert!(close.starts_with("c[4201,"), "{close}");
    assert_eq!(begun.elapsed().as_secs(), 100);
    client.expect_end().await;
    assert_eq!(site.node.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_message_is_answered_with_nothing() {
    let (site, mut client) = greeted().await;
    for _ in 0..3 {
        assert_eq!(site.post(&[]), Posted::Heard);
        assert_eq!(client.line().await, "a[]");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_told_something_is_not_silent() {
    let (site, mut client) = greeted().await;
    for second in 0..60 {
        sleep(Duration::from_secs(1)).await;
        site.deliver(&second.to_string());
        assert_eq!(client.line().await, format!("a[\"{second}\"]"));
    }
}

/// Messages that together are longer than a response may be.
fn burst() -> Vec<String> {
    let text = |n: usize| format!("{n} {}", "Zoë 🐦".repeat(200));
    (0..1_000).map(text).collect()
}

fn line_of(text: &str) -> String {
    format!("a[\"{text}\"]")
}

/// What a client like pusher-js gets that reads responses one after the other.
async fn read_all(site: &Site, mut client: Client, mut expect: &[String]) -> usize {
    let mut responses = 1;
    while !expect.is_empty() {
        let line = client.line().await;
        if line == "h" {
            assert!(client.units() > RESPONSE_UNITS, "not before it is full");
            settle().await;
            assert!(client.is_quiet(), "nothing behind the mark");
            site.post(&[]);
            drop(client);
            client = site.stream();
            responses += 1;
            continue;
        }
        let (first, rest) = expect.split_first().unwrap();
        assert!(
            line == line_of(first),
            "{} instead of {}",
            &line[..9],
            &first[..4]
        );
        expect = rest;
    }
    responses
}

#[tokio::test(start_paused = true)]
async fn a_full_response_loses_nothing() {
    let (site, client) = greeted().await;
    let burst = burst();
    for text in &burst {
        assert_eq!(site.deliver(text), Delivery::Accepted);
    }
    assert!(read_all(&site, client, &burst).await > 4);
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_limit_gets_the_rest_in_the_same_response() {
    let (site, mut client) = greeted().await;
    for text in burst() {
        site.deliver(&text);
    }
    for text in burst() {
        let mut line = client.line().await;
        if line == "h" {
            let marked = Instant::now();
            sleep(Duration::from_secs(7)).await;
            assert!(client.is_quiet(), "it may be slow");
            site.post(&[]);
            line = client.line().await;
            assert_eq!(marked.elapsed().as_secs(), 12);
        }
        assert!(line == line_of(&text));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_cut_off_comes_again_in_the_next_response() {
    let site = Site::open(1 << 20);
    let mut narrow = site.stream_over(300, Version::Http11);
    assert_eq!(narrow.line().await, "o");
    assert!(narrow.line().await.contains("connection_established"));
    let long = "x".repeat(1_000);
    site.deliver(&long);
    site.deliver("after");
    settle().await;
    let mut wide = site.stream();
    assert_eq!(wide.line().await, line_of(&long));
    assert_eq!(wide.line().await, line_of("after"));
    narrow.expect_cut().await;
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_was_cut_off_comes_again() {
    let site = Site::open(1 << 20);
    let narrow = site.stream_over(10, Version::Http11);
    settle().await;
    let mut wide = site.stream();
    assert_eq!(wide.line().await, "o");
    assert!(wide.line().await.contains("connection_established"));
    drop(narrow);
}

#[tokio::test(start_paused = true)]
async fn polls_take_what_waits_and_wait_for_what_comes() {
    let site = Site::open(1 << 20);
    let opened = site.poll().await.unwrap().unwrap();
    assert!(
        opened.starts_with("o\na[\"{") && opened.ends_with("}\"]\n"),
        "{opened}"
    );
    site.deliver("1");
    site.deliver("2");
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[\"1\"]\na[\"2\"]\n");
    let held = site.poll();
    settle().await;
    assert!(!held.is_finished());
    site.deliver("3");
    assert_eq!(held.await.unwrap().unwrap(), "a[\"3\"]\n");
    let begun = Instant::now();
    assert_eq!(site.poll().await.unwrap().unwrap(), "h\n");
    assert_eq!(begun.elapsed(), HEARTBEAT);
    let held = site.poll();
    settle().await;
    site.post(&[]);
    assert_eq!(
        held.await.unwrap().unwrap(),
        "a[]\n",
        "polls answer no heartbeats"
    );
}

#[tokio::test(start_paused = true)]
async fn the_newest_request_receives() {
    let site = Site::open(1 << 20);
    site.poll().await.unwrap().unwrap();
    let old = site.poll();
    let new = site.poll();
    assert_eq!(old.await.unwrap(), None);
    let mut stream = site.stream();
    assert_eq!(new.await.unwrap(), None);
    site.deliver("1");
    assert_eq!(stream.line().await, "a[\"1\"]");
    let mut newer = site.stream();
    stream.expect_cut().await;
    site.deliver("2");
    assert_eq!(newer.line().await, "a[\"2\"]");
}

#[tokio::test(start_paused = true)]
async fn a_poll_whose_client_is_gone_takes_nothing() {
    let site = Site::open(1 << 20);
    site.poll().await.unwrap().unwrap();
    let gone = site.poll();
    settle().await;
    gone.abort();
    settle().await;
    site.deliver("1");
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[\"1\"]\n");
}

#[tokio::test(start_paused = true)]
async fn a_session_nobody_comes_for_is_over() {
    for end in ["stream", "poll"] {
        let site = Site::open(1 << 20);
        if end == "stream" {
            let mut client = site.stream();
            client.line().await;
        } else {
            site.poll().await.unwrap().unwrap();
        }
        assert_eq!(site.node.connections(), 1);
        let begun = Instant::now();
        site.keeper.await.unwrap();
        assert_eq!(begun.elapsed(), SESSION_TIMEOUT, "{end}");
        assert_eq!(site.node.connections(), 0);
        let messages = ["{}".to_owned()];
        assert_eq!(
            site.session.post(&messages, site.clock.now()),
            Posted::Closed
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_is_told_to_every_request_for_a_while() {
    let (site, mut client) = greeted().await;
    site.deliver("last");
    let reason = "You were terminated";
    site.outbox
        .ask_to_close(&Close::new(CloseCode::Unauthorized, reason));
    let farewell = "c[4009,\"You were terminated\"]";
    assert_eq!(client.line().await, "a[\"last\"]");
    assert_eq!(client.line().await, farewell);
    client.expect_end().await;
    drop(client);
    assert_eq!(site.node.connections(), 0, "others see it leave at once");
    assert_eq!(site.post(&["{}"]), Posted::Closed);
    let told = site.poll().await.unwrap().unwrap();
    assert_eq!(told, format!("{farewell}\n"));
    let mut again = site.stream();
    assert_eq!(again.line().await, farewell);
    again.expect_end().await;
    drop(again);
    site.keeper.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_between_two_polls_is_told_to_the_next() {
    let site = Site::open(1 << 20);
    site.poll().await.unwrap().unwrap();
    site.deliver("last");
    site.outbox
        .ask_to_close(&Close::new(CloseCode::ReconnectImmediately, "bye"));
    settle().await;
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[\"last\"]\n");
    assert_eq!(site.poll().await.unwrap().unwrap(), "c[4200,\"bye\"]\n");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_keep_up_is_told_when_it_comes() {
    let site = Site::open(1_000);
    site.poll().await.unwrap().unwrap();
    let mut deliveries = Vec::new();
    for _ in 0..20 {
        deliveries.push(site.deliver(&"x".repeat(90)));
    }
    assert!(deliveries.contains(&Delivery::Full), "{deliveries:?}");
    settle().await;
    assert_eq!(site.node.connections(), 0);
    let told = site.poll().await.unwrap().unwrap();
    assert!(
        told.starts_with("c[4100,\"Too slow: more than 1000 bytes"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_nothing_is_cut() {
    let site = Site::open(1 << 20);
    let mut client = site.stream_over(300, Version::Http11);
    client.line().await;
    client.line().await;
    site.deliver(&"x".repeat(1_000));
    let begun = Instant::now();
    site.keeper.await.unwrap();
    assert_eq!(begun.elapsed(), WRITE_TIMEOUT);
    client.expect_cut().await;
}

#[tokio::test(start_paused = true)]
async fn questions_without_a_listener_do_not_pile_up() {
    let site = Site::open(1 << 20);
    site.poll().await.unwrap().unwrap();
    for _ in 0..100 {
        site.post(&[]);
        settle().await;
    }
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[]\n");
}

#[tokio::test(start_paused = true)]
async fn what_other_nodes_pass_on_is_carried_out_in_its_order() {
    let (site, mut client) = greeted().await;
    let subscribe = |channel| {
        let data = format!("{{\"channel\":\"{channel}\"}}");
        vec![format!(
            "{{\"event\":\"pusher:subscribe\",\"data\":{data}}}"
        )]
    };
    for channel in ["a", "b"] {
        site.session.leave_sent(subscribe(channel));
    }
    for channel in ["a", "b"] {
        let line = client.line().await;
        let channel = format!("\\\"channel\\\":\\\"{channel}\\\"");
        assert!(
            line.contains("subscription_succeeded") && line.contains(&channel),
            "{line}"
        );
    }
    for _ in 0..100 {
        site.session.leave_sent(subscribe("c"));
    }
    let close = client.until("c[").await;
    assert!(close.starts_with("c[4100,"), "{close}");
}

mod random {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the sizes, the pipe and the moments are: a client like pusher-js gets every
        /// message once and in order.
        #[test]
        fn nothing_is_lost_or_told_twice(
            sizes in prop::collection::vec(1usize..30_000, 1..60),
            astral in any::<bool>(),
            pauses in prop::collection::vec(0u64..3, 1..60),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let (site, client) = greeted().await;
                let letter = if astral { "🐦" } else { "x" };
                let texts: Vec<String> = sizes
                    .iter()
                    .enumerate()
                    .map(|(at, size)| format!("{at:4} {}", letter.repeat(*size)))
                    .collect();
                let outbox = Arc::clone(&site.outbox);
                let frames: Vec<Frame> =
                    texts.iter().map(|text| Frame::from_text(text.as_bytes())).collect();
                let delivering = tokio::spawn(async move {
                    for (frame, pause) in frames.iter().zip(pauses.iter().cycle()) {
                        outbox.deliver(std::slice::from_ref(frame));
                        sleep(Duration::from_millis(*pause)).await;
                    }
                });
                read_all(&site, client, &texts).await;
                delivering.await.unwrap();
            });
        }
    }
}
