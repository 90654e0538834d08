//! The rows of one node, and what changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_protocol::{ChannelName, Member, UserId};

use crate::{AppId, Fact, NodeId};

/// A change of one node's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Whose row.
    pub node: NodeId,
    /// The app.
    pub app: AppId,
    /// The channel.
    pub channel: ChannelName,
    /// What is different.
    pub change: Change,
}

/// What is different about one node and one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The number of the node's subscriptions; never equal.
    Count {
        /// Until now.
        before: u32,
        /// From now on.
        after: u32,
    },
    /// The user has connections there now.
    Joined(Member),
    /// The user has connections there still, and another `user_info`.
    Updated(Member),
    /// The user has no connections there any more.
    Left(UserId),
}

/// What one node holds: a count per occupied channel, a member per channel and user.
#[derive(Debug)]
pub(crate) struct Rows {
    node: NodeId,
    counts: BTreeMap<(AppId, ChannelName), u32>,
    members: BTreeMap<(AppId, ChannelName, UserId), Option<Arc<str>>>,
}

impl Rows {
    pub(crate) fn new(node: NodeId) -> Self {
        Self {
            node,
            counts: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Lets `fact` replace its row. `None`: it was like that already.
    pub(crate) fn apply(&mut self, fact: Fact) -> Option<RowChange> {
        match fact {
            Fact::Occupied {
                app,
                channel,
                count: after,
            } => {
                let key = (app.clone(), channel.clone());
                let before = match after {
                    0 => self.counts.remove(&key),
                    _ => self.counts.insert(key, after),
                };
                let before = before.unwrap_or(0);
                let change = Change::Count { before, after };
                (before != after).then(|| self.change(app, channel, change))
            }
            Fact::Joined {
                app,
                channel,
                member,
            } => {
                let key = (app.clone(), channel.clone(), member.user_id.clone());
                let change = match self.members.insert(key, member.user_info.clone()) {
                    Some(before) if before == member.user_info => return None,
                    Some(_) => Change::Updated(member),
                    None => Change::Joined(member),
                };
                Some(self.change(app, channel, change))
            }
            Fact::Left {
                app,
                channel,
                user_id,
            } => {
                let key = (app, channel, user_id);
                self.members.remove(&key)?;
                let (app, channel, user_id) = key;
                Some(self.change(app, channel, Change::Left(user_id)))
            }
        }
    }

    fn change(&self, app: AppId, channel: ChannelName, change: Change) -> RowChange {
        RowChange {
            node: self.node,
            app,
            channel,
            change,
        }
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
        let counts = self.counts.keys();
        let vacated = counts.filter(|key| !target.counts.contains_key(*key));
        let vacated = vacated.cloned().map(|(app, channel)| Fact::Occupied {
            app,
            channel,
            count: 0,
        });
        let members = self.members.keys();
        let left = members.filter(|key| !target.members.contains_key(*key));
        let left = left.cloned().map(|(app, channel, user_id)| Fact::Left {
            app,
            channel,
            user_id,
        });
        vacated.chain(left).collect()
    }

    /// One fact per row, in the order of the rows' names.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let occupied = self
            .counts
            .iter()
            .map(|((app, channel), count)| Fact::Occupied {
                app: app.clone(),
                channel: channel.clone(),
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
        occupied.chain(joined).collect()
    }
}
