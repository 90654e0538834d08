//! The queue of one connection's messages, bounded by bytes: the mailbox that sockets empty.
//!
//! Whoever delivers writes to the socket itself while that is free, so that an idle connection's
//! task need not wake up for a message. The right to write is the *line*, a value of which there is
//! one: it is here while nobody writes, with whoever is delivering, or with the connection's task,
//! which takes it when the socket is full and puts it back under the lock that found nothing more
//! to write (INV-LINE-1). So messages never overtake each other and no write is cut by another.

mod state;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use foghorn_channels::{Delivery, Mailbox};
use foghorn_node::AppMeters;
use foghorn_protocol::{Close, CloseCode, Frame};
use parking_lot::{Mutex, MutexGuard};
use tokio::io::AsyncRead;
use tokio::time::timeout;

use crate::wire::linger;

use state::{State, Status, WakesOn};

/// What waits for one connection. Anybody delivers.
///
/// Cost per delivery to a connection that keeps up: two uncontended locks, two counters and the
/// write itself; nothing is allocated or woken.
pub(crate) struct Outbox<L> {
    state: Mutex<State<L>>,
    limit: usize,
    meters: Arc<AppMeters>,
}

/// The way to the client. Whoever has it writes.
pub(crate) trait Line: Send {
    /// Whether nothing waits in it, and it would take more at once.
    fn is_idle(&self) -> bool;
    /// Sends on what the socket takes at once and keeps the rest, without waiting for it.
    fn send(&mut self, frames: &[Frame]);
    /// Takes over the frames of a queue, or leaves them there until it has sent what it has.
    fn load(&mut self, frames: &mut VecDeque<Frame>);
    /// As [`Line::send`] for what was loaded.
    fn push(&mut self);
    /// What has been written since the last call.
    fn take_written(&mut self) -> Written;
    /// Gives back the memory that a burst needed.
    fn rest(&mut self);
    /// Who may use it while the socket takes everything.
    fn sharing(&self) -> Sharing;
    /// Adds bytes of the connection's own, which go out between messages.
    fn say(&mut self, words: &[u8]);
    /// Writes until everything is out that was given to it, and sees it off.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Tells the client that nothing follows.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Who writes to an idle socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Whoever delivers.
    Anybody,
    /// The connection's task.
    TaskOnly,
}

/// Frames that are out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Whole frames, control frames not counted.
    pub(crate) frames: u64,
    /// Their bytes.
    pub(crate) bytes: usize,
}

/// What concerns the connection, not its messages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// Somebody else wants the connection to close: tell the session.
    Asked(Close),
    /// Everything is written; close.
    Close(Close),
    /// Close for not keeping up.
    Overflow(Close),
    /// What it writes to is of no use any more.
    Broken,
}

/// What the connection's task finds.
#[derive(Debug, PartialEq, Eq)]
enum Pending {
    /// The line is here, and there is something to write.
    Work,
    /// Something else.
    Concern(Concern),
}

/// Whether the connection's task has something to write beside frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    /// Words of the connection's own wait.
    Waits,
    /// Nothing.
    None,
}

