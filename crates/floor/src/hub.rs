//! Channels: who is subscribed, who gets what, and when it is written.

use clap::ValueEnum;
use mio::net::TcpStream;
use slab::Slab;
use std::collections::HashMap;

use crate::connection::{Connection, Hangup, Subscription};
use crate::websocket::{TEXT, push_frame};

/// When events are written to subscribers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WriteMode {
    /// At once: one write for each subscriber and event.
    Each,
    /// After all requests of an epoll round: one write for each subscriber of a channel, of all
    /// the events that the round brought.
    Coalesce,
}

/// The number of a connection; numbers of closed connections are given out again.
pub(crate) type Id = u32;

/// The subscribers of a channel, and with [`WriteMode::Coalesce`] the frames of this round.
#[derive(Default)]
struct Channel {
    members: Vec<Id>,
    pending: Vec<u8>,
}

/// An event for a channel; its parts are JSON string literals.
#[derive(Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) channel: &'a [u8],
    pub(crate) data: &'a [u8],
}

/// Everybody who is connected, and every channel there ever was.
pub(crate) struct Hub {
    mode: WriteMode,
    connections: Slab<Connection>,
    numbers: HashMap<Box<[u8]>, u32>,
    channels: Vec<Channel>,
    /// Channels with pending frames.
    touched: Vec<u32>,
    /// Connections that broke while something was written to them.
    broken: Vec<Id>,
}

impl Hub {
    pub(crate) fn new(mode: WriteMode) -> Self {
        Self {
            mode,
            connections: Slab::new(),
            numbers: HashMap::new(),
            channels: Vec::new(),
            touched: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// The number that the next connection gets.
    pub(crate) fn next_id(&self) -> usize {
        self.connections.vacant_key()
    }

    pub(crate) fn add(&mut self, stream: TcpStream) {
        self.connections.insert(Connection::new(stream));
    }

    /// The connection of this number, unless it is closed.
    pub(crate) fn get(&mut self, id: Id) -> Result<&mut Connection, Hangup> {
        self.connections.get_mut(id as usize).ok_or(Hangup)
    }

    /// Subscribes a connection to the channel of this name, a JSON string literal.
    pub(crate) fn join(&mut self, id: Id, name: &[u8]) -> Result<(), Hangup> {
        let number = self.number(name);
        let connection = self.connections.get_mut(id as usize).ok_or(Hangup)?;
        let channel = self.channels.get_mut(number as usize).ok_or(Hangup)?;
        if connection
            .subscriptions
            .iter()
            .any(|subscription| subscription.channel == number)
        {
            return Ok(());
        }
        let place = u32::try_from(channel.members.len()).map_err(|_| Hangup)?;
        channel.members.push(id);
        // Most have one subscription; a vector that grows by itself makes room for four.
        connection.subscriptions.reserve_exact(1);
        connection.subscriptions.push(Subscription {
            channel: number,
            place,
        });
        Ok(())
    }

    fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.channels.len() as u32;
        self.channels.push(Channel::default());
        self.numbers.insert(name.into(), number);
        number
    }

    /// Ends a connection's subscription to the channel of this name, if it has one.
    pub(crate) fn leave(&mut self, id: Id, name: &[u8]) -> Result<(), Hangup> {
        let Some(&number) = self.numbers.get(name) else {
            return Ok(());
        };
        let subscriptions = &mut self.get(id)?.subscriptions;
        if let Some(at) = subscriptions.iter().position(|one| one.channel == number) {
            let subscription = subscriptions.swap_remove(at);
            self.take_out(&subscription);
        }
        Ok(())
    }

    /// Closes a connection and ends its subscriptions.
    pub(crate) fn close(&mut self, id: Id) {
        if let Some(connection) = self.connections.try_remove(id as usize) {
            for subscription in &connection.subscriptions {
                self.take_out(subscription);
            }
        }
    }

    /// Takes a member out of a channel and moves the last member into its place.
    fn take_out(&mut self, gone: &Subscription) {
        let Some(channel) = self.channels.get_mut(gone.channel as usize) else {
            return;
        };
        channel.members.swap_remove(gone.place as usize);
        let moved = channel.members.get(gone.place as usize);
        let moved = moved.and_then(|id| self.connections.get_mut(*id as usize));
        for subscription in moved.into_iter().flat_map(|moved| &mut moved.subscriptions) {
            if subscription.channel == gone.channel {
                subscription.place = gone.place;
            }
        }
    }

    /// Sends an event to all subscribers of its channel, at once or at the next [`Self::flush`].
    pub(crate) fn publish(&mut self, event: Event<'_>) {
        let Some(&number) = self.numbers.get(event.channel) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(number as usize) else {
            return;
        };
        if channel.pending.is_empty() {
            self.touched.push(number);
        }
        let parts: [&[u8]; 7] = [
            b"{\"event\":",
            event.name,
            b",\"channel\":",
            event.channel,
            b",\"data\":",
            event.data,
            b"}",
        ];
        push_frame(&mut channel.pending, TEXT, &parts);
        if self.mode == WriteMode::Each {
            self.flush();
        }
    }

    /// Sends a client's text as it came to all subscribers of a channel but itself, at once.
    pub(crate) fn relay(&mut self, sender: Id, channel: &[u8], text: &[u8]) {
        // What was published before goes first.
        self.flush();
        let number = self.numbers.get(channel);
        let channel = number.and_then(|number| self.channels.get(*number as usize));
        let Some(channel) = channel else {
            return;
        };
        let mut frame = Vec::with_capacity(text.len() + 10);
        push_frame(&mut frame, TEXT, &[text]);
        for &member in channel.members.iter().filter(|member| **member != sender) {
            let connection = self.connections.get_mut(member as usize);
            if connection.is_some_and(|connection| connection.write(&frame).is_err()) {
                self.broken.push(member);
            }
        }
        self.close_broken();
    }

    /// Writes what channels have pending.
    pub(crate) fn flush(&mut self) {
        for number in self.touched.drain(..) {
            let Some(channel) = self.channels.get_mut(number as usize) else {
                continue;
            };
            for &member in &channel.members {
                let connection = self.connections.get_mut(member as usize);
                if connection.is_some_and(|connection| connection.write(&channel.pending).is_err())
                {
                    self.broken.push(member);
                }
            }
            channel.pending.clear();
        }
        self.close_broken();
    }

    fn close_broken(&mut self) {
        while let Some(id) = self.broken.pop() {
            self.close(id);
        }
    }
}
