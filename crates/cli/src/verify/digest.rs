//! The forms in which people write a digest.

use data_encoding::BASE64;
use foghorn_auth::Signature;

/// A digest as it was given.
pub(super) struct Digest {
    /// If 32 bytes can be read from it.
    pub(super) signature: Option<Signature>,
    /// What is wrong with how it is written.
    pub(super) mistake: Option<&'static str>,
}

/// Reads 64 hex digits, or finds out what the text is instead.
pub(super) fn read(text: &str) -> Digest {
    let trimmed = text.trim();
    let bare = trimmed.strip_prefix("sha256=").unwrap_or(trimmed);
    let from_base64 = || {
        let bytes = BASE64.decode(bare.as_bytes()).ok()?;
        Signature::parse(&data_encoding::HEXLOWER.encode(&bytes)).ok()
    };
    if let Ok(signature) = Signature::parse(bare) {
        let mistake = if bare != trimmed {
            Some("it begins with sha256=, which does not belong there")
        } else if trimmed != text {
            Some("there is white space around the signature")
        } else {
            None
        };
        return Digest {
            signature: Some(signature),
            mistake,
        };
    }
    if let Some(signature) = from_base64() {
        return Digest {
            signature: Some(signature),
            mistake: Some("the signature is written in base64; it must be in hex"),
        };
    }
    let hex = bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mistake = match bare.len() {
        0 => "there is no signature",
        32 if hex => "32 hex digits are an MD5; the signature is an HMAC-SHA-256, 64 hex digits",
        40 if hex => "40 hex digits are a SHA-1; the signature is an HMAC-SHA-256, 64 hex digits",
        128 if hex => "128 hex digits are a SHA-512; the signature is an HMAC-SHA-256, 64 digits",
        _ if hex => "the signature must have 64 hex digits; some are missing or too many",
        _ => "the signature is no text of 64 hex digits",
    };
    Digest {
        signature: None,
        mistake: Some(mistake),
    }
}

/// What to know of capital digits, which not every server reads.
pub(super) fn case_note(text: &str) -> Option<String> {
    let capitals = Signature::parse(text).is_ok() && text.bytes().any(|b| b.is_ascii_uppercase());
    capitals.then(|| "the digits are capital letters; not every server reads those".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let hex = "ab".repeat(32);
        let expect = Signature::parse(&hex).unwrap();
        let base64 = BASE64.encode(&[0xab; 32]);
        for (text, says, readable) in [
            (hex.clone(), "", true),
            (hex.to_uppercase(), "", true),
            (format!("{hex}\n"), "white space", true),
            (format!("sha256={hex}"), "sha256=", true),
            (base64, "base64", true),
            (hex[..32].to_owned(), "MD5", false),
            (hex[..40].to_owned(), "SHA-1", false),
            (hex[..63].to_owned(), "missing or too many", false),
            (String::new(), "no signature", false),
            ("zz".to_owned(), "no text of", false),
        ] {
            let digest = read(&text);
            assert!(digest.mistake.unwrap_or_default().contains(says), "{text}");
            assert_eq!(digest.mistake.is_none(), says.is_empty(), "{text}");
            assert_eq!(digest.signature, readable.then_some(expect), "{text}");
        }
        assert!(case_note(&hex.to_uppercase()).is_some());
        assert!(case_note(&hex).is_none());
    }
}
