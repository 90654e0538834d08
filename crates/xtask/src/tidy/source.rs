//! Rust source by line: what is code, what is a comment, what is text, and what is a test.
//!
//! Knows as much of Rust's grammar as these questions need: comments, literals, braces.

/// One line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The line as written.
    pub(super) text: String,
    /// The line with comments blanked and the characters of literals replaced by [`TEXT`].
    pub(super) bare: String,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Shipped,
    Test,
}

/// Stands for each character of a string literal.
const TEXT: char = '"';

impl Line {
    pub(super) fn is_code(&self) -> bool {
        !self.bare.trim().is_empty()
    }

    pub(super) fn has_text_literal(&self) -> bool {
        self.bare.contains(TEXT)
    }
}

/// The lines of `text`, and the modules that it declares as `#[cfg(test)] mod name;`.
pub(super) fn read(text: &str) -> (Vec<Line>, Vec<String>) {
    let bare = bare(text);
    let bare: Vec<&str> = bare.lines().collect();
    let regions = TestRegions::find(&bare);
    let lines = text
        .lines()
        .zip(&bare)
        .enumerate()
        .map(|(number, (text, bare))| Line {
            text: text.to_owned(),
            bare: (*bare).to_owned(),
            place: if regions.contains(number) {
                Place::Test
            } else {
                Place::Shipped
            },
        });
    (lines.collect(), regions.outlined)
}

/// The words of a bare line: identifiers, keywords and numbers.
pub(super) fn words(bare: &str) -> impl Iterator<Item = &str> {
    bare.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

enum State {
    Code,
    LineComment,
    /// How deep; Rust's block comments nest.
    BlockComment(usize),
    Text,
    /// How many `#` close it.
    RawText(usize),
}

/// `text` with comments blanked and literals replaced, line for line and character for character.
fn bare(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut scanner = Scanner {
        characters: &characters,
        at: 0,
        bare: String::new(),
    };
    let mut state = State::Code;
    while scanner.at < characters.len() {
        state = match state {
            State::Code => scanner.code(),
            State::LineComment if scanner.sees("\n") => {
                scanner.take(1, ' ');
                State::Code
            }
            State::LineComment => {
                scanner.take(1, ' ');
                State::LineComment
            }
            State::BlockComment(depth) => scanner.block_comment(depth),
            State::Text => scanner.text(),
            State::RawText(hashes) => scanner.raw_text(hashes),
        };
    }
    scanner.bare
}

struct Scanner<'a> {
    characters: &'a [char],
    at: usize,
    bare: String,
}

impl Scanner<'_> {
    fn look(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn sees(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, c)| self.look(ahead) == Some(c))
    }

    /// Moves over `count` characters and writes `mask` for each of them; line ends and spaces stay.
    fn take(&mut self, count: usize, mask: char) {
        for _ in 0..count {
            let Some(c) = self.look(0) else { return };
            self.bare.push(if c.is_whitespace() { c } else { mask });
            self.at += 1;
        }
    }

    fn code(&mut self) -> State {
        if self.sees("//") {
            self.take(2, ' ');
            return State::LineComment;
        }
        if self.sees("/*") {
            self.take(2, ' ');
            return State::BlockComment(1);
        }
        match self.look(0) {
            Some('"') => {
                let state = self.text_kind();
                self.take(1, TEXT);
                state
            }
            Some('\'') => {
                let length = self.character_literal();
                self.take(length, '\'');
                State::Code
            }
            Some(c) => {
                self.bare.push(c);
                self.at += 1;
                State::Code
            }
            None => State::Code,
        }
    }

    /// What the quote here opens: `r"`, `r#"` and their kin have no escapes.
    fn text_kind(&self) -> State {
        let before = self.characters.get(..self.at).unwrap_or_default();
        let hashes = before.iter().rev().take_while(|c| **c == '#').count();
        match before.iter().rev().nth(hashes) {
            Some('r') => State::RawText(hashes),
            _ => State::Text,
        }
    }

    /// How many characters the literal here has; one where the quote opens a lifetime.
    fn character_literal(&self) -> usize {
        match (self.look(1), self.look(2)) {
            (Some('\\'), Some(_)) => {
                let rest = self.characters.iter().skip(self.at + 3);
                4 + rest.take_while(|c| **c != '\'').count()
            }
            (Some(_), Some('\'')) => 3,
            _ => 1,
        }
    }

    fn block_comment(&mut self, depth: usize) -> State {
        if self.sees("/*") {
            self.take(2, ' ');
            return State::BlockComment(depth + 1);
        }
        if self.sees("*/") {
            self.take(2, ' ');
            return if depth == 1 {
                State::Code
            } else {
                State::BlockComment(depth - 1)
            };
        }
        self.take(1, ' ');
        State::BlockComment(depth)
    }

    fn text(&mut self) -> State {
        if self.sees("\\") {
            self.take(2, TEXT);
            return State::Text;
        }
        let closes = self.sees("\"");
        self.take(1, TEXT);
        if closes { State::Code } else { State::Text }
    }

    fn raw_text(&mut self, hashes: usize) -> State {
        let closes = self.sees(&format!("\"{}", "#".repeat(hashes)));
        self.take(1, TEXT);
        if closes {
            State::Code
        } else {
            State::RawText(hashes)
        }
    }
}

