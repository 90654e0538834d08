//! The rows of one node, and what changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_protocol::{ChannelName, Member, Recipient, UserId};

use crate::{AppId, Fact, NodeId};

/// A change of one node's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Whose row.
    pub node: NodeId,
    /// The app.
    pub app: AppId,
    /// What is different.
    pub change: Change,
}

/// What is different about one node and one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The number of the node's connections; never equal.
    Connected {
        /// Until now.
        before: u32,
        /// From now on.
        after: u32,
    },
    /// The number of the node's connections on a channel, or of a user; never equal.
    Count {
        /// The channel or the user.
        recipient: Recipient,
        /// Until now.
        before: u32,
        /// From now on.
        after: u32,
    },
    /// The user has connections there now, on this channel.
    Joined(ChannelName, Member),
    /// The user has connections there still, and another `user_info`.
    Updated(ChannelName, Member),
    /// The user has no connections there any more.
    Left(ChannelName, UserId),
}

/// What one node holds: a count per app and per occupied channel, a member per channel and user.
#[derive(Debug)]
pub(crate) struct Rows {
    node: NodeId,
    connected: BTreeMap<AppId, u32>,
    counts: BTreeMap<(AppId, Recipient), u32>,
    members: BTreeMap<(AppId, ChannelName, UserId), Option<Arc<str>>>,
}

impl Rows {
    pub(crate) fn new(node: NodeId) -> Self {
        Self {
            node,
            connected: BTreeMap::new(),
            counts: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Lets `fact` replace its row. `None`: it was like that already, or it is about no row.
    pub(crate) fn apply(&mut self, fact: Fact) -> Option<RowChange> {
        let (app, change) = match fact {
            Fact::Connected { app, count } => {
                let (before, after) = replace(&mut self.connected, app.clone(), count)?;
                (app, Change::Connected { before, after })
            }
            Fact::Occupied {
                app,
                recipient,
                count,
            } => {
                let key = (app, recipient);
                let (before, after) = replace(&mut self.counts, key.clone(), count)?;
                let (app, recipient) = key;
                let change = Change::Count {
                    recipient,
                    before,
                    after,
                };
                (app, change)
            }
            Fact::Joined {
                app,
                channel,
                member,
            } => {
                let key = (app.clone(), channel.clone(), member.user_id.clone());
                let change = match self.members.insert(key, member.user_info.clone()) {
                    Some(before) if before == member.user_info => return None,
                    Some(_) => Change::Updated(channel, member),
                    None => Change::Joined(channel, member),
                };
                (app, change)
            }
            Fact::Left {
                app,
                channel,
                user_id,
            } => {
                let key = (app, channel, user_id);
                self.members.remove(&key)?;
                let (app, channel, user_id) = key;
                (app, Change::Left(channel, user_id))
            }
            Fact::Cached(_) => return None,
        };
        Some(RowChange {
            node: self.node,
            app,
            change,
        })
    }

    /// Makes the rows those that `facts` state; yields only the differences, losses first.
    pub(crate) fn replace(&mut self, facts: Vec<Fact>) -> Vec<RowChange> {
        let mut target = Self::new(self.node);
        for fact in facts {
            target.apply(fact);
        }
        let lost = self.withdrawals(&target);
        lost.into_iter()
            .chain(target.facts())
            .filter_map(|fact| self.apply(fact))
            .collect()
    }

    /// The facts that withdraw the rows which `target` lacks.
    fn withdrawals(&self, target: &Self) -> Vec<Fact> {
        let connected = self.connected.keys();
        let gone = connected.filter(|app| !target.connected.contains_key(*app));
        let gone = gone.cloned().map(|app| Fact::Connected { app, count: 0 });
        let counts = self.counts.keys();
        let vacated = counts.filter(|key| !target.counts.contains_key(*key));
        let vacated = vacated.cloned().map(|(app, recipient)| Fact::Occupied {
            app,
            recipient,
            count: 0,
        });
        let members = self.members.keys();
        let left = members.filter(|key| !target.members.contains_key(*key));
        let left = left.cloned().map(|(app, channel, user_id)| Fact::Left {
            app,
            channel,
            user_id,
        });
        gone.chain(vacated).chain(left).collect()
    }

    /// One fact per row, in the order of the rows' names.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let connected = self.connected.iter().map(|(app, count)| Fact::Connected {
            app: app.clone(),
            count: *count,
        });
        let occupied = self
            .counts
            .iter()
            .map(|((app, recipient), count)| Fact::Occupied {
                app: app.clone(),
                recipient: recipient.clone(),
                count: *count,
            });
        let joined = self
            .members
            .iter()
            .map(|((app, channel, user_id), user_info)| Fact::Joined {
                app: app.clone(),
                channel: channel.clone(),
                member: Member {
                    user_id: user_id.clone(),
                    user_info: user_info.clone(),
                },
            });
        connected.chain(occupied).chain(joined).collect()
    }
}

/// Replaces a count, of which 0 is none: the old and the new one, if they differ.
fn replace<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K, after: u32) -> Option<(u32, u32)> {
    let before = match after {
        0 => counts.remove(&key),
        _ => counts.insert(key, after),
    };
    let before = before.unwrap_or(0);
    (before != after).then_some((before, after))
}
