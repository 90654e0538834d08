//! Reading the configuration again while it is in use: on SIGHUP, and when its file changes.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::Catalogue;
use crate::origin::Origin;

/// How often the file is looked at. It is read when it has stayed the same for that long: editors
/// and deployments write in steps.
const LOOK: Duration = Duration::from_secs(1);

/// What tells one state of a file from another without reading it. A file that is swapped through a
/// link, as Kubernetes does, is another one.
type Stamp = Option<(u64, u64, i64, i64)>;

fn stamp(path: Option<&Path>) -> Stamp {
    let found = std::fs::metadata(path?).ok()?;
    Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// Reads the configuration again, for ever.
///
/// # Errors
/// The system does not let the process hear SIGHUP.
pub(crate) fn follow(
    catalogue: Arc<Catalogue>,
    origin: Origin,
) -> Result<impl Future<Output = ()>> {
    let hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    Ok(run(catalogue, origin, hangup))
}

async fn run(catalogue: Arc<Catalogue>, origin: Origin, mut hangup: Signal) {
    let file = origin.file().map(|path| path.as_path());
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut read = stamp(file);
    let mut seen = read;
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            _ = looks.tick() => {
                let now = stamp(file);
                let settled = std::mem::replace(&mut seen, now) == now;
                if !settled || now == read {
                    continue;
                }
            }
        }
        // Before the file is read: what is written meanwhile is news.
        read = stamp(file);
        seen = read;
        // A bad configuration is told once for each state of the file, and the old one stays.
        if let Err(error) = reload(&catalogue, &origin) {
            let error = format!("{error:#}");
            tracing::error!(
                error,
                "the configuration was not taken over, the old one stays"
            );
        }
    }
}

fn reload(catalogue: &Catalogue, origin: &Origin) -> Result<()> {
    let loaded = origin.load()?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    catalogue.take_over(&loaded)
}
