//! HTTP/1.1 on a connection, from its first byte to an upgrade or to its end: requests in order,
//! answers in order, and nothing kept that the next request does not need (ADR 0010).
//!
//! What a request means is for a [`Service`] to say. How bytes are read as requests and answers
//! are written as bytes is decided in `head`, `body` and `answer`, which know no socket.

mod answer;
mod body;
mod channel;
mod connection;
mod head;
mod incoming;
mod service;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use answer::beginning;
pub(crate) use channel::Patience;
pub(crate) use connection::serve;
pub(crate) use head::{Framing, Head, Version};
pub(crate) use service::{BodyError, BodyTerms, Preparation, Service, Step, Upgraded};
