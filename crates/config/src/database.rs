//! Where apps are kept in a database, and in whose tables.

use super::types::SecretText;
use super::value::{Bounds, Found, Value, quoted};

/// The URL of a database, or nothing. It holds a password, so no way of printing it shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseUrl(SecretText);

/// Whose tables a database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseLayout {
    /// This server's own, which it makes.
    Foghorn,
    /// One of soketi's, which is only read (limits-and-quotas.md §3.1).
    Soketi,
}

/// The name of a table, with or without that of its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

/// What a database's URL begins with.
const SCHEMES: [&str; 5] = [
    "sqlite://",
    "postgres://",
    "postgresql://",
    "mysql://",
    "mariadb://",
];

/// The longest name of a table that all databases take.
const LONGEST: usize = 63;

impl DatabaseUrl {
    /// The URL, if there is one, for the code that connects and nobody else.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        Some(self.0.expose()).filter(|url| !url.is_empty())
    }
}

impl TableName {
    /// What soketi calls its table.
    pub(super) fn of_soketi() -> Self {
        Self("apps".to_owned())
    }

    /// The parts of the name: that of the table, after that of its schema, if there is one.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl Value for DatabaseUrl {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text()?;
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        // What is in memory is lost with its last connection.
        let is_kept = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(":memory:"));
        let is_valid = text.is_empty() || is_kept;
        is_valid.then(|| {
            SecretText::read(found, Bounds::NONE)
                .map(Self)
                .unwrap_or_default()
        })
    }

    fn expected(_: Bounds) -> String {
        "\"sqlite://FILE\", \"postgres://USER:PASSWORD@HOST/NAME\", \
         \"mysql://USER:PASSWORD@HOST/NAME\" or \"\" for none"
            .to_owned()
    }

    // The scheme is no secret.
    fn literal(&self) -> String {
        match self.get().and_then(|url| url.split_once("://")) {
            Some((scheme, _)) => quoted(&format!("{scheme}://…")),
            None => quoted(""),
        }
    }

    fn describe(found: Found<'_>) -> String {
        found.kind().to_owned()
    }
}

impl Value for TableName {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text()?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-$".contains(c);
        let is_name =
            |part: &str| !part.is_empty() && part.len() <= LONGEST && part.chars().all(fits);
        let is_valid = text.split('.').count() <= 2 && text.split('.').all(is_name);
        is_valid.then(|| Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "the name of a table, of letters, digits, _, - and $, after SCHEMA. if need be".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}