impl<L: Line> Outbox<L> {
    /// An empty queue that takes up to `limit` bytes of frames. The line is with the connection's
    /// task.
    pub(crate) fn new(limit: usize, meters: Arc<AppMeters>) -> Self {
        Self {
            state: Mutex::new(State::new()),
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
        // Who closes need not be the connection's task.
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What a client is told that did not keep up.
    fn too_slow(&self, bytes: usize) -> Close {
        let limit = self.limit;
        let reason = format!("Too slow: {bytes} bytes wait to be sent, the limit is {limit}");
        Close::new(CloseCode::OverCapacity, reason)
    }

    /// The connection's task has ended: nothing is taken any more.
    pub(crate) fn end(&self) {
        self.state.lock().give_up(Status::Gone);
    }

    /// Writes all that waits, `words` of the connection's own included, unless somebody else does.
    /// Ready only when the connection is concerned. Whenever `line` has been used, `look` sees it.
    pub(crate) fn poll_out(
        &self,
        cx: &mut Context<'_>,
        line: &mut Option<Box<L>>,
        words: &mut Vec<u8>,
        mut look: impl FnMut(&L),
    ) -> Poll<Concern> {
        loop {
            let control = match words.is_empty() {
                true => Control::None,
                false => Control::Waits,
            };
            match ready!(self.poll_work(cx, line, control)) {
                Pending::Concern(concern) => return Poll::Ready(concern),
                Pending::Work => {}
            }
            let Some(own) = line else {
                return Poll::Pending;
            };
            own.say(&std::mem::take(words));
            let written = own.poll_write(cx);
            look(own);
            match written {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Concern::Broken),
                Poll::Pending => return self.poll_end(cx, own),
            }
        }
    }

    /// Work for the connection's task, and the line to do it with. Without any, the line is left
    /// to those who deliver.
    fn poll_work(
        &self,
        cx: &mut Context<'_>,
        line: &mut Option<Box<L>>,
        control: Control,
    ) -> Poll<Pending> {
        let mut state = self.state.lock();
        if let Some(own) = line {
            self.account(&mut state, own);
        }
        // First: whoever never stops filling its own queue would otherwise never be told.
        if let Some(close) = state.take_asked() {
            return Poll::Ready(Pending::Concern(Concern::Asked(close)));
        }
        if line.is_none() && state.has_work(control) {
            *line = state.line.take();
        }
        let Some(own) = line else {
            let wakes_on = match state.has_work(control) {
                true => WakesOn::Line,
                false => WakesOn::Handover,
            };
            state.listen(cx, wakes_on);
            return Poll::Pending;
        };
        own.load(&mut state.frames);
        if !own.is_idle() || control == Control::Waits {
            return Poll::Ready(Pending::Work);
        }
        match &state.status {
            Status::Closing(close) => {
                let concern = Concern::Close(close.clone());
                return Poll::Ready(Pending::Concern(concern));
            }
            &Status::Overflowed(bytes) => {
                let concern = Concern::Overflow(self.too_slow(bytes));
                return Poll::Ready(Pending::Concern(concern));
            }
            Status::Gone => {
                let concern = Concern::Overflow(self.too_slow(state.bytes));
                return Poll::Ready(Pending::Concern(concern));
            }
            Status::Open | Status::Asked(_) => {}
        }
        own.rest();
        state.rest();
        match own.sharing() {
            Sharing::Anybody => {
                state.line = line.take();
                state.listen(cx, WakesOn::Handover);
            }
            Sharing::TaskOnly => state.listen(cx, WakesOn::Frames),
        }
        Poll::Pending
    }

    /// Whether the connection was given up, or asked to close, while its task was busy writing.
    fn poll_end(&self, cx: &mut Context<'_>, line: &mut L) -> Poll<Concern> {
        let mut state = self.state.lock();
        self.account(&mut state, line);
        if let Some(close) = state.take_asked() {
            return Poll::Ready(Concern::Asked(close));
        }
        if let Status::Overflowed(bytes) = state.status {
            return Poll::Ready(Concern::Overflow(self.too_slow(bytes)));
        }
        state.listen(cx, WakesOn::End);
        Poll::Pending
    }

    /// The line, whatever there is to do. Who is delivering keeps it no longer than a write takes.
    pub(crate) fn poll_line(&self, cx: &mut Context<'_>) -> Poll<Box<L>> {
        let mut state = self.state.lock();
        match state.line.take() {
            Some(line) => Poll::Ready(line),
            None => {
                state.listen(cx, WakesOn::Line);
                Poll::Pending
            }
        }
    }

    /// Has `line` take over what is queued.
    pub(crate) fn load(&self, line: &mut L) {
        line.load(&mut self.state.lock().frames);
    }

    /// Sends on what waits, if the line is here, and otherwise wakes the task if it wants to know.
    fn send_on(&self, mut state: MutexGuard<'_, State<L>>) {
        match state.take_free_line() {
            Some(mut line) => {
                line.load(&mut state.frames);
                drop(state);
                self.lend(line).push();
            }
            None => {
                let waker = state.waker_for(WakesOn::Frames);
                drop(state);
                // Woken outside the lock: the task may run at once, on another core.
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }

    fn lend(&self, line: Box<L>) -> Lent<'_, L> {
        Lent {
            outbox: self,
            line: Some(line),
        }
    }

    /// Puts the line back after a write. What is left to do is for the connection's task: who
    /// delivers is never kept for what others add meanwhile.
    fn give_back(&self, mut line: Box<L>) {
        let mut state = self.state.lock();
        self.account(&mut state, &mut line);
        debug_assert!(
            !matches!(state.status, Status::Gone),
            "the task ends with the line in hand"
        );
        state.line = Some(line);
        state.rest();
        let waker = state.waker_for_line();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn account(&self, state: &mut State<L>, line: &mut L) {
        let written = line.take_written();
        if written.frames > 0 {
            state.bytes = state.bytes.saturating_sub(written.bytes);
            self.meters.sent(written.frames, written.bytes as u64);
        }
    }

    /// Takes `bytes` more into account, or finds that they do not fit.
    fn admit(&self, bytes: usize) -> Result<MutexGuard<'_, State<L>>, Delivery> {
        let mut state = self.state.lock();
        if !matches!(state.status, Status::Open | Status::Asked(_)) {
            return Err(Delivery::Gone);
        }
        let total = state.bytes + bytes;
        // What is more than the whole limit may still pass alone.
        if total > self.limit && state.bytes > 0 {
            state.give_up(Status::Overflowed(total));
            let waker = state.waker.take();
            drop(state);
            self.meters.overflowed();
            if let Some(waker) = waker {
                waker.wake();
            }
            return Err(Delivery::Full);
        }
        state.bytes = total;
        Ok(state)
    }
}

/// Writes the last words of `line`, tells the client that nothing follows, and gives it time to
/// close its side, which `reading` shows. May be dropped and called again.
///
/// # Errors
/// The client does not take them within `patience`.
pub(crate) async fn see_off<L: Line, R: AsyncRead + Unpin>(
    line: &mut L,
    reading: Option<&mut R>,
    patience: Duration,
) -> io::Result<()> {
    // With TLS, a shutdown writes too.
    let told = timeout(patience, async {
        poll_fn(|cx| line.poll_write(cx)).await?;
        poll_fn(|cx| line.poll_shutdown(cx)).await
    });
    told.await.map_err(|_| io::ErrorKind::TimedOut)??;
    if let Some(reading) = reading {
        // Running out of time is an end like any other.
        let _ = linger(reading).await;
    }
    Ok(())
}

/// The line in the hands of somebody who delivers, until that ends, in whatever way.
struct Lent<'o, L: Line> {
    outbox: &'o Outbox<L>,
    line: Option<Box<L>>,
}

impl<L: Line> Lent<'_, L> {
    fn send(&mut self, frames: &[Frame]) {
        if let Some(line) = &mut self.line {
            line.send(frames);
        }
    }

    fn push(&mut self) {
        if let Some(line) = &mut self.line {
            line.push();
        }
    }
}

impl<L: Line> Drop for Lent<'_, L> {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            self.outbox.give_back(line);
        }
    }
}

impl<L: Line> Mailbox for Outbox<L> {
    fn deliver(&self, frames: &[Frame]) -> Delivery {
        let mut state = match self.admit(frames.iter().map(Frame::wire_len).sum()) {
            Ok(state) => state,
            Err(refused) => return refused,
        };
        if state.frames.is_empty()
            && let Some(line) = state.take_free_line()
        {
            drop(state);
            self.lend(line).send(frames);
        } else {
            state.frames.extend(frames.iter().cloned());
            self.send_on(state);
        }
        Delivery::Accepted
    }

    fn put(&self, frame: &Frame) -> Delivery {
        match self.admit(frame.wire_len()) {
            Ok(mut state) => {
                state.frames.push_back(frame.clone());
                Delivery::Accepted
            }
            Err(refused) => refused,
        }
    }

    fn flush(&self) {
        let state = self.state.lock();
        if !state.frames.is_empty() {
            self.send_on(state);
        }
    }

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
}
