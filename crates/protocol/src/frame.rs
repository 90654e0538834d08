//! A message to clients, encoded once and shared by every connection that gets it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use crate::fallback::Form;

/// Room in front of the text for the longest header of an unmasked WebSocket frame.
const HEADROOM: usize = 10;

/// One encoded server message. Cloning costs one reference count, no copy.
///
/// The bytes hold the JSON text with the WebSocket frame header (RFC 6455 §5.2, final text frame,
/// unmasked as every server frame) directly in front of it, so that writing it to a socket needs no
/// formatting. The HTTP fallback transports take [`Frame::fallback`], which is made when first
/// asked for.
#[derive(Clone)]
pub struct Frame(Arc<Encoded>);

struct Encoded {
    bytes: Box<[u8]>,
    header_at: u8,
    fallback: OnceLock<Box<Form>>,
}

impl Frame {
    /// Serialises `message` to JSON and puts the frame header in front.
    pub(crate) fn encode(message: &impl Serialize, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADROOM + capacity);
        bytes.extend_from_slice(&[0; HEADROOM]);
        let written = serde_json::to_writer(&mut bytes, message);
        debug_assert!(
            written.is_ok(),
            "server messages have string keys and a Vec takes all"
        );
        Self::framed(bytes)
    }

    /// Takes JSON text that another node of the cluster encoded.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADROOM + text.len());
        bytes.extend_from_slice(&[0; HEADROOM]);
        bytes.extend_from_slice(text);
        Self::framed(bytes)
    }

    /// Puts the header into the room in front of the text.
    fn framed(mut bytes: Vec<u8>) -> Self {
        let header_at = write_header(&mut bytes);
        Self(Arc::new(Encoded {
            bytes: bytes.into_boxed_slice(),
            header_at,
            fallback: OnceLock::new(),
        }))
    }

    /// The JSON text alone, UTF-8.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.0.bytes.get(HEADROOM..).unwrap_or_default()
    }

    /// The complete WebSocket frame, ready for the socket.
    #[must_use]
    pub fn websocket(&self) -> &[u8] {
        self.0
            .bytes
            .get(usize::from(self.0.header_at)..)
            .unwrap_or_default()
    }

    /// The message as the HTTP fallback transports have it: encoded for the first who asks, shared
    /// by all who follow.
    #[must_use]
    pub fn fallback(&self) -> &Form {
        let form = &self.0.fallback;
        form.get_or_init(|| Box::new(Form::carrying(self.text())))
    }

    /// What the frame counts against a connection's queue limit: its bytes on a WebSocket.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.0.bytes.len() - usize::from(self.0.header_at)
    }
}

/// Writes the header so that it ends where the text begins; returns where it starts.
fn write_header(bytes: &mut [u8]) -> u8 {
    const FINAL_TEXT: u8 = 0x81;
    let Some((room, text)) = bytes.split_at_mut_checked(HEADROOM) else {
        return 0;
    };
    let length = text.len();
    let (start, header): (u8, [u8; HEADROOM]) = if let Ok(short @ 0..126) = u8::try_from(length) {
        (8, [0, 0, 0, 0, 0, 0, 0, 0, FINAL_TEXT, short])
    } else if let Ok(medium) = u16::try_from(length) {
        let [a, b] = medium.to_be_bytes();
        (6, [0, 0, 0, 0, 0, 0, FINAL_TEXT, 126, a, b])
    } else {
        let [a, b, c, d, e, f, g, h] = (length as u64).to_be_bytes();
        (0, [FINAL_TEXT, 127, a, b, c, d, e, f, g, h])
    };
    room.copy_from_slice(&header);
    start
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({})", String::from_utf8_lossy(self.text()))
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Frame {}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(length: usize) -> Vec<u8> {
        let text = vec![b'x'; length];
        let frame = Frame::from_text(&text);
        assert_eq!(frame.text(), text);
        assert_eq!(frame.wire_len(), frame.websocket().len());
        let (header, payload) = frame.websocket().split_at(frame.wire_len() - length);
        assert_eq!(payload, text);
        header.to_vec()
    }

    #[test]
    fn headers_of_every_length_class() {
        assert_eq!(header_of(0), [0x81, 0]);
        assert_eq!(header_of(125), [0x81, 125]);
        assert_eq!(header_of(126), [0x81, 126, 0, 126]);
        assert_eq!(header_of(65_535), [0x81, 126, 255, 255]);
        assert_eq!(header_of(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn the_form_for_fallbacks_is_encoded_once() {
        let frame = Frame::from_text(b"{}");
        let shared = frame.clone();
        assert_eq!(shared.websocket(), b"\x81\x02{}");
        assert!(frame.0.fallback.get().is_none(), "not before it is needed");
        assert_eq!(frame.fallback().bytes(), b"a[\"{}\"]\n");
        assert!(std::ptr::eq(frame.fallback(), frame.clone().fallback()));
    }

    #[test]
    fn a_handle_is_one_pointer() {
        assert_eq!(size_of::<Frame>(), size_of::<usize>());
    }
}
