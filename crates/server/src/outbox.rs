//! The queue of one connection's messages, bounded by bytes: the mailbox that sockets empty.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use foghorn_channels::{Delivery, Mailbox};
use foghorn_node::AppMeters;
use foghorn_protocol::{Close, Frame};
use parking_lot::Mutex;

/// Queues up to this many frames keep their memory while idle; longer ones give it back.
const KEPT_CAPACITY: usize = 8;

/// What waits for one connection. Anybody delivers; the connection's own task empties it.
///
/// Cost per delivery: one uncontended lock, one pointer written, and a wake-up if the task sleeps.
pub(crate) struct Outbox {
    state: Mutex<State>,
    limit: usize,
    meters: Arc<AppMeters>,
}

struct State {
    frames: VecDeque<Frame>,
    /// Bytes of `frames` and of the batch that is being written.
    bytes: usize,
    status: Status,
    waker: Option<Waker>,
    wakes_on: WakesOn,
}

/// What the connection's task sleeps for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WakesOn {
    /// Anything to write.
    Anything,
    /// The end of the connection: there is more to write than the socket takes already.
    End,
}

enum Status {
    Open,
    /// Somebody else wants the connection to close; its session has yet to say so to the client.
    Asked(Close),
    /// Close once what is queued is written.
    Closing(Close),
    /// The connection did not keep up. What was queued is gone already.
    Overflowed,
    /// The connection's task has ended.
    Gone,
}

/// Frames that are out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Whole frames, control frames not counted.
    pub(crate) frames: u64,
    /// Their bytes.
    pub(crate) bytes: usize,
}

/// What the connection's task finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// The batch was filled.
    Frames,
    /// Somebody else wants the connection to close: tell the session.
    Asked(Close),
    /// Everything is written; close.
    Close(Close),
    /// Close for not keeping up.
    Overflow,
}

impl Outbox {
    /// An empty queue that takes up to `limit` bytes of frames.
    pub(crate) fn new(limit: usize, meters: Arc<AppMeters>) -> Self {
        let state = State {
            frames: VecDeque::new(),
            bytes: 0,
            status: Status::Open,
            waker: None,
            wakes_on: WakesOn::Anything,
        };
        Self {
            state: Mutex::new(state),
            limit,
            meters,
        }
    }

    /// The connection closes after what is queued now; nothing more is taken.
    pub(crate) fn close(&self, close: Close) {
        let mut state = self.state.lock();
        if matches!(state.status, Status::Open | Status::Asked(_)) {
            state.status = Status::Closing(close);
        }
    }

    /// The connection's task has ended: nothing is taken any more.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.status = Status::Gone;
        state.frames = VecDeque::new();
    }

    /// Moves everything that waits into `batch`, which is empty because all of it is out:
    /// `written`.
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        batch: &mut VecDeque<Frame>,
        written: Written,
    ) -> Poll<Pending> {
        debug_assert!(batch.is_empty());
        let mut state = self.state.lock();
        if written.frames > 0 {
            state.bytes = state.bytes.saturating_sub(written.bytes);
            self.meters.sent(written.frames, written.bytes as u64);
        }
        // First: whoever never stops filling its own queue would otherwise never be told.
        if let Some(close) = state.take_asked() {
            return Poll::Ready(Pending::Asked(close));
        }
        if !state.frames.is_empty() {
            std::mem::swap(&mut state.frames, batch);
            return Poll::Ready(Pending::Frames);
        }
        if batch.capacity() > KEPT_CAPACITY {
            *batch = VecDeque::new();
        }
        if state.frames.capacity() > KEPT_CAPACITY {
            state.frames = VecDeque::new();
        }
        match &state.status {
            Status::Closing(close) => Poll::Ready(Pending::Close(close.clone())),
            Status::Overflowed | Status::Gone => Poll::Ready(Pending::Overflow),
            Status::Open | Status::Asked(_) => {
                state.listen(cx, WakesOn::Anything);
                Poll::Pending
            }
        }
    }

    /// Whether the connection was given up, or asked to close, while its task was busy writing.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Pending> {
        let mut state = self.state.lock();
        if let Some(close) = state.take_asked() {
            return Poll::Ready(Pending::Asked(close));
        }
        if matches!(state.status, Status::Overflowed) {
            return Poll::Ready(Pending::Overflow);
        }
        state.listen(cx, WakesOn::End);
        Poll::Pending
    }
}

impl State {
    fn take_asked(&mut self) -> Option<Close> {
        match &self.status {
            Status::Asked(close) => {
                let close = close.clone();
                self.status = Status::Open;
                Some(close)
            }
            _ => None,
        }
    }

    fn listen(&mut self, cx: &mut Context<'_>, wakes_on: WakesOn) {
        self.wakes_on = wakes_on;
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }
}

