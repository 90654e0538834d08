//! One connection: requests are read, answered in order, and forgotten.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;

use foghorn_api::Answer;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::answer::{self, CONTINUE, Date, Extent};
use super::channel::{Channel, Patience};
use super::head::{Expects, Framing, HEADERS, Head, Persistence, Unreadable};
use super::incoming::{Discarded, Incoming};
use super::service::{BodyError, BodyTerms, Preparation, Service, Step, Upgraded};
use crate::clock::Clock;
use crate::gate::Pass;
use crate::peer::Peer;
use crate::plain::plain;
use crate::socket::Socket;

/// Bytes of the longest head.
const HEAD_BYTES: usize = 16 * 1_024;

/// Bytes of a buffer that an idle connection keeps.
const KEPT: usize = 8 * 1_024;

/// Serves a connection until it ends or is upgraded.
pub(crate) async fn serve<S, A>(
    socket: Socket<S>,
    patience: Patience,
    service: &A,
    peer: Peer,
) -> Option<Box<Upgraded<S, A::Upgrade>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Service,
{
    let mut connection = Connection {
        channel: Channel::new(socket),
        output: Vec::new(),
        date: Date::default(),
        service,
        peer,
    };
    let mut input = Vec::new();
    let mut until = Instant::now() + patience.header_timeout;
    loop {
        match connection.take_turn(&mut input, until, patience).await {
            Ok(Turn::Next(left)) => {
                left.of(&mut input);
                until = Instant::now() + patience.idle_timeout;
            }
            Ok(Turn::Upgrade {
                read,
                response,
                upgrade,
            }) => {
                return Some(Box::new(Upgraded {
                    socket: connection.channel.into_socket(),
                    early: input.split_off(read),
                    response,
                    upgrade,
                }));
            }
            Ok(Turn::Close) => {
                connection.channel.close().await;
                return None;
            }
            Ok(Turn::Linger) => {
                connection.channel.linger().await;
                return None;
            }
            Err(error) => {
                tracing::debug!(%error, "an HTTP connection ended early");
                return None;
            }
        }
    }
}

struct Connection<'s, S, A> {
    channel: Channel<S>,
    output: Vec<u8>,
    date: Date,
    service: &'s A,
    peer: Peer,
}

/// How an exchange of request and answer ends.
enum Turn<U> {
    /// With the next request.
    Next(Left),
    /// With an upgrade, whose request had so many bytes.
    Upgrade {
        read: usize,
        response: Vec<u8>,
        upgrade: U,
    },
    /// With the connection, which the client has closed.
    Close,
    /// With the connection, on which more may come in.
    Linger,
}

/// What has been read beyond a request.
enum Left {
    /// What follows so many bytes of what was there.
    Behind(usize),
    /// This.
    Here(Vec<u8>),
}

impl Left {
    /// Leaves only that in `input`.
    fn of(self, input: &mut Vec<u8>) {
        match self {
            Self::Behind(read) if read == input.len() => input.clear(),
            Self::Behind(read) => drop(input.drain(..read)),
            Self::Here(rest) => *input = rest,
        }
        if input.is_empty() && input.capacity() > 2 * KEPT {
            *input = Vec::new();
        }
    }
}

/// A request whose head has been looked at.
struct Request<C, U> {
    step: Step<C, U>,
    framing: Framing,
    expects: Expects,
    manner: Manner,
    /// Bytes of its head.
    length: usize,
    /// It has yet to be answered.
    in_flight: Pass,
}

/// How an answer is given: how much of it, and what becomes of the connection.
type Manner = (Extent, Persistence);

/// What the beginning of the input is.
enum Found<C, U> {
    Request(Request<C, U>),
    /// A request that cannot be looked at yet.
    Early(Preparation, Pass),
    Unfinished,
    Unreadable(Answer),
}

