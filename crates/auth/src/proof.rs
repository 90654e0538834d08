//! `KEY:SIGNATURE`, the form in which a WebSocket client shows what its back end signed.

use std::fmt;

use crate::excerpt::{FIELD, excerpt};
use crate::{KeyRing, Secret, Signature};

/// What a proof lets a client do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Subscribe to a channel.
    Subscription,
    /// Sign in as a user.
    SignIn,
}

/// Why `KEY:SIGNATURE` proves nothing. The texts begin as hosted Pusher's do, because people search
/// for them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// `auth` does not have the form `KEY:SIGNATURE`.
    #[error("Invalid {purpose} auth data: Expected APP_KEY:SIGNATURE, but got '{got}'")]
    Malformed {
        /// What it was for.
        purpose: Purpose,
        /// What the client sent, cut to 64 characters.
        got: String,
    },
    /// The key is not one of the app's.
    #[error("Invalid key in {purpose} auth data: '{key}'")]
    UnknownKey {
        /// What it was for.
        purpose: Purpose,
        /// What the client sent, cut to 64 characters.
        key: String,
    },
    /// The signature is of another text or by another secret.
    #[error("Invalid signature: Expected HMAC SHA256 hex digest of {text}, but got {got}")]
    WrongSignature {
        /// The text that should have been signed, long parts cut to 200 characters.
        text: String,
        /// What the client sent, cut to 64 characters.
        got: String,
    },
}

/// What a proof is held against.
pub(crate) trait Signed {
    /// What the proof is for.
    const PURPOSE: Purpose;

    /// Whether `secret` made the signature of an accepted text.
    fn is_signed(&self, secret: &Secret, signature: Signature) -> bool;

    /// The text that should have been signed, for people.
    fn shortened(&self) -> String;
}

/// Splits `auth`, finds the key and asks whether its secret signed what it had to.
pub(crate) fn check<S: Signed>(ring: &KeyRing, auth: &str, signed: &S) -> Result<(), ProofError> {
    let purpose = S::PURPOSE;
    let malformed = || ProofError::Malformed {
        purpose,
        got: excerpt(auth, FIELD),
    };
    let (key, digits) = auth.split_once(':').ok_or_else(malformed)?;
    if digits.contains(':') {
        return Err(malformed());
    }
    let unknown = || ProofError::UnknownKey {
        purpose,
        key: excerpt(key, FIELD),
    };
    let credential = ring.find(key).ok_or_else(unknown)?;
    match Signature::parse(digits) {
        Ok(signature) if signed.is_signed(&credential.secret, signature) => Ok(()),
        _ => Err(ProofError::WrongSignature {
            text: signed.shortened(),
            got: excerpt(digits, FIELD),
        }),
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subscription => "subscription",
            Self::SignIn => "sign-in",
        })
    }
}
