//! One thread that waits for many sockets and for the next moment at which something is due.

use std::io;

use foghorn_cli::Failure;
use mio::{Events, Poll, Registry, Token};

use crate::alarm::Alarm;
use crate::clock;

/// Bytes that one read may take, and that the longest message may have.
const BUFFER: usize = 1 << 20;

/// Events taken at once.
const EVENTS: usize = 1024;

/// The alarm's token; those of sockets are pairs of numbers below.
const ALARM: Token = Token(usize::MAX);

/// Bits of a token that say which socket of its owner it is.
const INDEX_BITS: u32 = 32;

/// Waits, and tells the owners of sockets.
pub(crate) struct Engine {
    poll: Poll,
    events: Events,
    alarm: Alarm,
    io: Io,
}

/// What owners of sockets need to open and read them.
pub(crate) struct Io {
    registry: Registry,
    /// What was read last, for one owner at a time.
    pub(crate) buffer: Vec<u8>,
    /// The owner's place in the list of owners.
    owner: usize,
}

/// What happened to a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The server will send nothing more, or the connection is broken.
    pub(crate) over: bool,
}

/// Somebody who owns sockets.
pub(crate) trait Owner {
    /// Something happened to the owner's socket `index`.
    fn happened(&mut self, io: &mut Io, index: usize, what: Happened) -> Result<(), Failure>;

    /// Does what is due at `now` nanoseconds; gives the next moment at which something will be.
    fn due(&mut self, io: &mut Io, now: u64) -> Result<Option<u64>, Failure>;
}

impl Engine {
    pub(crate) fn new() -> Result<Self, Failure> {
        Self::build().map_err(|error| Failure::refused(format!("cannot start: {error}")))
    }

    fn build() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let alarm = Alarm::new(&registry, ALARM)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            alarm,
            io: Io {
                registry,
                buffer: vec![0; BUFFER],
                owner: 0,
            },
        })
    }

    /// Waits once, until `until` nanoseconds at most, and lets the owners do what there is to do.
    /// An owner keeps its place in the list over all turns.
    pub(crate) fn turn(
        &mut self,
        owners: &mut [&mut dyn Owner],
        until: u64,
    ) -> Result<(), Failure> {
        let mut wake = until;
        let now = clock::now();
        for (place, owner) in owners.iter_mut().enumerate() {
            self.io.owner = place;
            if let Some(due) = owner.due(&mut self.io, now)? {
                wake = wake.min(due);
            }
        }
        self.wait(wake)
            .map_err(|error| Failure::refused(format!("cannot wait for sockets: {error}")))?;
        for event in &self.events {
            let Token(token) = event.token();
            let Some(owner) = owners.get_mut(token >> INDEX_BITS) else {
                continue;
            };
            self.io.owner = token >> INDEX_BITS;
            let what = Happened {
                readable: event.is_readable(),
                writable: event.is_writable(),
                over: event.is_read_closed() || event.is_error(),
            };
            let index = token & ((1 << INDEX_BITS) - 1);
            owner.happened(&mut self.io, index, what)?;
        }
        Ok(())
    }

    fn wait(&mut self, until: u64) -> io::Result<()> {
        self.alarm.set(until)?;
        match self.poll.poll(&mut self.events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }
}

impl Io {
    /// Where to register a socket, and under which token.
    pub(crate) fn registration(&self, index: usize) -> (&Registry, Token) {
        (&self.registry, Token((self.owner << INDEX_BITS) | index))
    }
}
