//! Reading from a socket: bytes in, messages out. RFC 6455 is tungstenite's business; it is given
//! memory instead of a socket, so that nothing but the writer ever writes.

use std::io::{self, Read, Write};

use foghorn_protocol::{Close, CloseCode};
use tungstenite::error::CapacityError;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, Utf8Bytes, WebSocket};

/// Memory that an idle connection keeps for reading. Larger messages grow it for a while.
const READ_BUFFER: usize = 512;

/// The receiving half of a WebSocket.
pub(super) struct Reader {
    socket: WebSocket<Memory>,
}

/// One thing that came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A text message.
    Text(Utf8Bytes),
    /// A sign of life: a ping, whose answer is among the control frames now, or a pong.
    Alive,
    /// The client closes; the answer is among the control frames now.
    Closed,
    /// The client broke a rule; nothing more can be read.
    Broken(Close),
}

impl Reader {
    /// Reads messages of at most `max_message` bytes.
    pub(super) fn new(max_message: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message));
        let socket = WebSocket::from_raw_socket(Memory::default(), Role::Server, Some(config));
        Self { socket }
    }

    /// Adds bytes from the socket.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.socket.get_mut().inbound.extend_from_slice(bytes);
    }

    /// The next message, if all of it is there.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        loop {
            let incoming = match self.socket.read() {
                Ok(Message::Text(text)) => Incoming::Text(text),
                Ok(Message::Binary(_)) => broken(
                    CloseCode::UnsupportedData,
                    "Binary messages are not supported",
                ),
                Ok(Message::Ping(_) | Message::Pong(_)) => Incoming::Alive,
                Ok(Message::Close(_)) => Incoming::Closed,
                Ok(Message::Frame(_)) => continue,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => why(&error),
            };
            // Whatever tungstenite answers goes to memory, which takes everything.
            let _ = self.socket.flush();
            return Some(incoming);
        }
    }

    /// Control frames that answer what was read.
    pub(super) fn take_control(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.socket.get_mut().outbound)
    }
}

fn broken(code: CloseCode, reason: &'static str) -> Incoming {
    Incoming::Broken(Close::new(code, reason))
}

fn why(error: &Error) -> Incoming {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            let reason = format!("The message has {size} bytes or more, the limit is {max_size}");
            Incoming::Broken(Close::new(CloseCode::MessageTooBig, reason))
        }
        Error::Utf8(_) => broken(CloseCode::InvalidUtf8, "The message is not valid UTF-8"),
        Error::ConnectionClosed | Error::AlreadyClosed => Incoming::Closed,
        other => Incoming::Broken(Close::new(CloseCode::ProtocolError, other.to_string())),
    }
}

/// A stream in memory.
#[derive(Default)]
struct Memory {
    inbound: Vec<u8>,
    read: usize,
    outbound: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.inbound.get(self.read..).unwrap_or_default();
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = rest.read(buffer)?;
        self.read += count;
        if self.read == self.inbound.len() {
            // An idle connection keeps nothing.
            self.inbound = Vec::new();
            self.read = 0;
        }
        Ok(count)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbound.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A client's frame: masked with zeros, which leaves the payload readable.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        if payload.len() < 126 {
            frame.push(0x80 | u8::try_from(payload.len()).unwrap());
        } else {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        frame
    }

    fn read_all(chunks: &[&[u8]]) -> (Vec<Incoming>, Vec<u8>) {
        let mut reader = Reader::new(1_000);
        let mut out = Vec::new();
        for chunk in chunks {
            reader.feed(chunk);
            while let Some(incoming) = reader.next() {
                let stop = matches!(incoming, Incoming::Broken(_) | Incoming::Closed);
                out.push(incoming);
                if stop {
                    return (out, reader.take_control());
                }
            }
        }
        (out, reader.take_control())
    }

    fn code(bytes: &[u8]) -> Option<u16> {
        match read_all(&[bytes]).0.pop() {
            Some(Incoming::Broken(close)) => Some(close.code().number()),
            _ => None,
        }
    }

    #[test]
    fn fragments_with_control_frames_between_them_are_one_message() {
        let bytes = [
            masked(0x01, b"{\"ev"),
            masked(0x89, b"hi"),
            masked(0x00, "ënt".as_bytes()),
            masked(0x80, b"\"}"),
        ]
        .concat();
        let (incoming, control) = read_all(&[&bytes]);
        assert_eq!(
            incoming,
            [Incoming::Alive, Incoming::Text("{\"evënt\"}".into())]
        );
        assert_eq!(
            control,
            [0x8a, 2, b'h', b'i'],
            "the pong carries the ping's payload"
        );
    }

    #[test]
    fn every_broken_rule_has_its_code() {
        for (bytes, expect) in [
            (masked(0x82, b"x"), 1003),
            (masked(0x81, &[0xff, 0xfe]), 1007),
            (masked(0x81, &[b'x'; 1_001]), 1009),
            (vec![0x81, 0x01, b'x'], 1002),
            (masked(0xc1, b"x"), 1002),
            (masked(0x83, b"x"), 1002),
            (masked(0x80, b"x"), 1002),
            (masked(0x09, b"x"), 1002),
            (masked(0x89, &[b'x'; 126]), 1002),
        ] {
            assert_eq!(code(&bytes), Some(expect), "{bytes:x?}");
        }
        let fragments = [masked(0x01, &[b'x'; 600]), masked(0x80, &[b'x'; 600])].concat();
        assert_eq!(
            code(&fragments),
            Some(1009),
            "the limit is on the whole message"
        );
    }

    #[test]
    fn a_close_is_answered_in_kind() {
        let (incoming, control) = read_all(&[&masked(0x88, &[0x03, 0xe8])]);
        assert_eq!(incoming, [Incoming::Closed]);
        assert_eq!(control, [0x88, 2, 0x03, 0xe8]);
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(texts in prop::collection::vec("\\PC{0,200}", 1..5), cut in 1usize..50) {
            let bytes: Vec<u8> =
                texts.iter().flat_map(|text| masked(0x81, text.as_bytes())).collect();
            let chunks: Vec<&[u8]> = bytes.chunks(cut).collect();
            let expect: Vec<Incoming> =
                texts.iter().map(|text| Incoming::Text(text.as_str().into())).collect();
            prop_assert_eq!(read_all(&chunks).0, expect);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read_all(&[&bytes]);
        }
    }
}
