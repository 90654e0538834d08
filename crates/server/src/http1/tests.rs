//! Whole connections over a pipe, in virtual time.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use foghorn_api::Answer;
use foghorn_node::Encryption;
use http::StatusCode;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::head::{HEADERS, Head};
use super::{BodyError, BodyTerms, Patience, Service, Step, Upgraded, serve};
use crate::gate::Gate;
use crate::peer::Peer;
use crate::plain::plain;
use crate::socket::Socket;
use crate::stream::Stream;

const PATIENCE: Patience = Patience {
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(75),
    write_timeout: Duration::from_secs(4),
};

const TERMS: BodyTerms = BodyTerms {
    limit: 100,
    timeout: Duration::from_secs(30),
};

/// When requests for `/later` are answered.
const LATER: Duration = Duration::from_secs(25);

/// Lets `look` see the head of a request with these headers.
pub(crate) fn with_head<'h, R>(
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    look: impl FnOnce(&Head<'_, '_>) -> R,
) -> R {
    let lines = headers.map(|(name, value)| format!("{name}: {value}\r\n"));
    with_request(
        &format!("GET / HTTP/1.1\r\n{}\r\n", lines.collect::<String>()),
        look,
    )
}

/// Lets `look` see the head of this request.
pub(crate) fn with_request<R>(text: &str, look: impl FnOnce(&Head<'_, '_>) -> R) -> R {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS];
    look(&Head::read(text.as_bytes(), &mut room).unwrap().unwrap())
}

/// Answers with the path; under `/body`, with what is posted there as well.
#[derive(Default)]
struct Mirror(Gate);

impl Service for Mirror {
    type Call<'h> = &'h str;
    type Upgrade = &'static str;

    fn begin<'h>(&'h self, head: &Head<'h, '_>, _: Peer) -> Step<&'h str, &'static str> {
        match head.path {
            "/upgrade" => Step::Upgrade {
                response: b"hello".to_vec(),
                upgrade: "upgraded",
            },
            "/body" => Step::Body(head.path, TERMS),
            "/later" => Step::Later(Box::pin(async {
                sleep(LATER).await;
                plain(StatusCode::OK, "late")
            })),
            path => Step::Answer(plain(StatusCode::OK, path.to_owned())),
        }
    }

    async fn finish(&self, path: Self::Call<'_>, body: Result<&[u8], BodyError>) -> Answer {
        match body {
            Ok(body) => plain(StatusCode::OK, [path.as_bytes(), b" ", body].concat()),
            Err(error) => plain(StatusCode::BAD_REQUEST, format!("{error:?}")),
        }
    }

    fn body_terms(&self) -> BodyTerms {
        TERMS
    }

    fn requests(&self) -> &Gate {
        &self.0
    }

    async fn go_on(self: Arc<Self>, _: Box<Upgraded<Stream, &'static str>>) {
        unreachable!("these connections are none of the system");
    }
}

/// What the server's end comes to: early bytes and response of an upgrade.
type Served = JoinHandle<Option<(Vec<u8>, Vec<u8>)>>;

fn spawn<A>(socket: Socket<DuplexStream>, service: A, peer: Peer) -> Served
where
    A: Service<Upgrade = &'static str>,
{
    tokio::spawn(async move {
        let upgraded = serve(socket, PATIENCE, &service, peer).await?;
        assert_eq!(upgraded.upgrade, "upgraded");
        Some((upgraded.early, upgraded.response))
    })
}

/// The client's end, and the server's.
fn connect() -> (DuplexStream, Served) {
    connect_to(Mirror::default())
}

fn connect_to(service: Mirror) -> (DuplexStream, Served) {
    let (client, stream) = duplex(64 * 1_024);
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let socket = Socket::new(stream, place, PATIENCE.write_timeout);
    let peer = Peer {
        address: [127, 0, 0, 1].into(),
        encryption: Encryption::Plain,
    };
    (client, spawn(socket, service, peer))
}

