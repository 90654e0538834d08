//! How many connections the process can hold.

use anyhow::{Context as _, Result};

use foghorn_config::MaxConnections;

/// Open files that are not for WebSocket connections: back ends, handshakes, and what follows.
const RESERVED: u64 = 256;

/// Open files that are not for the main listener's sockets: listeners, log, runtime, metrics.
const OWN: u64 = 64;

/// Sockets that the metrics listener may have open.
pub(crate) const METRICS_SOCKETS: usize = 32;

/// What the process may open, and what of it is for connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// The limit on open files, after raising it.
    pub(crate) open_files: u64,
    /// WebSocket connections.
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

    /// Sockets that the main listener may have open, WebSocket or not.
    pub(crate) fn sockets(self) -> usize {
        let sockets = self.open_files.saturating_sub(OWN).max(self.open_files / 2);
        usize::try_from(sockets).unwrap_or(usize::MAX)
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
        let capacity = Capacity::of(20_000, MaxConnections::FileDescriptors);
        assert_eq!(capacity.sockets(), 19_936);
        assert_eq!(of(1_000, MaxConnections::AtMost(5_000)), 744);
    }
}
