//! What a client calls its session.

use std::fmt;
use std::str::FromStr;

/// The name that a client gives its session, chosen at random: a number below 1,000 and eight of
/// `0`–`9` and `a`–`v` (fallback-transports.md §2). Together with the app it says which session a
/// request belongs to. The text form is that of its URLs, `469/l1o1166u`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName {
    server: u16,
    letters: [u8; LETTERS],
}

const LETTERS: usize = 8;

/// The text is not the name of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session: expected a number below 1000, a slash and eight of 0-9 and a-v")]
pub struct InvalidSessionName;

impl FromStr for SessionName {
    type Err = InvalidSessionName;

    fn from_str(text: &str) -> Result<Self, InvalidSessionName> {
        let (server, letters) = text.split_once('/').ok_or(InvalidSessionName)?;
        // Each session has one name: no signs, no leading zeros.
        let is_plain = server == "0" || !server.starts_with('0');
        let is_number = is_plain && server.bytes().all(|byte| byte.is_ascii_digit());
        let number = server
            .parse()
            .ok()
            .filter(|number| is_number && *number < 1_000);
        let letters: [u8; LETTERS] = letters
            .as_bytes()
            .try_into()
            .map_err(|_| InvalidSessionName)?;
        let fit = letters
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v'));
        match number {
            Some(server) if fit => Ok(Self { server, letters }),
            _ => Err(InvalidSessionName),
        }
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = str::from_utf8(&self.letters).unwrap_or_default();
        write!(f, "{}/{letters}", self.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_texts_are_no_names() {
        for text in [
            "",
            "/",
            "1",
            "1/",
            "/l1o1166u",
            "1000/l1o1166u",
            "-1/l1o1166u",
            "+1/l1o1166u",
            "01/l1o1166u",
            "00/l1o1166u",
            "1/l1o1166",
            "1/l1o1166uu",
            "1/L1o1166u",
            "1/l1o1166w",
            "1/l1o116/u",
            "1/l1o1166u/",
            "x/l1o1166u",
            "1/l1o116é",
            "99999999999/l1o1166u",
        ] {
            assert_eq!(
                text.parse::<SessionName>(),
                Err(InvalidSessionName),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn names_come_back(text in "(0|[1-9][0-9]{0,2})/[0-9a-v]{8}") {
            let name: SessionName = text.parse().unwrap();
            prop_assert_eq!(name.to_string(), text);
        }
    }
}
