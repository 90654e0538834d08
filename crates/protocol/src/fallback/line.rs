//! A message as a line, encoded once for all who get it.

use std::io::Write as _;

/// Room in front of the line for the size of its chunk: 16 digits and the end of their line.
const HEADROOM: usize = 18;

/// What ends a chunk.
const CHUNK_END: &[u8] = b"\r\n";

/// A message as one line `a["…"]`, ready for a response with chunks (RFC 9112 §7.1) or without.
#[derive(Debug)]
pub struct Line {
    bytes: Box<[u8]>,
    chunk_at: usize,
    units: usize,
}

impl Line {
    /// The line that carries `text`, the JSON of a message.
    pub(crate) fn carrying(text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADROOM + text.len() + text.len() / 8 + 16);
        bytes.extend_from_slice(&[0; HEADROOM]);
        bytes.extend_from_slice(b"a[");
        let written = serde_json::to_writer(&mut bytes, &String::from_utf8_lossy(text));
        debug_assert!(written.is_ok(), "a string is JSON, and a Vec takes all");
        bytes.extend_from_slice(b"]\n");
        let length = bytes.len() - HEADROOM;
        let units = utf16_units(bytes.get(HEADROOM..).unwrap_or_default());
        bytes.extend_from_slice(CHUNK_END);
        let size = format!("{length:x}\r\n");
        let chunk_at = HEADROOM - size.len();
        if let Some(mut room) = bytes.get_mut(chunk_at..HEADROOM) {
            let written = room.write_all(size.as_bytes());
            debug_assert!(written.is_ok(), "it has as much room as it needs");
        }
        Self {
            bytes: bytes.into_boxed_slice(),
            chunk_at,
            units,
        }
    }

    /// The line alone.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let end = self.bytes.len() - CHUNK_END.len();
        self.bytes.get(HEADROOM..end).unwrap_or_default()
    }

    /// The line as a chunk.
    #[must_use]
    pub fn chunk(&self) -> &[u8] {
        self.bytes.get(self.chunk_at..).unwrap_or_default()
    }

    /// How long the line is for JavaScript, in UTF-16 units.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }
}

/// UTF-16 units of UTF-8: one for each character, and one more for each beyond the basic plane.
fn utf16_units(utf8: &[u8]) -> usize {
    let characters = utf8.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    let astral = utf8.iter().filter(|byte| **byte >= 0xf0).count();
    characters + astral
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_byte_for_byte() {
        let line = Line::carrying(r#"{"data":"Zoë\n"}"#.as_bytes());
        let expect = "a[\"{\\\"data\\\":\\\"Zoë\\\\n\\\"}\"]\n";
        assert_eq!(str::from_utf8(line.bytes()), Ok(expect));
        let chunk = format!("1c\r\n{expect}\r\n");
        assert_eq!(str::from_utf8(line.chunk()), Ok(chunk.as_str()));
        assert_eq!(line.units(), 27);
    }

    proptest! {
        /// Whatever the message is, it comes back, and the only line feed is the last byte.
        #[test]
        fn a_message_survives(text in any::<String>()) {
            let line = Line::carrying(text.as_bytes());
            let bytes = str::from_utf8(line.bytes()).unwrap();
            prop_assert_eq!(bytes.find(['\n', '\r']), Some(bytes.len() - 1));
            let messages: Vec<String> = serde_json::from_str(&bytes[1..]).unwrap();
            prop_assert_eq!(messages, [text]);
            prop_assert_eq!(line.units(), bytes.encode_utf16().count());
            let (size, rest) = str::from_utf8(line.chunk()).unwrap().split_once("\r\n").unwrap();
            prop_assert_eq!(usize::from_str_radix(size, 16), Ok(bytes.len()));
            prop_assert_eq!(rest.strip_suffix("\r\n"), Some(bytes));
        }
    }
}
