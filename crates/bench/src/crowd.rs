//! Many subscribers: opens them, reads what they get, and keeps count.

mod churn;
mod conversation;
mod speech;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use foghorn_auth::Credential;
use foghorn_cli::Failure;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::clock::{self, SECOND};
use crate::counts::{Counts, Ledger};
use crate::engine::{Happened, Io, Owner};
use crate::marker::Markers;
use crate::socket::{Socket, Then, source};
use crate::talk;
use crate::wire::{self, Frame, Opcode};

use churn::Churn;
pub(crate) use churn::Habit;
pub(crate) use speech::Senders;
use speech::Speech;

/// Which subscribers there are to be; other processes are told theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) server: SocketAddr,
    /// The request that opens a WebSocket.
    pub(crate) upgrade: String,
    /// The number of the first connection.
    pub(crate) first: usize,
    pub(crate) connections: usize,
    /// How many channels the connections are on in turn.
    pub(crate) channels: usize,
    /// What the channels' names begin with; a number follows.
    pub(crate) prefix: String,
    /// How many publishers there may be.
    pub(crate) publishers: usize,
    /// How many connections may be on their way at once.
    pub(crate) at_once: usize,
}

/// How long a server may take until one more connection is open, in nanoseconds.
const PATIENCE: u64 = 30 * SECOND;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Upgrading,
    Greeting,
    Subscribing,
    Subscribed,
    /// It has unsubscribed until its turn comes.
    Away,
}

/// A connection.
struct Subscriber {
    /// Gone when the connection is.
    socket: Option<Socket>,
    stage: Stage,
    channel: usize,
    /// Events received, each once.
    unique: u64,
    /// Whether it reads what it gets.
    reading: bool,
    /// Kept for channels whose subscriptions are signed.
    socket_id: Option<Box<str>>,
    /// When it was to be subscribed again, in nanoseconds.
    asked: Option<u64>,
}

/// All connections of a process.
pub(crate) struct Crowd {
    plan: Plan,
    /// Signs subscriptions of presence channels.
    credential: Option<Credential>,
    subscribers: Vec<Subscriber>,
    /// Connections on their way.
    opening: usize,
    pub(crate) ledger: Ledger,
    markers: Markers,
    churn: Option<Churn>,
    speech: Option<Speech>,
    /// Whether all are to read what they have left unread.
    resuming: bool,
    /// How many were open when that last changed, and when it did, in nanoseconds.
    progress: (usize, u64),
}

impl Crowd {
    /// A crowd that opens its connections when it has its turns.
    pub(crate) fn new(plan: Plan, credential: Option<Credential>) -> Self {
        Self {
            ledger: Ledger::new(plan.connections, plan.publishers, plan.channels),
            subscribers: Vec::with_capacity(plan.connections),
            opening: 0,
            markers: Markers::new(),
            churn: None,
            speech: None,
            resuming: false,
            progress: (0, clock::now()),
            plan,
            credential,
        }
    }

    /// Whether all are subscribed.
    pub(crate) fn is_open(&self) -> bool {
        self.opening == 0 && self.subscribers.len() == self.plan.connections
    }

    /// How many are subscribed or were.
    pub(crate) fn opened(&self) -> usize {
        self.subscribers.len() - self.opening
    }

    /// So many more connections to the same channels, as a plan of their own. What they get is not
    /// counted.
    pub(crate) fn plan_more(&self, connections: usize) -> Plan {
        Plan {
            first: self.plan.first + self.plan.connections,
            connections,
            publishers: 0,
            ..self.plan.clone()
        }
    }

    /// Whether any connection is left.
    pub(crate) fn is_anybody_there(&self) -> bool {
        self.subscribers.iter().any(|s| s.socket.is_some())
    }

    /// Whether all are members of presence channels.
    pub(crate) fn is_presence(&self) -> bool {
        self.credential.is_some()
    }

    /// What was received.
    pub(crate) fn counts(&self) -> &Counts {
        &self.ledger.counts
    }

    /// Leaves the plan to others; this crowd stays empty.
    pub(crate) fn give_away(&mut self) -> Plan {
        let plan = self.plan.clone();
        self.plan.connections = 0;
        self.ledger = Ledger::new(0, 0, plan.channels);
        plan
    }

