//! Coming and going.

use foghorn_protocol::{ChannelName, Close, Frame, ServerMessage, SocketId, UserId};

use super::arrival::Greeting;
use super::{Link, Outlet, State};
use crate::announce::{Change, Joining, News};
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
        let (mut announced, mut added) = (None, None);
        if let (Some(roster), Some(member), Some(channel)) =
            (&mut self.roster, &member, key.channel())
        {
            let JoinedHere { turn, news } = roster.join_here(member, max_members)?;
            if turn == Turn::Edge {
                self.tell(|| ServerMessage::MemberAdded { channel, member }.encode());
                added = Some(&member.user_id);
            }
            if news {
                announced = Some(member);
            }
        }
        self.here += 1;
        outlet.changed(key, Change::Count(self.here));
        if let Some(member) = announced {
            outlet.changed(key, Change::Joined(member));
        }
        if self.subscriptions() == 1 {
            outlet.happened(key, News::Occupied);
        }
        if let Some(user) = added {
            outlet.happened(key, News::Added(user));
        }
        if self.link == Link::Unwanted {
            self.link = match outlet.interest(key) {
                Joining::Done => Link::Joined,
                Joining::Awaited => Link::Awaited,
            };
        }
        let greeting = Greeting {
            ack: self.acknowledgement(key).or(greeting),
            cached: self.cached_part(key, now, outlet),
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

    /// Says again who is there.
    pub(crate) fn tell_again(&self, key: &Key, outlet: &impl Outlet) {
        if self.subscriptions() > 0 {
            outlet.happened(key, News::Occupied);
        }
        for member in self.members() {
            outlet.happened(key, News::Added(&member.user_id));
        }
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
        if let (Some(roster), Some(user), Some(channel)) = (&mut self.roster, user, key.channel())
            && let Some((turn, last_here)) = roster.leave_here(user)
        {
            if last_here {
                outlet.changed(key, Change::Left(user));
            }
            if turn == Turn::Edge {
                self.tell_removed(channel, user);
                outlet.happened(key, News::Removed(user));
            }
        }
        outlet.changed(key, Change::Count(self.here));
        if self.subscriptions() == 0 {
            outlet.happened(key, News::Vacated);
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
                match (was_anybody, self.subscriptions() > 0) {
                    (false, true) => outlet.happened(key, News::Occupied),
                    (true, false) => outlet.happened(key, News::Vacated),
                    _ => {}
                }
                self.recount(key, outlet);
            }
            members => {
                if let Some(channel) = key.channel() {
                    self.apply_member(key, channel, members, outlet);
                }
            }
        }
    }

    fn apply_member(
        &mut self,
        key: &Key,
        channel: &ChannelName,
        remote: &Remote,
        outlet: &impl Outlet,
    ) {
        let Some(roster) = &mut self.roster else {
            return;
        };
        match remote {
            Remote::Count { .. } => {}
            Remote::Joined(member) => {
                if roster.join_elsewhere(member) == Turn::Edge {
                    self.tell(|| ServerMessage::MemberAdded { channel, member }.encode());
                    outlet.happened(key, News::Added(&member.user_id));
                }
            }
            Remote::Updated(member) => roster.update_elsewhere(member),
            Remote::Left(user) => {
                if roster.leave_elsewhere(user) == Turn::Edge {
                    self.tell_removed(channel, user);
                    outlet.happened(key, News::Removed(user));
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
