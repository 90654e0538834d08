//! Sessions over narrow pipes, in virtual time.

mod client;
mod endings;
mod full;
mod polls;
mod requests;
mod streams;

use std::time::Duration;

use foghorn_channels::{Delivery, Mailbox as _};
use foghorn_cluster::local::LocalBus;
use foghorn_node::{Encryption, Node};
use foghorn_protocol::fallback::RESPONSE_UNITS;
use foghorn_protocol::{Close, CloseCode, Frame};
use tokio::io::{DuplexStream, ReadHalf, duplex};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::composition;
use crate::connections::{Connections, Entry};
use crate::outbox::{Outbox, Sharing};
use crate::wire::tests::{Pipe, pipe};
use client::Client;

const HEARTBEAT: Duration = Duration::from_secs(25);
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

/// What an operator may set, and what the test chooses.
#[derive(Clone, Copy, Debug)]
struct Setting {
    queue: usize,
    write_timeout: Duration,
    /// Who writes to streams: whoever delivers, or the keeper, as with TLS.
    sharing: Sharing,
}

const USUAL: Setting = Setting {
    queue: 8 << 20,
    write_timeout: WRITE_TIMEOUT,
    sharing: Sharing::Anybody,
};

const BOTH: [Setting; 2] = [
    USUAL,
    Setting {
        sharing: Sharing::TaskOnly,
        ..USUAL
    },
];

/// A session of which nobody has asked anything yet.
struct Site {
    session: Arc<Session<ReadHalf<DuplexStream>, Pipe>>,
    outbox: Arc<Outbox<Line<Pipe>>>,
    keeper: JoinHandle<()>,
    node: Arc<Node>,
    connections: Connections,
    clock: Clock,
    sharing: Sharing,
}

impl Site {
    fn open(setting: Setting) -> Self {
        let Setting {
            queue,
            write_timeout,
            sharing,
        } = setting;
        let node = composition::unconfigured(&LocalBus::new()).node;
        let admission = composition::admitted(&node, Transport::XhrStreaming);
        let outbox = Arc::new(Outbox::new(queue, Arc::clone(admission.app.meters())));
        let clock = Clock::start();
        let mailbox = Arc::clone(&outbox);
        let open = foghorn_node::Connection::open;
        let connection = open(Arc::clone(&node), admission, mailbox, 1, clock.now());
        let connections = Connections::default();
        let entry = Entry {
            app: Arc::clone(connection.app()),
            transport: Transport::XhrStreaming,
            since: Clock::unix_seconds(),
            mailbox: outbox.clone(),
        };
        let registered = connections.register(connection.socket(), entry);
        let session = Arc::new(Session::new(connection, Arc::clone(&outbox)));
        let terms = Terms {
            timing: Timing {
                heartbeat: HEARTBEAT,
                session_timeout: SESSION_TIMEOUT,
            },
            rules: Rules {
                max_message: 65_536,
                send_queue: queue,
                write_timeout,
                clock,
            },
            fresh: Gate::default(),
        };
        let line = Line::new(opening(None));
        let keeper = tokio::spawn(keeper::keep(
            Arc::clone(&session),
            line,
            terms,
            (registered, ()),
        ));
        Self {
            session,
            outbox,
            keeper,
            node,
            connections,
            clock,
            sharing,
        }
    }

    /// A request for a stream, over a pipe that holds `room` bytes.
    fn stream_over(&self, room: usize, version: Version) -> Client {
        let (client, stream) = duplex(room);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let head = b"HEAD\r\n\r\n".to_vec();
        let receiver = Receiver::stream(pipe(stream, self.sharing), place, version, head);
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
async fn greeted(setting: Setting) -> (Site, Client) {
    let site = Site::open(setting);
    let mut client = site.stream();
    assert_eq!(client.line().await, "o");
    assert!(client.line().await.contains("connection_established"));
    (site, client)
}

/// Lets the other tasks come to rest.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// The line that carries `text`, without its end.
fn line_of(text: &str) -> String {
    format!("a[\"{text}\"]")
}
