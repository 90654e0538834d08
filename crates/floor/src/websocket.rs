//! The WebSocket protocol, as far as one needs it: the handshake, and frames in one piece.

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// The opcode of a text frame.
pub(crate) const TEXT: u8 = 1;
/// The opcode of a closing frame.
pub(crate) const CLOSE: u8 = 8;
/// The opcode of a ping.
pub(crate) const PING: u8 = 9;
/// The opcode of a pong.
pub(crate) const PONG: u8 = 10;

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const LENGTH: u8 = 0x7f;
const TWO_BYTES: u8 = 126;
const EIGHT_BYTES: u8 = 127;

/// The head of the answer that accepts an upgrade.
pub(crate) fn accept(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let accept = BASE64.encode(&digest);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// Appends one unmasked frame, whose payload is all `parts` in a row.
pub(crate) fn push_frame(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(FINAL | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < TWO_BYTES => out.push(short),
        (_, Ok(long)) => {
            out.push(TWO_BYTES);
            out.extend(long.to_be_bytes());
        }
        _ => {
            out.push(EIGHT_BYTES);
            out.extend((length as u64).to_be_bytes());
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// A client's frame.
#[derive(Debug, PartialEq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    /// The payload, unmasked.
    pub(crate) payload: &'a [u8],
    /// Bytes of the input that the frame took up.
    pub(crate) size: usize,
}

/// Unmasks the frame at the front of `input`, where it is; `None` if it is not there yet as a
/// whole.
pub(crate) fn first_frame(input: &mut [u8]) -> Option<Frame<'_>> {
    let ([first, second], rest) = input.split_first_chunk_mut()?;
    let (extended, length, rest) = match *second & LENGTH {
        TWO_BYTES => {
            let (length, rest) = rest.split_first_chunk_mut()?;
            (2, usize::from(u16::from_be_bytes(*length)), rest)
        }
        EIGHT_BYTES => {
            let (length, rest) = rest.split_first_chunk_mut()?;
            (8, usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
        short => (0, usize::from(short), rest),
    };
    let (mask, rest) = match *second & MASKED {
        0 => ([0; 4], rest),
        _ => {
            let (mask, rest) = rest.split_first_chunk_mut()?;
            (*mask, rest)
        }
    };
    let masked = if *second & MASKED == 0 { 0 } else { mask.len() };
    let payload = rest.get_mut(..length)?;
    unmask(payload, mask);
    Some(Frame {
        opcode: *first & OPCODE,
        payload,
        size: 2 + extended + masked + length,
    })
}

/// Eight bytes at a time, as most of a payload can be.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_accepted_as_in_the_rfc() {
        let answer = accept("dGhlIHNhbXBsZSBub25jZQ==");
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    }

    #[test]
    fn lengths_take_one_three_or_nine_bytes() {
        let header = |length: usize| {
            let mut out = Vec::new();
            push_frame(&mut out, TEXT, &[&vec![b'x'; length - 1], b"y"]);
            out.truncate(out.len() - length);
            out
        };
        assert_eq!(header(125), [0x81, 125]);
        assert_eq!(header(126), [0x81, 126, 0, 126]);
        assert_eq!(header(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(header(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn the_masked_frame_of_the_rfc_says_hello() {
        let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58more";
        let expected = Frame {
            opcode: TEXT,
            payload: b"Hello",
            size: 11,
        };
        assert_eq!(first_frame(&mut input), Some(expected));
        for end in 0..11 {
            assert_eq!(first_frame(&mut input[..end]), None);
        }
    }

    #[test]
    fn long_payloads_are_unmasked_to_the_last_byte() {
        let (mask, text) = ([1, 2, 3, 4], [b'a'; 133]);
        let mut input = vec![0x81, 0x80 | 126, 0, 133];
        input.extend(mask);
        input.extend(
            text.iter()
                .zip(mask.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        let frame = first_frame(&mut input).unwrap();
        assert_eq!((frame.payload, frame.size), (&text[..], 141));
    }
}
