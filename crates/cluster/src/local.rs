//! The driver for nodes of one process: no broker, no sockets.
//!
//! A server without a cluster runs on it alone; tests run several nodes on it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::{Bus, BusError, Inbound, Inbox, Joining, NodeId, Reach, Topic};

/// Messages that wait in one inbox unless said otherwise.
const DEFAULT_CAPACITY: usize = 16_384;

/// An overflow leaves this much in the queue: down, up, and the message that was too much.
const LEAST_CAPACITY: usize = 3;

/// What nodes of one process attach to. Clones are the same bus.
#[derive(Clone, Debug)]
pub struct LocalBus(Arc<Hub>);

/// One node's way out over a [`LocalBus`].
///
/// Joining is free in memory, so every topic counts as joined ([`Joining::AtOnce`]) and leaving
/// changes nothing: a message goes to all other nodes, on [`Topic::Node`] to that one.
#[derive(Clone, Debug)]
pub struct LocalHandle {
    hub: Arc<Hub>,
    seat: Arc<Seat>,
}

/// One node's way in. Dropping it detaches the node.
///
/// When too many messages wait, all are forgotten and the link counts as interrupted
/// ([`Inbound::LinkDown`], [`Inbound::LinkUp`]), so that the node re-syncs as with any driver.
#[derive(Debug)]
pub struct LocalInbox {
    hub: Arc<Hub>,
    seat: Arc<Seat>,
}

#[derive(Debug)]
struct Hub {
    capacity: usize,
    // Replaced as a whole, so that messages are handed out without the lock.
    seats: RwLock<Arc<[Arc<Seat>]>>,
}

#[derive(Debug)]
struct Seat {
    node: NodeId,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Inbound>,
    reader: Option<Waker>,
    overflows: u64,
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalBus {
    /// A bus without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }

    /// A bus whose inboxes hold at most `capacity` messages, at least three.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Arc::new(Hub {
            capacity: capacity.max(LEAST_CAPACITY),
            seats: RwLock::default(),
        }))
    }

    /// Adds a node, until its inbox is dropped.
    #[must_use]
    pub fn attach(&self, node: NodeId) -> (LocalHandle, LocalInbox) {
        let seat = Arc::new(Seat {
            node,
            queue: Mutex::default(),
        });
        let mut seats = self.0.seats.write();
        *seats = seats.iter().chain([&seat]).cloned().collect();
        drop(seats);
        let handle = LocalHandle {
            hub: Arc::clone(&self.0),
            seat: Arc::clone(&seat),
        };
        let hub = Arc::clone(&self.0);
        (handle, LocalInbox { hub, seat })
    }
}

impl LocalHandle {
    fn is_attached(&self, seats: &[Arc<Seat>]) -> bool {
        seats.iter().any(|seat| Arc::ptr_eq(seat, &self.seat))
    }
}

impl Bus for LocalHandle {
    /// # Errors
    /// [`BusError::LinkDown`] when this node is detached.
    async fn publish(&self, topic: &Topic, message: Bytes) -> Result<(), BusError> {
        let seats = Arc::clone(&self.hub.seats.read());
        if !self.is_attached(&seats) {
            return Err(BusError::LinkDown);
        }
        for seat in seats.iter() {
            if !Arc::ptr_eq(seat, &self.seat) && seat.hears(topic) {
                let (topic, bytes) = (topic.clone(), message.clone());
                seat.push(Inbound::Message { topic, bytes }, self.hub.capacity);
            }
        }
        Ok(())
    }

    async fn join(&self, _: &Topic) -> Result<(), BusError> {
        Ok(())
    }

    async fn leave(&self, _: &Topic) -> Result<(), BusError> {
        Ok(())
    }

    fn reach(&self) -> Reach {
        let seats = self.hub.seats.read();
        if seats.iter().all(|seat| Arc::ptr_eq(seat, &self.seat)) {
            Reach::Alone
        } else {
            Reach::Peers
        }
    }

    fn joining(&self) -> Joining {
        Joining::AtOnce
    }
}

impl Inbox for LocalInbox {
    async fn next(&mut self) -> Inbound {
        poll_fn(|context| self.seat.poll(context)).await
    }
}

impl LocalInbox {
    /// How often waiting messages were forgotten because there were too many.
    #[must_use]
    pub fn overflows(&self) -> u64 {
        self.seat.queue.lock().overflows
    }
}

impl Drop for LocalInbox {
    fn drop(&mut self) {
        let mut seats = self.hub.seats.write();
        let others = seats.iter().filter(|seat| !Arc::ptr_eq(seat, &self.seat));
        *seats = others.cloned().collect();
    }
}

impl Seat {
    fn hears(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Node(node) => *node == self.node,
            Topic::Control | Topic::Audience { .. } => true,
        }
    }

    fn push(&self, inbound: Inbound, capacity: usize) {
        let mut queue = self.queue.lock();
        if queue.waiting.len() >= capacity {
            queue.waiting.clear();
            queue.waiting.extend([Inbound::LinkDown, Inbound::LinkUp]);
            queue.overflows += 1;
        }
        queue.waiting.push_back(inbound);
        let reader = queue.reader.take();
        // The reader may run at once, here; it must find the queue unlocked.
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Inbound> {
        let mut queue = self.queue.lock();
        match queue.waiting.pop_front() {
            Some(inbound) => Poll::Ready(inbound),
            None => {
                queue.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests;
