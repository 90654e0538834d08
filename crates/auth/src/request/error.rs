//! Why a request is refused: every text is meant for the answer.

use super::TIMESTAMP_TOLERANCE;

/// Why a request proves nothing; each is a 401. The texts follow the reference verifier's
/// (http-api.md §3.2), because people search for them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestAuthError {
    /// `auth_key` is absent.
    #[error("Missing parameter: auth_key")]
    MissingKey,
    /// The key is not one of the app's.
    #[error("Unknown auth_key: '{key}'")]
    UnknownKey {
        /// What the client sent, cut to 64 characters.
        key: String,
    },
    /// `auth_version` is absent.
    #[error("Version required: auth_version is missing")]
    MissingVersion,
    /// `auth_version` is not `1.0`.
    #[error("Version not supported: auth_version must be 1.0, but got '{version}'")]
    UnsupportedVersion {
        /// What the client sent, cut to 64 characters.
        version: String,
    },
    /// `auth_timestamp` is absent.
    #[error("Timestamp required: auth_timestamp is missing")]
    MissingTimestamp,
    /// `auth_timestamp` is not a count of seconds.
    #[error("Invalid timestamp: auth_timestamp must be Unix seconds, but got '{timestamp}'")]
    MalformedTimestamp {
        /// What the client sent, cut to 64 characters.
        timestamp: String,
    },
    /// The clocks differ too much, or the request is a late repetition.
    #[error(
        "Timestamp expired: Given timestamp ({timestamp}) not within {TIMESTAMP_TOLERANCE}s of \
         server time ({now})"
    )]
    Expired {
        /// Unix seconds that the client sent.
        timestamp: u64,
        /// Unix seconds here.
        now: u64,
    },
    /// So many parameters that no library can have meant them.
    #[error("Too many parameters: {count}, the limit is {limit}")]
    TooManyParameters {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// There is a body, but `body_md5` is absent, so the signature would not cover it.
    #[error("Missing parameter: body_md5 is required when the request has a body")]
    MissingBodyMd5,
    /// `body_md5` is of another body.
    #[error("Invalid body_md5: it is not the MD5 of the {length} bytes of body received")]
    WrongBodyMd5 {
        /// Bytes of body received.
        length: usize,
    },
    /// `auth_signature` is absent.
    #[error("Missing parameter: auth_signature")]
    MissingSignature,
    /// `auth_signature` is not a digest.
    #[error("Invalid signature: auth_signature must be 64 hex digits, but you sent {got:?}")]
    MalformedSignature {
        /// What the client sent, cut to 64 characters.
        got: String,
    },
    /// The signature is of another text or by another secret.
    #[error(
        "Invalid signature: you should have sent HmacSHA256Hex({text:?}, your_secret_key), but \
         you sent {got:?}"
    )]
    WrongSignature {
        /// The text that should have been signed, cut to 1,000 characters.
        text: String,
        /// The digest that the client sent, in lower case.
        got: String,
    },
}
