//! The HTTP API that back ends trigger events with: a head and a body in, an answer out.
//!
//! An answer is made in the order route, app, signature, status of the app, body, fields, capacity;
//! every error is a JSON object, because the .NET SDK throws on anything else, and every success is
//! one too.
//!
//! This crate must not know: sockets, how bytes become requests, WebSockets, clocks.

mod answer;
mod api;
mod body;
mod error;
mod info;
mod legacy;
mod options;
mod publish;
mod query;
mod respond;
mod route;
mod usage;
mod user;

pub use answer::Answer;
pub use api::{Api, Call, Head, Outcome};
pub use error::ApiError;
pub use options::{ChannelInfo, Options, Success, Unavailable};
pub use usage::{Usage, usage};
