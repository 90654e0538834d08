//! Subscribing and unsubscribing (protocol.md §6 and §7).

use foghorn_auth::{ChannelProof, Coverage, verify_channel};
use foghorn_protocol::{ChannelName, InvalidMember, InvalidUserId, Member, Recipient};

use crate::host::{Host, SubscribeRefused};
use crate::refusal::{Refusal, echo, tell_error, tell_existing, tell_none};
use crate::session::Session;
use crate::sign_in::SignedIn;

/// What a client says when it subscribes, beside the channel.
pub(crate) struct Papers<'a> {
    pub(crate) auth: Option<&'a str>,
    pub(crate) channel_data: Option<&'a str>,
}

impl Session {
    pub(crate) fn subscribe(&mut self, name: &str, papers: &Papers<'_>, host: &mut dyn Host) {
        if let Some(id) = Recipient::user_part(name) {
            return self.subscribe_user(id, host);
        }
        let limit = self.policy().limits.max_channel_name_length;
        let channel = match ChannelName::parse(name, limit) {
            Ok(channel) => channel,
            Err(invalid) => {
                let message = format!("Cannot subscribe to '{}': {invalid}", echo(name));
                return tell_error(host, None, &message);
            }
        };
        if self.subscriptions.contains_key(&channel) {
            return tell_existing(host, channel.as_str());
        }
        let limit = self.policy().limits.max_channels_per_connection;
        if self.subscriptions.len() >= limit {
            let message = format!(
                "Cannot subscribe to {channel}: the connection has {count} subscriptions, the \
                 limit is {limit}",
                count = self.subscriptions.len()
            );
            return tell_error(host, None, &message);
        }
        let member = match self.check_papers(&channel, papers) {
            Ok(member) => member,
            Err(refusal) => {
                return refusal.tell(&channel, self.policy().subscription_errors, host);
            }
        };
        let authenticated = channel.kind().is_authenticated();
        if authenticated && let Err(close) = self.vouch(host) {
            return self.close(close, host);
        }
        let user = member.as_ref().map(|member| member.user_id.clone());
        match host.subscribe(&channel, member) {
            Ok(()) => {
                if authenticated {
                    self.settle();
                }
                self.subscriptions.insert(channel, user);
            }
            Err(refused) => {
                let refusal = no_room(&channel, refused);
                refusal.tell(&channel, self.policy().subscription_errors, host);
            }
        }
    }

    pub(crate) fn unsubscribe(&mut self, name: &str, host: &mut dyn Host) {
        if let Some(id) = Recipient::user_part(name) {
            return self.unsubscribe_user(id, host);
        }
        let limit = self.policy().limits.max_channel_name_length;
        let known = ChannelName::parse(name, limit).ok();
        match known.and_then(|channel| self.subscriptions.remove_entry(&channel)) {
            Some((channel, user)) => host.unsubscribe(&channel, user.as_ref()),
            None => tell_none(host, echo(name)),
        }
    }

    /// Checks the signature and what it covers; the member, on a presence channel.
    fn check_papers(
        &self,
        channel: &ChannelName,
        papers: &Papers<'_>,
    ) -> Result<Option<Member>, Refusal> {
        let kind = channel.kind();
        if !kind.is_authenticated() {
            return Ok(None);
        }
        let auth = papers.auth.ok_or_else(|| {
            Refusal::auth(format!("Auth info required to subscribe to {channel}"))
        })?;
        let nobody = || {
            let what = "channel_data with a user_id, or a sign-in,";
            Refusal::auth(format!("{what} is required to subscribe to {channel}"))
        };
        if kind.is_presence() && papers.channel_data.is_none() && self.user.is_none() {
            return Err(nobody());
        }
        let proof = ChannelProof {
            socket_id: &self.socket(),
            channel: channel.as_str(),
            auth,
            channel_data: papers.channel_data,
            // Some back ends sign what they pass along on private channels, some do not.
            coverage: if kind.is_presence() {
                Coverage::Exactly
            } else {
                Coverage::DataOptional
            },
        };
        verify_channel(&self.policy().keys, &proof).map_err(|e| Refusal::auth(e.to_string()))?;
        match (papers.channel_data, &self.user) {
            _ if !kind.is_presence() => Ok(None),
            (Some(data), _) => self.member(channel, data).map(Some),
            (None, Some(user)) => self.signed_in_member(channel, user).map(Some),
            (None, None) => Err(nobody()),
        }
    }

    /// The member that a signed-in user is where the papers name none (protocol.md §7.1).
    fn signed_in_member(&self, channel: &ChannelName, user: &SignedIn) -> Result<Member, Refusal> {
        let limit = self.policy().limits.max_presence_member_bytes;
        let length = user.user_info.as_deref().map_or(0, str::len);
        if length > limit {
            let message = format!(
                "Cannot subscribe to {channel}: user_info of the sign-in is {length} bytes long, \
                 the limit is {limit}"
            );
            return Err(Refusal::too_large(message));
        }
        Ok(Member {
            user_id: user.id.clone(),
            user_info: user.user_info.clone(),
        })
    }

    fn member(&self, channel: &ChannelName, channel_data: &str) -> Result<Member, Refusal> {
        Member::parse(channel_data, &self.policy().limits).map_err(|invalid| {
            let message = format!("Cannot subscribe to {channel}: {invalid}");
            match invalid {
                InvalidMember::TooLarge { .. }
                | InvalidMember::UserId(InvalidUserId::TooLong { .. }) => {
                    Refusal::too_large(message)
                }
                _ => Refusal::auth(message),
            }
        })
    }
}

/// How a channel says that it does not take a subscriber.
fn no_room(channel: &ChannelName, refused: SubscribeRefused) -> Refusal {
    Refusal::no_room(match refused {
        SubscribeRefused::Full { members, limit } => {
            format!("Presence channel {channel} is full ({members} members, the limit is {limit})")
        }
        SubscribeRefused::Busy => format!("Channel {channel} is over capacity, try again later"),
    })
}
