//! Sends that follow each other, delivered together: every subscriber is visited once for all of
//! them, and its socket written to once.

use foghorn_protocol::{Frame, SocketId};

use crate::mailbox::Delivery;
use crate::members::Seat;
use crate::op::{Matter, Sending};

/// Sends of one batch: what one vectored write takes.
pub(crate) const SENDS: usize = 64;

/// Bytes of one batch, unless a single send has more. A socket that has nothing to do takes so much
/// at once, and no subscriber waits long for its turn.
const BYTES: usize = 32 * 1_024;

/// Batches of up to this many sends keep their memory while nothing is delivered.
const KEPT_CAPACITY: usize = 8;

/// Sends that are being delivered. Kept with the delivery list, so its memory is used again.
#[derive(Default)]
pub(crate) struct Batch {
    frames: Vec<Frame>,
    marks: Vec<Mark>,
    bytes: usize,
    /// Whether everybody who hears everything gets all of it.
    for_all: ForAll,
    /// Frames that subscribers were offered, or not even that, and did not take. Counting these
    /// costs those nothing who take everything.
    missed: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ForAll {
    #[default]
    Yes,
    ButSome,
}

struct Mark {
    except: Option<SocketId>,
    matter: Matter,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether one more send of `bytes` may be delivered together with these.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.is_empty() || (self.frames.len() < SENDS && self.bytes + bytes <= BYTES)
    }

    pub(crate) fn push(&mut self, sending: Sending) {
        let Sending { send, matter } = sending;
        self.bytes += send.frame.wire_len();
        if send.except.is_some() {
            self.for_all = ForAll::ButSome;
        }
        self.frames.push(send.frame);
        self.marks.push(Mark {
            except: send.except,
            matter,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.marks.clear();
        self.bytes = 0;
        self.for_all = ForAll::Yes;
    }

    /// Gives back the memory that a burst needed.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() && self.frames.capacity() > KEPT_CAPACITY {
            *self = Self::default();
        }
    }

    /// Delivers to one subscriber what it hears of this, from the send number `from` on. A full or
    /// ended mailbox has told its own connection; its leave is on the way.
    pub(crate) fn deliver(&mut self, seat: &Seat, from: usize) {
        let leaves_out = self.leaves_out(seat.socket);
        let frames = self.frames.get(from..).unwrap_or_default();
        let marks = self.marks.get(from..).unwrap_or_default();
        if seat.hears_everything() && !leaves_out {
            if !frames.is_empty() && seat.mailbox.deliver(frames) != Delivery::Accepted {
                self.missed += frames.len();
            }
            return;
        }
        let heard = frames.iter().zip(marks);
        let heard = heard
            .filter(|(_, mark)| mark.except != Some(seat.socket) && seat.hears(mark.matter))
            .map(|(frame, _)| frame.clone());
        let heard: Vec<Frame> = heard.collect();
        let takes_it = !heard.is_empty() && seat.mailbox.deliver(&heard) == Delivery::Accepted;
        let taken = if takes_it { heard.len() } else { 0 };
        self.missed += frames.len() - taken;
    }

    /// Frames that were not taken since the last call, of those that came in time.
    pub(crate) fn take_missed(&mut self) -> usize {
        std::mem::take(&mut self.missed)
    }

    fn leaves_out(&self, socket: SocketId) -> bool {
        self.for_all == ForAll::ButSome && self.marks.iter().any(|mark| mark.except == Some(socket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Send;

    #[test]
    fn only_a_burst_gives_its_memory_back() {
        for (sends, kept) in [(1, true), (SENDS, false)] {
            let mut batch = Batch::default();
            for _ in 0..sends {
                let (frame, except) = (Frame::from_text(b"{}"), None);
                let send = Send { frame, except };
                let matter = Matter::Event;
                batch.push(Sending { send, matter });
            }
            batch.rest();
            assert_eq!(batch.frames.len(), sends, "what is on its way stays");
            batch.clear();
            batch.rest();
            assert_eq!(batch.frames.capacity() > 0, kept, "{sends} sends");
            assert_eq!(batch.marks.capacity() > 0, kept, "{sends} sends");
        }
    }
}
