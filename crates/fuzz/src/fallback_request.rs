//! What comes in over the HTTP fallback transports.

use foghorn_protocol::Frame;
use foghorn_protocol::fallback::{SessionName, read_sent};

use crate::first_line;
use crate::route::{Found, read};

/// The first line is a path, the rest a body.
///
/// A path that names a session names one, whatever slashes are in between; what a body holds can be
/// said back, and is the same then.
pub fn fallback_request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        // Paths are text; bodies need not be.
        assert!(read_sent(data).is_err(), "a message that is no text");
        return;
    };
    let (path, body) = first_line(text);
    for mount in ["", "/pusher"] {
        if let Found::Session(route) = read(path, mount) {
            let word = route.session.to_string();
            assert_eq!(word.parse::<SessionName>(), Ok(route.session));
            assert!(path.contains('/'), "{path}");
            let doubled = path.replace('/', "//");
            assert_eq!(read(&doubled, mount), Found::Session(route));
        }
    }
    for message in read_sent(body.as_bytes()).unwrap_or_default() {
        let frame = Frame::from_text(message.as_bytes());
        let form = frame.fallback();
        let line = std::str::from_utf8(form.bytes()).unwrap();
        assert_eq!(line.find('\n'), Some(line.len() - 1), "one line");
        assert_eq!(line.encode_utf16().count(), form.units());
        let array = line.strip_prefix('a').unwrap();
        assert_eq!(read_sent(array.as_bytes()).unwrap(), [message]);
    }
}
