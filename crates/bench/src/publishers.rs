//! Connections that publish: each has one request in flight and keeps its own sequences.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::ops::Range;

use clap::ValueEnum;
use foghorn_cli::Failure;
use serde::Serialize;

use crate::answer::{self, Answer};
use crate::clock::{self, MILLISECOND};
use crate::engine::{Happened, Io, Owner};
use crate::histogram::Histogram;
use crate::marker::Marker;
use crate::pace::{Pace, Schedule};
use crate::request::Requests;
use crate::socket::{Socket, Then};

/// How long a publisher waits after it was told that the server is busy, in nanoseconds.
const BREATH: u64 = 2 * MILLISECOND;

/// What to do about an event that was answered 429 or 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnBusy {
    /// Publish it again
    Retry,
    /// Count it and go on with the next one
    Count,
}

/// What was published; the window can be begun again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    /// Events accepted on each channel, from the beginning.
    pub(crate) accepted: Vec<u64>,
    /// Requests answered 200 in the window.
    pub(crate) requests: u64,
    /// Requests answered 429 or 503 in the window.
    pub(crate) refused: u64,
    /// From when a request was due until its answer has been read, in the window.
    pub(crate) latency: Histogram,
    /// When the last one was answered, in nanoseconds.
    pub(crate) answered: u64,
    /// How late the latest request of the window was by the schedule, in nanoseconds.
    pub(crate) behind: u64,
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    /// It waits for an answer to what was due then, in nanoseconds.
    Asking {
        since: u64,
    },
    /// It waits until then, in nanoseconds, because the server is busy.
    Pausing {
        until: u64,
    },
}

/// A connection.
struct Publisher {
    socket: Option<Socket>,
    doing: Doing,
    /// The number of its next event on each channel.
    next: Vec<u32>,
    /// The channel of its request's first event; kept for a request that was refused.
    channel: Option<usize>,
}

/// All publishers.
pub(crate) struct Publishers {
    server: SocketAddr,
    requests: Requests,
    channels: usize,
    on_busy: OnBusy,
    pace: Pace,
    /// There is none while nothing is to be sent.
    schedule: Option<Schedule>,
    publishers: Vec<Publisher>,
    /// The channel whose turn it is.
    turn: usize,
    pub(crate) published: Published,
}

/// How publishers go about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// How many connections there may be.
    pub(crate) publishers: usize,
    pub(crate) channels: usize,
    pub(crate) pace: Pace,
    pub(crate) on_busy: OnBusy,
}

impl Publishers {
    /// Publishers that do nothing yet; they connect when they first have something to send.
    pub(crate) fn new(server: SocketAddr, requests: Requests, manner: Manner) -> Self {
        let publisher = || Publisher {
            socket: None,
            doing: Doing::Nothing,
            next: vec![0; manner.channels],
            channel: None,
        };
        Self {
            server,
            requests,
            channels: manner.channels,
            on_busy: manner.on_busy,
            pace: manner.pace,
            schedule: None,
            publishers: (0..manner.publishers).map(|_| publisher()).collect(),
            turn: 0,
            published: Published {
                accepted: vec![0; manner.channels],
                ..Published::default()
            },
        }
    }

    /// How many there may be.
    pub(crate) fn count(&self) -> usize {
        self.publishers.len()
    }

    /// Publishes within a stretch of time, in nanoseconds.
    pub(crate) fn start(&mut self, stretch: Range<u64>) {
        self.schedule = Some(Schedule::start(self.pace, stretch));
    }

    /// Begins nothing more.
    pub(crate) fn stop(&mut self) {
        self.schedule = None;
    }

    /// Begins the window: what was accepted stays, everything else is counted anew.
    pub(crate) fn begin(&mut self) {
        self.published = Published {
            accepted: std::mem::take(&mut self.published.accepted),
            ..Published::default()
        };
    }

    /// Whether no answer is awaited.
    pub(crate) fn is_quiet(&self) -> bool {
        let asking = |publisher: &Publisher| matches!(publisher.doing, Doing::Asking { .. });
        !self.publishers.iter().any(asking)
    }

