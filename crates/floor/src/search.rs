//! Finds the few values the floor needs in JSON text, by bytes and without parsing.
//!
//! A key such as `"name":` cannot occur inside a string, where its quotes would be escaped. The
//! text is expected as `JSON.stringify` writes it, without spaces. Strings are handed out as the
//! literals that they are, quotes and escapes included, so that they can be copied as they came.

use memchr::{memchr2, memmem};

/// The string behind the first `key`, which is written as in the text: `"name":`.
pub(crate) fn string<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    literal(after(text, key)?)
}

/// The strings of the list behind the first `key`, which includes the bracket: `"channels":[`.
pub(crate) fn strings<'a>(text: &'a [u8], key: &str) -> impl Iterator<Item = &'a [u8]> {
    items(after(text, key), literal)
}

/// The objects of the list behind the first `key`. They may hold strings and numbers only.
pub(crate) fn objects<'a>(text: &'a [u8], key: &str) -> impl Iterator<Item = &'a [u8]> {
    items(after(text, key), object)
}

fn after<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let at = memmem::find(text, key.as_bytes())?;
    text.get(at + key.len()..)
}

fn items<'a>(
    mut rest: Option<&'a [u8]>,
    first: fn(&'a [u8]) -> Option<&'a [u8]>,
) -> impl Iterator<Item = &'a [u8]> {
    std::iter::from_fn(move || {
        let text = rest?;
        let item = first(text)?;
        rest = text.get(item.len()..)?.strip_prefix(b",");
        Some(item)
    })
}

/// The string literal that `text` begins with.
fn literal(text: &[u8]) -> Option<&[u8]> {
    let mut end = text.strip_prefix(b"\"").map(|_| 1)?;
    loop {
        end += memchr2(b'"', b'\\', text.get(end..)?)?;
        match text.get(end)? {
            b'"' => return text.get(..=end),
            _ => end += 2,
        }
    }
}

/// The object that `text` begins with.
fn object(text: &[u8]) -> Option<&[u8]> {
    let mut end = text.strip_prefix(b"{").map(|_| 1)?;
    loop {
        end += memchr2(b'"', b'}', text.get(end..)?)?;
        match text.get(end)? {
            b'}' => return text.get(..=end),
            _ => end += literal(text.get(end..)?)?.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_and_stay_literals() {
        let body = br#"{"data":"{\"name\":\"no\\\\\"}","name":"yes","channel":"a"}"#;
        assert_eq!(string(body, "\"name\":"), Some(&b"\"yes\""[..]));
        assert_eq!(
            string(body, "\"data\":"),
            Some(&br#""{\"name\":\"no\\\\\"}""#[..])
        );
        assert_eq!(string(body, "\"channels\":"), None);
    }

    #[test]
    fn what_does_not_end_is_nothing() {
        for text in [
            r#""name":"#,
            r#""name":"a"#,
            r#""name":"a\""#,
            r#""name":1"#,
        ] {
            assert_eq!(string(text.as_bytes(), "\"name\":"), None, "{text}");
        }
    }

    #[test]
    fn lists_are_walked_to_their_end() {
        let body = br#"{"channels":["a","b,]"],"data":"c"}"#;
        let found: Vec<_> = strings(body, "\"channels\":[").collect();
        assert_eq!(found, [&b"\"a\""[..], b"\"b,]\""]);
        assert_eq!(strings(b"{\"channels\":[]}", "\"channels\":[").count(), 0);
        assert_eq!(strings(b"{}", "\"channels\":[").count(), 0);
    }

    #[test]
    fn braces_in_strings_do_not_end_an_object() {
        let body = br#"{"batch":[{"data":"}{\"}"},{"name":"b","n":1}]}"#;
        let found: Vec<_> = objects(body, "\"batch\":[").collect();
        assert_eq!(
            found,
            [&br#"{"data":"}{\"}"}"#[..], br#"{"name":"b","n":1}"#]
        );
    }
}
