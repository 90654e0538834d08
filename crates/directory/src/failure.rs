//! What a database says instead of an answer, and what is told of it.

use sqlx::Error;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use crate::pool::too_late;

/// Why statements failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The statement with this index would have made something twice that can be there once.
    Duplicate(usize),
    /// A statement has not met the row that it is for.
    Missed,
    /// What others do is in the way; nothing is done, and the same may succeed now.
    RolledBack(String),
    /// A value has characters that the database cannot hold.
    NoText(String),
    /// The database refuses; what it says holds no credentials.
    Refused(String),
    /// The database says nothing, or nothing that is understood.
    Unreachable(String),
}

impl Failure {
    /// What is wrong with `error`, which the statement with this index met.
    pub(crate) fn of(error: &Error, index: usize) -> Self {
        let text = match error {
            Error::Database(error) => return Self::said(error.as_ref(), index),
            Error::PoolTimedOut => too_late(),
            // Of all others, the kinds of which none quotes what is sent or the URL.
            Error::Io(error) => error.to_string(),
            Error::Tls(error) => format!("TLS: {error}"),
            Error::Protocol(_) => "it does not speak the expected protocol".to_owned(),
            _ => "it answered what is not understood".to_owned(),
        };
        Self::Unreachable(text)
    }

    fn said(error: &dyn DatabaseError, index: usize) -> Self {
        let text = error.message().to_owned();
        if error.is_unique_violation() {
            Self::Duplicate(index)
        } else if is_rolled_back(error) {
            Self::RolledBack(text)
        } else if is_no_text(error) {
            Self::NoText(text)
        } else {
            Self::Refused(text)
        }
    }

    /// For people. A database that refuses does answer.
    pub(crate) fn text(self) -> String {
        match self {
            Self::NoText(text) | Self::Refused(text) => format!("it refuses: {text}"),
            Self::RolledBack(text) => format!("others are in the way: {text}"),
            Self::Duplicate(_) | Self::Missed => "it changes at this very moment".to_owned(),
            Self::Unreachable(text) => text,
        }
    }
}

/// Whether the database gave a transaction up for the sake of others.
fn is_rolled_back(error: &dyn DatabaseError) -> bool {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        // A lock that was waited for too long, a deadlock, and a row that is no longer what this
        // transaction has read of it, which MariaDB may tell.
        return matches!(error.number(), 1205 | 1213 | 1020);
    }
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        // Transactions that cannot have been one after the other, and a deadlock.
        return matches!(error.code(), "40001" | "40P01");
    }
    if error.try_downcast_ref::<SqliteError>().is_none() {
        return false;
    }
    // The last byte is the kind, of which there are several sorts: busy or locked.
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// Whether PostgreSQL says that its encoding does not have a character.
fn is_no_text(error: &dyn DatabaseError) -> bool {
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| matches!(error.code(), "22021" | "22P05"))
}
