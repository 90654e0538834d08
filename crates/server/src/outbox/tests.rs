//! The outbox with a line that takes as many frames as a test lets it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use foghorn_node::Metrics;
use prometheus::Registry;

use super::*;

/// What is on the other side of a line.
#[derive(Default)]
struct Client {
    got: Mutex<Vec<Frame>>,
    /// Frames that the socket takes now.
    room: AtomicUsize,
}

struct Pipe {
    client: Arc<Client>,
    loaded: VecDeque<Frame>,
    written: Written,
    sharing: Sharing,
}

impl Line for Pipe {
    fn is_idle(&self) -> bool {
        self.loaded.is_empty()
    }
    fn send(&mut self, frames: &[Frame]) {
        self.loaded.extend(frames.iter().cloned());
        self.push();
    }
    fn load(&mut self, frames: &mut VecDeque<Frame>) {
        if self.is_idle() {
            std::mem::swap(&mut self.loaded, frames);
        }
    }
    fn push(&mut self) {
        let room = &self.client.room;
        while room.load(Ordering::SeqCst) > 0
            && let Some(frame) = self.loaded.pop_front()
        {
            room.fetch_sub(1, Ordering::SeqCst);
            self.written.frames += 1;
            self.written.bytes += frame.wire_len();
            self.client.got.lock().push(frame);
        }
    }
    fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }
    fn rest(&mut self) {}
    fn sharing(&self) -> Sharing {
        self.sharing
    }
    fn say(&mut self, _: &[u8]) {}
    fn poll_write(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.push();
        match self.is_idle() {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }
    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Count(AtomicUsize);
impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A connection's task and its client.
struct Site {
    outbox: Outbox<Pipe>,
    client: Arc<Client>,
    line: Option<Box<Pipe>>,
    wakes: Arc<Count>,
}

impl Site {
    /// A client with a queue of `limit` bytes whose socket takes `room` frames; its task has looked
    /// for work.
    fn new(limit: usize, room: usize, sharing: Sharing) -> Self {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let client = Arc::new(Client::default());
        client.room.store(room, Ordering::SeqCst);
        let pipe = Pipe {
            client: Arc::clone(&client),
            loaded: VecDeque::new(),
            written: Written::default(),
            sharing,
        };
        let mut site = Self {
            outbox: Outbox::new(limit, Arc::new(metrics.of_app("app"))),
            client,
            line: Some(Box::new(pipe)),
            wakes: Arc::new(Count(AtomicUsize::new(0))),
        };
        assert_eq!(site.work(Control::None), Poll::Pending);
        site
    }

    fn work(&mut self, control: Control) -> Poll<Pending> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let mut cx = Context::from_waker(&waker);
        self.outbox.poll_work(&mut cx, &mut self.line, control)
    }

    fn end(&mut self) -> Poll<Concern> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        let line = self.line.as_mut().unwrap();
        self.outbox.poll_end(&mut Context::from_waker(&waker), line)
    }

    /// The task writes what it can.
    fn write(&mut self, room: usize) {
        self.client.room.store(room, Ordering::SeqCst);
        self.line.as_mut().unwrap().push();
    }

    fn deliver(&self, number: u8) -> Delivery {
        self.outbox.deliver(&[frame(number)])
    }

    fn got(&self) -> Vec<u8> {
        let got = self.client.got.lock();
        got.iter().map(|frame| frame.text()[0]).collect()
    }

    fn woken(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

/// A frame of 100 bytes.
fn frame(number: u8) -> Frame {
    Frame::from_text(&[number; 98])
}

fn close(reason: &'static str) -> Close {
    Close::new(CloseCode::ReconnectImmediately, reason)
}

#[test]
fn who_delivers_writes_to_a_free_socket_and_wakes_nobody() {
    let site = Site::new(250, 100, Sharing::Anybody);
    for number in 0..20 {
        assert_eq!(site.deliver(number), Delivery::Accepted);
    }
    assert_eq!(site.got(), (0..20).collect::<Vec<u8>>());
    assert_eq!(site.woken(), 0);
}

#[test]
fn a_full_socket_is_the_tasks_business_until_everything_is_out() {
    let mut site = Site::new(1_000, 1, Sharing::Anybody);
    let both = [frame(1), frame(2)];
    assert_eq!(site.outbox.deliver(&both), Delivery::Accepted);
    assert_eq!((site.got(), site.woken()), (vec![1], 1));
    // Nobody pushes past what waits, even if there is room again.
    site.client.room.store(1, Ordering::SeqCst);
    assert_eq!(site.deliver(3), Delivery::Accepted);
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    assert_eq!(site.end(), Poll::Pending);
    site.deliver(4);
    assert_eq!(site.woken(), 1, "there is enough to write already");
    site.write(1);
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    site.write(2);
    assert_eq!(site.got(), [1, 2, 3, 4]);
    assert_eq!(site.work(Control::None), Poll::Pending);
    assert!(site.line.is_none(), "left to those who deliver");
    site.client.room.store(1, Ordering::SeqCst);
    site.deliver(5);
    assert_eq!((site.got(), site.woken()), (vec![1, 2, 3, 4, 5], 1));
}

#[test]
fn a_task_that_keeps_the_line_is_woken_once_per_sleep() {
    let mut site = Site::new(1_000, 100, Sharing::TaskOnly);
    for number in 0..5 {
        site.deliver(number);
    }
    assert_eq!((site.got(), site.woken()), (vec![], 1));
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    site.write(100);
    assert_eq!(site.got(), [0, 1, 2, 3, 4]);
}

#[test]
fn what_was_put_leaves_with_a_flush_or_the_next_delivery() {
    let site = Site::new(1_000, 100, Sharing::Anybody);
    for number in [1, 2] {
        assert_eq!(site.outbox.put(&frame(number)), Delivery::Accepted);
    }
    assert!(site.got().is_empty());
    site.outbox.flush();
    assert_eq!(site.got(), [1, 2]);
    site.outbox.flush();
    assert_eq!(site.outbox.put(&frame(3)), Delivery::Accepted);
    site.deliver(4);
    assert_eq!(site.got(), [1, 2, 3, 4]);
    assert_eq!(site.woken(), 0);
}

#[test]
fn what_is_being_written_counts_until_it_is_out() {
    let mut site = Site::new(250, 0, Sharing::Anybody);
    site.deliver(1);
    site.deliver(2);
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    site.write(1);
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    assert_eq!(site.deliver(3), Delivery::Accepted);
    assert_eq!(site.deliver(4), Delivery::Full);
    assert_eq!(site.deliver(5), Delivery::Gone);
    assert!(matches!(site.end(), Poll::Ready(Concern::Overflow(_))));
    // The frame that may have begun is still written.
    site.write(1);
    let over = site.work(Control::None);
    assert!(
        matches!(over, Poll::Ready(Pending::Concern(Concern::Overflow(_)))),
        "what waited behind it is gone"
    );
    assert_eq!(site.got(), [1, 2]);
}

#[test]
fn one_message_above_the_limit_passes_alone() {
    let site = Site::new(50, 0, Sharing::Anybody);
    assert_eq!(site.deliver(1), Delivery::Accepted);
    assert_eq!(site.deliver(2), Delivery::Full);
}

#[test]
fn a_wish_comes_first_and_closing_after_what_is_queued() {
    let mut site = Site::new(1_000, 0, Sharing::Anybody);
    site.deliver(1);
    site.outbox.ask_to_close(&close("first"));
    site.outbox.ask_to_close(&close("second"));
    let asked = Poll::Ready(Pending::Concern(Concern::Asked(close("first"))));
    assert_eq!(site.work(Control::None), asked);
    // The session may still say goodbye.
    assert_eq!(site.outbox.put(&frame(2)), Delivery::Accepted);
    site.outbox.close(close("first"));
    assert_eq!(site.deliver(3), Delivery::Gone);
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    site.write(1);
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    site.write(1);
    let closing = Poll::Ready(Pending::Concern(Concern::Close(close("first"))));
    assert_eq!(site.work(Control::None), closing);
    assert!(site.line.is_some(), "for the farewell");
    assert_eq!(site.got(), [1, 2]);
}

#[test]
fn a_wish_interrupts_a_task_that_is_busy_writing() {
    let mut site = Site::new(1_000, 0, Sharing::TaskOnly);
    assert_eq!(site.end(), Poll::Pending);
    site.deliver(1);
    assert_eq!(site.woken(), 0, "there is enough to write already");
    site.outbox.ask_to_close(&close("terminated"));
    assert_eq!(site.woken(), 1);
    let asked = Poll::Ready(Concern::Asked(close("terminated")));
    assert_eq!(site.end(), asked);
    assert_eq!(site.end(), Poll::Pending);
}

#[test]
fn a_task_with_a_control_frame_gets_the_line_from_who_delivers() {
    let mut site = Site::new(1_000, 100, Sharing::Anybody);
    // As if somebody were in the middle of a delivery.
    let busy = site.outbox.state.lock().line.take().unwrap();
    assert_eq!(site.work(Control::Waits), Poll::Pending);
    site.outbox.give_back(busy);
    assert_eq!(site.woken(), 1);
    assert_eq!(site.work(Control::Waits), Poll::Ready(Pending::Work));
    assert!(site.line.is_some());
}

#[test]
fn what_is_delivered_during_a_delivery_is_left_to_the_task() {
    let mut site = Site::new(1_000, 100, Sharing::Anybody);
    let busy = site.outbox.state.lock().line.take().unwrap();
    site.deliver(1);
    assert_eq!((site.got(), site.woken()), (vec![], 0));
    site.outbox.give_back(busy);
    assert_eq!(site.woken(), 1);
    assert_eq!(site.work(Control::None), Poll::Ready(Pending::Work));
    site.write(1);
    assert_eq!(site.got(), [1]);
}

/// Wakes a thread that is the connection's task.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// INV-LINE-1 with real threads: several deliver, the socket is full now and then, and the task
/// goes on where they stopped, woken whenever there is something left to do. Nothing is lost, and
/// each sender's frames keep their order.
#[test]
fn several_who_deliver_and_a_task_share_one_line() {
    const SENDERS: u8 = 3;
    const EACH: u8 = 200;
    let mut site = Site::new(usize::MAX, 0, Sharing::Anybody);
    let done = AtomicUsize::new(0);
    let task = std::thread::current();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (outbox, room) = (&site.outbox, &site.client.room);
            let (done, task) = (&done, &task);
            scope.spawn(move || {
                for number in 0..EACH {
                    // Sometimes the socket takes two, sometimes what is there has to wait.
                    room.fetch_max(usize::from(number % 3), Ordering::SeqCst);
                    outbox.deliver(&[Frame::from_text(&[sender, number])]);
                }
                done.fetch_add(1, Ordering::SeqCst);
                task.unpark();
            });
        }
        let waker = Waker::from(Arc::new(Unpark(task.clone())));
        let mut cx = Context::from_waker(&waker);
        loop {
            let all_done = done.load(Ordering::SeqCst) == usize::from(SENDERS);
            let line = &mut site.line;
            match site.outbox.poll_work(&mut cx, line, Control::None) {
                Poll::Ready(Pending::Work) => {
                    site.client.room.fetch_add(1, Ordering::SeqCst);
                    line.as_mut().unwrap().push();
                }
                Poll::Ready(other) => panic!("{other:?}"),
                Poll::Pending if all_done => break,
                Poll::Pending => std::thread::park(),
            }
        }
    });
    let got = site.client.got.lock();
    for sender in 0..SENDERS {
        let of_sender = got.iter().filter(|frame| frame.text()[0] == sender);
        let numbers: Vec<u8> = of_sender.map(|frame| frame.text()[1]).collect();
        assert_eq!(numbers, (0..EACH).collect::<Vec<u8>>());
    }
}
