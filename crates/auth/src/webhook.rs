//! Signatures of webhooks (webhooks.md §1): HMAC-SHA-256 over the body, byte for byte.

use crate::excerpt::{FIELD, excerpt};
use crate::{KeyRing, Secret, Signature};

/// What a webhook says of itself.
#[derive(Clone, Copy, Debug)]
pub struct WebhookProof<'a> {
    /// `X-Pusher-Key`, unchecked.
    pub key: &'a str,
    /// `X-Pusher-Signature`, unchecked.
    pub signature: &'a str,
    /// The bytes of the body as received.
    pub body: &'a [u8],
}

/// Why a webhook proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The key is not one of the app's.
    #[error("Unknown X-Pusher-Key: '{key}'")]
    UnknownKey {
        /// What was sent, cut to 64 characters.
        key: String,
    },
    /// The signature is no digest, of another body or by another secret.
    #[error(
        "Invalid X-Pusher-Signature: expected the HMAC SHA256 hex digest of the {length} bytes of \
         body, but got '{got}'"
    )]
    WrongSignature {
        /// Bytes of body received.
        length: usize,
        /// What was sent, cut to 64 characters.
        got: String,
    },
}

/// Signs the body of a webhook. The bytes that are sent must be these, not the same JSON written
/// once more.
#[must_use]
pub fn sign_webhook(secret: &Secret, body: &[u8]) -> Signature {
    secret.sign_bytes(body)
}

/// Checks that the credential of the app which the webhook names signed its body.
///
/// # Errors
/// The key is not in `ring`, or its secret did not sign these bytes.
pub fn verify_webhook(ring: &KeyRing, proof: &WebhookProof<'_>) -> Result<(), WebhookError> {
    let unknown = || WebhookError::UnknownKey {
        key: excerpt(proof.key, FIELD),
    };
    let credential = ring.find(proof.key).ok_or_else(unknown)?;
    match Signature::parse(proof.signature) {
        Ok(signature) if signature == sign_webhook(&credential.secret, proof.body) => Ok(()),
        _ => Err(WebhookError::WrongSignature {
            length: proof.body.len(),
            got: excerpt(proof.signature, FIELD),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::tests::{ours, ring};

    const BODY: &str = concat!(
        r#"{"time_ms":1760000000123,"#,
        r#""events":[{"name":"channel_occupied","channel":"private-orders"}]}"#
    );
    const DIGEST: &str = "dd584dfde1aeb3b949be856af1ff386638a9a1ff0906bd8adbc3fcfe84ca8a3b";

    fn verify(key: &str, signature: &str, body: &[u8]) -> Result<(), WebhookError> {
        let proof = WebhookProof {
            key,
            signature,
            body,
        };
        verify_webhook(&ring(ours()), &proof)
    }

    /// webhooks.md §1.
    #[test]
    fn vector() {
        let signature = sign_webhook(&ours().secret, BODY.as_bytes());
        assert_eq!(signature.to_string(), DIGEST);
        assert_eq!(verify(ours().key.as_str(), DIGEST, BODY.as_bytes()), Ok(()));
    }

    #[test]
    fn refusals_name_their_reason_and_no_digest() {
        let key = ours().key;
        let wrong = |length, got: &str| {
            Err(WebhookError::WrongSignature {
                length,
                got: got.to_owned(),
            })
        };
        let with_newline = format!("{BODY}\n");
        let (length, zeros) = (BODY.len(), "0".repeat(64));
        let table = [
            (
                key.as_str(),
                DIGEST,
                with_newline,
                wrong(length + 1, DIGEST),
            ),
            (
                key.as_str(),
                zeros.as_str(),
                BODY.to_owned(),
                wrong(length, &zeros),
            ),
            (key.as_str(), "", BODY.to_owned(), wrong(length, "")),
            ("spare", DIGEST, BODY.to_owned(), wrong(length, DIGEST)),
        ];
        for (key, signature, body, expect) in table {
            assert_eq!(verify(key, signature, body.as_bytes()), expect);
        }
        let unknown = verify("other", DIGEST, BODY.as_bytes()).unwrap_err();
        assert_eq!(unknown.to_string(), "Unknown X-Pusher-Key: 'other'");
    }

    #[test]
    fn a_body_need_not_be_text() {
        let body = [0xff, 0x00, 0xfe];
        let signature = sign_webhook(&ours().secret, &body).to_string();
        assert_eq!(verify(ours().key.as_str(), &signature, &body), Ok(()));
    }
}
