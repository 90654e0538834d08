//! The ways in which a text changes when programs pass it on: serialised once more, escaped
//! otherwise, with a line end. Order and content stay, so these are texts and no JSON values.

/// How spaces are set between the tokens of JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spacing {
    Kept,
    None,
    /// `, ` and `: `, as Python sets them.
    Wide,
}

/// How characters inside of strings are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Kept,
    /// The longer way.
    Escaped,
    /// The shorter way.
    Plain,
}

/// One way to write the same JSON.
#[derive(Clone, Copy)]
struct Style {
    spacing: Spacing,
    /// Characters beyond ASCII.
    unicode: Writing,
    slashes: Writing,
}

/// All other forms of a text with what was done to it, the likeliest first.
pub(super) fn rewritings(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |how: String, other: Vec<u8>| {
        if other != text && found.iter().all(|(_, known)| *known != other) {
            found.push((how, other));
        }
    };
    add(
        "without the white space around it".to_owned(),
        text.trim_ascii().to_vec(),
    );
    for end in ["\n", "\r\n"] {
        add(
            "with a line break at its end".to_owned(),
            [text, end.as_bytes()].concat(),
        );
    }
    if let Ok(text) = std::str::from_utf8(text)
        && text.trim_start().starts_with(['{', '['])
    {
        let mut styles: Vec<_> = styles().map(|style| (style.words(), style)).collect();
        styles.sort_by_key(|(words, _)| words.len());
        for (words, style) in styles {
            let how = format!("serialised once more, {}", words.join(", "));
            add(how, style.rewrite(text).into_bytes());
        }
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
            add(
                "serialised once more, with sorted names".to_owned(),
                value.to_string().into(),
            );
        }
        if let Ok(quoted) = serde_json::to_string(text) {
            add(
                "encoded as a JSON string once more".to_owned(),
                quoted.into(),
            );
        }
    }
    found
}

fn styles() -> impl Iterator<Item = Style> {
    let spacings = [Spacing::Kept, Spacing::None, Spacing::Wide];
    let writings = || [Writing::Kept, Writing::Escaped, Writing::Plain];
    spacings.into_iter().flat_map(move |spacing| {
        writings().into_iter().flat_map(move |unicode| {
            writings().into_iter().map(move |slashes| Style {
                spacing,
                unicode,
                slashes,
            })
        })
    })
}

impl Style {
    fn words(self) -> Vec<&'static str> {
        let spacing = match self.spacing {
            Spacing::Kept => None,
            Spacing::None => Some("without spaces"),
            Spacing::Wide => Some("with spaces after colons and commas"),
        };
        let unicode = match self.unicode {
            Writing::Kept => None,
            Writing::Escaped => Some("with non-ASCII characters escaped as \\u…"),
            Writing::Plain => Some("with \\u… escapes written out"),
        };
        let slashes = match self.slashes {
            Writing::Kept => None,
            Writing::Escaped => Some("with slashes escaped as \\/"),
            Writing::Plain => Some("with \\/ written as /"),
        };
        [spacing, unicode, slashes].into_iter().flatten().collect()
    }

    fn rewrite(self, text: &str) -> String {
        let mut written = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('"') {
            let (between, string) = rest.split_at(start);
            let end = end_of_string(string);
            let (string, after) = string.split_at(end);
            self.write_between(between, &mut written);
            self.write_string(string, &mut written);
            rest = after;
        }
        self.write_between(rest, &mut written);
        written
    }

    /// Writes what stands outside of strings.
    fn write_between(self, between: &str, written: &mut String) {
        for c in between.chars() {
            match self.spacing {
                Spacing::Kept => written.push(c),
                _ if c.is_whitespace() => {}
                Spacing::Wide if matches!(c, ',' | ':') => written.extend([c, ' ']),
                _ => written.push(c),
            }
        }
    }

    /// Writes a string, quotes included.
    fn write_string(self, string: &str, written: &mut String) {
        let mut rest = string.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => self.write_escape(&mut rest, written),
                '/' if self.slashes == Writing::Escaped => written.push_str("\\/"),
                c if !c.is_ascii() && self.unicode == Writing::Escaped => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        written.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => written.push(c),
            }
        }
    }

    /// Writes what follows a backslash.
    fn write_escape(self, rest: &mut std::str::Chars<'_>, written: &mut String) {
        match rest.next() {
            Some('/') if self.slashes == Writing::Plain => written.push('/'),
            Some('u') if self.unicode == Writing::Plain => {
                let (character, length) = unescaped(rest.as_str());
                match character.filter(|c| !c.is_ascii()) {
                    Some(c) => {
                        written.push(c);
                        *rest = rest.as_str().get(length..).unwrap_or_default().chars();
                    }
                    None => written.push_str("\\u"),
                }
            }
            Some(other) => written.extend(['\\', other]),
            None => written.push('\\'),
        }
    }
}