    /// Ends all connections.
    pub(crate) fn close(&mut self) {
        for subscriber in &mut self.subscribers {
            subscriber.socket = None;
        }
    }

    /// Whether something still moves while connections are opened.
    ///
    /// # Errors
    /// Nothing has for longer than servers may take.
    pub(crate) fn check_progress(&mut self) -> Result<(), Failure> {
        let now = clock::now();
        let opened = self.opened();
        if self.is_open() || self.progress.0 != opened {
            self.progress = (opened, now);
        } else if now > self.progress.1 + PATIENCE {
            let waiting = |s: &Subscriber| !matches!(s.stage, Stage::Subscribed | Stage::Away);
            let index = self.subscribers.iter().position(waiting);
            return Err(self.failed(index.unwrap_or_default(), "no answer for 30 s"));
        }
        Ok(())
    }

    /// All read again, beginning with what they have left unread.
    pub(crate) fn resume_reading(&mut self) {
        self.resuming = true;
    }

    fn resume(&mut self, io: &mut Io) -> Result<(), Failure> {
        if std::mem::take(&mut self.resuming) {
            for index in 0..self.subscribers.len() {
                if let Some(subscriber) = self.subscribers.get_mut(index) {
                    subscriber.reading = true;
                }
                self.read(io, index)?;
            }
        }
        Ok(())
    }

    /// All leave unread what they get from now on.
    pub(crate) fn stop_reading(&mut self) {
        for subscriber in &mut self.subscribers {
            subscriber.reading = false;
        }
    }

