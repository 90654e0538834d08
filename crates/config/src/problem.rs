//! What is wrong with a configuration, where, and what was probably meant.

use std::fmt;
use std::path::PathBuf;

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the configuration file.
    File {
        /// The file, as it was named by the operator.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The character within the line, counted from 1.
        column: usize,
    },
    /// In the environment variable of this name.
    Environment(String),
    /// On the command line, by this flag, dashes included.
    Flag(String),
    /// Among soketi's defaults, which hold as soon as a variable of soketi is set.
    Soketi,
    /// It follows from the size of events.
    EventSize,
    /// Nowhere: something is missing, or it holds for the configuration as a whole.
    Nowhere,
}

/// One thing that keeps the server from starting. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The setting, as in `server.port` or `apps[0].keys[1].secret`; empty for a file that cannot
    /// be parsed.
    pub(super) key: String,
    /// Where it was found.
    pub(super) place: Place,
    /// What is wrong.
    pub(super) message: String,
    /// The nearest valid name or value.
    pub(super) suggestion: Option<String>,
}

/// Something that an operator should know and that does not keep the server from starting. It
/// never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The environment variable that it is about.
    variable: String,
    /// What is to be known.
    message: String,
}

/// Everything that is wrong with a configuration, in the order of the sources: file, environment,
/// flags, the whole; and what had to be said anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Problem {
    /// A problem without a suggestion.
    pub(super) fn new(key: &str, place: Place, message: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            place,
            message: message.into(),
            suggestion: None,
        }
    }

    /// The same problem with what was probably meant.
    pub(super) fn suggest(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }
}

impl Problems {
    /// Puts the problems in order.
    pub(super) fn new(mut problems: Vec<Problem>, warnings: Vec<Warning>) -> Self {
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        Self { problems, warnings }
    }
}

impl Warning {
    /// A warning about an environment variable.
    pub(super) fn new(variable: String, message: String) -> Self {
        Self { variable, message }
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        let mut warnings = self.warnings.iter();
        warnings.try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.key.as_str()) {
            (Place::File { .. }, "") => write!(f, "{}  ", self.place)?,
            (Place::File { .. }, key) => write!(f, "{}  {key}: ", self.place)?,
            // A variable and a flag say by their name which setting they are.
            (Place::Environment(_) | Place::Flag(_), _) => write!(f, "{}: ", self.place)?,
            (Place::Soketi | Place::EventSize | Place::Nowhere, key) => write!(f, "{key}: ")?,
        }
        f.write_str(&self.message)?;
        match (&self.suggestion, &self.place) {
            (None, _) => Ok(()),
            (Some(name), Place::File { .. }) => write!(f, "; did you mean \"{name}\"?"),
            (Some(name), _) => write!(f, "; did you mean {name}?"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(f, "environment {}", printable(name)),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Soketi => f.write_str("soketi's default"),
            Self::EventSize => f.write_str("room for the largest events"),
            Self::Nowhere => f.write_str("default"),
        }
    }
}

/// A name that strangers chose, on one line and of bearable length.
pub(super) fn printable(name: &str) -> String {
    const LONGEST: usize = 64;
    let short: String = name.chars().take(LONGEST).collect();
    let mark = if short.len() < name.len() { "…" } else { "" };
    format!("{}{mark}", short.escape_debug())
}

/// The valid name that `wrong` most probably stands for. `tail` is the part of it that a hurried
/// reader would look for under any heading: `port` of `port` or of `metric.port`.
pub(super) fn nearest(
    wrong: &str,
    tail: &str,
    names: impl IntoIterator<Item = String>,
) -> Option<String> {
    /// Comparing costs the product of the lengths, and no setting is nearly as long.
    const LONGEST: usize = 80;
    if tail.is_empty() || wrong.len() > LONGEST {
        return None;
    }
    let tolerance = 1 + tail.chars().count() / 4;
    let rank = |name: &String| {
        let under_a_heading = name
            .strip_suffix(tail)
            .is_some_and(|heading| heading.ends_with(['.', '_']));
        let distance = strsim::damerau_levenshtein(wrong, name);
        match under_a_heading {
            true => Some((0, distance)),
            false => (distance <= tolerance).then_some((1, distance)),
        }
    };
    let ranked = names
        .into_iter()
        .filter_map(|name| Some((rank(&name)?, name)));
    ranked.min().map(|(_, name)| name)
}
