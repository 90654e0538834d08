//! What must outlive the process, on disk or, where that is wanted, in memory only.

mod disk;
mod memory;
mod record;

use std::path::PathBuf;
use std::sync::Arc;

use foghorn_webhooks::{Delivery, Mark, Subject, UnixMillis};

use crate::lanes::Entry;
use crate::settings::StoreKind;
pub(crate) use disk::Disk;
pub use disk::is_in;
pub(crate) use memory::Memory;

/// The number of a stored delivery. Later ones are higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

/// A delivery that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: Id,
    pub(crate) delivery: Delivery,
    /// The begin of its retry window, by the courier's clock: when it was submitted or redelivered.
    pub(crate) since: UnixMillis,
    pub(crate) progress: Progress,
}

impl Waiting {
    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        const REST: usize = 256;
        self.delivery.body.len() + REST
    }
}

/// How far the attempts at a delivery have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Attempts made.
    pub(crate) attempts: u32,
    /// Not to be tried before.
    pub(crate) next: UnixMillis,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// By which it is redelivered or discarded.
    pub id: Id,
    /// What was not delivered.
    pub delivery: Delivery,
    /// Why the last attempt failed.
    pub reason: String,
    /// When it was given up.
    pub at: UnixMillis,
    /// Attempts made.
    pub attempts: u32,
}

/// One change of what is stored.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// New deliveries, and what they tell.
    Add {
        waiting: Vec<Waiting>,
        marks: Vec<(Arc<str>, Mark)>,
    },
    /// An attempt failed, another will follow.
    Attempted(Id, Progress),
    /// It was delivered.
    Taken(Id),
    /// It is given up without a trace but in the counters.
    Dropped(Id),
    /// It is given up and becomes a dead letter.
    Dead(Obituary),
    /// A dead letter is to be delivered under a new number.
    Redeliver { old: Id, new: Id, at: UnixMillis },
    /// A dead letter is of no interest any more.
    Discard(Id),
    /// What an app used of its quota on a day, in days since 1970.
    Usage(Usage),
    /// An app is gone, with its marks, its usage and what waits.
    Forget(Arc<str>),
}

/// Why and when a delivery was given up.
#[derive(Clone, Debug)]
pub(crate) struct Obituary {
    pub(crate) id: Id,
    pub(crate) app: Arc<str>,
    pub(crate) reason: String,
    pub(crate) at: UnixMillis,
    pub(crate) attempts: u32,
}

/// How much of its quota an app used on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The app's id.
    pub app: Arc<str>,
    /// Days since the beginning of 1970, UTC.
    pub day: u64,
    /// Messages.
    pub used: u64,
}

/// Everything that a start needs of a store.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// By number, and without bodies: those are read when their turn comes.
    pub(crate) waiting: Vec<Entry>,
    pub(crate) dead: Vec<(Id, Arc<str>)>,
    pub(crate) told: Vec<(Arc<str>, Subject)>,
    pub(crate) usage: Vec<Usage>,
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the file cannot be made or opened.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is no room for what has to be written.
    #[error("{path}: {error}; free some room; what is stored is not lost")]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is one server's own.
    #[error("{0}: in use by another process; every server needs a data directory of its own")]
    Locked(PathBuf),
    /// It is none of ours, or was damaged.
    #[error(
        "{path}: damaged, or no store of webhooks ({problem}); if what waits in it may be lost, \
         move it away and start again"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database says.
        problem: String,
    },
    /// It was written by a newer server.
    #[error("{path}: has format {found}, this server knows format {known}")]
    Format {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: u64,
        /// Written and read here.
        known: u64,
    },
    /// Reading or writing failed; it may succeed later.
    #[error("{path}: {problem}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the database says.
        problem: String,
    },
}

/// One of the two stores.
pub(crate) enum Store {
    Disk(Disk),
    Memory(Memory),
}

impl Store {
    pub(crate) fn open(kind: &StoreKind) -> Result<(Self, Contents), StoreError> {
        match kind {
            StoreKind::Disk(directory) => {
                let (disk, contents) = Disk::open(directory)?;
                Ok((Self::Disk(disk), contents))
            }
            StoreKind::Memory => Ok((Self::Memory(Memory::default()), Contents::default())),
        }
    }

    /// Makes all changes or none; they are safe when this returns. Gives back the dead letters
    /// that wait again.
    pub(crate) fn commit(&self, changes: &[Change]) -> Result<Vec<Waiting>, StoreError> {
        match self {
            Self::Disk(disk) => disk.commit(changes),
            Self::Memory(memory) => Ok(memory.commit(changes)),
        }
    }

    pub(crate) fn waiting(&self, id: Id) -> Result<Option<Waiting>, StoreError> {
        match self {
            Self::Disk(disk) => disk.waiting(id),
            Self::Memory(memory) => Ok(memory.waiting(id)),
        }
    }

    /// Those of these dead letters that are still there.
    pub(crate) fn letters(&self, ids: &[Id]) -> Result<Vec<DeadLetter>, StoreError> {
        match self {
            Self::Disk(disk) => disk.letters(ids),
            Self::Memory(memory) => Ok(memory.letters(ids)),
        }
    }
}

#[cfg(test)]
mod tests;
