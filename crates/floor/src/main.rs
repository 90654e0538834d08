//! The floor: what a broadcaster costs that does only what it cannot avoid.
//!
//! One thread, edge-triggered epoll, and of the Pusher protocol just what `foghorn bench` needs.
//! There are no limits, no timeouts, no presence, no JSON parser, and nobody is refused. It is no
//! server to run; it is what servers are measured against.

mod connection;
mod http;
mod hub;
mod search;
mod server;
mod websocket;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use clap::{Parser, ValueEnum};

use http::Guard;
use hub::{Hub, WriteMode};
use server::Server;

/// A yardstick for Pusher-compatible servers: it broadcasts, and does nothing else.
#[derive(Parser)]
#[command(version)]
struct Flags {
    /// The port to listen on at 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 6001)]
    port: u16,
    /// When events are written to subscribers.
    #[arg(long, value_enum, default_value = "each")]
    write: WriteMode,
    /// Whether the signatures of requests are checked.
    #[arg(long, value_enum, default_value = "none")]
    auth: Auth,
    /// The app's key, for `--auth check`.
    #[arg(long, default_value = "app-key")]
    key: String,
    /// The app's secret, for `--auth check`.
    #[arg(long, default_value = "app-secret")]
    secret: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Auth {
    /// Every request is taken.
    None,
    /// The body's MD5 and the HMAC-SHA-256 of the request have to be right.
    Check,
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let guard = match flags.auth {
        Auth::None => None,
        Auth::Check => Some(Guard::new(&flags.key, &flags.secret)?),
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, flags.port));
    let mut server = Server::listen(address, Hub::new(flags.write), guard)?;
    writeln!(io::stdout(), "listening on {}", server.address()?)?;
    server.run()
}
