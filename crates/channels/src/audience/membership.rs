//! Coming and going.

use foghorn_protocol::{ChannelName, Close, Frame, ServerMessage, SocketId, UserId};

use super::arrival::Greeting;
use super::{Link, Outlet, State};
use crate::announce::{Change, Joining};
use crate::key::Key;
use crate::members::Seat;
use crate::op::{self, Matter};
use crate::request::{Hearing, QueueLimits, Remote, Send, Subscribe, SubscribeError};
use crate::roster::{JoinedHere, Turn};

impl State {
    /// Gives a newcomer its place behind what was appended last. INV-SNAPSHOT-1: the roster in its
    /// greeting is taken at the very place from which later member events follow.
    pub(crate) fn join(
        &mut self,
        key: &Key,
        subscribe: Subscribe,
        limits: QueueLimits,
        outlet: &impl Outlet,
    ) -> Result<(), SubscribeError> {
        // Watchers bring no more than one join and one leave per connection.
        let waiting = self.queue.len() + self.arrivals.len() + self.owed.len();
        if waiting >= limits.operations && key.recipient().is_some() {
            return Err(SubscribeError::Busy);
        }
        let Subscribe {
            socket,
            mailbox,
            greeting,
            member,
            max_members,
            hearing,
            now,
        } = subscribe;
        if let (Some(roster), Some(member), Some(channel)) =
            (&mut self.roster, &member, key.channel())
        {
            let JoinedHere { turn, news } = roster.join_here(member, max_members)?;
            if turn == Turn::Edge {
                self.tell(|| ServerMessage::MemberAdded { channel, member }.encode());
            }
            if news {
                outlet.changed(key, Change::Joined(member));
            }
        }
        self.here += 1;
        if self.subscriptions() == 1 {
            outlet.turned(key);
        }
        outlet.changed(key, Change::Count(self.here));
        if self.link == Link::Unwanted {
            self.link = match outlet.interest(key) {
                Joining::Done => Link::Joined,
                Joining::Awaited => Link::Awaited,
            };
        }
        let greeting = Greeting {
            ack: self.acknowledgement(key).or(greeting),
            cached: self.cached_part(key, now),
        };
        let seat = Seat {
            socket,
            mailbox,
            hearing,
        };
        self.arrive(seat, greeting);
        self.recount(key, outlet);
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
        self.depart(socket);
        outlet.changed(key, Change::Count(self.here));
        if self.subscriptions() == 0 {
            outlet.turned(key);
        }
        if let (Some(roster), Some(user), Some(channel)) = (&mut self.roster, user, key.channel())
            && let Some((turn, last_here)) = roster.leave_here(user)
        {
            if last_here {
                outlet.changed(key, Change::Left(user));
            }
            if turn == Turn::Edge {
                self.tell_removed(channel, user);
            }
        }
        self.recount(key, outlet);
    }

    /// Appends a change of what a subscriber gets, with a message that tells it so.
    pub(crate) fn hear(&mut self, socket: SocketId, hearing: Hearing, notice: Option<Frame>) {
        self.append_change(op::Change::Hear {
            socket,
            hearing,
            notice,
        });
    }

    /// Appends the end of every connection that is here.
    pub(crate) fn close(&mut self, close: Close) {
        if self.here > 0 {
            self.append_change(op::Change::Close(close));
        }
    }

    /// Merges what another node announced.
    pub(crate) fn apply(&mut self, key: &Key, remote: &Remote, outlet: &impl Outlet) {
        match remote {
            Remote::Count { before, after } => {
                let was_anybody = self.subscriptions() > 0;
                let others = self.elsewhere.saturating_sub(u64::from(*before));
                self.elsewhere = others + u64::from(*after);
                if was_anybody != (self.subscriptions() > 0) {
                    outlet.turned(key);
                }
                self.recount(key, outlet);
            }
            members => {
                if let Some(channel) = key.channel() {
                    self.apply_member(channel, members);
                }
            }
        }
    }

    fn apply_member(&mut self, channel: &ChannelName, remote: &Remote) {
        let Some(roster) = &mut self.roster else {
            return;
        };
        match remote {
            Remote::Count { .. } => {}
            Remote::Joined(member) => {
                if roster.join_elsewhere(member) == Turn::Edge {
                    self.tell(|| ServerMessage::MemberAdded { channel, member }.encode());
                }
            }
            Remote::Updated(member) => roster.update_elsewhere(member),
            Remote::Left(user) => {
                if roster.leave_elsewhere(user) == Turn::Edge {
                    self.tell_removed(channel, user);
                }
            }
        }
    }

    /// A sign-in and a watch are acknowledged by whoever asks for them.
    fn acknowledgement(&self, key: &Key) -> Option<Frame> {
        let channel = key.channel()?;
        Some(match &self.roster {
            Some(roster) => {
                let members = &roster.entries();
                ServerMessage::PresenceSucceeded { channel, members }.encode()
            }
            None => {
                let channel = channel.as_str();
                ServerMessage::SubscriptionSucceeded { channel }.encode()
            }
        })
    }

    fn tell_removed(&mut self, channel: &ChannelName, user_id: &UserId) {
        self.tell(|| ServerMessage::MemberRemoved { channel, user_id }.encode());
    }

    /// Queues an announcement to the local subscribers; encodes only if there are any.
    fn tell(&mut self, encode: impl FnOnce() -> Frame) {
        if self.here > 0 {
            self.append_send(
                Send {
                    frame: encode(),
                    except: None,
                },
                Matter::Members,
            );
        }
    }
}