impl<S: AsyncRead + AsyncWrite + Unpin, A: Service> Connection<'_, S, A> {
    /// One request and its answer.
    async fn take_turn(
        &mut self,
        input: &mut Vec<u8>,
        mut until: Instant,
        patience: Patience,
    ) -> io::Result<Turn<A::Upgrade>> {
        let mut seen = 0;
        loop {
            // A line must have ended for more to be known than before.
            let news = input.get(seen..).unwrap_or_default();
            if !news.is_empty() && (seen == 0 || news.contains(&b'\n')) {
                match find(self.service, input, self.peer) {
                    Found::Early(preparation, in_flight) => {
                        preparation.await;
                        drop(in_flight);
                        continue;
                    }
                    Found::Request(request) => {
                        let rest = input.get(request.length..).unwrap_or_default();
                        return self.exchange(request, rest).await;
                    }
                    Found::Unreadable(answer) => return self.refuse(&answer, Extent::Whole).await,
                    Found::Unfinished => {}
                }
            }
            if input.len() >= HEAD_BYTES {
                return self.refuse(&too_large(), Extent::Whole).await;
            }
            if seen == 0 && !input.is_empty() {
                until = until.min(Instant::now() + patience.header_timeout);
            }
            seen = input.len();
            if self.channel.read(input, until).await? == 0 {
                return Ok(Turn::Close);
            }
        }
    }

    async fn exchange(
        &mut self,
        request: Request<A::Call<'_>, A::Upgrade>,
        early: &[u8],
    ) -> io::Result<Turn<A::Upgrade>> {
        let Request {
            step,
            framing,
            expects,
            manner,
            length,
            in_flight,
        } = request;
        let whole = match framing {
            Framing::Length(bytes) => usize::try_from(bytes).ok(),
            Framing::Chunked => None,
        };
        let whole = whole.and_then(|bytes| early.get(..bytes));
        let (answer, body) = match (step, whole) {
            (Step::Upgrade { response, upgrade }, _) => {
                return Ok(Turn::Upgrade {
                    read: length,
                    response,
                    upgrade,
                });
            }
            (Step::Later(later), _) => {
                let incoming = Incoming::new(framing, early);
                let held = self.answer_later(later, incoming, (expects, manner), in_flight);
                return Box::pin(held).await;
            }
            // Usually all of a request is there.
            (Step::Answer(answer), Some(body)) => (answer, body),
            (Step::Body(call, terms), Some(body)) => {
                let body_or_not = match body.len() <= terms.limit {
                    true => Ok(body),
                    false => Err(BodyError::TooLarge(body.len() as u64)),
                };
                (self.service.finish(call, body_or_not).await, body)
            }
            // The rest is boxed, or every connection would have room for it.
            (Step::Answer(answer), None) => {
                let incoming = Incoming::new(framing, early);
                let early = self.answer_early(answer, incoming, (expects, manner), in_flight);
                return Box::pin(early).await;
            }
            (Step::Body(call, terms), None) => {
                let incoming = Incoming::new(framing, early);
                let call = (call, terms);
                let late = self.answer_late(call, incoming, (expects, manner), in_flight);
                return Box::pin(late).await;
            }
        };
        self.answer(&answer, manner).await?;
        Ok(Turn::after(manner, Left::Behind(length + body.len())))
    }

    /// Answers a request whose body has to be waited for.
    async fn answer_late(
        &mut self,
        (call, terms): (A::Call<'_>, BodyTerms),
        mut incoming: Incoming,
        (expects, manner): (Expects, Manner),
        in_flight: Pass,
    ) -> io::Result<Turn<A::Upgrade>> {
        if let Err(error) = incoming.check(terms) {
            let answer = self.service.finish(call, Err(error)).await;
            let terms = (expects, manner);
            return self.answer_early(answer, incoming, terms, in_flight).await;
        }
        if expects == Expects::Continue {
            self.channel.write(CONTINUE).await?;
        }
        let received = incoming.receive(&mut self.channel, terms).await;
        let body = received.map(|()| incoming.content());
        let answer = self.service.finish(call, body).await;
        match received {
            Ok(()) => {
                self.answer(&answer, manner).await?;
                Ok(Turn::after(manner, Left::Here(incoming.into_rest())))
            }
            Err(BodyError::TooLarge(_)) => {
                let told = (Expects::Nothing, manner);
                self.answer_early(answer, incoming, told, in_flight).await
            }
            Err(BodyError::TooSlow | BodyError::Broken) => self.refuse(&answer, manner.0).await,
        }
    }

    /// Holds a request until there is an answer, or its client is gone.
    async fn answer_later(
        &mut self,
        later: Pin<Box<dyn Future<Output = Answer> + Send>>,
        mut incoming: Incoming,
        terms: (Expects, Manner),
        in_flight: Pass,
    ) -> io::Result<Turn<A::Upgrade>> {
        let held = incoming.outlast(&mut self.channel, later, HEAD_BYTES);
        match held.await {
            Some(answer) => self.answer_early(answer, incoming, terms, in_flight).await,
            None => Ok(Turn::Close),
        }
    }

    /// Gives an answer at once to a request whose body does not matter any more.
    async fn answer_early(
        &mut self,
        answer: Answer,
        mut incoming: Incoming,
        (expects, manner): (Expects, Manner),
        in_flight: Pass,
    ) -> io::Result<Turn<A::Upgrade>> {
        let terms = self.service.body_terms();
        // It has not begun to send and may or may not do so now, or will not come to its end.
        if expects == Expects::Continue || incoming.is_beyond(terms) {
            return self.refuse(&answer, manner.0).await;
        }
        self.answer(&answer, manner).await?;
        // A shutdown does not wait for what nobody wants.
        drop(in_flight);
        Ok(match incoming.discard(&mut self.channel, terms).await {
            Discarded::Whole => Turn::after(manner, Left::Here(incoming.into_rest())),
            Discarded::InPart => Turn::Linger,
        })
    }

    /// Gives the last answer of a connection on which nothing more can be read.
    async fn refuse(&mut self, answer: &Answer, extent: Extent) -> io::Result<Turn<A::Upgrade>> {
        self.answer(answer, (extent, Persistence::Closes)).await?;
        Ok(Turn::Linger)
    }

    async fn answer(&mut self, answer: &Answer, manner: Manner) -> io::Result<()> {
        let date = (&mut self.date, Clock::unix_seconds());
        answer::write(&mut self.output, answer, manner, date);
        self.channel.write(&self.output).await?;
        self.output.clear();
        if self.output.capacity() > KEPT {
            self.output = Vec::new();
        }
        Ok(())
    }
}