/// Where the string that begins with a quote ends, its closing quote included.
fn end_of_string(string: &str) -> usize {
    let mut escaped = false;
    for (at, c) in string.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    string.len()
}

/// The character that `XXXX`, or `XXXX\uXXXX` for a surrogate pair, stands for, and how long the
/// escape is.
fn unescaped(digits: &str) -> (Option<char>, usize) {
    let unit = |from: usize| {
        let digits = digits.get(from..from + 4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let second = digits
        .get(4..6)
        .filter(|next| *next == "\\u")
        .and_then(|_| unit(6));
    let Some(first) = unit(0) else {
        return (None, 0);
    };
    match second {
        Some(second) if (0xd800..0xdc00).contains(&first) => {
            let decoded = char::decode_utf16([first, second]).next();
            (decoded.and_then(Result::ok), 10)
        }
        _ => (char::from_u32(first.into()), 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = r#"{"user_id":"u-17","user_info":{"nick":"Zoë 🙂","page":"a/b\n"}}"#;

    fn how(from: &str, to: &str) -> Option<String> {
        let found = rewritings(from.as_bytes());
        let mut found = found.into_iter();
        found
            .find(|(_, text)| text == to.as_bytes())
            .map(|(how, _)| how)
    }

    #[test]
    fn names_what_programs_do_to_json() {
        let python = concat!(
            r#"{"user_id": "u-17", "user_info": {"nick": "Zo\u00eb \ud83d\ude42", "#,
            r#""page": "a/b\n"}}"#,
        );
        let php = SENT
            .replace("ë", "\\u00eb")
            .replace("🙂", "\\ud83d\\ude42")
            .replace('/', "\\/");
        let wide = "serialised once more, with spaces after colons and commas";
        let escaped = "with non-ASCII characters escaped as \\u…";
        for (other, expect) in [
            (python, format!("{wide}, {escaped}")),
            (
                &php,
                format!("serialised once more, {escaped}, with slashes escaped as \\/"),
            ),
            (
                &format!("{SENT}\n"),
                "with a line break at its end".to_owned(),
            ),
            (&format!(" {SENT} "), String::new()),
            ("[]", String::new()),
        ] {
            assert_eq!(how(SENT, other).unwrap_or_default(), expect, "{other}");
        }
        let short = "serialised once more, without spaces, with \\u… escapes written out";
        assert_eq!(how(python, SENT).unwrap(), short);
        assert_eq!(
            how(&php, SENT).unwrap(),
            "serialised once more, with \\u… escapes written out, with \\/ written as /"
        );
    }

    #[test]
    fn sorted_names_and_quotes_are_known() {
        let sorted = how(r#"{"b":1,"a":2}"#, r#"{"a":2,"b":1}"#);
        assert_eq!(sorted.unwrap(), "serialised once more, with sorted names");
        let quoted = how("{}", "\"{}\"");
        assert_eq!(quoted.unwrap(), "encoded as a JSON string once more");
    }

    #[test]
    fn broken_json_and_bytes_do_no_harm() {
        for text in [
            "{\"",
            "{\"\\",
            "{\"\\u",
            "{\"\\u00",
            "{\"\\ud83d\\u\"",
            "{\"é\\ué",
            "",
        ] {
            let _ = rewritings(text.as_bytes());
        }
        assert_eq!(rewritings(&[0xff]).len(), 2);
    }
}
