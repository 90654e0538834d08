//! The few words of the Pusher protocol that the bench speaks, written and read without JSON
//! libraries.

use memchr::memmem;

/// The answer to a server's `pusher:ping`.
pub(crate) const PONG: &[u8] = br#"{"event":"pusher:pong","data":{}}"#;

/// Bytes of a refusal that are repeated.
const SAID_LIMIT: usize = 300;

/// The request that opens a WebSocket at `path`, which ends with the app's key.
pub(crate) fn upgrade(authority: &str, path: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "GET {path}?protocol=7&client=foghorn-bench&version={version} HTTP/1.1\r\n\
         Host: {authority}\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// What follows the answer that opens a WebSocket; `None` while it is not complete.
pub(crate) fn upgraded(bytes: &[u8]) -> Result<Option<&[u8]>, String> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    if bytes.starts_with(b"HTTP/1.1 101 ") {
        return Ok(bytes.get(end + 4..));
    }
    let said = bytes.get(..SAID_LIMIT.min(bytes.len())).unwrap_or_default();
    let said = String::from_utf8_lossy(said);
    Err(format!("no WebSocket: {}", said.replace("\r\n", " | ")))
}

/// The socket id in a `pusher:connection_established`.
pub(crate) fn socket_id(greeting: &[u8]) -> Option<&str> {
    const NAME: &str = "socket_id";
    let at = memmem::find(greeting, NAME.as_bytes())?;
    let after = greeting.get(at + NAME.len()..)?;
    let begin = after.iter().position(u8::is_ascii_digit)?;
    let after = after.get(begin..)?;
    let part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let end = after.iter().position(|byte| !part(byte))?;
    str::from_utf8(after.get(..end)?).ok()
}

/// Subscribes to a channel that needs no permission.
pub(crate) fn subscribe(channel: &str) -> String {
    format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}"#)
}

/// Subscribes to a presence channel as `member`, a JSON text without escapes.
pub(crate) fn join(channel: &str, auth: &str, member: &str) -> String {
    let member = member.replace('"', "\\\"");
    let data = format!(r#""channel":"{channel}","auth":"{auth}","channel_data":"{member}""#);
    format!(r#"{{"event":"pusher:subscribe","data":{{{data}}}}}"#)
}

/// Unsubscribes.
pub(crate) fn unsubscribe(channel: &str) -> String {
    format!(r#"{{"event":"pusher:unsubscribe","data":{{"channel":"{channel}"}}}}"#)
}

/// The member that the connection `number` is on presence channels.
pub(crate) fn member(number: usize) -> String {
    format!(r#"{{"user_id":"bench-{number}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_taken_off_when_it_is_whole() {
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81";
        assert_eq!(upgraded(answer), Ok(Some(&b"\x81"[..])));
        assert_eq!(upgraded(&answer[..20]), Ok(None));
        let refused = upgraded(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nno").unwrap_err();
        assert_eq!(
            refused,
            "no WebSocket: HTTP/1.1 404 Not Found | A: b |  | no"
        );
    }

    #[test]
    fn the_socket_id_is_found_in_data_of_either_form() {
        for greeting in [
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"12.345\",\"activity_timeout\":120}"}"#,
            r#"{"data":{"activity_timeout":120,"socket_id":"12.345"}}"#,
        ] {
            assert_eq!(socket_id(greeting.as_bytes()), Some("12.345"));
        }
        assert_eq!(socket_id(b"{}"), None);
    }

    #[test]
    fn messages_are_json() {
        let join = join("presence-bench-1", "k:00", &member(7));
        let join: serde_json::Value = serde_json::from_str(&join).unwrap();
        assert_eq!(join["data"]["channel_data"], r#"{"user_id":"bench-7"}"#);
        for text in [subscribe("a"), unsubscribe("a")] {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["data"]["channel"], "a");
        }
    }
}
