//! The first difference between the text that should be signed and the one that was.

use serde::Serialize;

use crate::paint::{Paint, visible};

/// Characters that are shown on either side of a difference.
const AROUND: usize = 34;

/// Where two texts part.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// Characters that are equal before it.
    pub(super) at: usize,
    /// What it looks like, for a person.
    pub(super) hint: Option<&'static str>,
}

/// Finds it.
pub(super) fn first(expected: &str, signed: &str) -> Option<Difference> {
    let equal = expected
        .chars()
        .zip(signed.chars())
        .take_while(|(a, b)| a == b);
    let at = equal.count();
    let (expected, signed) = (after(expected, at), after(signed, at));
    if expected.is_empty() && signed.is_empty() {
        return None;
    }
    Some(Difference {
        at,
        hint: hint(expected, signed),
    })
}

/// The text after its first characters.
fn after(text: &str, characters: usize) -> &str {
    let start = text.char_indices().nth(characters).map(|(start, _)| start);
    start
        .and_then(|start| text.get(start..))
        .unwrap_or_default()
}

/// What two texts that begin differently say of how they came about.
fn hint(expected: &str, signed: &str) -> Option<&'static str> {
    let beyond_ascii = |text: &str| text.starts_with(|c: char| !c.is_ascii());
    let space = |text: &str| text.starts_with(char::is_whitespace);
    let one = |text: &str| text.chars().next();
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    Some(match (expected, signed) {
        (_, "") if expected.trim().is_empty() => "the white space at the end is not signed",
        (_, "") if expected.starts_with(':') => "the rest, after this colon, is not signed",
        (_, "") => "what was signed ends here",
        ("", _) if signed.trim().is_empty() => "white space at the end was signed too",
        ("", _) => "more was signed than is sent",
        _ if expected.starts_with('\n') && signed.starts_with("\\n") => {
            "a backslash and an n were signed in place of a line break"
        }
        _ if expected.starts_with('\n') && signed.starts_with('\r') => {
            "a line ends with \\n alone, without \\r"
        }
        _ if beyond_ascii(expected) && signed.starts_with("\\u") => {
            "escaped Unicode was signed; sign exactly the text that is sent"
        }
        _ if expected.starts_with("\\u") && beyond_ascii(signed) => {
            "escaped Unicode is sent; sign exactly that text"
        }
        _ if signed.starts_with("\\/") || expected.starts_with("\\/") => {
            "slashes are escaped in only one; sign exactly the text that is sent"
        }
        _ if space(signed) != space(expected) => {
            "spaces differ: it was serialised once more; sign exactly the text that is sent"
        }
        _ if signed.starts_with('%') || expected.starts_with('%') => {
            "percent-encoding differs; values are signed without it"
        }
        _ if digit(expected) && signed.starts_with('"')
            || digit(signed) && expected.starts_with('"') =>
        {
            "a number on one side is a string on the other"
        }
        _ if one(expected).map(|c| c.to_ascii_lowercase())
            == one(signed).map(|c| c.to_ascii_lowercase()) =>
        {
            "upper and lower case differ"
        }
        _ => return None,
    })
}

impl Difference {
    /// Both texts around the difference, a caret below it, and what it looks like.
    pub(super) fn drawing(&self, [expected, signed]: [&str; 2], paint: Paint) -> String {
        let skipped = self.at.saturating_sub(AROUND);
        let ellipsis = if skipped > 0 { "…" } else { "" };
        let window = |text: &str| {
            let shown: String = after(text, skipped).chars().take(2 * AROUND).collect();
            let cut = after(text, skipped + 2 * AROUND);
            let end = if cut.is_empty() { "" } else { "…" };
            format!("{ellipsis}{}{end}", visible(&shown))
        };
        let equal: String = after(expected, skipped)
            .chars()
            .take(self.at - skipped)
            .collect();
        let indent = ellipsis.chars().count() + visible(&equal).chars().count();
        let caret = paint.bad("^");
        let hint = self.hint.map(|hint| format!(" {hint}")).unwrap_or_default();
        format!(
            "{}  {}\n{}  {}\n{}{caret}{hint}",
            paint.dim("expected"),
            window(expected),
            paint.dim("signed  "),
            window(signed),
            " ".repeat("expected  ".len() + indent),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_what_it_looks_like() {
        for (expected, signed, at, says) in [
            (
                "1.2:presence-a:{}",
                "1.2:presence-a",
                14,
                "after this colon",
            ),
            ("1.2:a", "1.2:a\n", 5, "white space at the end was signed"),
            ("1.2:a\n", "1.2:a", 5, "white space at the end is not"),
            ("Zoë", r"Zo\u00eb", 2, "escaped Unicode was signed"),
            (r"Zo\u00eb", "Zoë", 2, "escaped Unicode is sent"),
            (r#"{"a":1}"#, r#"{"a": 1}"#, 5, "serialised once more"),
            ("a/b", r"a\/b", 1, "slashes"),
            ("POST\n/", r"POST\n/", 4, "a backslash and an n"),
            ("POST\n/", "POST\r\n/", 4, "without \\r"),
            ("a@b", "a%40b", 1, "percent-encoding"),
            (r#"{"id":10}"#, r#"{"id":"10"}"#, 6, "a number"),
            ("POST", "post", 0, "case"),
            ("1.2:a", "1.2", 3, "after this colon"),
            ("1.2", "1.2:a", 3, "more was signed"),
        ] {
            let found = first(expected, signed).unwrap();
            assert_eq!(found.at, at, "{signed}");
            assert!(found.hint.unwrap().contains(says), "{found:?}");
        }
        assert_eq!(first("same", "same"), None);
        assert_eq!(first("1.2:a", "1.3:a").unwrap().hint, None);
    }

    #[test]
    fn the_caret_stands_below_the_difference() {
        let texts = ["1.2:presence-a:{}", "1.2:presence-a"];
        let drawing = first(texts[0], texts[1])
            .unwrap()
            .drawing(texts, Paint::PLAIN);
        let expect = "\
expected  1.2:presence-a:{}
signed    1.2:presence-a
                        ^ the rest, after this colon, is not signed";
        assert_eq!(drawing, expect);
    }

    #[test]
    fn long_texts_are_cut_and_line_breaks_are_written_out() {
        let expected = format!("POST\n{}1{}", "é".repeat(50), "x".repeat(50));
        let signed = format!("POST\n{}2{}", "é".repeat(50), "x".repeat(50));
        let texts = [expected.as_str(), signed.as_str()];
        let drawing = first(texts[0], texts[1])
            .unwrap()
            .drawing(texts, Paint::PLAIN);
        let lines: Vec<_> = drawing.lines().collect();
        let column = |line: &str, c| line.chars().position(|other| other == c).unwrap();
        assert_eq!(column(lines[0], '1'), column(lines[2], '^'));
        assert_eq!(column(lines[1], '2'), column(lines[2], '^'));
        assert!(
            lines[0].contains("  …é") && lines[0].ends_with("x…"),
            "{drawing}"
        );

        let texts = ["POST\n/a", "POST\n/b"];
        let drawing = first(texts[0], texts[1])
            .unwrap()
            .drawing(texts, Paint::PLAIN);
        let lines: Vec<_> = drawing.lines().collect();
        assert_eq!(lines[0], "expected  POST\\n/a");
        assert_eq!(column(lines[2], '^'), lines[0].len() - 1);
    }
}
