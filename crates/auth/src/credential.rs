//! Keys and secrets of an app.

use std::borrow::Borrow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Signature;

/// The public name of a credential, part of every signed text and of the WebSocket address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppKey(Arc<str>);

/// Why a text cannot be an app key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppKey {
    /// It has no characters.
    #[error("an app key must not be empty")]
    Empty,
    /// A colon separates key and signature, so a key cannot have one (protocol.md §6.3).
    #[error("an app key must not contain a colon")]
    Colon,
}

impl AppKey {
    /// Reads a key.
    ///
    /// # Errors
    /// The text is empty or has a colon.
    pub fn parse(text: &str) -> Result<Self, InvalidAppKey> {
        if text.is_empty() {
            Err(InvalidAppKey::Empty)
        } else if text.contains(':') {
            Err(InvalidAppKey::Colon)
        } else {
            Ok(Self(text.into()))
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets a map of keys be searched with text from a request.
impl Borrow<str> for AppKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As text has it, for messages that quote what operators wrote.
impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// What signs. It has no `Display`, its `Debug` hides it and nothing returns it.
///
/// Only the HMAC state after the key schedule is kept: signing clones that state, which saves two
/// of the four compressions that a short text costs.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

/// An empty secret is no secret: anybody could sign with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret must not be empty")]
pub struct InvalidSecret;

impl Secret {
    /// Takes a secret as the operator wrote it; its UTF-8 bytes are the HMAC key.
    ///
    /// # Errors
    /// The text is empty.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        if text.is_empty() {
            return Err(InvalidSecret);
        }
        // HMAC takes a key of any length; the conversion only has no infallible form.
        Hmac::new_from_slice(text.as_bytes())
            .map(Self)
            .map_err(|_| InvalidSecret)
    }

    /// Signs the text that `text` displays, without building it in memory.
    #[must_use]
    pub fn sign(&self, text: impl fmt::Display) -> Signature {
        let mut sink = MacSink(self.0.clone());
        // The sink takes everything, so only a broken `Display` could fail here.
        let _ = write!(sink, "{text}");
        Signature::from_bytes(sink.0.finalize().into_bytes().into())
    }

    /// Signs bytes that need not be text, such as a body.
    #[must_use]
    pub fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        let mac = self.0.clone().chain_update(bytes);
        Signature::from_bytes(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

struct MacSink(Hmac<Sha256>);

impl fmt::Write for MacSink {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.0.update(part.as_bytes());
        Ok(())
    }
}

/// A key and the secret that belongs to it.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Sent with every signature.
    pub key: AppKey,
    /// Never sent.
    pub secret: Secret,
}

/// The credentials of one app, at least one. All are equally valid, which is how an operator
/// replaces a secret without an outage. Clones share the list.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<[Credential]>);

/// Why credentials cannot belong to one app.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyRing {
    /// There are none.
    #[error("an app needs at least one key")]
    Empty,
    /// A key is given twice, so its secret would be ambiguous.
    #[error("the key {key} is given more than once")]
    Duplicate {
        /// The key.
        key: AppKey,
    },
}

impl KeyRing {
    /// Collects the credentials of one app.
    ///
    /// # Errors
    /// There are none, or two have the same key.
    pub fn new(credentials: Vec<Credential>) -> Result<Self, InvalidKeyRing> {
        if credentials.is_empty() {
            return Err(InvalidKeyRing::Empty);
        }
        let mut keys: Vec<&AppKey> = credentials.iter().map(|c| &c.key).collect();
        keys.sort_unstable();
        let duplicate = keys
            .iter()
            .zip(keys.iter().skip(1))
            .find(|(one, next)| one == next)
            .map(|(key, _)| AppKey::clone(key));
        match duplicate {
            Some(key) => Err(InvalidKeyRing::Duplicate { key }),
            None => Ok(Self(credentials.into())),
        }
    }

    /// The credential with exactly this key. Keys are public, so the search need not hide them.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&Credential> {
        self.iter()
            .find(|credential| credential.key.as_str() == key)
    }

    /// All credentials in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Credential> {
        self.0.iter()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A credential of valid parts.
    pub(crate) fn credential(key: &str, secret: &str) -> Credential {
        Credential {
            key: AppKey::parse(key).unwrap(),
            secret: Secret::parse(secret).unwrap(),
        }
    }

    /// The key and secret of the vectors in the reference.
    pub(crate) fn ours() -> Credential {
        credential("k7f3d0c1b2a39485", "s3cr3t-9f8e7d6c5b4a")
    }

    /// The key and secret of the vectors that Pusher publishes.
    pub(crate) fn pushers() -> Credential {
        credential("278d425bdf160c739803", "7ad3773142a6692b25b8")
    }

    /// A ring of `first` and one more credential.
    pub(crate) fn ring(first: Credential) -> KeyRing {
        KeyRing::new(vec![credential("spare", "spare-secret"), first]).unwrap()
    }

    #[test]
    fn keys_without_colon_are_accepted() {
        for (text, expect) in [
            ("k", Ok("k")),
            ("278d425bdf160c739803", Ok("278d425bdf160c739803")),
            ("", Err(InvalidAppKey::Empty)),
            (":", Err(InvalidAppKey::Colon)),
            ("a:b", Err(InvalidAppKey::Colon)),
        ] {
            let key = AppKey::parse(text);
            assert_eq!(key.as_ref().map(AppKey::as_str).map_err(|e| *e), expect);
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let ring = ring(credential("visible", "hunter2"));
        let text = format!("{ring:?}");
        assert!(
            text.contains("Secret(…)") && text.contains("visible"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(Secret::parse("").err(), Some(InvalidSecret));
    }

    #[test]
    fn rings_find_exact_keys_only() {
        let ring = ring(ours());
        for (key, found) in [
            ("k7f3d0c1b2a39485", true),
            ("spare", true),
            ("K7F3D0C1B2A39485", false),
            ("k7f3d0c1b2a3948", false),
            ("", false),
        ] {
            let key_found = ring.find(key).map(|c| c.key.as_str());
            assert_eq!(key_found, found.then_some(key));
        }
    }

    #[test]
    fn rings_need_distinct_keys() {
        assert_eq!(KeyRing::new(vec![]).err(), Some(InvalidKeyRing::Empty));
        let twice = vec![ours(), pushers(), credential(ours().key.as_str(), "other")];
        let expect = InvalidKeyRing::Duplicate { key: ours().key };
        assert_eq!(KeyRing::new(twice).err(), Some(expect));
    }

    /// RFC 4231 case 2, and a key that is longer than a block.
    #[test]
    fn signs_as_hmac_sha256() {
        let table = [
            (
                "Jefe".to_owned(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "k".repeat(131),
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "70e4b005732fa7ff79392aa24fb240159b925dbc9f1398420c0f45e6763dcf14",
            ),
        ];
        for (secret, text, digest) in table {
            let secret = Secret::parse(&secret).unwrap();
            assert_eq!(secret.sign(text).to_string(), digest);
            // The same secret signs again, and parts make no difference.
            let (head, tail) = text.split_at(7);
            assert_eq!(
                secret.sign(format_args!("{head}{tail}")).to_string(),
                digest
            );
        }
    }
}
