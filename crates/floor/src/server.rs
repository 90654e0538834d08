//! The event loop: what arrives at a socket, and what is done about it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use mio::event::Event as Readiness;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use crate::connection::Hangup;
use crate::http::{Guard, Request, first_request};
use crate::hub::{Event, Hub, Id};
use crate::search;
use crate::websocket::{self, CLOSE, PING, PONG, TEXT, first_frame, push_frame};

const LISTENER: Token = Token(usize::MAX);
const EVENTS_PER_ROUND: usize = 1024;
const READ_BYTES: usize = 64 * 1024;

/// A whole answer, as there are only four of them.
macro_rules! answer {
    ($status:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )
    };
}

const OK: &str = answer!("200 OK");
const BAD_REQUEST: &str = answer!("400 Bad Request");
const UNAUTHORIZED: &str = answer!("401 Unauthorized");
const NOT_FOUND: &str = answer!("404 Not Found");

const CHANNEL: &str = "\"channel\":";

/// The listener with everything behind it.
pub(crate) struct Server {
    poll: Poll,
    listener: TcpListener,
    hub: Hub,
    guard: Option<Guard>,
}

impl Server {
    /// Listens; without a guard every request is taken.
    pub(crate) fn listen(address: SocketAddr, hub: Hub, guard: Option<Guard>) -> io::Result<Self> {
        let mut listener = TcpListener::bind(address)?;
        // Accepted sockets inherit it, which saves a system call for each.
        SockRef::from(&listener).set_tcp_nodelay(true)?;
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            hub,
            guard,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves for as long as the process lives.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_ROUND);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                } else {
                    self.turn(event, &mut buffer);
                }
            }
            self.hub.flush();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let token = Token(self.hub.next_id());
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut stream, token, interest)?;
            self.hub.add(stream);
        }
    }

    /// One connection's turn.
    fn turn(&mut self, event: &Readiness, buffer: &mut [u8]) {
        let id = event.token().0 as Id;
        let mut outcome = Ok(());
        if event.is_writable() {
            outcome = self.hub.get(id).and_then(|connection| connection.resume());
        }
        if event.is_readable() {
            outcome = outcome.and_then(|()| self.read(id, event.is_read_closed(), buffer));
        }
        if outcome.is_err() {
            self.hub.close(id);
        }
    }

    /// Reads until nothing is left. A read that does not fill the buffer says as much, and the
    /// socket reports what comes later; only an end that has been reported would not be again.
    fn read(&mut self, id: Id, ends: bool, buffer: &mut [u8]) -> Result<(), Hangup> {
        loop {
            let connection = self.hub.get(id)?;
            let Some(size) = connection.read(buffer)? else {
                return Ok(());
            };
            let is_last = size < buffer.len() && !ends;
            let mut unread = connection.take_unread();
            let mut input = buffer.get_mut(..size).unwrap_or_default();
            if !unread.is_empty() {
                unread.extend_from_slice(input);
                input = &mut unread;
            }
            let taken = self.take(id, input)?;
            self.hub
                .get(id)?
                .keep_unread(input.get(taken..).unwrap_or_default());
            if is_last {
                return Ok(());
            }
        }
    }

    /// Takes all requests or frames that are there as a whole, and says how many bytes they were.
    fn take(&mut self, id: Id, input: &mut [u8]) -> Result<usize, Hangup> {
        let mut taken = 0;
        while let Some(rest) = input.get_mut(taken..) {
            let size = if self.hub.get(id)?.is_upgraded() {
                self.take_frame(id, rest)?
            } else {
                self.take_request(id, rest)?
            };
            if size == 0 {
                break;
            }
            taken += size;
        }
        Ok(taken)
    }

    fn take_request(&mut self, id: Id, input: &[u8]) -> Result<usize, Hangup> {
        let Some(request) = first_request(input).map_err(|_| Hangup)? else {
            return Ok(0);
        };
        match request.websocket_key {
            Some(key) if request.path.starts_with("/app/") => self.upgrade(id, key)?,
            _ => {
                let answer = self.publish(&request);
                self.hub.get(id)?.write(answer.as_bytes())?;
            }
        }
        Ok(request.size)
    }

    fn upgrade(&mut self, id: Id, key: &str) -> Result<(), Hangup> {
        let greeting = format!(
            "{{\"event\":\"pusher:connection_established\",\"data\":\
             \"{{\\\"socket_id\\\":\\\"1.{id}\\\",\\\"activity_timeout\\\":120}}\"}}"
        );
        let mut answer = websocket::accept(key).into_bytes();
        push_frame(&mut answer, TEXT, &[greeting.as_bytes()]);
        let connection = self.hub.get(id)?;
        connection.upgrade();
        connection.write(&answer)
    }

    /// Carries out a publish, and gives the answer.
    fn publish(&mut self, request: &Request<'_>) -> &'static str {
        let is_batch = request.path.ends_with("/batch_events");
        if !is_batch && !request.path.ends_with("/events") {
            return NOT_FOUND;
        }
        if self
            .guard
            .as_ref()
            .is_some_and(|guard| !guard.accepts(request))
        {
            return UNAUTHORIZED;
        }
        let done = if is_batch {
            search::objects(request.body, "\"batch\":[").try_for_each(|one| self.broadcast(one))
        } else {
            self.broadcast(request.body)
        };
        done.map_or(BAD_REQUEST, |()| OK)
    }

    /// Sends one event to the channel or channels that it names.
    fn broadcast(&mut self, body: &[u8]) -> Option<()> {
        let name = search::string(body, "\"name\":")?;
        let data = search::string(body, "\"data\":")?;
        let channels = search::strings(body, "\"channels\":[");
        for channel in channels.chain(search::string(body, CHANNEL)) {
            self.hub.publish(Event {
                name,
                channel,
                data,
            });
        }
        Some(())
    }

    fn take_frame(&mut self, id: Id, input: &mut [u8]) -> Result<usize, Hangup> {
        let Some(frame) = first_frame(input) else {
            return Ok(0);
        };
        match frame.opcode {
            TEXT => self.hear(id, frame.payload)?,
            PING => self.say(id, PONG, &[frame.payload])?,
            CLOSE => {
                self.say(id, CLOSE, &[frame.payload])?;
                return Err(Hangup);
            }
            _ => {}
        }
        Ok(frame.size)
    }

    /// Does what a client's message says; what the bench does not send is ignored.
    fn hear(&mut self, id: Id, message: &[u8]) -> Result<(), Hangup> {
        let Some(event) = search::string(message, "\"event\":") else {
            return Ok(());
        };
        if event == b"\"pusher:ping\"" {
            return self.say(id, TEXT, &[b"{\"event\":\"pusher:pong\",\"data\":\"{}\"}"]);
        }
        let Some(channel) = search::string(message, CHANNEL) else {
            return Ok(());
        };
        match event {
            b"\"pusher:subscribe\"" => self.subscribe(id, channel),
            b"\"pusher:unsubscribe\"" => self.hub.leave(id, channel),
            _ if event.starts_with(b"\"client-") => {
                self.hub.relay(id, channel, message);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn subscribe(&mut self, id: Id, channel: &[u8]) -> Result<(), Hangup> {
        // What is pending was published before and is not for the newcomer.
        self.hub.flush();
        let data: &[u8] = if channel.starts_with(b"\"presence-") {
            br#""{\"presence\":{\"ids\":[],\"hash\":{},\"count\":0}}""#
        } else {
            b"\"{}\""
        };
        let head = b"{\"event\":\"pusher_internal:subscription_succeeded\",\"channel\":";
        self.say(id, TEXT, &[head, channel, b",\"data\":", data, b"}"])?;
        self.hub.join(id, channel)
    }

    fn say(&mut self, id: Id, opcode: u8, parts: &[&[u8]]) -> Result<(), Hangup> {
        let mut frame = Vec::new();
        push_frame(&mut frame, opcode, parts);
        self.hub.get(id)?.write(&frame)
    }
}
