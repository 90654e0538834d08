//! The query string of a request, kept both as received and percent-decoded.

use std::borrow::Cow;

use crate::hex;

/// Parameters that a query is given room for: those of a signature, and a few more.
const USUAL: usize = 8;

/// The parameters of a query string in the order received.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    pairs: Vec<Pair<'a>>,
}

/// One parameter; `name` alone is `name=`.
#[derive(Clone, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) name: Component<'a>,
    pub(crate) value: Component<'a>,
}

/// A name or a value.
#[derive(Clone, Debug)]
pub(crate) struct Component<'a> {
    pub(crate) raw: &'a str,
    /// Equal to `raw` when that is not valid percent-encoding: several libraries do not encode at
    /// all, so a lone `%` stands for itself.
    pub(crate) decoded: Cow<'a, str>,
}

impl<'a> Component<'a> {
    fn parse(raw: &'a str) -> Self {
        Self {
            raw,
            decoded: percent_decode(raw).unwrap_or(Cow::Borrowed(raw)),
        }
    }
}

impl<'a> Query<'a> {
    /// Splits the text after the `?`. Any text is a query.
    #[must_use]
    pub fn parse(raw: &'a str) -> Self {
        let parts = raw.split('&').filter(|part| !part.is_empty());
        let mut pairs = Vec::with_capacity(USUAL);
        pairs.extend(parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Pair {
                name: Component::parse(name),
                value: Component::parse(value),
            }
        }));
        Self { pairs }
    }

    /// The first value of a parameter, percent-decoded, with `+` standing for itself.
    ///
    /// ASCII case of the name is ignored because signatures cover lower-cased names: otherwise a
    /// signed request could be changed in meaning without breaking its signature.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = |pair: &&Pair<'a>| pair.name.decoded.eq_ignore_ascii_case(name);
        self.pairs()
            .iter()
            .find(named)
            .map(|pair| &*pair.value.decoded)
    }

    /// All values of a parameter, in the order received; see [`Query::get`].
    pub fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.pairs()
            .iter()
            .filter(move |pair| pair.name.decoded.eq_ignore_ascii_case(name))
            .map(|pair| &*pair.value.decoded)
    }

    pub(crate) fn pairs(&self) -> &[Pair<'a>] {
        &self.pairs
    }
}

/// Replaces `%XX` escapes; `+` stands for itself. `None` when an escape is incomplete or the
/// result is not UTF-8.
#[must_use]
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => hex::byte(rest.next()?, rest.next()?)?,
            literal => literal,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// Escapes all but the unreserved characters of RFC 3986.
pub(crate) fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
        encoded
    })
}

/// `path` without the prefix under which the server is mounted, if it has it as whole segments;
/// what is left is empty or begins with a slash.
#[must_use]
pub fn without_mount<'p>(path: &'p str, mount_prefix: &str) -> Option<&'p str> {
    let prefix = mount_prefix.trim_end_matches('/');
    path.strip_prefix(prefix)
        .filter(|rest| !prefix.is_empty() && (rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percent_decoding() {
        for (text, expect) in [
            ("", Some("")),
            ("a+b", Some("a+b")),
            ("presence-a%40b%2Cc%3bd", Some("presence-a@b,c;d")),
            ("%C3%AB", Some("ë")),
            ("%2540", Some("%40")),
            ("%00", Some("\0")),
            ("%", None),
            ("%4", None),
            ("%g0", None),
            ("%+1", None),
            ("%é", None),
            ("%C3", None),
            ("%FF%FE", None),
        ] {
            assert_eq!(percent_decode(text).as_deref(), expect, "{text:?}");
        }
    }

    #[test]
    fn a_mount_prefix_is_whole_segments() {
        for (path, prefix, expect) in [
            ("/ws/app/k", "/ws", Some("/app/k")),
            ("/ws", "/ws", Some("")),
            ("/ws/", "/ws/", Some("/")),
            ("/app/k", "/ws", None),
            ("/apps/1/events", "/app", None),
            ("/app/k", "", None),
        ] {
            assert_eq!(without_mount(path, prefix), expect, "{path} {prefix}");
        }
    }

    #[test]
    fn reading_parameters() {
        let table = [
            ("info=user_count", "info", Some("user_count")),
            ("a=1&info=x%2Cy", "info", Some("x,y")),
            ("Info=x", "info", Some("x")),
            ("in%66o=x", "info", Some("x")),
            ("info=first&info=second", "info", Some("first")),
            ("info=a=b", "info", Some("a=b")),
            ("info", "info", Some("")),
            ("info=a+b", "info", Some("a+b")),
            ("info=50%", "info", Some("50%")),
            ("&&info=x&", "info", Some("x")),
            ("infos=x", "info", None),
            ("=info", "info", None),
            ("", "info", None),
            ("", "", None),
        ];
        for (raw, name, expect) in table {
            assert_eq!(Query::parse(raw).get(name), expect, "{raw:?}");
        }
    }

    #[test]
    fn reading_all_values_of_a_parameter() {
        let table: [(&str, &[&str]); 8] = [
            ("", &[]),
            ("channel=a", &[]),
            ("channels[]=a", &["a"]),
            ("channels%5B%5D=a&x=y&channels[]=b%2Cc", &["a", "b,c"]),
            (
                "channels[]=b&Channels[]=a&CHANNELS%5b%5D=b",
                &["b", "a", "b"],
            ),
            ("channels[]&channels[]=", &["", ""]),
            ("channels[]=a+b&channels[]=50%", &["a+b", "50%"]),
            ("channels=a&channels[0]=b&channels[]x=c", &[]),
        ];
        for (raw, expect) in table {
            let query = Query::parse(raw);
            let all: Vec<&str> = query.all("channels[]").collect();
            assert_eq!(all, expect, "{raw:?}");
            assert_eq!(query.get("channels[]"), expect.first().copied(), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn encoding_round_trips(text: String) {
            let encoded = percent_encode(&text);
            prop_assert!(encoded.is_ascii());
            let decoded = percent_decode(&encoded);
            prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
        }

        #[test]
        fn any_text_is_a_query(raw: String, name: String) {
            let query = Query::parse(&raw);
            prop_assert_eq!(query.get(&name), query.all(&name).next());
            let _ = percent_decode(&raw);
        }
    }
}
