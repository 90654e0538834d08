//! The store in a file.

mod trouble;

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foghorn_webhooks::{Mark, Target, UnixMillis};
use parking_lot::RwLock;
use redb::{Database, DatabaseError, Durability, ReadableDatabase as _, ReadableTable as _};
use redb::{Table, TableDefinition, TableHandle as _, WriteTransaction};

use crate::lanes::Entry;

use trouble::{Trouble, system_error};

use super::record::{Record, SubjectKey, delivery, record, subject, subject_key, without_body};
use super::{
    Change, Contents, DeadLetter, Effects, Id, Obituary, Progress, StoreError, Usage, Waiting,
};

/// Whether a store was ever opened in this directory.
#[must_use]
pub fn is_in(directory: &Path) -> bool {
    directory.join(FILE).exists()
}

/// In the data directory.
const FILE: &str = "courier.redb";

/// The meaning of the tables below. Higher, once it changes.
const FORMAT: u64 = 1;
const FORMAT_KEY: &str = "format";
/// The last number that was given out.
const LAST_KEY: &str = "last";

/// What waits is written and soon removed: most of it never needs to be read back.
const CACHE: usize = 16 * 1_024 * 1_024;

const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
const WAITING: TableDefinition<'_, u64, Record<'_>> = TableDefinition::new("waiting");
/// Of what waits and was tried: attempts made, and when the next is due.
const PROGRESS: TableDefinition<'_, u64, (u32, u64)> = TableDefinition::new("progress");
/// When and why it was given up, and after how many attempts.
const DEAD: TableDefinition<'_, u64, (u64, &str, u32, Record<'_>)> = TableDefinition::new("dead");
const TOLD: TableDefinition<'_, SubjectKey<'_>, ()> = TableDefinition::new("told");
/// By app: day and messages.
const USAGE: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("usage");

/// A redb file. A database that failed once refuses everything after, so it is opened anew then.
pub(crate) struct Disk {
    path: PathBuf,
    database: RwLock<Option<Database>>,
}

impl Disk {
    pub(super) fn open(directory: &Path) -> Result<(Self, Contents), StoreError> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        made.map_err(|error| system_error(directory.to_owned(), error))?;
        let path = directory.join(FILE);
        // In a file that is not its own, the database may find what it holds for impossible.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let database = open_file(&path)?;
            let contents = read_all(&path, &database)?;
            Ok((database, contents))
        }));
        let (database, contents) = opened.unwrap_or_else(|_| {
            Err(StoreError::Damaged {
                path: path.clone(),
                problem: "it contradicts itself".to_owned(),
            })
        })?;
        let disk = Self {
            path,
            database: RwLock::new(Some(database)),
        };
        Ok((disk, contents))
    }

    pub(super) fn commit(&self, changes: &[Change]) -> Result<Effects, StoreError> {
        let result = self.with(|database| write(database, changes));
        if result.is_err() {
            self.close();
        }
        result
    }

    /// Who next needs it opens it again.
    pub(super) fn close(&self) {
        let database = self.database.write().take();
        // One that has panicked may do so again, and there is nothing left to lose.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }

    pub(super) fn waiting(&self, id: Id) -> Result<Option<Waiting>, StoreError> {
        self.with(|database| {
            let transaction = database.begin_read()?;
            let Some(row) = transaction.open_table(WAITING)?.get(id.0)? else {
                return Ok(None);
            };
            let progress = transaction.open_table(PROGRESS)?.get(id.0)?;
            let progress = progress.map(|row| progress_of(row.value()));
            Ok(Some(waiting(id, &row.value(), progress)?))
        })
    }

    pub(super) fn letters(&self, ids: &[Id]) -> Result<Vec<DeadLetter>, StoreError> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(DEAD)?;
            let mut letters = Vec::with_capacity(ids.len());
            for id in ids {
                if let Some(row) = table.get(id.0)? {
                    let (at, reason, attempts, record) = row.value();
                    letters.push(DeadLetter {
                        id: *id,
                        delivery: delivery(&record)?.0,
                        reason: reason.to_owned(),
                        at: UnixMillis(at),
                        attempts,
                    });
                }
            }
            Ok(letters)
        })
    }

    fn with<T>(&self, ask: impl FnOnce(&Database) -> Result<T, Trouble>) -> Result<T, StoreError> {
        let asked = catch_unwind(AssertUnwindSafe(|| {
            self.reopen()?;
            let result = match &*self.database.read() {
                Some(database) => ask(database),
                None => Err(Trouble::Words("closed after a failure".to_owned())),
            };
            // After an error of the system the database refuses everything, until it is opened
            // again.
            if let Err(Trouble::System(_)) = &result {
                self.close();
            }
            result.map_err(|trouble| StoreError::Failed {
                path: self.path.clone(),
                problem: trouble.to_string(),
            })
        }));
        asked.unwrap_or_else(|_| {
            self.close();
            Err(StoreError::Contradiction(self.path.clone()))
        })
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write();
        if database.is_none() {
            *database = Some(open_file(&self.path)?);
        }
        Ok(())
    }
}

