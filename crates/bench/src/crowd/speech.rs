//! Subscribers that send client events.

use std::ops::Range;

use clap::ValueEnum;
use foghorn_cli::Failure;
use serde::Serialize;

use super::Crowd;
use crate::marker::Marker;
use crate::pace::{Pace, Schedule};
use crate::wire::{self, Opcode};

/// Which members of a channel send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Senders {
    /// The first one
    One,
    /// All in turn
    All,
}

/// What is sent, by whom and when.
pub(super) struct Speech {
    senders: Senders,
    payload: usize,
    pace: Pace,
    /// There is none while nothing is to be sent.
    schedule: Option<Schedule>,
    /// The subscriber whose turn it is.
    turn: usize,
    /// The number of each subscriber's next event.
    next: Vec<u32>,
    /// Events sent on each channel.
    sent: Vec<u64>,
    /// Events sent before this was started last.
    begun: u64,
    /// How late the latest event was by the schedule, in nanoseconds.
    behind: u64,
}

impl Crowd {
    /// Lets members send events of `payload` bytes, once this is started.
    pub(crate) fn prepare_speech(&mut self, senders: Senders, payload: usize, pace: Pace) {
        self.speech = Some(Speech {
            senders,
            payload,
            pace,
            schedule: None,
            turn: 0,
            next: vec![0; self.plan.connections],
            sent: vec![0; self.plan.channels],
            begun: 0,
            behind: 0,
        });
    }

    /// Sends within a stretch of time, in nanoseconds, if anybody is to send.
    pub(crate) fn start_speech(&mut self, stretch: Range<u64>) {
        if let Some(speech) = &mut self.speech {
            speech.begun = speech.sent.iter().sum();
            speech.schedule = Some(Schedule::start(speech.pace, stretch));
            speech.behind = 0;
        }
    }

    /// Sends nothing more.
    pub(crate) fn stop_speech(&mut self) {
        if let Some(speech) = &mut self.speech {
            speech.schedule = None;
        }
    }

    /// How many events were sent on each channel, if anybody sends.
    pub(crate) fn spoken(&self) -> Option<&[u64]> {
        Some(&self.speech.as_ref()?.sent)
    }

    /// How many events were sent since this was started last.
    pub(crate) fn spoken_lately(&self) -> u64 {
        let speech = self.speech.as_ref();
        speech.map_or(0, |speech| speech.sent.iter().sum::<u64>() - speech.begun)
    }

    /// How late the latest event was by the schedule, in nanoseconds.
    pub(crate) fn behind(&self) -> u64 {
        self.speech.as_ref().map_or(0, |speech| speech.behind)
    }

    /// Sends what is due; gives the next moment at which something is.
    pub(super) fn speak_due(&mut self, now: u64) -> Result<Option<u64>, Failure> {
        while let Some(speech) = &mut self.speech
            && let Some(schedule) = &mut speech.schedule
        {
            let due = schedule.due();
            if due > now {
                return Ok(Some(due));
            }
            let due = schedule.take(now);
            speech.behind = speech.behind.max(now - due);
            let index = speech.turn;
            let last = match speech.senders {
                Senders::One => self.plan.channels.min(self.plan.connections),
                Senders::All => self.plan.connections,
            };
            speech.turn = (index + 1) % last.max(1);
            self.speak(index, due)?;
        }
        Ok(None)
    }

    /// Sends an event that was due at `due` nanoseconds.
    fn speak(&mut self, index: usize, due: u64) -> Result<(), Failure> {
        let channel = self.channel(index);
        let (Some(speech), Some(subscriber)) = (&mut self.speech, self.subscribers.get_mut(index))
        else {
            return Ok(());
        };
        if subscriber.socket.is_none() {
            return Ok(());
        }
        let Some(next) = speech.next.get_mut(index) else {
            return Ok(());
        };
        let marker = Marker {
            // Its place among the members of its channel.
            publisher: (index / self.plan.channels) as u32,
            sequence: *next,
            sent: due,
        };
        *next += 1;
        if let Some(sent) = speech.sent.get_mut(subscriber.channel) {
            *sent += 1;
        }
        subscriber.unique += 1;
        self.ledger.spoke(index, marker);
        let head = format!(r#"{{"event":"client-bench","channel":"{channel}","data":""#);
        let mut message = head.into_bytes();
        marker.append(&mut message, speech.payload);
        message.extend_from_slice(b"\"}");
        let mut bytes = Vec::with_capacity(message.len() + 16);
        wire::append(&mut bytes, Opcode::Text, &message);
        self.write(index, &bytes)
    }
}
