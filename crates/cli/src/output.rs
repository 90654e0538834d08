//! Standard output for people and for pipes.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::paint::{Colour, Paint};

/// How results are written.
#[derive(Args)]
pub struct OutputArguments {
    /// Write JSON, one object per line, at a terminal too
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// When to colour. With always the output is as for a person: a pipe too gets text, not JSON
    #[arg(long, value_name = "WHEN", value_enum, help_heading = "Output")]
    color: Option<Colour>,
}

/// A result in both forms; its `Serialize` is the one for pipes.
pub trait Report: Serialize {
    /// Lines for a person, without the last line's end.
    fn people(&self, paint: Paint) -> String;
}

/// Where results go.
#[derive(Clone, Copy)]
pub struct Output {
    form: Form,
    /// How to colour progress, which goes to standard error.
    progress: Paint,
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    People(Paint),
    Pipe,
}

impl Output {
    /// Looks at where standard output leads.
    #[must_use]
    pub fn open(arguments: &OutputArguments) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let asked = arguments.color;
        let form = if arguments.json {
            Form::Pipe
        } else if terminal || asked == Some(Colour::Always) {
            Form::People(Paint::choose(asked, terminal))
        } else {
            Form::Pipe
        };
        let progress = Paint::choose(asked, std::io::stderr().is_terminal());
        Self { form, progress }
    }

    /// Writes one result.
    ///
    /// # Errors
    /// Standard output cannot be written to, or nobody reads it any more.
    pub fn report(self, report: &impl Report) -> Result<(), Failure> {
        let mut text = self.form.text(report)?;
        text.push('\n');
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        match written.and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::ReaderGone),
            Err(error) => Err(Failure::refused(format!(
                "cannot write to standard output: {error}"
            ))),
        }
    }

    /// Says on standard error what is going on.
    pub(crate) fn progress(self, text: &str) {
        let line = format!("{}\n", self.progress.dim(text));
        // Nobody needs to read it.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

impl Form {
    fn text(self, report: &impl Report) -> Result<String, Failure> {
        match self {
            Self::People(paint) => Ok(report.people(paint)),
            Self::Pipe => serde_json::to_string(report)
                .map_err(|error| Failure::refused(format!("cannot write JSON: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Greeting {
        to: &'static str,
    }

    impl Report for Greeting {
        fn people(&self, paint: Paint) -> String {
            format!("hello {}", paint.name(self.to))
        }
    }

    #[test]
    fn people_read_text_and_pipes_read_json() {
        let greeting = Greeting { to: "Zoë" };
        let plain = Form::People(Paint::PLAIN).text(&greeting).unwrap();
        assert_eq!(plain, "hello Zoë");
        assert_eq!(Form::Pipe.text(&greeting).unwrap(), r#"{"to":"Zoë"}"#);
    }
}
