//! Going away politely.

use std::time::Duration;

use foghorn_protocol::{Close, CloseCode};
use tokio::time::{sleep, timeout};

use crate::shared::Shared;

/// Connections that are sent away at once; browsers come back within milliseconds.
const BATCH: usize = 500;

/// How much of the grace period is for sending away; the rest is for the farewells.
const SPREAD: f64 = 0.7;

/// The close that sends clients to another node, or to the next process.
pub(crate) fn reconnect() -> Close {
    Close::new(
        CloseCode::ReconnectImmediately,
        "The server is shutting down",
    )
}

/// Lets nobody in, sends everybody away in batches over `grace`, finishes the requests in flight.
/// Takes no longer than `grace`, and no time at all if nobody is here.
pub(crate) async fn drain(shared: &Shared, grace: Duration) {
    shared.node.start_draining();
    let everybody = shared.connections.all();
    tracing::info!(connections = everybody.len(), ?grace, "shutting down");
    let gone = timeout(grace, async {
        let batches: Vec<_> = everybody.chunks(BATCH).collect();
        let steps = u32::try_from(batches.len().max(1)).unwrap_or(u32::MAX);
        let pause = grace.mul_f64(SPREAD) / steps;
        let last = batches.len().saturating_sub(1);
        for (at, batch) in batches.into_iter().enumerate() {
            for mailbox in batch {
                mailbox.ask_to_close(&reconnect());
            }
            if at < last {
                sleep(pause).await;
            }
        }
        shared.connections.wait_empty().await;
        shared.requests.wait_empty().await;
    });
    if gone.await.is_err() {
        tracing::warn!("the grace period is over, some connections are cut");
    }
    // Last: what this node knows of its members goes with it.
    shared.node.say_goodbye();
}