impl Mailbox for Outbox {
    fn ask_to_close(&self, close: &Close) {
        let mut state = self.state.lock();
        if matches!(state.status, Status::Open) {
            state.status = Status::Asked(close.clone());
        }
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn deliver(&self, frame: &Frame) -> Delivery {
        let mut state = self.state.lock();
        if !matches!(state.status, Status::Open | Status::Asked(_)) {
            return Delivery::Gone;
        }
        let bytes = state.bytes + frame.wire_len();
        // A message of more than the whole limit may still pass alone.
        let delivery = if bytes > self.limit && state.bytes > 0 {
            state.status = Status::Overflowed;
            state.frames = VecDeque::new();
            Delivery::Full
        } else {
            state.bytes = bytes;
            state.frames.push_back(frame.clone());
            Delivery::Accepted
        };
        let wakes = delivery == Delivery::Full || state.wakes_on == WakesOn::Anything;
        let waker = if wakes { state.waker.take() } else { None };
        drop(state);
        if delivery == Delivery::Full {
            self.meters.overflowed();
        }
        // Woken outside the lock: the task may run at once, on another core.
        if let Some(waker) = waker {
            waker.wake();
        }
        delivery
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_node::Metrics;
    use foghorn_protocol::CloseCode;
    use prometheus::Registry;
    use std::task::Wake;

    const NOTHING: Written = Written {
        frames: 0,
        bytes: 0,
    };

    struct Count(std::sync::atomic::AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    fn outbox(limit: usize) -> Outbox {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        Outbox::new(limit, Arc::new(metrics.of_app("app")))
    }

    fn frame(bytes: usize) -> Frame {
        Frame::from_text(&vec![b'x'; bytes - 2])
    }

    #[test]
    fn wakes_once_per_sleep_and_hands_over_everything() {
        let outbox = outbox(1_000);
        let count = Arc::new(Count(Default::default()));
        let waker = Arc::clone(&count).into();
        let mut cx = Context::from_waker(&waker);
        let mut batch = VecDeque::new();
        assert!(outbox.poll_take(&mut cx, &mut batch, NOTHING).is_pending());
        for _ in 0..5 {
            assert_eq!(outbox.deliver(&frame(100)), Delivery::Accepted);
        }
        assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert_eq!(
            outbox.poll_take(&mut cx, &mut batch, NOTHING),
            Poll::Ready(Pending::Frames)
        );
        assert_eq!(batch.len(), 5);
    }

    #[test]
    fn what_is_being_written_counts_until_it_is_out() {
        let outbox = outbox(250);
        let mut cx = Context::from_waker(Waker::noop());
        let mut batch = VecDeque::new();
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Accepted);
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Accepted);
        assert!(outbox.poll_take(&mut cx, &mut batch, NOTHING).is_ready());
        batch.clear();
        assert!(
            outbox
                .poll_take(
                    &mut cx,
                    &mut batch,
                    Written {
                        frames: 2,
                        bytes: 200
                    }
                )
                .is_pending()
        );
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Accepted);
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Accepted);
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Full);
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Gone);
        assert_eq!(outbox.poll_end(&mut cx), Poll::Ready(Pending::Overflow));
        assert_eq!(
            outbox.poll_take(&mut cx, &mut batch, NOTHING),
            Poll::Ready(Pending::Overflow)
        );
    }

    #[test]
    fn one_message_above_the_limit_passes_alone() {
        let outbox = outbox(50);
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Accepted);
        assert_eq!(outbox.deliver(&frame(10)), Delivery::Full);
    }

    #[test]
    fn a_wish_comes_first_and_closing_after_what_is_queued() {
        let outbox = outbox(1_000);
        let mut cx = Context::from_waker(Waker::noop());
        let mut batch = VecDeque::new();
        let close = |reason| Close::new(CloseCode::ReconnectImmediately, reason);
        outbox.deliver(&frame(100));
        outbox.ask_to_close(&close("first"));
        outbox.ask_to_close(&close("second"));
        let asked = Poll::Ready(Pending::Asked(close("first")));
        assert_eq!(outbox.poll_take(&mut cx, &mut batch, NOTHING), asked);
        // The session may still say goodbye.
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Accepted);
        outbox.close(close("first"));
        assert_eq!(outbox.deliver(&frame(100)), Delivery::Gone);
        assert_eq!(
            outbox.poll_take(&mut cx, &mut batch, NOTHING),
            Poll::Ready(Pending::Frames)
        );
        assert_eq!(batch.len(), 2);
        batch.clear();
        let expect = Pending::Close(close("first"));
        assert_eq!(
            outbox.poll_take(
                &mut cx,
                &mut batch,
                Written {
                    frames: 2,
                    bytes: 200
                }
            ),
            Poll::Ready(expect)
        );
    }

    #[test]
    fn a_wish_interrupts_a_task_that_is_busy_writing() {
        let outbox = outbox(1_000);
        let count = Arc::new(Count(Default::default()));
        let waker = Arc::clone(&count).into();
        let mut cx = Context::from_waker(&waker);
        assert!(outbox.poll_end(&mut cx).is_pending());
        outbox.deliver(&frame(100));
        let woken = || count.0.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(woken(), 0, "there is enough to write already");
        let close = Close::new(CloseCode::Unauthorized, "terminated");
        outbox.ask_to_close(&close);
        assert_eq!(woken(), 1);
        assert_eq!(outbox.poll_end(&mut cx), Poll::Ready(Pending::Asked(close)));
        assert!(outbox.poll_end(&mut cx).is_pending());
    }
}
