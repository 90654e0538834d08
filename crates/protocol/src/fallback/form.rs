//! A message in the form of these transports, encoded once for all who get it.

/// What ends a chunk.
const CHUNK_END: &[u8] = b"\r\n";

/// A message as one line `a["…"]`, ready for a response with chunks or without.
#[derive(Debug)]
pub struct Form {
    chunk: Box<[u8]>,
    line_at: usize,
    units: usize,
}

impl Form {
    /// The line that carries `text`, the JSON of a message.
    pub(crate) fn carrying(text: &[u8]) -> Self {
        let mut line = Vec::with_capacity(text.len() + text.len() / 8 + 16);
        line.extend_from_slice(b"a[");
        let written = serde_json::to_writer(&mut line, &String::from_utf8_lossy(text));
        debug_assert!(written.is_ok(), "a string is JSON, and a Vec takes all");
        line.extend_from_slice(b"]\n");
        let chunk = chunk(&line).into_boxed_slice();
        Self {
            line_at: chunk.len() - CHUNK_END.len() - line.len(),
            chunk,
            units: utf16_units(&line),
        }
    }

    /// The line alone.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let end = self.chunk.len() - CHUNK_END.len();
        self.chunk.get(self.line_at..end).unwrap_or_default()
    }

    /// The line as a chunk.
    #[must_use]
    pub fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    /// How long the line is for JavaScript, in UTF-16 units.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }
}

/// `text`, which is not empty, as one chunk of a response (RFC 9112 §7.1).
#[must_use]
pub fn chunk(text: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", text.len());
    [size.as_bytes(), text, CHUNK_END].concat()
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
        let form = Form::carrying(r#"{"data":"Zoë\n"}"#.as_bytes());
        let expect = "a[\"{\\\"data\\\":\\\"Zoë\\\\n\\\"}\"]\n";
        assert_eq!(str::from_utf8(form.bytes()), Ok(expect));
        let chunk = format!("1c\r\n{expect}\r\n");
        assert_eq!(str::from_utf8(form.chunk()), Ok(chunk.as_str()));
        assert_eq!(form.units(), 27);
    }

    proptest! {
        /// Whatever the message is, it comes back, and the only line feed is the last byte.
        #[test]
        fn a_message_survives(text in any::<String>()) {
            let form = Form::carrying(text.as_bytes());
            let bytes = str::from_utf8(form.bytes()).unwrap();
            prop_assert_eq!(bytes.find(['\n', '\r']), Some(bytes.len() - 1));
            let messages: Vec<String> = serde_json::from_str(&bytes[1..]).unwrap();
            prop_assert_eq!(messages, [text]);
            prop_assert_eq!(form.units(), bytes.encode_utf16().count());
            let (size, rest) = str::from_utf8(form.chunk()).unwrap().split_once("\r\n").unwrap();
            prop_assert_eq!(usize::from_str_radix(size, 16), Ok(bytes.len()));
            prop_assert_eq!(rest.strip_suffix("\r\n"), Some(bytes));
        }
    }
}
