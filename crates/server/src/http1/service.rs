//! What HTTP asks of who answers requests.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use foghorn_api::Answer;

use super::head::Head;
use crate::gate::Gate;
use crate::peer::Peer;
use crate::socket::Socket;
use crate::stream::Stream;

/// What has to be over before a request can be looked at.
pub(crate) type Preparation = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    /// A request whose body is wanted; it borrows from its head.
    type Call<'h>: Send;
    /// What an upgraded connection goes on with.
    type Upgrade: Send;

    /// What has to be over before a request can be looked at; it must not take long.
    fn prepare(&self, _: &Head<'_, '_>) -> Option<Preparation> {
        None
    }

    /// Looks at the head of a request of `peer`, before any of its body is kept.
    fn begin<'h>(&'h self, head: &Head<'h, '_>, peer: Peer) -> Step<Self::Call<'h>, Self::Upgrade>;

    /// Answers a request whose body has arrived, or cannot be had, when it is time to.
    fn finish(
        &self,
        call: Self::Call<'_>,
        body: Result<&[u8], BodyError>,
    ) -> impl Future<Output = Answer> + Send;

    /// How much of a body that nobody wants is read away, and how long that may last.
    fn body_terms(&self) -> BodyTerms;

    /// Counts the requests that are being answered.
    fn requests(&self) -> &Gate;

    /// Serves a connection whose socket is handed on, to its end.
    fn go_on(
        self: Arc<Self>,
        upgraded: Box<Upgraded<Stream, Self::Upgrade>>,
    ) -> impl Future<Output = ()> + Send;
}

/// What follows from the head of a request.
pub(crate) enum Step<C, U> {
    /// This is the answer, whatever the body is.
    Answer(Answer),
    /// This will be the answer, whatever the body is. Dropped if the client goes away first.
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
    /// The body is wanted, if it keeps to these terms.
    Body(C, BodyTerms),
    /// The socket is handed on.
    Upgrade {
        /// The bytes with which the response begins.
        response: Vec<u8>,
        /// What it goes on with.
        upgrade: U,
    },
}

/// How much of a body is taken, and how long that may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyTerms {
    /// Bytes.
    pub(crate) limit: usize,
    /// For all of it to arrive.
    pub(crate) timeout: Duration,
}

/// Why a body cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It has this many bytes or more.
    TooLarge(u64),
    /// It took too long.
    TooSlow,
    /// It breaks off, or is no chunks.
    Broken,
}

/// A connection whose socket is handed on. It goes from hand to hand in a box: the task of a
/// connection would keep room for it in each.
pub(crate) struct Upgraded<S, U> {
    /// The socket.
    pub(crate) socket: Socket<S>,
    /// What was read beyond the request.
    pub(crate) early: Vec<u8>,
    /// The response, which is yet to be written.
    pub(crate) response: Vec<u8>,
    /// What it goes on with.
    pub(crate) upgrade: U,
}
