//! Some TCP connections that many subscribers share, and a thread that reads at their far ends.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use foghorn_channels::{Delivery, Mailbox};
use foghorn_protocol::{Close, Frame};

/// How many connections there are: as many as the smallest crowd has subscribers, so that a write
/// to a socket is the same thing for all crowds.
const SOCKETS: usize = 100;

/// The connections.
pub(crate) struct Sockets {
    near: Vec<Arc<TcpStream>>,
    cut: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

/// A subscriber's share of one.
pub(crate) struct Shared {
    socket: Arc<TcpStream>,
    cut: Arc<AtomicU64>,
    heard: AtomicBool,
}

impl Sockets {
    /// Connects them all.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for _ in 0..SOCKETS {
            far.push(TcpStream::connect(address).unwrap());
            let (socket, _) = listener.accept().unwrap();
            socket.set_nonblocking(true).unwrap();
            socket.set_nodelay(true).unwrap();
            near.push(Arc::new(socket));
        }
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        Self {
            near,
            cut: Arc::default(),
            over,
            reader: Some(thread::spawn(move || read(&mut far, &until))),
        }
    }

    /// The mailbox of a subscriber.
    pub(crate) fn mailbox(&self, number: usize) -> Arc<Shared> {
        let socket = self.near.get(number % SOCKETS).unwrap();
        Arc::new(Shared {
            socket: Arc::clone(socket),
            cut: Arc::clone(&self.cut),
            heard: AtomicBool::new(false),
        })
    }

    /// Deliveries that a full socket did not take as a whole: with many of them, figures mean
    /// little.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.reader.take().unwrap().join();
    }
}

fn read(far: &mut [TcpStream], over: &AtomicBool) {
    let mut buffer = vec![0; 256 * 1_024];
    for socket in far.iter() {
        socket.set_nonblocking(true).unwrap();
    }
    while !over.load(Ordering::Relaxed) {
        let read: usize = far
            .iter_mut()
            .filter_map(|s| s.read(&mut buffer).ok())
            .sum();
        if read == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Shared {
    /// Whether it was sent anything yet.
    pub(crate) fn heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }
}

impl Mailbox for Shared {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        self.heard.store(true, Ordering::Relaxed);
        let mut pieces = [std::io::IoSlice::new(&[]); 64];
        for (piece, frame) in pieces.iter_mut().zip(frames) {
            *piece = std::io::IoSlice::new(frame.websocket());
        }
        let pieces = pieces.get(..frames.len()).unwrap();
        let length: usize = frames.iter().map(Frame::wire_len).sum();
        if (&*self.socket).write_vectored(pieces).unwrap_or(0) < length {
            self.cut.fetch_add(1, Ordering::Relaxed);
        }
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        self.deliver(std::slice::from_ref(frame))
    }

    fn flush(&self) {}

    fn ask_to_close(&self, _: &Close) {}
}
