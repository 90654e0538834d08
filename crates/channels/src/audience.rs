//! One channel's subscribers: the operation queue and everything that changes with it, under one
//! lock.
//!
//! Nothing here delivers. Each step appends operations, in an order that makes the protocol's
//! promises hold by construction, and [`crate::drain`] carries them out.

use std::collections::VecDeque;
use std::sync::Arc;

use foghorn_protocol::{ChannelName, Frame, ServerMessage, SocketId, UserId};

use crate::announce::{Change, Joining};
use crate::key::Key;
use crate::members::Members;
use crate::op::{Matter, Op, Sending};
use crate::request::{Occupancy, QueueLimits, Remote, Send, Subscribe, SubscribeError};
use crate::roster::{JoinedHere, Roster, Turn};
use crate::sync::{Mutex, MutexGuard};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Nobody here: the topic is not wanted.
    Unwanted,
    Awaited,
    Joined,
}

pub(crate) struct Audience {
    key: Key,
    state: Mutex<State>,
}

pub(crate) struct State {
    queue: VecDeque<Op>,
    queued_sends: usize,
    queued_bytes: usize,
    /// INV-BATON-1: whoever takes the list out drains; `None` means that somebody else is draining.
    /// It is put back under the lock that found the queue empty.
    members: Option<Box<Members>>,
    link: Link,
    here: u32,
    elsewhere: u64,
    roster: Option<Box<Roster>>,
    retired: bool,
}

