//! What a column of a row says.

use foghorn_config::FieldProblem;

/// One column of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// NULL.
    Null,
    /// What it says.
    Text(String),
    /// Bytes that are no text.
    Bytes,
}

/// The columns of one row.
pub(crate) type Row = Vec<Cell>;

impl Cell {
    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bytes => None,
        }
    }
}

/// The problem of a column that is no text.
pub(crate) fn no_text(field: impl Into<String>) -> FieldProblem {
    FieldProblem {
        field: field.into(),
        problem: "expected text, found bytes that are none".to_owned(),
    }
}
