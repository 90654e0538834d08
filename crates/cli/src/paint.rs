//! Colour, where a person looks and wants it.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// At a terminal, unless NO_COLOR is set
    Auto,
    /// As for a person: a pipe too gets text in colour, in place of JSON
    Always,
    /// Never
    Never,
}

/// Colours text, or leaves it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    colourful: bool,
}

impl Paint {
    /// Leaves all text alone.
    pub const PLAIN: Self = Self { colourful: false };

    /// Reads what the environment says; `asked` prevails.
    pub(crate) fn choose(asked: Option<Colour>, terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let refused = set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Self::decide(asked, terminal && !refused)
    }

    fn decide(asked: Option<Colour>, fits: bool) -> Self {
        let colourful = match asked {
            Some(Colour::Always) => true,
            Some(Colour::Never) => false,
            Some(Colour::Auto) | None => fits,
        };
        Self { colourful }
    }

    /// What went well.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.apply(AnsiColor::Green.on_default().bold(), text)
    }

    /// What went wrong.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.apply(AnsiColor::Red.on_default().bold(), text)
    }

    /// What is looked for: names of channels, events and users.
    #[must_use]
    pub fn name(self, text: &str) -> String {
        self.apply(AnsiColor::Cyan.on_default(), text)
    }

    /// What may be overlooked.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.apply(Style::new().dimmed(), text)
    }

    fn apply(self, style: Style, text: &str) -> String {
        if self.colourful {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// Text from elsewhere with its control characters written out, so that it cannot command the
/// terminal.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut seen, c| {
            if c.is_control() {
                seen.extend(c.escape_default());
            } else {
                seen.push(c);
            }
            seen
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_prevails() {
        for (asked, fits, expect) in [
            (None, true, true),
            (None, false, false),
            (Some(Colour::Auto), false, false),
            (Some(Colour::Always), false, true),
            (Some(Colour::Never), true, false),
        ] {
            let paint = Paint::decide(asked, fits);
            assert_eq!(paint.colourful, expect, "{asked:?} {fits}");
            assert_eq!(paint.good("x") != "x", expect);
        }
    }

    #[test]
    fn text_cannot_command_the_terminal() {
        assert_eq!(visible("Zoë\n\x1b[2J\u{9b}"), "Zoë\\n\\u{1b}[2J\\u{9b}");
    }
}
