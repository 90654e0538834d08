//! How many connections the process can hold.

use anyhow::{Context as _, Result};

use crate::config::MaxConnections;

/// Descriptors that are not for clients: listeners, log, metrics scrapes, API requests in flight.
const RESERVED: u64 = 256;

/// What the process may open, and what of it is for connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// The limit on open files, after raising it.
    pub(crate) open_files: u64,
    /// Connections of clients.
    pub(crate) connections: u64,
}

impl Capacity {
    /// Raises the limit on open files as far as the system lets it.
    ///
    /// # Errors
    /// The system does not tell the limit.
    pub(crate) fn raise(wanted: MaxConnections) -> Result<Self> {
        let open_files = rlimit::increase_nofile_limit(u64::MAX)
            .context("cannot read the limit on open files (RLIMIT_NOFILE)")?;
        Ok(Self::of(open_files, wanted))
    }

    fn of(open_files: u64, wanted: MaxConnections) -> Self {
        // A tiny limit leaves half to connections rather than nothing.
        let possible = open_files.saturating_sub(RESERVED).max(open_files / 2);
        let connections = match wanted {
            MaxConnections::FileDescriptors => possible,
            MaxConnections::AtMost(limit) => u64::from(limit).min(possible),
        };
        Self {
            open_files,
            connections,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_the_open_files() {
        let of = |files, wanted| Capacity::of(files, wanted).connections;
        assert_eq!(of(20_000, MaxConnections::FileDescriptors), 19_744);
        assert_eq!(of(100, MaxConnections::FileDescriptors), 50);
        assert_eq!(of(20_000, MaxConnections::AtMost(10)), 10);
        assert_eq!(of(1_000, MaxConnections::AtMost(5_000)), 744);
    }
}