impl<U> Turn<U> {
    /// What follows an answer.
    fn after((_, persistence): Manner, left: Left) -> Self {
        match persistence {
            Persistence::Stays | Persistence::StaysAsAsked => Self::Next(left),
            // More may be on its way, which must not make the system throw the answer away.
            Persistence::Closes => Self::Linger,
        }
    }
}

/// Looks for a head at the beginning of `input`, and at what it asks.
fn find<'b, A: Service>(
    service: &'b A,
    input: &'b [u8],
    peer: Peer,
) -> Found<A::Call<'b>, A::Upgrade> {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS];
    match Head::read(input, &mut room) {
        Ok(None) => Found::Unfinished,
        Ok(Some(head)) if head.length > HEAD_BYTES => Found::Unreadable(too_large()),
        Ok(Some(head)) => look_at(service, &head, peer),
        Err(Unreadable::TooManyHeaders) => Found::Unreadable(too_large()),
        Err(Unreadable::Malformed(rule)) => {
            let text = format!("The request cannot be read: {rule}\n");
            Found::Unreadable(plain(StatusCode::BAD_REQUEST, text))
        }
    }
}

/// Looks at what a head asks.
fn look_at<'h, A: Service>(
    service: &'h A,
    head: &Head<'h, '_>,
    peer: Peer,
) -> Found<A::Call<'h>, A::Upgrade> {
    let in_flight = service.requests().enter();
    if let Some(preparation) = service.prepare(head) {
        return Found::Early(preparation, in_flight);
    }
    Found::Request(Request {
        step: service.begin(head, peer),
        framing: head.framing,
        expects: head.expects,
        manner: match head.method {
            "HEAD" => (Extent::HeadOnly, head.persistence),
            _ => (Extent::Whole, head.persistence),
        },
        length: head.length,
        in_flight,
    })
}

fn too_large() -> Answer {
    let text =
        format!("The head of the request has more than {HEADERS} headers or {HEAD_BYTES} bytes\n");
    plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text)
}
