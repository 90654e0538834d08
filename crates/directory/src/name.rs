//! Ids and keys that can be in a database at all.

/// How many characters an id or a key may have: as many as its column, in the databases that count
/// them.
const LONGEST: usize = 255;

/// Whether there can be such a name. Databases refuse to look for others, or cannot do it.
pub(crate) fn can_be(name: &str) -> bool {
    // Most are short enough in bytes.
    let fits = name.len() <= LONGEST || name.chars().count() <= LONGEST;
    fits && !name.contains('\0')
}

/// The last name that can be of those which do not come after this one, byte by byte.
pub(crate) fn last_up_to(name: &str) -> &str {
    name.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be() {
        for name in ["", "a", "ä\u{1}", &"ä".repeat(255)] {
            assert!(can_be(name), "{name:?}");
        }
        for name in ["\0", "a\0", "a\0b", &"a".repeat(256), &"ä".repeat(256)] {
            assert!(!can_be(name), "{name:?}");
        }
        assert_eq!(last_up_to("a\0b\0c"), "a");
        assert_eq!(last_up_to("\0"), "");
        assert_eq!(last_up_to("ab"), "ab");
    }
}
