//! The ways in which a connection's bytes travel.

/// How a connection's bytes travel (fallback-transports.md §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// One HTTP answer that goes on, and a request for each of the client's messages.
    XhrStreaming,
    /// One HTTP answer after the other, and a request for each of the client's messages.
    XhrPolling,
}

impl Transport {
    /// Its name in metrics: the one that pusher-js has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "ws",
            Self::XhrStreaming => "xhr_streaming",
            Self::XhrPolling => "xhr_polling",
        }
    }
}