/// Which lines, counted from zero, belong to modules that only a test build has.
#[derive(Default)]
struct TestRegions {
    inclusive: Vec<(usize, usize)>,
    outlined: Vec<String>,
}

impl TestRegions {
    fn find(bare: &[&str]) -> Self {
        let mut found = Self::default();
        for (number, line) in bare.iter().enumerate() {
            let attribute = line.trim_start();
            if attribute.starts_with("#![cfg(test)]") {
                found.inclusive.push((0, bare.len()));
            }
            if is_test_attribute(attribute) && !found.contains(number) {
                found.add_module(bare, number);
            }
        }
        found
    }

    fn contains(&self, line: usize) -> bool {
        self.inclusive
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&line))
    }

    /// Adds the module that the attribute on line `first` stands before, if it is a module.
    fn add_module(&mut self, bare: &[&str], first: usize) {
        let mut head = String::new();
        let mut depth = 0_usize;
        for (number, line) in bare.iter().enumerate().skip(first) {
            for c in line.chars() {
                match c {
                    ';' if depth == 0 => {
                        self.outlined.extend(module_name(&head));
                        return;
                    }
                    '{' => depth += 1,
                    '}' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            if module_name(&head).is_some() {
                                self.inclusive.push((first, number));
                            }
                            return;
                        }
                    }
                    _ if depth == 0 => head.push(c),
                    _ => {}
                }
            }
            head.push(' ');
        }
    }
}

fn is_test_attribute(line: &str) -> bool {
    line.strip_prefix("#[cfg(").is_some_and(|condition| {
        words(condition).any(|word| word == "test") && words(condition).all(|word| word != "not")
    })
}

/// The name in `… mod name`.
fn module_name(head: &str) -> Option<String> {
    let mut words = words(head).skip_while(|word| *word != "mod");
    words.nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_comments_and_masks_literals() {
        let check = |input: &str, expect: &str| assert_eq!(bare(input), expect, "{input}");
        check("let a = 1; // b", "let a = 1;     ");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("a//b", 'x')"#, r#"f("""""", ''')"#);
        check(r#"f("\"//", '\'', '"')"#, r#"f("""""", '''', ''')"#);
        check("r#\"a\" // \"# b", "r#\"\"\" \"\" \"# b");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("\"one\n two\" x", "\"\"\"\"\n \"\"\"\" x");
    }

    #[test]
    fn finds_the_test_modules() {
        let check = |input: &str, tests: &[usize], outlined: &[&str]| {
            let (lines, modules) = read(input);
            let in_tests = lines
                .iter()
                .enumerate()
                .filter(|(_, line)| line.place == Place::Test);
            let numbers: Vec<usize> = in_tests.map(|(number, _)| number + 1).collect();
            assert_eq!(numbers, tests, "{input}");
            assert_eq!(modules, outlined, "{input}");
        };
        check(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}",
            &[2, 3, 4, 5],
            &[],
        );
        check(
            "#[cfg(test)]\n#[path = \"a;b\"]\nmod cases;\nfn a() {}",
            &[],
            &["cases"],
        );
        check(
            "#[cfg(all(test, feature = \"x\"))] mod t { }\nfn a() {}",
            &[1],
            &[],
        );
        check("#[cfg(not(test))]\nmod real {\n}", &[], &[]);
        check("#[cfg(test)]\nfn helper() {\n}", &[], &[]);
        check("// #[cfg(test)]\nmod real {\n}", &[], &[]);
        check("#![cfg(test)]\nfn a() {}", &[1, 2], &[]);
    }
}