/// All that is answered to a client that sends `pieces` one after the other and then closes its
/// side.
async fn answers(pieces: &[&[u8]]) -> Vec<String> {
    let (mut client, _server) = connect();
    for piece in pieces {
        client.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    client.shutdown().await.unwrap();
    rest(&mut client).await
}

/// All answers up to the end of the connection.
async fn rest(client: &mut DuplexStream) -> Vec<String> {
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    let mut answers = Vec::new();
    let mut rest = text.as_str();
    while let Some((head, more)) = rest.split_once("\r\n\r\n") {
        let length = head.split("Content-Length: ").nth(1);
        let length = length.map_or(0, |length| length.parse().unwrap());
        // Who asked with HEAD gets no body, and closes.
        let (body, more) = more.split_at_checked(length).unwrap_or((more, ""));
        let closes = head.contains("\r\nConnection: close");
        let end = if closes { " and closes" } else { "" };
        answers.push(format!("{} {body}{end}", &head["HTTP/1.1 ".len()..][..3]));
        rest = more;
    }
    assert_eq!(rest, "");
    answers
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /body HTTP/1.1\r\n{headers}\r\n\r\n{body}")
}

const THREE: &str = "GET /one HTTP/1.1\r\n\r\n\
    POST /body HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
    POST /unread HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
    POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x\r\nf\r\n0\r\nT: u\r\n\r\n\
    GET http://host/two?q HTTP/1.1\r\n\r\n";
const ANSWERS: [&str; 5] = [
    "200 /one",
    "200 /body abc",
    "200 /unread",
    "200 /body def",
    "200 /two",
];

proptest! {
    /// Requests that come together are answered in their order, wherever the bytes are cut.
    #[test]
    fn pieces_do_not_matter(mut cuts in prop::collection::vec(0..THREE.len(), 0..6)) {
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([THREE.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let pieces: Vec<_> =
            starts.zip(ends).map(|(start, end)| &THREE.as_bytes()[start..end]).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        prop_assert_eq!(runtime.block_on(answers(&pieces)), ANSWERS);
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_it_is_disconnected() {
    for (request, expect) in [
        (
            "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n",
            "200 /a and closes",
        ),
        ("GET /a HTTP/1.0\r\n\r\n", "200 /a and closes"),
        (
            "HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n",
            "200  and closes",
        ),
    ] {
        let both = format!("{request}GET /b HTTP/1.1\r\n\r\n");
        assert_eq!(answers(&[both.as_bytes()]).await, [expect], "{request:?}");
    }
    let old = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".repeat(2);
    assert_eq!(answers(&[old.as_bytes()]).await, ["200 /a", "200 /a"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_refused_and_ends_the_connection() {
    let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(16 * 1_024));
    for (request, status) in [
        ("\r\n\r\nnonsense\r\n", 400),
        ("\u{16}\u{3}\u{1}", 400),
        ("PRI * HTTP/2.0\r\n\r\n", 400),
        (
            "POST /body HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            400,
        ),
        (
            "POST /body HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (&long, 431),
        (&long[..16 * 1_024], 431),
    ] {
        let both = format!("{request}GET /b HTTP/1.1\r\n\r\n");
        let answers = answers(&[both.as_bytes()]).await;
        let [answer] = &answers[..] else {
            panic!("{answers:?} to {request:?}");
        };
        assert!(
            answer.starts_with(&status.to_string()),
            "{answer} to {request:?}"
        );
        assert!(answer.ends_with("and closes"), "{answer} to {request:?}");
    }
}

/// A shutdown waits for requests that have yet to be answered, and for no more.
#[tokio::test(start_paused = true)]
async fn a_request_is_over_with_its_answer_even_if_its_body_never_comes() {
    let requests = Gate::default();
    let (mut client, _server) = connect_to(Mirror(requests.clone()));
    let refused = b"POST /refused HTTP/1.1\r\nContent-Length: 50\r\n\r\n";
    client.write_all(refused).await.unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    let answered = Instant::now();
    requests.wait_empty().await;
    assert_eq!(answered.elapsed(), Duration::ZERO, "in virtual time");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_read_away() {
    let next = "GET /b HTTP/1.1\r\n\r\n";
    let chunk = |length: usize| format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    let large = "400 TooLarge(150)";
    for (request, expect) in [
        (
            post("Content-Length: 150", &"x".repeat(150)),
            vec![large, "200 /b"],
        ),
        (
            post("Transfer-Encoding: chunked", &chunk(150)),
            vec![large, "200 /b"],
        ),
        // Beyond reason.
        (
            post("Content-Length: 1000", &"x".repeat(999)),
            vec!["400 TooLarge(1000) and closes"],
        ),
        (
            post("Transfer-Encoding: chunked", "3\r\nab"),
            vec!["400 Broken and closes"],
        ),
        (
            post("Transfer-Encoding: chunked", "x\r\n"),
            vec!["400 Broken and closes"],
        ),
    ] {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let head = format!("{head}\r\n\r\n");
        let follows = if expect.len() > 1 { next } else { "" };
        let pieces = [head.as_bytes(), body.as_bytes(), follows.as_bytes()];
        assert_eq!(answers(&pieces).await, expect, "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_100_is_told_to_go_on_or_refused() {
    let (mut client, _server) = connect();
    let request = post("Content-Length: 3\r\nExpect: 100-continue", "");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    client.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"abc").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, ["200 /body abc"]);

    for (request, expect) in [
        (
            post("Content-Length: 150\r\nExpect: 100-continue", ""),
            "400 TooLarge(150) and closes",
        ),
        (
            "POST /now HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n".to_owned(),
            "200 /now and closes",
        ),
    ] {
        assert_eq!(answers(&[request.as_bytes()]).await, [expect]);
    }
}

/// How long the server has patience with who sends `request` and then nothing more.
async fn patience_with(pieces: &[&str]) -> (Duration, Vec<String>) {
    let (mut client, _server) = connect();
    let mut since = Instant::now();
    for piece in pieces {
        client.write_all(piece.as_bytes()).await.unwrap();
        since = Instant::now();
        sleep(Duration::from_secs(1)).await;
    }
    let answers = rest(&mut client).await;
    (since.elapsed(), answers)
}

#[tokio::test(start_paused = true)]
async fn patience_has_an_end() {
    let get = "GET /a HTTP/1.1\r\n\r\n";
    let body = post("Content-Length: 3", "a");
    for (pieces, seconds, answers) in [
        (vec![], 10, vec![]),
        (vec!["GET / HT"], 10, vec![]),
        // A little more every second does not help.
        (vec!["G", "E", "T", " "], 7, vec![]),
        (vec![get], 75, vec!["200 /a"]),
        (vec![get, "GET"], 10, vec!["200 /a"]),
        (vec![&body], 30, vec!["400 TooSlow and closes"]),
    ] {
        let (waited, answered) = patience_with(&pieces).await;
        assert_eq!(waited.as_secs(), seconds, "{pieces:?}");
        assert_eq!(answered, answers, "{pieces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_keeps_what_follows_it() {
    let (mut client, server) = connect();
    let request = b"GET /one HTTP/1.1\r\n\r\nGET /upgrade HTTP/1.1\r\n\r\nearly";
    client.write_all(request).await.unwrap();
    let (early, response) = server.await.unwrap().unwrap();
    assert_eq!(early, b"early");
    assert_eq!(response, b"hello", "it is left to who goes on");
}

#[tokio::test(start_paused = true)]
async fn a_held_request_is_answered_in_its_time_and_keeps_what_follows_it() {
    let (mut client, _server) = connect();
    let held = "POST /later HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /a HTTP/1.1\r\n\r\n";
    let begun = Instant::now();
    client.write_all(held.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(begun.elapsed(), LATER);
    client
        .write_all(b"GET /b HTTP/1.1\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    let bodies = ["late", "/a", "/b"].map(|body| text.contains(&format!("\r\n\r\n{body}")));
    assert_eq!(bodies, [true; 3], "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_held_request_ends_with_its_client() {
    let (mut client, server) = connect();
    client
        .write_all(b"GET /later HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let begun = Instant::now();
    sleep(Duration::from_secs(1)).await;
    client.shutdown().await.unwrap();
    assert!(server.await.unwrap().is_none());
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn who_sends_too_much_behind_a_held_request_is_not_kept() {
    let (mut client, server) = connect();
    let held = format!("GET /later HTTP/1.1\r\n\r\n{}", "x".repeat(20_000));
    client.write_all(held.as_bytes()).await.unwrap();
    let begun = Instant::now();
    assert!(server.await.unwrap().is_none());
    assert!(begun.elapsed() < LATER);
}