fn open_file(path: &Path) -> Result<Database, StoreError> {
    let file = private_file(path).map_err(|error| system_error(path.to_owned(), error))?;
    let mut builder = Database::builder();
    let database = builder.set_cache_size(CACHE).create_file(file);
    let database = database.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Locked(path.to_owned()),
        other => Trouble::from(other).at_start(path),
    })?;
    let found = prepare(&database).map_err(|trouble| trouble.at_start(path))?;
    if found != FORMAT {
        return Err(StoreError::Format {
            path: path.to_owned(),
            found,
            known: FORMAT,
        });
    }
    Ok(database)
}

/// The secrets of headers are in it.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).open(path)
}

/// Makes the tables where there are none, and says of which format they are. Writes nothing else:
/// a disk that is full can be read.
fn prepare(database: &Database) -> Result<u64, Trouble> {
    match format(database)? {
        Some(found) => Ok(found),
        None => make_tables(database),
    }
}

/// The format, unless a table is missing.
fn format(database: &Database) -> Result<Option<u64>, Trouble> {
    let transaction = database.begin_read()?;
    let tables = transaction.list_tables()?;
    let names: BTreeSet<_> = tables.map(|table| table.name().to_owned()).collect();
    if !names.contains(ABOUT.name()) {
        return Ok(None);
    }
    let found = transaction.open_table(ABOUT)?.get(FORMAT_KEY)?;
    let found = found.map(|row| row.value());
    let mut own = [
        WAITING.name(),
        PROGRESS.name(),
        DEAD.name(),
        TOLD.name(),
        USAGE.name(),
    ]
    .into_iter();
    let complete = own.all(|name| names.contains(name));
    Ok(found.filter(|found| complete || *found != FORMAT))
}

fn make_tables(database: &Database) -> Result<u64, Trouble> {
    let transaction = database.begin_write()?;
    let found = {
        let mut about = transaction.open_table(ABOUT)?;
        let found = about.get(FORMAT_KEY)?.map(|row| row.value());
        match found {
            Some(found) => found,
            None => {
                about.insert(FORMAT_KEY, FORMAT)?;
                FORMAT
            }
        }
    };
    if found == FORMAT {
        drop(Tables::open(&transaction)?);
        transaction.commit()?;
    }
    Ok(found)
}

fn read_all(path: &Path, database: &Database) -> Result<Contents, StoreError> {
    read_tables(database).map_err(|trouble| trouble.at_start(path))
}

fn read_tables(database: &Database) -> Result<Contents, Trouble> {
    let transaction = database.begin_read()?;
    let mut contents = Contents::default();
    let progress = transaction.open_table(PROGRESS)?;
    let mut targets = BTreeSet::new();
    let last = transaction.open_table(ABOUT)?.get(LAST_KEY)?;
    contents.last = Id(last.map_or(0, |row| row.value()));
    for row in transaction.open_table(WAITING)?.iter()? {
        let (id, row) = row?;
        let progress = progress.get(id.value())?;
        let progress = progress.map(|row| progress_of(row.value()));
        let row = without_body(row.value());
        let mut entry = Entry::from(&waiting(Id(id.value()), &row, progress)?);
        entry.target = shared(&mut targets, entry.target);
        contents.waiting.push(entry);
    }
    for row in transaction.open_table(DEAD)?.iter()? {
        let (id, row) = row?;
        let (_, _, _, record) = row.value();
        let (delivery, _) = delivery(&without_body(record))?;
        contents
            .dead
            .push((Id(id.value()), delivery.app, delivery.class));
    }
    for row in transaction.open_table(TOLD)?.iter()? {
        contents.told.push(subject(row?.0.value())?);
    }
    for row in transaction.open_table(USAGE)?.iter()? {
        let (app, row) = row?;
        let (day, used) = row.value();
        let app = app.value().into();
        contents.usage.push(Usage { app, day, used });
    }
    // A file of a server that did not write it down has at least what it still holds.
    let waiting = contents.waiting.iter().map(|entry| entry.id);
    let dead = contents.dead.iter().map(|(id, ..)| *id);
    contents.last = waiting.chain(dead).fold(contents.last, Id::max);
    Ok(contents)
}

/// Thousands of deliveries go to the same few targets.
fn shared(targets: &mut BTreeSet<Arc<Target>>, target: Arc<Target>) -> Arc<Target> {
    if let Some(known) = targets.get(&target) {
        return Arc::clone(known);
    }
    targets.insert(Arc::clone(&target));
    target
}

