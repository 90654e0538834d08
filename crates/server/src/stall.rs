//! Noticing a socket that takes nothing although something waits for it.

use std::time::Duration;

use tokio::time::Instant;

/// Since when a socket has taken nothing, and what it had taken by then, if something waits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stall(Option<(Instant, u64)>);

impl Stall {
    /// Something waits, and the socket has taken `taken` bytes, ever.
    pub(crate) fn at(&mut self, taken: u64) {
        if self.0.is_none_or(|(_, before)| before != taken) {
            self.0 = Some((Instant::now(), taken));
        }
    }

    /// Nothing waits.
    pub(crate) fn ends(&mut self) {
        self.0 = None;
    }

    /// When `patience` with it ends.
    pub(crate) fn end(&self, patience: Duration) -> Option<Instant> {
        self.0.map(|(since, _)| since + patience)
    }

    /// Whether `patience` with it has ended.
    pub(crate) fn is_over(&self, patience: Duration) -> bool {
        self.end(patience).is_some_and(|end| end <= Instant::now())
    }
}
