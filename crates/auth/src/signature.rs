//! HMAC-SHA-256 digests.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use crate::hex;

/// An HMAC-SHA-256 digest, written as 64 lower-case hex digits.
///
/// Equality takes constant time. `Debug` hides the digest, so that an expected one cannot slip
/// into a log beside the request it would sign.
#[derive(Clone, Copy)]
pub struct Signature([u8; 32]);

/// The text is not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 64 hex digits")]
pub struct InvalidSignature;

impl Signature {
    /// Takes the bytes of a digest.
    pub(crate) fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Reads 64 hex digits of either case.
    ///
    /// # Errors
    /// The text has another length or other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidSignature> {
        hex::decode(text).map(Self).ok_or(InvalidSignature)
    }
}

impl ConstantTimeEq for Signature {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Signature {}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_64_hex_digits_are_a_signature() {
        let digits = "ab".repeat(32);
        for bad in [
            "",
            &digits[1..],
            &format!("{digits}0"),
            &format!("{}é", &digits[2..]),
            &format!("{}g", &digits[1..]),
            &format!(" {}", &digits[1..]),
        ] {
            assert_eq!(Signature::parse(bad), Err(InvalidSignature), "{bad:?}");
        }
        assert_eq!(
            format!("{:?}", Signature::parse(&digits)),
            "Ok(Signature(…))"
        );
    }

    proptest! {
        #[test]
        fn text_round_trips_in_either_case(digest: [u8; 32]) {
            let signature = Signature::from_bytes(digest);
            let text = signature.to_string();
            prop_assert_eq!(&text.to_ascii_lowercase(), &text);
            prop_assert_eq!(Signature::parse(&text), Ok(signature));
            prop_assert_eq!(Signature::parse(&text.to_ascii_uppercase()), Ok(signature));
        }

        #[test]
        fn any_flipped_bit_makes_another_signature(digest: [u8; 32], bit in 0_usize..256) {
            let mut other = digest;
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(Signature::from_bytes(digest), Signature::from_bytes(other));
        }
    }
}
