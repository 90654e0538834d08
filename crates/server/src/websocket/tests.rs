//! A connection over a narrow pipe, in virtual time.

use std::time::Duration;

use foghorn_channels::{Delivery, Mailbox as _};
use foghorn_cluster::local::LocalBus;
use foghorn_node::{Node, Transport};
use foghorn_protocol::Frame;
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::clock::Clock;
use crate::composition;
use crate::outbox::Sharing;
use crate::wire::tests::{Pipe as WirePipe, pipe};

const PATIENCE: Duration = Duration::from_secs(4);

/// Bytes that the pipe holds; the client has to read for more to pass.
const PIPE: usize = 64;

struct Pipe {
    client: DuplexStream,
    outbox: Arc<Outbox<Line<WirePipe>>>,
    server: JoinHandle<()>,
    node: Arc<Node>,
}

fn connect(queue: usize) -> Pipe {
    let node = composition::unconfigured(&LocalBus::new()).node;
    let admission = composition::admitted(&node, Transport::WebSocket);
    let outbox = Arc::new(Outbox::new(queue, Arc::clone(admission.app.meters())));
    let clock = Clock::start();
    let mailbox = Arc::clone(&outbox);
    let connection = Connection::open(Arc::clone(&node), admission, mailbox, 1, clock.now());
    let rules = Rules {
        max_message: 65_536,
        send_queue: queue,
        write_timeout: PATIENCE,
        clock,
    };
    let (client, stream) = duplex(PIPE);
    let server = tokio::spawn(serve(
        pipe(stream, Sharing::TaskOnly),
        Opening {
            early: Vec::new(),
            response: Vec::new(),
        },
        connection,
        outbox.clone(),
        rules,
    ));
    Pipe {
        client,
        outbox,
        server,
        node,
    }
}

fn frame() -> Frame {
    Frame::from_text(&[b'x'; 98])
}

async fn read(client: &mut DuplexStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    client.read_exact(&mut read).await.unwrap();
    read
}

/// The greeting, and how long it is.
async fn read_greeting(client: &mut DuplexStream) {
    let header = read(client, 2).await;
    let text = read(client, usize::from(header[1])).await;
    assert!(
        String::from_utf8(text)
            .unwrap()
            .contains("connection_established")
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_but_steadily_is_not_cut_off() {
    let mut pipe = connect(1 << 20);
    read_greeting(&mut pipe.client).await;
    for _ in 0..20 {
        assert_eq!(pipe.outbox.deliver(&[frame()]), Delivery::Accepted);
    }
    // Each wait is within the server's patience, all of them together are far beyond it.
    let total = 20 * frame().wire_len();
    let mut got = Vec::new();
    while got.len() < total {
        sleep(PATIENCE / 2).await;
        got.extend(read(&mut pipe.client, PIPE.min(total - got.len())).await);
    }
    assert_eq!(got, frame().websocket().repeat(20));
    assert_eq!(pipe.node.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut_off() {
    let mut pipe = connect(1 << 20);
    read_greeting(&mut pipe.client).await;
    for _ in 0..20 {
        assert_eq!(pipe.outbox.deliver(&[frame()]), Delivery::Accepted);
    }
    let begun = Instant::now();
    pipe.server.await.unwrap();
    assert!(begun.elapsed() >= PATIENCE);
    assert_eq!(pipe.node.connections(), 0);
    assert_eq!(pipe.outbox.deliver(&[frame()]), Delivery::Gone);
}

#[tokio::test(start_paused = true)]
async fn an_overflowed_connection_finishes_its_frame_and_says_4100() {
    let mut pipe = connect(1_000);
    read_greeting(&mut pipe.client).await;
    // The first frame begins and gets stuck in the pipe.
    assert_eq!(pipe.outbox.deliver(&[frame()]), Delivery::Accepted);
    let begun = read(&mut pipe.client, 10).await;
    while pipe.outbox.deliver(&[frame()]) == Delivery::Accepted {}
    let rest = read(&mut pipe.client, frame().wire_len() - 10).await;
    assert_eq!([begun, rest].concat(), frame().websocket());
    let close = read(&mut pipe.client, 4).await;
    assert_eq!((close[0], &close[2..]), (0x88, &4100u16.to_be_bytes()[..]));
    // It has left already, although the client has not closed its side yet.
    assert_eq!(pipe.node.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_client_does_not_keep_its_task_busy() {
    let mut pipe = connect(1 << 20);
    read_greeting(&mut pipe.client).await;
    // Silent for so long that it is asked (120 s) and given up (30 s), with a queue that it never
    // takes.
    sleep(Duration::from_secs(149)).await;
    for _ in 0..20 {
        assert_eq!(pipe.outbox.deliver(&[frame()]), Delivery::Accepted);
    }
    // In virtual time a task that spins never lets the clock move on.
    pipe.server.await.unwrap();
    assert_eq!(pipe.node.connections(), 0);
}
