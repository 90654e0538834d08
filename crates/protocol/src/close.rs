//! Why a connection ends.

use std::borrow::Cow;

/// Close codes: Pusher's own (4000–4299) and the ones of RFC 6455 that the server sends.
///
/// The range tells a client what to do next: 4000–4099 stop, 4100–4199 come back after a second,
/// 4200–4299 come back at once. Codes from 4300 on are never used to close: pusher-js would stop
/// for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// The client's close frame is answered.
    Normal = 1000,
    /// The client broke the WebSocket protocol.
    ProtocolError = 1002,
    /// A binary message; the protocol is text only.
    UnsupportedData = 1003,
    /// A text message that is not UTF-8.
    InvalidUtf8 = 1007,
    /// A message above the frame limit.
    MessageTooBig = 1009,
    /// The app accepts TLS only.
    TlsRequired = 4000,
    /// No app has this key.
    UnknownApp = 4001,
    /// The app is switched off.
    AppDisabled = 4003,
    /// The app is over its connection quota.
    OverConnectionQuota = 4004,
    /// Not a path of the protocol.
    PathNotFound = 4005,
    /// The protocol number is not spoken here.
    UnsupportedProtocol = 4007,
    /// The operator wants a protocol number and there is none.
    NoProtocol = 4008,
    /// The connection may not be here.
    Unauthorized = 4009,
    /// The server, or the connection's own queue, is over capacity.
    OverCapacity = 4100,
    /// Please reconnect, to another node or to the next version.
    ReconnectImmediately = 4200,
    /// A ping was not answered.
    PongNotReceived = 4201,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }
}

/// A close code and the reason a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    code: CloseCode,
    reason: Cow<'static, str>,
}

impl Close {
    /// A control frame holds 125 bytes, two of which are the code (RFC 6455 §5.5).
    const MAX_REASON_BYTES: usize = 123;

    /// A close with `reason` cut to what a close frame can hold, never inside a character.
    #[must_use]
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut reason = reason.into();
        if reason.len() > Self::MAX_REASON_BYTES {
            let end = reason.floor_char_boundary(Self::MAX_REASON_BYTES);
            reason.to_mut().truncate(end);
        }
        Self { code, reason }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason, at most 123 bytes.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_a_control_frame_and_stay_utf8() {
        let close = Close::new(CloseCode::UnknownApp, "ä".repeat(100));
        assert_eq!(close.reason().len(), 122);
        assert!(close.reason().chars().all(|c| c == 'ä'));
    }
}