    fn open_next(&mut self, io: &Io) -> Result<(), Failure> {
        let index = self.subscribers.len();
        let number = self.plan.first + index;
        let from = source(self.plan.server, number);
        let socket = Socket::connect(io, index, self.plan.server, from);
        let socket = socket.and_then(|mut socket| {
            socket.send(self.plan.upgrade.as_bytes())?;
            Ok(socket)
        });
        let socket = socket.map_err(|error| {
            let failure = self.failed(index, &error.to_string());
            if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) {
                return failure.hint("spread the connections over more processes: --processes");
            }
            failure
        })?;
        self.subscribers.push(Subscriber {
            socket: Some(socket),
            stage: Stage::Upgrading,
            channel: number % self.plan.channels,
            unique: 0,
            reading: true,
            socket_id: None,
            asked: None,
        });
        self.opening += 1;
        Ok(())
    }

    /// Reads until there is no more, and takes in every whole message.
    fn read(&mut self, io: &mut Io, index: usize) -> Result<(), Failure> {
        loop {
            let Some(socket) = self.socket(index) else {
                return Ok(());
            };
            let filled = match socket.fill(&mut io.buffer) {
                Ok(filled) => filled,
                Err(error) => return self.ended(index, &error.to_string()),
            };
            let now = clock::now();
            let bytes = io.buffer.get(..filled.bytes).unwrap_or_default();
            let rest = self.take(index, bytes, now)?;
            if let Some(socket) = self.socket(index) {
                socket.keep(rest);
            }
            match filled.then {
                Then::More => {}
                Then::Wait => return Ok(()),
                Then::End => return self.ended(index, "without a close frame"),
            }
        }
    }

    /// Takes in every whole message; gives what is left.
    fn take<'a>(
        &mut self,
        index: usize,
        mut bytes: &'a [u8],
        now: u64,
    ) -> Result<&'a [u8], Failure> {
        if self.stage(index) == Some(Stage::Upgrading) {
            match talk::upgraded(bytes) {
                Ok(Some(rest)) => bytes = rest,
                Ok(None) => return Ok(bytes),
                Err(why) => return Err(self.failed(index, &why)),
            }
            self.advance(index, Stage::Greeting);
        }
        loop {
            match wire::split(bytes) {
                Ok(Some(frame)) => {
                    bytes = frame.rest;
                    self.frame(index, &frame, now)?;
                }
                Ok(None) => return Ok(bytes),
                Err(error) => {
                    self.ended(index, &error.to_string())?;
                    return Ok(&[]);
                }
            }
        }
    }

    fn frame(&mut self, index: usize, frame: &Frame<'_>, now: u64) -> Result<(), Failure> {
        match frame.opcode {
            Opcode::Text => {
                let Some(event) = self.markers.find(frame.payload) else {
                    return self.message(index, frame.payload);
                };
                let subscriber = self.subscribers.get_mut(index);
                // What follows the end of a connection in the same read does not count.
                if let Some(subscriber) = subscriber.filter(|s| s.socket.is_some()) {
                    let unique = self.ledger.arrived(index, event, now);
                    subscriber.unique += u64::from(unique);
                }
                Ok(())
            }
            Opcode::Ping => self.send(index, Opcode::Pong, frame.payload),
            Opcode::Pong => Ok(()),
            Opcode::Close => self.ended(index, &wire::close_reason(frame.payload)),
        }
    }

    fn send(&mut self, index: usize, opcode: Opcode, payload: &[u8]) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(payload.len() + 16);
        wire::append(&mut bytes, opcode, payload);
        self.write(index, &bytes)
    }

    /// Writes whole frames.
    fn write(&mut self, index: usize, frames: &[u8]) -> Result<(), Failure> {
        let Some(socket) = self.socket(index) else {
            return Ok(());
        };
        match socket.send(frames) {
            Ok(()) => Ok(()),
            Err(error) => self.ended(index, &error.to_string()),
        }
    }

    /// The connection is over. Before it was subscribed that ends the run.
    fn ended(&mut self, index: usize, why: &str) -> Result<(), Failure> {
        let Some(subscriber) = self.subscribers.get_mut(index) else {
            return Ok(());
        };
        if subscriber.socket.take().is_none() {
            return Ok(());
        }
        if subscriber.stage != Stage::Subscribed {
            return Err(self.failed(index, &format!("closed: {why}")));
        }
        let (channel, unique) = (subscriber.channel, subscriber.unique);
        self.ledger.left(index, channel, unique, why);
        Ok(())
    }

    /// Why the run cannot go on, in words.
    fn failed(&self, index: usize, why: &str) -> Failure {
        let number = self.plan.first + index + 1;
        let during = match self.stage(index) {
            None | Some(Stage::Upgrading) => "connecting",
            Some(Stage::Greeting) => "waiting for its greeting",
            Some(Stage::Subscribing) => "subscribing",
            Some(Stage::Subscribed) => "listening",
            Some(Stage::Away) => "unsubscribed for now",
        };
        let server = self.plan.server;
        Failure::refused(format!("connection {number} to {server}, {during}: {why}"))
    }

    fn socket(&mut self, index: usize) -> Option<&mut Socket> {
        self.subscribers.get_mut(index)?.socket.as_mut()
    }

    fn stage(&self, index: usize) -> Option<Stage> {
        Some(self.subscribers.get(index)?.stage)
    }

    fn advance(&mut self, index: usize, stage: Stage) {
        if let Some(subscriber) = self.subscribers.get_mut(index) {
            subscriber.stage = stage;
        }
    }
}

impl Owner for Crowd {
    fn happened(&mut self, io: &mut Io, index: usize, what: Happened) -> Result<(), Failure> {
        if what.writable
            && let Some(socket) = self.socket(index)
            && let Err(error) = socket.writable()
        {
            return self.ended(index, &error.to_string());
        }
        if what.over
            && let Some(socket) = self.socket(index)
        {
            socket.over();
        }
        let reading = self.subscribers.get(index).is_some_and(|s| s.reading);
        if what.over || (what.readable && reading) {
            return self.read(io, index);
        }
        Ok(())
    }

    fn due(&mut self, io: &mut Io, now: u64) -> Result<Option<u64>, Failure> {
        while self.opening < self.plan.at_once && self.subscribers.len() < self.plan.connections {
            self.open_next(io)?;
        }
        self.resume(io)?;
        let rejoin = self.rejoin_due(now)?;
        let speak = self.speak_due(now)?;
        Ok([rejoin, speak].into_iter().flatten().min())
    }
}
