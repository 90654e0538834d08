//! What came out of a check.

use serde::Serialize;

use super::difference::Difference;
use crate::output::Report;
use crate::paint::{Paint, visible};

/// Whether a signature is right, and if not, why. It never holds the right digest.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    ok: bool,
    /// What a server says of it.
    error: Option<String>,
    /// How it came about, if that could be found out.
    mistake: Option<String>,
    /// The text that has to be signed.
    pub(super) expected_text: String,
    /// The text that was signed, if it is another one and known.
    pub(super) signed_text: Option<String>,
    /// Where the two part.
    pub(super) difference: Option<Difference>,
    /// What else to know.
    pub(super) notes: Vec<String>,
}

impl Verdict {
    /// The signature is right.
    pub(super) fn right(expected_text: String) -> Self {
        Self {
            ok: true,
            error: None,
            mistake: None,
            expected_text,
            signed_text: None,
            difference: None,
            notes: Vec::new(),
        }
    }

    /// The signature is refused.
    pub(super) fn wrong(error: String, mistake: Option<String>, expected_text: String) -> Self {
        Self {
            ok: false,
            error: Some(error),
            mistake,
            ..Self::right(expected_text)
        }
    }

    /// Whether the signature is right.
    pub(super) fn is_right(&self) -> bool {
        self.ok
    }
}

impl Report for Verdict {
    fn people(&self, paint: Paint) -> String {
        let mut lines = Vec::new();
        match &self.error {
            None => lines.push(format!("{}  the signature is right", paint.good("OK"))),
            Some(error) => lines.push(format!("{}  {}", paint.bad("WRONG"), visible(error))),
        }
        if let Some(mistake) = &self.mistake {
            lines.push(format!("{}  {}", paint.bad("because"), visible(mistake)));
        }
        let expected = self.expected_text.as_str();
        match (&self.signed_text, &self.difference) {
            (Some(signed), Some(difference)) => {
                lines.push(String::new());
                lines.push(difference.drawing([expected, signed], paint));
                lines.push(String::new());
                lines.push(format!("{}  {}", paint.dim("to sign"), visible(expected)));
            }
            _ => {
                let label = if self.ok { "signed" } else { "to sign" };
                lines.push(format!("{}  {}", paint.dim(label), visible(expected)));
            }
        }
        for note in &self.notes {
            lines.push(format!("{}  {note}", paint.dim("note")));
        }
        lines.join("\n")
    }
}
