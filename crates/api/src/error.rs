//! What can be wrong with a request, and the status and text that say so.

use foghorn_auth::RequestAuthError;
use foghorn_node::{OverCapacity, OverQuota, QuotaStatus};
use foghorn_protocol::{
    Exhausted, InvalidEventName, InvalidRecipient, InvalidSocketId, InvalidUserId,
};
use http::StatusCode;

/// A refused request. The text goes to the caller, who has the secret or should not learn much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No such path.
    #[error("Unknown path")]
    UnknownPath,
    /// A known path with another method.
    #[error("Method not allowed, use {allow}")]
    Method {
        /// The method to use.
        allow: &'static str,
    },
    /// No app with this id.
    #[error("Unknown app {id:?}")]
    UnknownApp {
        /// The id, cut short.
        id: String,
    },
    /// Nobody can say now whether there is such an app.
    #[error("The app cannot be looked up at the moment; try again later")]
    Unsure,
    /// The body is compressed.
    #[error("Content-Encoding {encoding:?} is not supported")]
    Encoding {
        /// The header, cut short.
        encoding: String,
    },
    /// The body is larger than any request needs.
    #[error("The request body has {length} bytes or more, the limit is {limit}")]
    BodyTooLarge {
        /// Bytes observed; a body of unknown length is not read on.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("The request body did not arrive within {seconds} seconds")]
    BodyTooSlow {
        /// Seconds allowed.
        seconds: u64,
    },
    /// The signature or what belongs to it.
    #[error("{0}")]
    Unauthorized(RequestAuthError),
    /// The app is switched off.
    #[error("The app is disabled")]
    AppDisabled,
    /// The body is not what the route takes.
    #[error("Invalid request body: {0}")]
    Json(String),
    /// A required field is not there.
    #[error("{0} is required")]
    Missing(&'static str),
    /// An event's data is too large.
    #[error("The data of event {event:?} is {length} bytes long, the limit is {limit}")]
    DataTooLarge {
        /// The event.
        event: String,
        /// Bytes observed.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Too many of something.
    #[error("{count} {what} in one request, the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// An event's data is no text.
    #[error("The data of an event must be UTF-8")]
    DataNotText,
    /// A user id.
    #[error("Invalid user {id:?}: {invalid}")]
    User {
        /// The id, cut short.
        id: String,
        /// The broken rule.
        invalid: InvalidUserId,
    },
    /// A channel name.
    #[error("Invalid channel {name:?}: {invalid}")]
    Channel {
        /// The name, cut short.
        name: String,
        /// The broken rule.
        invalid: InvalidRecipient,
    },
    /// An event name.
    #[error("Invalid event name: {0}")]
    Event(InvalidEventName),
    /// A socket id.
    #[error("Invalid socket_id: {0}")]
    SocketId(InvalidSocketId),
    /// An attribute that does not exist.
    #[error("Unknown attribute {0:?} in info")]
    UnknownAttribute(String),
    /// An attribute that this channel, or this app, does not have.
    #[error("Cannot retrieve {attribute} {reason}")]
    Unavailable {
        /// The attribute.
        attribute: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// Members of a channel that has none.
    #[error("Users can only be retrieved for presence channels")]
    NotPresence,
    /// Too much waits already.
    #[error("{0}; try again later")]
    OverCapacity(OverCapacity),
    /// The day's messages are used up.
    #[error(
        "The app has used {used} messages today, the limit is {limit} per day; publishing is \
         allowed again from {reset} on",
        used = over.used,
        limit = over.limit,
        reset = over.reset
    )]
    OverQuota {
        /// What was found.
        over: OverQuota,
        /// How the app wants it told.
        status: QuotaStatus,
    },
    /// More events in one request than the operator allows in a second.
    #[error(
        "The request has {asked} events, one per channel; the limit is {limit} per second, so it \
         can never be accepted"
    )]
    FasterThanAllowed {
        /// Events, once per channel.
        asked: u32,
        /// Events allowed per second.
        limit: u32,
    },
    /// More in a second than the operator allows.
    #[error(
        "Too many {what}: {asked} asked for, {remaining} left of {limit} per second",
        remaining = exhausted.remaining,
        limit = exhausted.limit
    )]
    TooFast {
        /// Of what.
        what: &'static str,
        /// How many the request needs.
        asked: u32,
        /// What there is.
        exhausted: Exhausted,
    },
}

impl ApiError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath | Self::UnknownApp { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Encoding { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } | Self::DataTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::AppDisabled => StatusCode::FORBIDDEN,
            Self::OverQuota { status, .. } => match status {
                QuotaStatus::Forbidden => StatusCode::FORBIDDEN,
                QuotaStatus::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            },
            Self::OverCapacity(_) | Self::Unsure => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooFast { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Json(_)
            | Self::Missing(_)
            | Self::TooMany { .. }
            | Self::FasterThanAllowed { .. }
            | Self::Channel { .. }
            | Self::DataNotText
            | Self::User { .. }
            | Self::Event(_)
            | Self::SocketId(_)
            | Self::UnknownAttribute(_)
            | Self::Unavailable { .. }
            | Self::NotPresence => StatusCode::BAD_REQUEST,
        }
    }
}

/// `text` as it may come back in a message.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}
