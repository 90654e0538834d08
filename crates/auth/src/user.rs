//! Signatures that let a client sign in as a user (protocol.md §6.3, §9.1).

use std::fmt;

use crate::excerpt::excerpt;
use crate::proof::{self, ProofError, Purpose, Signed};
use crate::{Credential, KeyRing, Secret, Signature};

/// What a client sends to sign in.
#[derive(Clone, Copy)]
pub struct UserProof<'a> {
    /// The connection that asks.
    pub socket_id: &'a dyn fmt::Display,
    /// `KEY:SIGNATURE`, unchecked.
    pub auth: &'a str,
    /// The text as received, not serialised again.
    pub user_data: &'a str,
}

/// Checks that a credential of the app signed this sign-in.
///
/// # Errors
/// `auth` has another form, names a key that is not in `ring`, or does not sign the user data.
pub fn verify_user(ring: &KeyRing, proof: &UserProof<'_>) -> Result<(), ProofError> {
    proof::check(ring, proof.auth, proof)
}

/// Signs a sign-in as an application's back end does: `KEY:SIGNATURE`.
#[must_use]
pub fn sign_user(credential: &Credential, socket_id: impl fmt::Display, user_data: &str) -> String {
    let text = user_text(&socket_id, user_data);
    format!("{}:{}", credential.key, credential.secret.sign(text))
}

/// The text that a sign-in's signature covers; `user_data` exactly as it is sent.
pub fn user_text<'a>(
    socket_id: &'a dyn fmt::Display,
    user_data: &'a str,
) -> impl fmt::Display + 'a {
    Subject {
        socket_id,
        user_data,
    }
}

impl Signed for UserProof<'_> {
    const PURPOSE: Purpose = Purpose::SignIn;

    fn is_signed(&self, secret: &Secret, signature: Signature) -> bool {
        secret.sign(user_text(self.socket_id, self.user_data)) == signature
    }

    fn shortened(&self) -> String {
        user_text(self.socket_id, &excerpt(self.user_data, 200)).to_string()
    }
}

/// Displays the text to sign.
#[derive(Clone, Copy)]
struct Subject<'a> {
    socket_id: &'a dyn fmt::Display,
    user_data: &'a str,
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::user::{}", self.socket_id, self.user_data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::tests::{ours, pushers, ring};

    const ZOE: &str = r#"{"id":"u-17","user_info":{"nick":"Zoë"},"watchlist":["u-18","u-19"]}"#;
    const ZOE_DIGEST: &str = "d8f30c20def1af20b08989ab9f8a7ca7c43fb4f9cb71094143c4d86aab8ea302";

    /// protocol.md §18.
    #[test]
    fn vectors() {
        let table = [
            (ours(), "52107.884321", ZOE, ZOE_DIGEST),
            (
                pushers(),
                "1234.1234",
                r#"{"id":"12345"}"#,
                "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
            ),
        ];
        for (credential, socket_id, user_data, digest) in table {
            let auth = format!("{}:{digest}", credential.key);
            assert_eq!(sign_user(&credential, socket_id, user_data), auth);
            let proof = UserProof {
                socket_id: &socket_id,
                auth: &auth,
                user_data,
            };
            assert_eq!(verify_user(&ring(credential), &proof), Ok(()));
        }
    }

    #[test]
    fn refusals() {
        let key = ours().key;
        let upper = ZOE_DIGEST.to_ascii_uppercase();
        let wrong = |data: &str, got: &str| {
            format!(
                "Invalid signature: Expected HMAC SHA256 hex digest of \
                 52107.884321::user::{data}, but got {got}"
            )
        };
        let table = [
            (ZOE, format!("{key}:{upper}"), String::new()),
            ("{}", format!("{key}:{upper}"), wrong("{}", &upper)),
            (
                &"d".repeat(201),
                format!("{key}:00"),
                wrong(&format!("{}…", "d".repeat(200)), "00"),
            ),
            (
                ZOE,
                format!("nobody:{upper}"),
                "Invalid key in sign-in auth data: 'nobody'".to_owned(),
            ),
            (
                ZOE,
                format!("{key}::user::00"),
                format!(
                    "Invalid sign-in auth data: Expected APP_KEY:SIGNATURE, \
                     but got '{key}::user::00'"
                ),
            ),
        ];
        for (user_data, auth, expect) in table {
            let proof = UserProof {
                socket_id: &"52107.884321",
                auth: &auth,
                user_data,
            };
            let text = verify_user(&ring(ours()), &proof)
                .map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(text, expect);
        }
    }
}
