//! WebSocket frames as a client reads and writes them (RFC 6455 §5).

use std::fmt;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 1,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// A frame at the head of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'a [u8],
    /// What follows the frame.
    pub(crate) rest: &'a [u8],
}

/// Bytes that are no frame this client can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAFrame {
    first: u8,
    second: u8,
}

/// The bit of the first byte that marks the last frame of a message.
const FINAL: u8 = 0x80;

/// The bit of the second byte that a client sets and a server must not.
const MASKED: u8 = 0x80;

/// Takes one frame off `bytes`; `None` while it is not complete.
pub(crate) fn split(bytes: &[u8]) -> Result<Option<Frame<'_>>, NotAFrame> {
    let Some((&[first, second], after)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let opcode = match first {
        0x81 => Opcode::Text,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        _ => return Err(NotAFrame { first, second }),
    };
    let sized = match second {
        0..126 => Some((usize::from(second), after)),
        126 => after
            .split_first_chunk()
            .map(|(length, after)| (usize::from(u16::from_be_bytes(*length)), after)),
        127 => after
            .split_first_chunk()
            .map(|(length, after)| (u64::from_be_bytes(*length) as usize, after)),
        MASKED.. => return Err(NotAFrame { first, second }),
    };
    let frame = sized.and_then(|(length, after)| after.split_at_checked(length));
    Ok(frame.map(|(payload, rest)| Frame {
        opcode,
        payload,
        rest,
    }))
}

/// Appends a client's frame to `out`. Its mask is zero, which leaves the payload as it is: a mask
/// protects proxies from scripts in browsers, of which there are none here.
pub(crate) fn append(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.push(FINAL | opcode as u8);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.push(MASKED | short),
        (_, Ok(medium)) => {
            out.push(MASKED | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// The code and the reason in the payload of a close frame.
pub(crate) fn close_reason(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((code, reason)) => {
            let reason = String::from_utf8_lossy(reason);
            format!("{} {reason}", u16::from_be_bytes(*code))
                .trim_end()
                .to_owned()
        }
        None => "no code".to_owned(),
    }
}

impl fmt::Display for NotAFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second } = self;
        write!(f, "a frame begins with {first:#04x} {second:#04x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: &[u8], payload: usize) -> Vec<u8> {
        [&[0x81], length, &vec![b'p'; payload]].concat()
    }

    #[test]
    fn frames_of_each_size_are_taken_off_one_by_one() {
        for (length, payload) in [
            (&[0_u8][..], 0),
            (&[125], 125),
            (&[126, 0, 126], 126),
            (&[126, 0xff, 0xff], 65_535),
            (&[127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
        ] {
            let bytes = frame(length, payload);
            let two = [bytes.as_slice(), b"rest"].concat();
            let found = split(&two).unwrap().unwrap();
            assert_eq!(found.opcode, Opcode::Text);
            assert_eq!((found.payload.len(), found.rest), (payload, &b"rest"[..]));
            for short in [1, 2, bytes.len() - 1] {
                assert_eq!(split(&bytes[..short.min(bytes.len() - 1)]), Ok(None));
            }
        }
    }

    #[test]
    fn control_frames_are_told_apart() {
        for (byte, opcode) in [
            (0x88, Opcode::Close),
            (0x89, Opcode::Ping),
            (0x8a, Opcode::Pong),
        ] {
            let bytes = [byte, 2, 1, 2];
            let found = split(&bytes).unwrap().unwrap();
            assert_eq!((found.opcode, found.payload), (opcode, &[1_u8, 2][..]));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [[0x01, 0], [0x80, 0], [0x82, 0], [0xc1, 0], [0x81, 0x80]] {
            assert!(split(&bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(
            split(b"HTTP").unwrap_err().to_string(),
            "a frame begins with 0x48 0x54"
        );
    }

    #[test]
    fn a_client_masks_with_zero() {
        for (payload, head) in [
            (5, &[0x81, 0x85, 0, 0, 0, 0][..]),
            (126, &[0x81, 0xfe, 0, 126, 0, 0, 0, 0]),
            (65_536, &[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            append(&mut out, Opcode::Text, &vec![b'p'; payload]);
            assert_eq!(out[..head.len()], *head);
            assert_eq!(out.len(), head.len() + payload);
        }
    }

    #[test]
    fn a_close_frame_says_why() {
        assert_eq!(close_reason(b"\x10\x04full"), "4100 full");
        assert_eq!(close_reason(b"\x10\x04"), "4100");
        assert_eq!(close_reason(b""), "no code");
    }
}
