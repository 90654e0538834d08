//! What comes out of a client's socket once it speaks WebSocket.

use crate::reader::{Incoming, Reader};

/// Bytes of the longest message that is taken.
const MAX_MESSAGE: usize = 1_000;

/// Codes that a client which breaks a rule of RFC 6455 is closed with (§7.4.1).
const CODES: [u16; 4] = [1002, 1003, 1007, 1009];

/// The first byte is how many of the others arrive at a time, less one.
///
/// Messages and answers do not depend on that; no message is above the limit; what is answered is
/// whole control frames; and who breaks a rule is told one of the codes for it.
pub fn websocket_bytes(data: &[u8]) {
    let Some((&size, bytes)) = data.split_first() else {
        return;
    };
    let (incoming, control) = read([bytes].into_iter());
    let in_pieces = read(bytes.chunks(usize::from(size) + 1));
    assert_eq!((&incoming, &control), (&in_pieces.0, &in_pieces.1));
    for one in &incoming {
        match one {
            Incoming::Text(text) => assert!(text.len() <= MAX_MESSAGE),
            Incoming::Broken(close) => assert!(CODES.contains(&close.code().number()), "{close:?}"),
            Incoming::Alive | Incoming::Closed => {}
        }
    }
    check_control(&control);
}

/// All that comes in up to the end of the connection, and all that is answered.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Incoming>, Vec<u8>) {
    let mut reader = Reader::new(MAX_MESSAGE);
    let (mut incoming, mut control) = (Vec::new(), Vec::new());
    for piece in pieces {
        reader.feed(piece);
        while let Some(next) = reader.next() {
            control.extend(reader.take_control());
            let last = matches!(next, Incoming::Broken(_) | Incoming::Closed);
            incoming.push(next);
            if last {
                return (incoming, control);
            }
        }
    }
    (incoming, control)
}

/// Unmasked pongs of at most 125 bytes, with a close frame as the last one or none (§5.5).
fn check_control(mut bytes: &[u8]) {
    const PONG: u8 = 0x8a;
    const CLOSE: u8 = 0x88;
    while let [first, length, rest @ ..] = bytes {
        assert!(*length <= 125, "{length}");
        let (payload, rest) = rest.split_at_checked(usize::from(*length)).unwrap();
        match *first {
            PONG => {}
            CLOSE => {
                assert_ne!(payload.len(), 1, "half a code");
                assert!(rest.is_empty(), "nothing follows a close frame");
            }
            other => unreachable!("{other:#x} is no answer"),
        }
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame");
}
