//! What can go wrong between an app and its database.

use foghorn_config::FieldProblem;
use thiserror::Error;

/// The database's URL is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("database.url cannot be used: {0}")]
pub struct ConnectError(pub(crate) String);

/// Why it is not known whether there is such an app, or what it may.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LookupError {
    /// The database does not answer, or refuses; the text says which. It holds no credentials.
    #[error("the database of apps cannot be asked: {0}")]
    Unavailable(String),
    /// It is there, and wrong.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Why an app was not changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangeError {
    /// Another app has this id.
    #[error("there is an app with this id")]
    Exists,
    /// An app, perhaps this one, has this key.
    #[error("there is an app with this key")]
    KeyTaken,
    /// There is no such app, or the app has no such key.
    #[error("there is no such app or key")]
    NotFound,
    /// An app has one key at least.
    #[error("an app's only key cannot be removed")]
    LastKey,
    /// The table is soketi's, which is only read.
    #[error("the database has soketi's layout, which is only read")]
    ReadOnly,
    /// The database does not answer, or refuses; the text says which. It holds no credentials.
    #[error("the database of apps cannot be changed: {0}")]
    Unavailable(String),
}

/// An app that is in the database and cannot be served. It holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("app {app:?} in the database is wrong: {}", list(problems))]
pub struct Unreadable {
    /// Its id.
    pub app: String,
    /// What is wrong with it; at least one thing.
    pub problems: Vec<FieldProblem>,
}

fn list(problems: &[FieldProblem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
