//! What an event's data tells the one who receives it: who published it, as which, and when.
//!
//! It is `~f:PPPP:SSSSSSSSSS:NNNNNNNNNNNNNNNNNNNN~`: no character that JSON escapes, and every
//! number at a fixed place, so that it is found in a frame without reading the JSON around it.

use std::io::Write as _;

use memchr::memmem::Finder;

/// Bytes of a marker, the fewest that an event's data can have.
pub(crate) const MARKER_BYTES: usize = 40;

const START: &[u8] = b"~f:";

/// The bytes after `START`: three numbers of fixed width and what separates them.
const NUMBERS: usize = MARKER_BYTES - START.len();

/// One event of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Below 10,000.
    pub(crate) publisher: u32,
    /// Which one of this publisher on its channel, from 0.
    pub(crate) sequence: u32,
    /// When it was sent, or was due with a rate, in nanoseconds.
    pub(crate) sent: u64,
}

impl Marker {
    /// Appends data of `length` bytes that begins with the marker.
    pub(crate) fn append(self, out: &mut Vec<u8>, length: usize) {
        let Self {
            publisher,
            sequence,
            sent,
        } = self;
        let end = out.len() + length;
        // A vector takes everything.
        let _ = write!(out, "~f:{publisher:04}:{sequence:010}:{sent:020}~");
        out.resize(end.max(out.len()), b'x');
    }
}

/// Finds markers.
pub(crate) struct Markers {
    start: Finder<'static>,
}

impl Markers {
    pub(crate) fn new() -> Self {
        Self {
            start: Finder::new(START),
        }
    }

    /// The marker in `payload`, if there is one.
    pub(crate) fn find(&self, payload: &[u8]) -> Option<Marker> {
        let at = self.start.find(payload)? + START.len();
        let numbers: &[u8; NUMBERS] = payload.get(at..)?.first_chunk()?;
        let (publisher, rest) = number(numbers, 4)?;
        let (sequence, rest) = number(rest, 10)?;
        let (sent, _) = number(rest, 20)?;
        Some(Marker {
            publisher: u32::try_from(publisher).ok()?,
            sequence: u32::try_from(sequence).ok()?,
            sent,
        })
    }
}

/// A number of `digits` digits, and what follows it and its separator.
fn number(bytes: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(digits)?;
    let value = number.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value.wrapping_mul(10).wrapping_add(u64::from(digit)))
    });
    Some((value?, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Marker = Marker {
        publisher: 42,
        sequence: 1_234_567_890,
        sent: 9_876_543_210,
    };

    fn data(length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        EVENT.append(&mut out, length);
        out
    }

    #[test]
    fn data_has_its_length_and_begins_with_the_marker() {
        let text = "~f:0042:1234567890:00000000009876543210~";
        assert_eq!(data(MARKER_BYTES), text.as_bytes());
        assert_eq!(data(43), format!("{text}xxx").as_bytes());
    }

    #[test]
    fn a_marker_is_found_inside_a_frame() {
        let frame = [b"{\"data\":\"".as_slice(), &data(64), b"\"}"].concat();
        assert_eq!(Markers::new().find(&frame), Some(EVENT));
    }

    #[test]
    fn what_is_cut_or_has_other_signs_is_none() {
        let whole = data(MARKER_BYTES);
        let mut other = whole.clone();
        other[10] = b'a';
        let cases = [
            &b"{\"event\":\"pusher:ping\"}"[..],
            &whole[..MARKER_BYTES - 1],
            &other,
            b"",
        ];
        for bytes in cases {
            assert_eq!(Markers::new().find(bytes), None);
        }
    }
}
