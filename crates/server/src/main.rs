//! `foghorn`: the shell around the node. It reads the configuration, listens, moves bytes between
//! sockets and sessions, and reports.
//!
//! This crate must not decide anything of the protocol; what a message means is settled below it.

mod admin;
mod announcement;
mod apps;
mod arrival;
mod capacity;
mod cli;
mod clock;
mod composition;
mod connections;
mod console;
mod drain;
mod emitter;
mod fallback;
mod gate;
mod http;
mod http1;
mod link;
mod listener;
mod lots;
mod metrics;
mod newcomers;
mod origin;
mod outbox;
mod peer;
mod plain;
mod private;
mod quotas;
mod rules;
mod serve;
mod shared;
mod socket;
mod stall;
mod stream;
mod telemetry;
mod tls;
mod upgrade;
mod webhooks;
mod websocket;
mod wire;
mod writer;

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Gives memory back when connections have closed (ADR 0013).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            console::complain(&error);
            ExitCode::FAILURE
        }
    }
}
