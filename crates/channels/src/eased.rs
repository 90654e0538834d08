//! Slowing publishers down, long before anything has to be refused.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::audience::Audience;

/// Becomes ready when so little waits in a channel's queue that a publisher may go on; the first to
/// wait is the first to go on. Nothing depends on it but their speed, so it may be given up at any
/// time.
#[must_use]
pub struct Eased {
    audience: Arc<Audience>,
    ticket: Option<u64>,
}

impl Eased {
    pub(crate) fn new(audience: Arc<Audience>) -> Self {
        Self {
            audience,
            ticket: None,
        }
    }
}

impl Future for Eased {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { audience, ticket } = self.get_mut();
        audience.lock().poll_eased(ticket, cx)
    }
}

impl std::fmt::Debug for Eased {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eased")
            .field("key", self.audience.key())
            .finish_non_exhaustive()
    }
}
