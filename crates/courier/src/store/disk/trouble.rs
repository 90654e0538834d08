//! What goes wrong with a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// What the system, the database or a row of it says.
#[derive(Debug)]
pub(super) enum Trouble {
    System(io::Error),
    Words(String),
}

impl Trouble {
    /// For who opens the file. What does not fit together in it comes as an error of the system,
    /// too.
    pub(super) fn at_start(self, path: &Path) -> StoreError {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let path = path.to_owned();
        match self {
            Self::System(error)
                if !matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) =>
            {
                system_error(path, error)
            }
            other => StoreError::Damaged {
                path,
                problem: other.to_string(),
            },
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => error.fmt(f),
            Self::Words(problem) => f.write_str(problem),
        }
    }
}

pub(super) fn system_error(path: PathBuf, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StoreError::Full { path, error }
        }
        _ => StoreError::Io { path, error },
    }
}

impl From<String> for Trouble {
    fn from(problem: String) -> Self {
        Self::Words(problem)
    }
}

/// Each step of a transaction has an error type of its own; all mean the same here.
macro_rules! trouble_from {
    ($($error:ty),*) => {
        $(impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                match redb::Error::from(error) {
                    redb::Error::Io(error) => Self::System(error),
                    other => Self::Words(other.to_string()),
                }
            }
        })*
    };
}

trouble_from!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::SetDurabilityError
);
