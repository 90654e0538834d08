//! Why an attempt failed, in words for an operator: no header, no body and no URL is in them.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::StatusCode;

use super::connect::Refusal;

/// Of an odd error's text.
const TEXT_LIMIT: usize = 200;

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    text: String,
}

/// What kind of failure; its name is a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// There was an answer, and it was not 2xx.
    Status,
    TimedOut,
    /// Nobody is there, or went away.
    Connection,
    Tls,
    /// The address is not one to connect to.
    Blocked,
    /// It cannot be sent at all.
    Unusable,
}

impl FailureKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::TimedOut => "timeout",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Blocked => "blocked",
            Self::Unusable => "unusable",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Failure {
    fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    pub(super) fn status(status: StatusCode) -> Self {
        let number = status.as_u16();
        let text = if status.is_redirection() {
            format!("status {number}; redirects are not followed")
        } else {
            format!("status {number}")
        };
        Self::new(FailureKind::Status, text)
    }

    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::new(FailureKind::TimedOut, format!("no answer after {limit:?}"))
    }

    pub(super) fn unusable(text: &str) -> Self {
        Self::new(FailureKind::Unusable, text)
    }

    /// Looks through an error for the cause that says most.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut last = error;
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(failure) = Self::known(error) {
                return failure;
            }
            last = error;
            next = cause(error);
        }
        let text: String = last.to_string().chars().take(TEXT_LIMIT).collect();
        Self::new(FailureKind::Connection, text)
    }

    fn known(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            let kind = match refusal {
                Refusal::Blocked => FailureKind::Blocked,
                Refusal::NotFound(_) => FailureKind::Connection,
                Refusal::TimedOut(_) => FailureKind::TimedOut,
            };
            return Some(Self::new(kind, refusal.to_string()));
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::new(FailureKind::Tls, format!("TLS: {error}")));
        }
        let connection = |text: &str| Some(Self::new(FailureKind::Connection, text));
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return match () {
                () if error.is_incomplete_message() => connection("closed before an answer came"),
                () if error.is_parse() => connection("the answer is no HTTP"),
                () => None,
            };
        }
        match error.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => connection("connection refused"),
            io::ErrorKind::ConnectionReset => connection("connection reset"),
            io::ErrorKind::HostUnreachable => connection("host unreachable"),
            io::ErrorKind::NetworkUnreachable => connection("network unreachable"),
            _ => None,
        }
    }
}

/// What an error wraps. An `io::Error` does not count what it was made from as its source.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
