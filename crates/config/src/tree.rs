//! What sources have in common that know tables and lists: the file, and JSON.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::value::Found;

/// A value of such a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    pub(super) found: Found<'a>,
    /// Where it begins, in bytes; of no meaning outside the file.
    pub(super) at: usize,
}

/// An entry of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// Where the name begins.
    pub(super) at: usize,
    pub(super) value: Node<'a>,
}

impl<'a> Node<'a> {
    pub(super) fn of_file(value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            found: Found::Typed(value.get_ref()),
            at: value.span().start,
        }
    }

    pub(super) fn of_json(value: &'a Json) -> Self {
        Self {
            found: Found::Json(value),
            at: 0,
        }
    }

    /// The entries, if it is a table.
    pub(super) fn entries(self) -> Option<Vec<Entry<'a>>> {
        match self.found {
            Found::Typed(value) => {
                let entries = value.as_table()?.iter().map(|(name, value)| Entry {
                    name: name.get_ref(),
                    at: name.span().start,
                    value: Self::of_file(value),
                });
                Some(entries.collect())
            }
            Found::Json(value) => {
                let entries = value.as_object()?.iter().map(|(name, value)| Entry {
                    name,
                    at: 0,
                    value: Self::of_json(value),
                });
                Some(entries.collect())
            }
            Found::Text(_) => None,
        }
    }

    /// The elements, if it is a list.
    pub(super) fn elements(self) -> Option<Vec<Self>> {
        match self.found {
            Found::Typed(value) => Some(value.as_array()?.iter().map(Self::of_file).collect()),
            Found::Json(value) => Some(value.as_array()?.iter().map(Self::of_json).collect()),
            Found::Text(_) => None,
        }
    }

    /// Whether it is there only to say that nothing is.
    pub(super) fn is_null(self) -> bool {
        matches!(self.found, Found::Json(Json::Null))
    }
}
