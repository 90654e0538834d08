//! A connection's socket, and the buffers that it has only while it needs them.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;

/// The connection is of no use any more: closed by its peer, broken, or out of line.
#[derive(Debug)]
pub(crate) struct Hangup;

impl From<io::Error> for Hangup {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// A socket. It owns buffers only while something in them waits for the rest, or for the peer.
pub(crate) struct Connection {
    stream: TcpStream,
    upgraded: bool,
    buffers: Option<Box<Buffers>>,
    /// Its channels, for the hub.
    pub(crate) subscriptions: Vec<Subscription>,
}

#[derive(Default)]
struct Buffers {
    unread: Vec<u8>,
    unwritten: Vec<u8>,
}

/// A connection's place in a channel, so that it can be taken out without a search.
pub(crate) struct Subscription {
    pub(crate) channel: u32,
    pub(crate) place: u32,
}

impl Connection {
    /// A socket that was just accepted.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            upgraded: false,
            buffers: None,
            subscriptions: Vec::new(),
        }
    }

    /// Whether it speaks WebSocket by now.
    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded
    }

    /// From the next byte on it speaks WebSocket.
    pub(crate) fn upgrade(&mut self) {
        self.upgraded = true;
    }

    /// Reads once; `None` when there is nothing to read.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Hangup> {
        match self.stream.read(buffer) {
            Ok(0) => Err(Hangup),
            Ok(size) => Ok(Some(size)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(_) => Err(Hangup),
        }
    }

    /// Takes back what [`Self::keep_unread`] was given.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        let Some(buffers) = &mut self.buffers else {
            return Vec::new();
        };
        let unread = std::mem::take(&mut buffers.unread);
        self.drop_empty_buffers();
        unread
    }

    /// Keeps the beginning of something that has not arrived as a whole.
    pub(crate) fn keep_unread(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let buffers = self.buffers.get_or_insert_default();
            buffers.unread = bytes.to_vec();
        }
    }

    /// Writes, and keeps what the socket does not take for [`Self::resume`].
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Hangup> {
        if let Some(buffers) = &mut self.buffers
            && !buffers.unwritten.is_empty()
        {
            buffers.unwritten.extend_from_slice(bytes);
            return Ok(());
        }
        let written = write_some(&mut self.stream, bytes)?;
        if let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let buffers = self.buffers.get_or_insert_default();
            buffers.unwritten = rest.to_vec();
        }
        Ok(())
    }

    /// Writes what was kept, now that the socket takes some more.
    pub(crate) fn resume(&mut self) -> Result<(), Hangup> {
        let Some(buffers) = &mut self.buffers else {
            return Ok(());
        };
        if !buffers.unwritten.is_empty() {
            let written = write_some(&mut self.stream, &buffers.unwritten)?;
            buffers.unwritten.drain(..written);
            self.drop_empty_buffers();
        }
        Ok(())
    }

    fn drop_empty_buffers(&mut self) {
        self.buffers = self
            .buffers
            .take()
            .filter(|buffers| !buffers.unread.is_empty() || !buffers.unwritten.is_empty());
    }
}

/// Writes once. A socket that took less than it was given reports when it takes more.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> Result<usize, Hangup> {
    match stream.write(bytes) {
        Ok(written) => Ok(written),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(_) => Err(Hangup),
    }
}