/// The narrow way out of the lock: announcing, in the order of the queue.
pub(crate) trait Outlet {
    fn interest(&self, key: &Key) -> Joining;
    fn lost_interest(&self, key: &Key);
    fn changed(&self, key: &Key, change: Change<'_>);
    fn remove(&self, audience: &Arc<Audience>);
}

impl Audience {
    pub(crate) fn new(key: Key) -> Self {
        let presence = key.channel.kind().is_presence();
        let state = State {
            queue: VecDeque::new(),
            queued_sends: 0,
            queued_bytes: 0,
            members: Some(Box::new(Members::new())),
            link: Link::Unwanted,
            here: 0,
            elsewhere: 0,
            roster: presence.then(Box::default),
            retired: false,
        };
        Self {
            key,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn channel(&self) -> &ChannelName {
        &self.key.channel
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Removes the audience if nothing is left of it. Called with its own lock held, and only while
    /// the delivery list is at home, so a late comer either finds it alive or sees the mark.
    pub(crate) fn settle(self: &Arc<Self>, state: &mut State, outlet: &impl Outlet) {
        if state.here > 0 || !state.queue.is_empty() || state.members.is_none() {
            return;
        }
        if state.link != Link::Unwanted {
            state.link = Link::Unwanted;
            outlet.lost_interest(&self.key);
        }
        let known_elsewhere = state.elsewhere > 0 || state.users() > 0;
        if !known_elsewhere && !state.retired {
            state.retired = true;
            outlet.remove(self);
        }
    }
}

impl State {
    pub(crate) fn is_retired(&self) -> bool {
        self.retired
    }

    /// Takes the delivery list if there is something to do and nobody else is doing it.
    pub(crate) fn take_baton(&mut self) -> Option<Box<Members>> {
        if self.link != Link::Joined || self.queue.is_empty() {
            return None;
        }
        self.members.take()
    }

    pub(crate) fn return_baton(&mut self, members: Box<Members>) {
        debug_assert!(self.members.is_none(), "INV-BATON-1: one list, one drainer");
        self.members = Some(members);
    }

    pub(crate) fn next_op(&mut self) -> Option<Op> {
        let op = self.queue.pop_front();
        if let Some(Op::Send(Sending {
            send,
            matter: Matter::Event,
            ..
        })) = &op
        {
            self.queued_sends -= 1;
            self.queued_bytes -= send.frame.wire_len();
        }
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
        op
    }

    /// Puts back a send that was interrupted, so that nothing overtakes it.
    pub(crate) fn put_back(&mut self, sending: Sending) {
        self.count(&sending);
        self.queue.push_front(Op::Send(sending));
    }

    /// Appends an event; nothing to do where nobody listens.
    pub(crate) fn send(&mut self, send: Send) {
        if self.here > 0 {
            self.append(send, Matter::Event);
        }
    }

    fn append(&mut self, send: Send, matter: Matter) {
        let sending = Sending {
            send,
            from: 0,
            matter,
        };
        self.count(&sending);
        self.queue.push_back(Op::Send(sending));
    }

    fn count(&mut self, sending: &Sending) {
        if sending.matter == Matter::Event {
            self.queued_sends += 1;
            self.queued_bytes += sending.send.frame.wire_len();
        }
    }

    pub(crate) fn is_busy(&self, limits: QueueLimits) -> bool {
        self.queued_sends >= limits.sends || self.queued_bytes >= limits.bytes
    }

    /// Appends a join. INV-ACK-1: the greeting is part of the join, so nothing of the channel can
    /// reach the subscriber before it. INV-SNAPSHOT-1: the roster in it is taken at the very place
    /// of the queue from which later member events follow.
    pub(crate) fn join(
        &mut self,
        key: &Key,
        subscribe: Subscribe,
        limits: QueueLimits,
        outlet: &impl Outlet,
    ) -> Result<(), SubscribeError> {
        if self.queue.len() >= limits.operations {
            return Err(SubscribeError::Busy);
        }
        let Subscribe {
            socket,
            mailbox,
            member,
            max_members,
        } = subscribe;
        if let (Some(roster), Some(member)) = (&mut self.roster, &member) {
            let JoinedHere { turn, news } = roster.join_here(member, max_members)?;
            if turn == Turn::Edge {
                self.tell(|| {
                    ServerMessage::MemberAdded {
                        channel: &key.channel,
                        member,
                    }
                    .encode()
                });
            }
            if news {
                outlet.changed(key, Change::Joined(member));
            }
        }
        self.here += 1;
        outlet.changed(key, Change::Count(self.here));
        if self.link == Link::Unwanted {
            self.link = match outlet.interest(key) {
                Joining::Done => Link::Joined,
                Joining::Awaited => Link::Awaited,
            };
        }
        let greeting = self.greeting(&key.channel);
        self.queue.push_back(Op::Join {
            socket,
            mailbox,
            greeting,
        });
        Ok(())
    }

    /// Appends the leave of a subscriber, who is `user` on a presence channel.
    pub(crate) fn leave(
        &mut self,
        key: &Key,
        socket: SocketId,
        user: Option<&UserId>,
        outlet: &impl Outlet,
    ) {
        self.here = self.here.saturating_sub(1);
        self.queue.push_back(Op::Leave(socket));
        outlet.changed(key, Change::Count(self.here));
        let (Some(roster), Some(user)) = (&mut self.roster, user) else {
            return;
        };
        let Some((turn, last_here)) = roster.leave_here(user) else {
            return;
        };
        if last_here {
            outlet.changed(key, Change::Left(user));
        }
        if turn == Turn::Edge {
            self.tell_removed(&key.channel, user);
        }
    }

    /// Merges what another node announced.
    pub(crate) fn apply(&mut self, channel: &ChannelName, remote: &Remote) {
        match (remote, &mut self.roster) {
            (Remote::Count { before, after }, _) => {
                let others = self.elsewhere.saturating_sub(u64::from(*before));
                self.elsewhere = others + u64::from(*after);
            }
            (Remote::Joined(member), Some(roster)) => {
                if roster.join_elsewhere(member) == Turn::Edge {
                    self.tell(|| ServerMessage::MemberAdded { channel, member }.encode());
                }
            }
            (Remote::Updated(member), Some(roster)) => roster.update_elsewhere(member),
            (Remote::Left(user), Some(roster)) => {
                if roster.leave_elsewhere(user) == Turn::Edge {
                    self.tell_removed(channel, user);
                }
            }
            (_, None) => {}
        }
    }

    /// The topic is joined, or the link is down and nobody else can be heard anyway.
    pub(crate) fn link_joined(&mut self) {
        if self.link == Link::Awaited {
            self.link = Link::Joined;
        }
    }

    /// Whether the topic is wanted: somebody is here, or operations wait for it to be joined.
    pub(crate) fn wants_topic(&self) -> bool {
        self.here > 0 || self.link == Link::Awaited
    }

    pub(crate) fn occupancy(&self) -> Occupancy {
        Occupancy {
            subscriptions: u64::from(self.here) + self.elsewhere,
            users: self.users(),
        }
    }

    pub(crate) fn user_ids(&self) -> Vec<UserId> {
        self.roster
            .as_ref()
            .map(|roster| roster.user_ids())
            .unwrap_or_default()
    }

    fn users(&self) -> usize {
        self.roster.as_ref().map_or(0, |roster| roster.len())
    }

    fn greeting(&self, channel: &ChannelName) -> Frame {
        match &self.roster {
            Some(roster) => ServerMessage::PresenceSucceeded {
                channel,
                members: &roster.entries(),
            }
            .encode(),
            None => ServerMessage::SubscriptionSucceeded { channel }.encode(),
        }
    }

    fn tell_removed(&mut self, channel: &ChannelName, user_id: &UserId) {
        self.tell(|| ServerMessage::MemberRemoved { channel, user_id }.encode());
    }

    /// Queues an announcement to the local subscribers; encodes only if there are any.
    fn tell(&mut self, encode: impl FnOnce() -> Frame) {
        if self.here > 0 {
            self.append(
                Send {
                    frame: encode(),
                    except: None,
                },
                Matter::Members,
            );
        }
    }
}