fn waiting(id: Id, row: &Record<'_>, progress: Option<Progress>) -> Result<Waiting, Trouble> {
    let (delivery, since) = delivery(row)?;
    Ok(Waiting {
        id,
        delivery,
        since,
        progress: progress.unwrap_or_default(),
    })
}

fn progress_of((attempts, next): (u32, u64)) -> Progress {
    Progress {
        attempts,
        next: UnixMillis(next),
    }
}

fn write(database: &Database, changes: &[Change]) -> Result<Effects, Trouble> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let mut effects = Effects::default();
    {
        let mut tables = Tables::open(&transaction)?;
        for change in changes {
            tables.apply(change, &mut effects)?;
        }
        if let Some(Id(last)) = changes.iter().filter_map(Change::last_id).max() {
            tables.about.insert(LAST_KEY, last)?;
        }
    }
    transaction.commit()?;
    Ok(effects)
}

/// The tables in a transaction.
struct Tables<'t> {
    about: Table<'t, &'static str, u64>,
    waiting: Table<'t, u64, Record<'static>>,
    progress: Table<'t, u64, (u32, u64)>,
    dead: Table<'t, u64, (u64, &'static str, u32, Record<'static>)>,
    told: Table<'t, SubjectKey<'static>, ()>,
    usage: Table<'t, &'static str, (u64, u64)>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, Trouble> {
        Ok(Self {
            about: transaction.open_table(ABOUT)?,
            waiting: transaction.open_table(WAITING)?,
            progress: transaction.open_table(PROGRESS)?,
            dead: transaction.open_table(DEAD)?,
            told: transaction.open_table(TOLD)?,
            usage: transaction.open_table(USAGE)?,
        })
    }

    fn apply(&mut self, change: &Change, effects: &mut Effects) -> Result<(), Trouble> {
        match change {
            Change::Add { waiting, marks } => self.add(waiting, marks)?,
            Change::Attempted(id, progress) => {
                // It may have been forgotten while the attempt was made.
                if self.waiting.get(id.0)?.is_some() {
                    let row = (progress.attempts, progress.next.0);
                    self.progress.insert(id.0, row)?;
                }
            }
            Change::Taken(id) | Change::Dropped(id) => {
                self.waiting.remove(id.0)?;
                self.progress.remove(id.0)?;
            }
            Change::Dead(obituary) => {
                if !self.bury(obituary)? {
                    effects.absent.push(obituary.id);
                }
            }
            Change::Redeliver { old, new, at } => {
                effects.revived.extend(self.revive(*old, *new, *at)?);
            }
            Change::Discard(id) => drop(self.dead.remove(id.0)?),
            Change::Usage(Usage { app, day, used }) => {
                self.usage.insert(&**app, (*day, *used))?;
            }
            Change::Forget(app) => self.forget(app)?,
        }
        Ok(())
    }

    fn add(&mut self, waiting: &[Waiting], marks: &[(Arc<str>, Mark)]) -> Result<(), Trouble> {
        for one in waiting {
            let row = record(&one.delivery, one.since);
            self.waiting.insert(one.id.0, row)?;
        }
        for (app, mark) in marks {
            match mark {
                Mark::Told(subject) => drop(self.told.insert(subject_key(app, subject), ())?),
                Mark::TakenBack(subject) => drop(self.told.remove(subject_key(app, subject))?),
            }
        }
        Ok(())
    }

    /// `false`: it is not there.
    fn bury(&mut self, obituary: &Obituary) -> Result<bool, Trouble> {
        let id = obituary.id.0;
        self.progress.remove(id)?;
        let Some(row) = self.waiting.remove(id)? else {
            return Ok(false);
        };
        let about = (obituary.at.0, obituary.reason.as_str(), obituary.attempts);
        let (at, reason, attempts) = about;
        self.dead.insert(id, (at, reason, attempts, row.value()))?;
        Ok(true)
    }

    fn revive(&mut self, old: Id, new: Id, at: UnixMillis) -> Result<Option<Waiting>, Trouble> {
        let Some(row) = self.dead.remove(old.0)? else {
            return Ok(None);
        };
        let (_, _, _, record_of_dead) = row.value();
        let (delivery, _) = delivery(&record_of_dead)?;
        self.waiting.insert(new.0, record(&delivery, at))?;
        let progress = Progress::default();
        Ok(Some(Waiting {
            id: new,
            delivery,
            since: at,
            progress,
        }))
    }

    fn forget(&mut self, app: &str) -> Result<(), Trouble> {
        let mut gone = Vec::new();
        self.waiting.retain(|id, (owner, ..)| {
            let stays = owner != app;
            if !stays {
                gone.push(id);
            }
            stays
        })?;
        for id in gone {
            self.progress.remove(id)?;
        }
        self.told.retain(|(owner, ..), ()| owner != app)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
