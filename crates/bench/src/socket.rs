//! A TCP connection to the server that never blocks.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::Interest;
use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket as Raw, Type};

use crate::engine::Io;

/// A connection with what could not be written yet and what was not a whole message yet.
pub(crate) struct Socket {
    stream: TcpStream,
    unsent: Vec<u8>,
    carry: Vec<u8>,
    open: bool,
    /// Whether the server will send nothing more.
    over: bool,
}

/// What a read brought.
pub(crate) struct Filled {
    /// Bytes at the head of the buffer.
    pub(crate) bytes: usize,
    pub(crate) then: Then,
}

/// What follows a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// There may be more to read.
    More,
    /// The next event tells.
    Wait,
    /// The server has closed the connection.
    End,
}

/// Loopback addresses that connections come from in turn, since each has some 28,000 ports.
const SOURCES: usize = 16;

/// The loopback address that the connection `number` comes from, if the server is there too.
pub(crate) fn source(server: SocketAddr, number: usize) -> Option<Ipv4Addr> {
    match server.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => {
            Some(Ipv4Addr::new(127, 0, 0, 2 + (number % SOURCES) as u8))
        }
        _ => None,
    }
}

impl Socket {
    /// Begins to connect the owner's socket `index`.
    pub(crate) fn connect(
        io: &Io,
        index: usize,
        server: SocketAddr,
        source: Option<Ipv4Addr>,
    ) -> io::Result<Self> {
        let raw = Raw::new(
            Domain::for_address(server),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        raw.set_tcp_nodelay(true)?;
        if let Some(source) = source {
            raw.bind(&SocketAddr::from((source, 0)).into())?;
        }
        match raw.connect(&server.into()) {
            // The socket becomes writable when it is connected.
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
            result => result?,
        }
        let mut stream = TcpStream::from_std(raw.into());
        let (registry, token) = io.registration(index);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            unsent: Vec::new(),
            carry: Vec::new(),
            open: false,
            over: false,
        })
    }

    /// Writes what can be written now and keeps the rest.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.open || !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let written = write(&mut self.stream, bytes)?;
        self.unsent
            .extend_from_slice(bytes.get(written..).unwrap_or_default());
        Ok(())
    }

    /// Goes on with what was kept, now that the socket takes bytes. The first time it does so is
    /// when it is connected, or could not be.
    pub(crate) fn writable(&mut self) -> io::Result<()> {
        if !self.open {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            self.open = true;
        }
        if !self.unsent.is_empty() {
            let written = write(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..written);
        }
        Ok(())
    }

    /// The server will send nothing more. No event follows, so that what there is has to be read
    /// to its end now.
    pub(crate) fn over(&mut self) {
        self.over = true;
    }

    /// Reads once: `buffer` begins with what was kept of the last read.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<Filled> {
        let kept = self.carry.len();
        let space = match buffer.split_at_mut_checked(kept) {
            Some((head, space)) if !space.is_empty() => {
                head.copy_from_slice(&self.carry);
                space
            }
            _ => return Err(io::Error::other("a message is too long")),
        };
        let room = space.len();
        let (read, then) = loop {
            match self.stream.read(space) {
                Ok(0) => break (0, Then::End),
                Ok(read) if read == room || self.over => break (read, Then::More),
                Ok(read) => break (read, Then::Wait),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break (0, Then::Wait),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.carry.clear();
        Ok(Filled {
            bytes: kept + read,
            then,
        })
    }

    /// Reads all that has come, of which `buffer` has to have room for everything.
    pub(crate) fn fill_all(&mut self, buffer: &mut [u8]) -> io::Result<Filled> {
        loop {
            let filled = self.fill(buffer)?;
            if filled.then != Then::More {
                return Ok(filled);
            }
            self.keep(buffer.get(..filled.bytes).unwrap_or_default());
        }
    }

    /// Keeps the head of a message for the next read.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.carry.extend_from_slice(bytes);
    }
}

/// Writes until the socket takes no more; gives the bytes written.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
