//! Why a command did not do what was asked for.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::paint::{Paint, visible};

/// The end of a command that did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was tried and refused, or could not be carried out.
    Refused(Complaint),
    /// It was asked wrongly; nothing was tried.
    Usage(Complaint),
    /// A check came out negative and has been reported already.
    Negative,
    /// Nobody reads standard output any more, so there is nothing left to do.
    ReaderGone,
}

/// What a person reads.
#[derive(Debug, PartialEq, Eq)]
pub struct Complaint {
    said: String,
    hint: Option<String>,
}

impl Failure {
    /// It was tried in vain.
    pub fn refused(said: impl Into<String>) -> Self {
        Self::Refused(Complaint::new(said))
    }

    /// It was asked wrongly.
    pub fn usage(said: impl Into<String>) -> Self {
        Self::Usage(Complaint::new(said))
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Refused(complaint) | Self::Usage(complaint) = &mut self {
            complaint.hint = Some(hint.into());
        }
        self
    }

    /// The advice that it was given.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        match self {
            Self::Refused(complaint) | Self::Usage(complaint) => complaint.hint.as_deref(),
            Self::Negative | Self::ReaderGone => None,
        }
    }

    /// Says it on standard error; gives the exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        let (complaint, code) = match self {
            Self::Refused(complaint) => (complaint, 1),
            Self::Usage(complaint) => (complaint, 2),
            Self::Negative => return ExitCode::from(1),
            Self::ReaderGone => return ExitCode::SUCCESS,
        };
        let mut stderr = std::io::stderr();
        let paint = Paint::choose(None, stderr.is_terminal());
        // Nothing is left to do if standard error is closed.
        let _ = stderr.write_all(complaint.text(paint).as_bytes());
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(complaint) | Self::Usage(complaint) => f.write_str(&complaint.said),
            Self::Negative | Self::ReaderGone => Ok(()),
        }
    }
}

impl Complaint {
    fn new(said: impl Into<String>) -> Self {
        Self {
            said: said.into(),
            hint: None,
        }
    }

    fn text(&self, paint: Paint) -> String {
        let mut text = format!("{} {}\n", paint.bad("foghorn:"), visible(&self.said));
        if let Some(hint) = &self.hint {
            text.push_str(&format!("{} {hint}\n", paint.dim("hint:")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_has_a_line_of_its_own() {
        let failure = Failure::refused("401: no\x1b[2J").hint("try again");
        let Failure::Refused(complaint) = failure else {
            panic!("refused");
        };
        let expect = "foghorn: 401: no\\u{1b}[2J\nhint: try again\n";
        assert_eq!(complaint.text(Paint::PLAIN), expect);
    }
}
