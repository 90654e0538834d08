//! Hexadecimal text: digests and percent escapes.

use std::fmt;

/// Writes lower-case hex.
pub(crate) fn write(bytes: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Reads exactly `N` bytes of hex of either case. Not constant time: only what a stranger sent
/// passes through here, never an expected digest.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (slot, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *slot = match pair {
            [high, low] => byte(*high, *low)?,
            _ => return None,
        };
    }
    Some(bytes)
}

/// The byte that two hex digits of either case stand for.
pub(crate) fn byte(high: u8, low: u8) -> Option<u8> {
    let digit = |ascii: u8| char::from(ascii).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_is_strict_about_length_and_digits() {
        let table: [(&str, Option<[u8; 2]>); 9] = [
            ("00ff", Some([0, 255])),
            ("aBCd", Some([0xab, 0xcd])),
            ("", None),
            ("00f", None),
            ("00ff0", None),
            ("00fg", None),
            ("+0ff", None),
            ("0x1f", None),
            ("é00", None),
        ];
        for (text, expect) in table {
            assert_eq!(decode::<2>(text), expect, "{text:?}");
        }
    }
}
