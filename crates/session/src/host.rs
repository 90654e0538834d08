//! What a session asks of its surroundings.

use foghorn_protocol::{ChannelName, Close, Frame, Member, UserId};

/// The surroundings of one session. Every call returns at once; nothing waits for other nodes.
pub trait Host {
    /// Queues a message for the client.
    fn send(&mut self, frame: Frame);

    /// Asks the client whether it is there, in the way of the transport: a WebSocket ping frame,
    /// which every client answers by itself (Java, Swift and .NET do not answer `pusher:ping`).
    fn ping(&mut self);

    /// Ends the connection once everything queued is sent.
    fn close(&mut self, close: Close);

    /// Adds the session to a channel. The acknowledgement goes the way of the channel's events, so
    /// that none overtakes it.
    ///
    /// # Errors
    /// The channel does not take it.
    fn subscribe(
        &mut self,
        channel: &ChannelName,
        member: Option<Member>,
    ) -> Result<(), SubscribeRefused>;

    /// Takes the session off a channel, on which it was `user` if that is a presence channel.
    fn unsubscribe(&mut self, channel: &ChannelName, user: Option<&UserId>);

    /// From now on events for the user reach this session. `greeting` goes before them.
    ///
    /// # Errors
    /// Too much waits for the user already.
    fn sign_in(&mut self, user: &UserId, greeting: Frame) -> Result<(), Busy>;

    /// Takes back [`Host::sign_in`].
    fn sign_out(&mut self, user: &UserId);

    /// Changes whether a signed-in session gets the user's events. `notice` goes before them.
    fn listen(&mut self, user: &UserId, listening: Listening, notice: Option<Frame>);

    /// Tells the session who of these users is online, and from now on who comes and goes.
    fn watch(&mut self, watchlist: &[UserId]);

    /// Takes back [`Host::watch`].
    fn unwatch(&mut self, watchlist: &[UserId]);

    /// Somebody vouches for the connection. May be said again until it has used that.
    ///
    /// # Errors
    /// Why it has to go all the same.
    fn authorized(&mut self) -> Result<(), Close>;

    /// Sends a client event to everyone else on the channel.
    ///
    /// # Errors
    /// Too much waits on the channel already.
    fn publish(&mut self, event: ClientPublish<'_>) -> Result<(), Busy>;
}

/// An accepted client event.
#[derive(Debug)]
pub struct ClientPublish<'a> {
    /// The channel, one of the session's.
    pub channel: &'a ChannelName,
    /// The event's name.
    pub event: &'a str,
    /// The payload as text: JSON, unless the client sent a string.
    pub data: &'a str,
    /// Who the sender is on the channel, if that is a presence channel.
    pub user_id: Option<&'a UserId>,
    /// The event as the others get it.
    pub frame: Frame,
}

/// Why a channel does not take a subscriber whose papers are in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeRefused {
    /// A presence channel has as many members as it may.
    Full {
        /// Distinct users now.
        members: usize,
        /// Distinct users allowed.
        limit: usize,
    },
    /// Too much waits on the channel already.
    Busy,
}

/// Too much waits on the channel already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// Whether a signed-in session gets the user's own events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    /// It does, as everybody after signing in.
    Yes,
    /// It has unsubscribed from them; it still counts as a connection of the user.
    No,
}
