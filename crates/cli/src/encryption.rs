//! End-to-end encryption of `private-encrypted-` channels (http-api.md §9): SHA-256 makes a
//! channel's key of its name and the master key, NaCl's secretbox encrypts.

use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, Nonce, XSalsa20Poly1305};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// Bytes of a master key.
const KEY_LENGTH: usize = 32;

/// Bytes of a nonce.
const NONCE_LENGTH: usize = 24;

/// From which the keys of all encrypted channels of an app are made. The server never has it.
pub(crate) struct MasterKey([u8; KEY_LENGTH]);

/// `data` of an event on an encrypted channel.
#[derive(Serialize, Deserialize)]
struct Envelope {
    nonce: String,
    ciphertext: String,
}

/// Why data cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecipherable {
    /// It does not have the form.
    #[error("not encrypted: data is no object of a nonce and a ciphertext in base64")]
    Form,
    /// Another key, or changed on the way.
    #[error("cannot be decrypted: another master key, or changed on the way")]
    Key,
}

impl MasterKey {
    /// Reads 32 bytes of base64.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let bytes = BASE64.decode(text.trim().as_bytes()).ok();
        let key = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(Self)
            .ok_or_else(|| Failure::usage("the master key must be 32 bytes in base64"))
    }

    /// Encrypts with a random nonce.
    pub(crate) fn encrypt(&self, channel: &str, plaintext: &str) -> Result<String, Failure> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce)
            .map_err(|error| Failure::refused(format!("no random numbers: {error}")))?;
        self.seal(channel, plaintext, nonce)
    }

    fn seal(
        &self,
        channel: &str,
        plaintext: &str,
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<String, Failure> {
        let cannot = |_| Failure::refused("the data cannot be encrypted");
        let sealed = self
            .cipher(channel)
            .encrypt(&Nonce::from(nonce), plaintext.as_bytes());
        let envelope = Envelope {
            nonce: BASE64.encode(&nonce),
            ciphertext: BASE64.encode(&sealed.map_err(cannot)?),
        };
        serde_json::to_string(&envelope)
            .map_err(|error| Failure::refused(format!("cannot write JSON: {error}")))
    }

    /// Decrypts the data of an event.
    pub(crate) fn decrypt(&self, channel: &str, data: &str) -> Result<String, Undecipherable> {
        let envelope: Envelope = serde_json::from_str(data).map_err(|_| Undecipherable::Form)?;
        let decode = |text: String| BASE64.decode(text.as_bytes()).ok();
        let nonce = decode(envelope.nonce).and_then(|bytes| bytes.try_into().ok());
        let nonce: [u8; NONCE_LENGTH] = nonce.ok_or(Undecipherable::Form)?;
        let sealed = decode(envelope.ciphertext).ok_or(Undecipherable::Form)?;
        let plaintext = self.cipher(channel).decrypt(&Nonce::from(nonce), &*sealed);
        let plaintext = plaintext.map_err(|_| Undecipherable::Key)?;
        String::from_utf8(plaintext).map_err(|_| Undecipherable::Key)
    }

    fn cipher(&self, channel: &str) -> XSalsa20Poly1305 {
        let shared = Sha256::new().chain_update(channel).chain_update(self.0);
        let shared: [u8; KEY_LENGTH] = shared.finalize().into();
        XSalsa20Poly1305::new(&shared.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str = "private-encrypted-vault";
    const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const SEALED: &str = concat!(
        r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","#,
        r#""ciphertext":"bfLuoH+6+VIWxLSpBZZRKatj3Z8fRsy2YNph2CY="}"#
    );

    /// http-api.md §9.
    #[test]
    fn vector() {
        let master = MasterKey::parse(MASTER).unwrap();
        let nonce = *b"defghijklmnopqrstuvwxyz{";
        let sealed = master.seal(CHANNEL, r#"{"amount":12}"#, nonce).unwrap();
        assert_eq!(sealed, SEALED);
        assert_eq!(master.decrypt(CHANNEL, SEALED).unwrap(), r#"{"amount":12}"#);
    }

    #[test]
    fn what_cannot_be_decrypted_is_told_apart() {
        let master = MasterKey::parse(MASTER).unwrap();
        let changed = SEALED.replace("bfLu", "bfLv");
        for (channel, data, expect) in [
            ("private-encrypted-other", SEALED, Undecipherable::Key),
            (CHANNEL, &changed, Undecipherable::Key),
            (CHANNEL, "{}", Undecipherable::Form),
            (
                CHANNEL,
                r#"{"nonce":"AA==","ciphertext":""}"#,
                Undecipherable::Form,
            ),
            (
                CHANNEL,
                r#"{"nonce":"?","ciphertext":"?"}"#,
                Undecipherable::Form,
            ),
        ] {
            assert_eq!(master.decrypt(channel, data), Err(expect), "{data}");
        }
        let one = master.encrypt(CHANNEL, "x").unwrap();
        assert_ne!(one, master.encrypt(CHANNEL, "x").unwrap());
        assert_eq!(master.decrypt(CHANNEL, &one).unwrap(), "x");
    }

    #[test]
    fn a_master_key_is_32_bytes_of_base64() {
        for bad in ["", "AAEC", "not base64!", &"A".repeat(64)] {
            assert!(MasterKey::parse(bad).is_err(), "{bad}");
        }
    }
}
