//! How much of a stranger's text an error repeats.

/// Characters of a key, digest or other short field that an error repeats.
pub(crate) const FIELD: usize = 64;

/// The first `limit` characters, with an ellipsis when some are left out.
pub(crate) fn excerpt(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters_and_says_so() {
        for (text, expect) in [
            ("", ""),
            ("abc", "abc"),
            ("abcd", "abc…"),
            ("éèê", "éèê"),
            ("éèê!", "éèê…"),
        ] {
            assert_eq!(excerpt(text, 3), expect);
        }
    }
}
