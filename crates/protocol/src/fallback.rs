//! The words of the HTTP fallback transports, which pusher-js speaks where WebSockets are blocked:
//! lines of text, each one frame (fallback-transports.md §3 and §4).
//!
//! A message's form here is a [`Form`], which [`crate::Frame::fallback`] keeps for all who get the
//! same message.

mod form;
mod sent;
mod session_name;

pub use form::{Form, chunk};
pub use sent::{NotSent, read_sent};
pub use session_name::{InvalidSessionName, SessionName};

use crate::Close;

/// UTF-16 units of a streaming response after which pusher-js ends it, once it has read everything,
/// and asks for another (§3.1).
pub const RESPONSE_UNITS: usize = 262_144;

/// Asks a client that streams whether it is there; it answers with an empty array.
pub const HEARTBEAT: &str = "h\n";

/// No messages: a sign of life that triggers nothing.
pub const NOTHING: &str = "a[]\n";

/// The first line of a session. With `hostname`, all later requests of the session go to that host.
#[must_use]
pub fn opening(hostname: Option<&str>) -> String {
    match hostname {
        None => "o\n".to_owned(),
        Some(hostname) => format!("o{}\n", serde_json::json!({ "hostname": hostname })),
    }
}

/// The last line of a session.
#[must_use]
pub fn closing(close: &Close) -> String {
    let reason = serde_json::Value::from(close.reason());
    format!("c[{},{reason}]\n", close.code().number())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseCode;

    #[test]
    fn lines_byte_for_byte() {
        assert_eq!(opening(None), "o\n");
        let with_host = "o{\"hostname\":\"node3.example.com\"}\n";
        assert_eq!(opening(Some("node3.example.com")), with_host);
        let close = Close::new(CloseCode::UnknownApp, "no \"app\"\n");
        assert_eq!(closing(&close), "c[4001,\"no \\\"app\\\"\\n\"]\n");
    }
}
