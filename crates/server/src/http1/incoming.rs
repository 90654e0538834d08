//! A body that arrives in pieces.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::body::{Decoder, NoChunks};
use super::channel::Channel;
use super::head::Framing;
use super::service::{BodyError, BodyTerms};

/// A body of which not everything is there.
pub(super) struct Incoming {
    decoder: Decoder,
    announced: u64,
    content: Vec<u8>,
    /// What has been read and not yet looked at; after the end, what follows the body.
    ahead: Vec<u8>,
}

impl Incoming {
    /// A body of which `early` has come together with its head.
    pub(super) fn new(framing: Framing, early: &[u8]) -> Self {
        Self {
            decoder: Decoder::new(framing),
            announced: match framing {
                Framing::Length(bytes) => bytes,
                Framing::Chunked => 0,
            },
            content: Vec::new(),
            ahead: early.to_vec(),
        }
    }

    /// Whether its head announces more than `terms` allow.
    ///
    /// # Errors
    /// It does.
    pub(super) fn check(&self, terms: BodyTerms) -> Result<(), BodyError> {
        match self.announced > terms.limit as u64 {
            true => Err(BodyError::TooLarge(self.announced)),
            false => Ok(()),
        }
    }

    /// Whether so much is announced that reading it away is not worth it.
    pub(super) fn is_beyond(&self, terms: BodyTerms) -> bool {
        self.announced > 2 * terms.limit as u64
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        channel: &mut Channel<S>,
        terms: BodyTerms,
    ) -> Result<(), BodyError> {
        let until = Instant::now() + terms.timeout;
        loop {
            self.decode().map_err(|NoChunks| BodyError::Broken)?;
            if self.content.len() > terms.limit {
                return Err(BodyError::TooLarge(self.content.len() as u64));
            }
            if self.decoder.is_done() {
                return Ok(());
            }
            match channel.read(&mut self.ahead, until).await {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(BodyError::TooSlow);
                }
                Ok(0) | Err(_) => return Err(BodyError::Broken),
            }
        }
    }

    /// Waits for `answer`, and meanwhile takes what comes; `None` if the client goes away, or sends
    /// more than `limit` bytes that nobody has asked for.
    pub(super) async fn outlast<S: AsyncRead + AsyncWrite + Unpin, T>(
        &mut self,
        channel: &mut Channel<S>,
        answer: impl Future<Output = T> + Unpin,
        limit: usize,
    ) -> Option<T> {
        channel.read_during(answer, &mut self.ahead, limit).await
    }

    /// Reads it away, as far as that is reasonable. A client that is still sending when the
    /// connection closes may never see its answer.
    pub(super) async fn discard<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        channel: &mut Channel<S>,
        terms: BodyTerms,
    ) -> Discarded {
        let until = Instant::now() + terms.timeout;
        let mut left = 2 * terms.limit;
        loop {
            if self.decode().is_err() || self.content.len() > left {
                return Discarded::InPart;
            }
            left -= self.content.len();
            self.content.clear();
            if self.decoder.is_done() {
                return Discarded::Whole;
            }
            if !matches!(channel.read(&mut self.ahead, until).await, Ok(1..)) {
                return Discarded::InPart;
            }
        }
    }

    /// What has been received.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// What follows it.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.ahead
    }

    fn decode(&mut self) -> Result<(), NoChunks> {
        let used = self.decoder.decode(&self.ahead, &mut self.content)?;
        self.ahead.drain(..used);
        Ok(())
    }
}

/// Whether a body that nobody wants has been read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discarded {
    /// It has.
    Whole,
    /// More of it may come.
    InPart,
}