    /// Sends the next request, or the one that was refused; it was due at `due` nanoseconds.
    fn ask(&mut self, io: &Io, index: usize, due: u64) -> Result<(), String> {
        let count = self.requests.events();
        let Some(publisher) = self.publishers.get_mut(index) else {
            return Ok(());
        };
        let first = *publisher.channel.get_or_insert_with(|| {
            let first = self.turn;
            self.turn = (self.turn + count) % self.channels;
            first
        });
        let mut events = Vec::with_capacity(count);
        for channel in channels(first, count, self.channels) {
            if let Some(next) = publisher.next.get_mut(channel) {
                let marker = Marker {
                    publisher: index as u32,
                    sequence: *next,
                    sent: due,
                };
                events.push((channel, marker));
                *next += 1;
            }
        }
        let mut bytes = Vec::with_capacity(1024);
        self.requests.write(&mut bytes, &events);
        publisher.doing = Doing::Asking { since: due };
        let connected = match publisher.socket.take() {
            Some(socket) => Ok(socket),
            None => Socket::connect(io, index, self.server, None),
        };
        let written = connected.and_then(|mut socket| {
            socket.send(&bytes)?;
            Ok(socket)
        });
        publisher.socket = Some(written.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Reads an answer, and asks again if it is due.
    fn read(&mut self, io: &mut Io, index: usize) -> Result<(), String> {
        let Some(publisher) = self.publishers.get_mut(index) else {
            return Ok(());
        };
        let Some(socket) = &mut publisher.socket else {
            return Ok(());
        };
        let filled = socket.fill_all(&mut io.buffer);
        let filled = filled.map_err(|error| error.to_string())?;
        let bytes = io.buffer.get(..filled.bytes).unwrap_or_default();
        let answer = answer::read(bytes)?;
        let asking = matches!(publisher.doing, Doing::Asking { .. });
        match answer {
            None if filled.then == Then::End && asking => {
                return Err("closed without an answer".to_owned());
            }
            None => socket.keep(bytes),
            Some(answer) => {
                if answer.last || filled.then == Then::End {
                    publisher.socket = None;
                }
                self.answered(index, &answer)?;
                // The others have their turn when they are due.
                if self.is_due(clock::now()) && self.is_free(index) {
                    return self.ask_next(io, index);
                }
            }
        }
        if filled.then == Then::End
            && let Some(publisher) = self.publishers.get_mut(index)
        {
            publisher.socket = None;
        }
        Ok(())
    }

    fn answered(&mut self, index: usize, answer: &Answer<'_>) -> Result<(), String> {
        let now = clock::now();
        let count = self.requests.events();
        let Some(publisher) = self.publishers.get_mut(index) else {
            return Ok(());
        };
        let Doing::Asking { since } = publisher.doing else {
            return Err("an answer came to no question".to_owned());
        };
        let first = publisher.channel.unwrap_or_default();
        let sent = channels(first, count, self.channels);
        match answer.status {
            200 => {
                for channel in sent {
                    if let Some(accepted) = self.published.accepted.get_mut(channel) {
                        *accepted += 1;
                    }
                }
                self.published.requests += 1;
                self.published.answered = now;
                self.published.latency.record(now.saturating_sub(since));
                publisher.channel = None;
                publisher.doing = Doing::Nothing;
            }
            429 | 503 => {
                // The numbers were not used up.
                for channel in sent {
                    if let Some(next) = publisher.next.get_mut(channel) {
                        *next -= 1;
                    }
                }
                self.published.refused += 1;
                if self.on_busy == OnBusy::Count {
                    publisher.channel = None;
                }
                publisher.doing = Doing::Pausing {
                    until: now + BREATH,
                };
            }
            status => {
                let said = String::from_utf8_lossy(answer.body);
                return Err(format!("answered {status}: {said}"));
            }
        }
        Ok(())
    }

    fn is_due(&self, now: u64) -> bool {
        self.schedule
            .as_ref()
            .is_some_and(|schedule| schedule.due() <= now)
    }

    fn is_free(&self, index: usize) -> bool {
        let publisher = self.publishers.get(index);
        publisher.is_some_and(|publisher| publisher.doing == Doing::Nothing)
    }

    /// Sends a request that the schedule asks for.
    fn ask_next(&mut self, io: &Io, index: usize) -> Result<(), String> {
        let now = clock::now();
        let schedule = self.schedule.as_mut();
        let due = schedule.map_or(now, |schedule| schedule.take(now));
        self.published.behind = self.published.behind.max(now.saturating_sub(due));
        self.ask(io, index, due)
    }

    /// Goes on writing and reads, as far as that is possible now.
    fn go_on(&mut self, io: &mut Io, index: usize, what: Happened) -> Result<(), String> {
        let publisher = self.publishers.get_mut(index);
        if let Some(socket) = publisher.and_then(|publisher| publisher.socket.as_mut()) {
            if what.writable {
                socket.writable().map_err(|error| error.to_string())?;
            }
            if what.over {
                socket.over();
            }
        }
        if what.readable || what.over {
            self.read(io, index)?;
        }
        Ok(())
    }

    /// Why the run cannot go on, in words.
    fn failed(&self, index: usize, why: &str) -> Failure {
        let (number, server) = (index + 1, self.server);
        Failure::refused(format!("publisher {number} to {server}: {why}"))
    }

    /// Wakes those whose pause is over; gives the end of the next one.
    fn end_pauses(&mut self, now: u64) -> Option<u64> {
        let mut next: Option<u64> = None;
        for publisher in &mut self.publishers {
            match publisher.doing {
                Doing::Pausing { until } if until <= now => publisher.doing = Doing::Nothing,
                Doing::Pausing { until } => next = Some(next.map_or(until, |n| n.min(until))),
                Doing::Nothing | Doing::Asking { .. } => {}
            }
        }
        next
    }
}

/// The channels of a request whose first event is on `first`.
fn channels(first: usize, count: usize, all: usize) -> impl Iterator<Item = usize> {
    (first..first + count).map(move |channel| channel % all)
}

impl Owner for Publishers {
    fn happened(&mut self, io: &mut Io, index: usize, what: Happened) -> Result<(), Failure> {
        let done = self.go_on(io, index, what);
        done.map_err(|why| self.failed(index, &why))
    }

    fn due(&mut self, io: &mut Io, now: u64) -> Result<Option<u64>, Failure> {
        let pause = self.end_pauses(now);
        if self.schedule.is_none() {
            return Ok(None);
        }
        // Who has been told to wait goes first, so that no event is overtaken for long.
        let free = |publisher: &Publisher| publisher.doing == Doing::Nothing;
        while self.is_due(now) {
            let refused = |p: &Publisher| free(p) && p.channel.is_some();
            let index = self.publishers.iter().position(refused);
            let Some(index) = index.or_else(|| self.publishers.iter().position(free)) else {
                return Ok(pause);
            };
            let asked = self.ask_next(io, index);
            asked.map_err(|why| self.failed(index, &why))?;
        }
        let due = self.schedule.as_ref().map(Schedule::due);
        Ok(due.map(|due| pause.map_or(due, |pause| pause.min(due))))
    }
}
