//! Slowing publishers down, long before anything has to be refused.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::audience::Audience;

/// Becomes ready when so little waits in a channel's queue that publishers may go on. Nothing
/// depends on it but their speed, so it may be given up at any time.
#[must_use]
pub struct Eased(Arc<Audience>);

impl Eased {
    pub(crate) fn new(audience: Arc<Audience>) -> Self {
        Self(audience)
    }
}

impl Future for Eased {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.lock().poll_eased(cx)
    }
}

impl std::fmt::Debug for Eased {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Eased").field(self.0.key()).finish()
    }
}
