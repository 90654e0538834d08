//! A disk that takes nothing more.

use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::*;

/// Once it is full it can be read, but not written.
#[derive(Debug)]
struct Full {
    content: InMemoryBackend,
    is_full: Arc<AtomicBool>,
}

impl Full {
    fn check(&self) -> io::Result<()> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Full {
    fn len(&self) -> io::Result<u64> {
        self.content.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.content.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.content.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.content.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.content.write(offset, data)
    }
}

#[test]
fn a_full_disk_is_read_and_told_apart_from_damage() {
    let is_full = Arc::new(AtomicBool::new(false));
    let backend = Full {
        content: InMemoryBackend::new(),
        is_full: Arc::clone(&is_full),
    };
    let database = Database::builder().create_with_backend(backend).unwrap();
    assert_eq!(prepare(&database).unwrap(), FORMAT);
    is_full.store(true, Ordering::Relaxed);
    assert_eq!(prepare(&database).unwrap(), FORMAT);
    assert_eq!(read_tables(&database).unwrap().waiting.len(), 0);
    let trouble = write(&database, &[Change::Forget("a".into())]).unwrap_err();
    let error = trouble
        .at_start(Path::new("/data/courier.redb"))
        .to_string();
    assert!(error.starts_with("/data/courier.redb: "), "{error}");
    assert!(error.contains("free some room"), "{error}");
    assert!(!error.contains("damaged"), "{error}");
}
