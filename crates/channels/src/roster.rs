//! Who is present on a channel, merged over all nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use foghorn_protocol::{Member, UserId};

/// Distinct users with the number of their connections here and of other nodes that have some.
#[derive(Default)]
pub(crate) struct Roster {
    users: BTreeMap<UserId, Presence>,
}

struct Presence {
    user_info: Option<Arc<str>>,
    here: u32,
    elsewhere: u32,
}

/// The channel has as many distinct users as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("full ({members} members, the limit is {limit})")]
pub struct RosterFull {
    /// Distinct users now.
    pub members: usize,
    /// Distinct users allowed.
    pub limit: usize,
}

/// Whether a step changed what the cluster sees of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The user was nowhere before, or is nowhere now.
    Edge,
    /// The user was and is somewhere.
    Inner,
}

/// The result of a local join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JoinedHere {
    /// Seen by the cluster.
    pub(crate) turn: Turn,
    /// Whether this node has something new to announce: the first connection, or newer info.
    pub(crate) news: bool,
}

impl Roster {
    /// Counts one more local connection of `member`; a newer `user_info` replaces the stored one.
    ///
    /// # Errors
    /// The user is new and there are `limit` users already. A present user is never refused.
    pub(crate) fn join_here(
        &mut self,
        member: &Member,
        limit: usize,
    ) -> Result<JoinedHere, RosterFull> {
        if let Some(present) = self.users.get_mut(&member.user_id) {
            let news = present.here == 0 || present.user_info != member.user_info;
            present.here += 1;
            present.user_info.clone_from(&member.user_info);
            return Ok(JoinedHere {
                turn: Turn::Inner,
                news,
            });
        }
        let members = self.users.len();
        if members >= limit {
            return Err(RosterFull { members, limit });
        }
        let presence = Presence {
            user_info: member.user_info.clone(),
            here: 1,
            elsewhere: 0,
        };
        self.users.insert(member.user_id.clone(), presence);
        Ok(JoinedHere {
            turn: Turn::Edge,
            news: true,
        })
    }

    /// One local connection of `user` less. `None` if there was none; otherwise what the cluster
    /// sees and whether it was this node's last.
    pub(crate) fn leave_here(&mut self, user: &UserId) -> Option<(Turn, bool)> {
        let present = self
            .users
            .get_mut(user)
            .filter(|present| present.here > 0)?;
        present.here -= 1;
        let last_here = present.here == 0;
        Some((self.forget_if_gone(user), last_here))
    }

    /// Another node has its first connection of `member`, or newer info from it.
    pub(crate) fn join_elsewhere(&mut self, member: &Member) -> Turn {
        if let Some(present) = self.users.get_mut(&member.user_id) {
            present.elsewhere += 1;
            present.user_info.clone_from(&member.user_info);
            return Turn::Inner;
        }
        let presence = Presence {
            user_info: member.user_info.clone(),
            here: 0,
            elsewhere: 1,
        };
        self.users.insert(member.user_id.clone(), presence);
        Turn::Edge
    }

    /// Another node, which has connections of the user, has newer info.
    pub(crate) fn update_elsewhere(&mut self, member: &Member) {
        if let Some(present) = self.users.get_mut(&member.user_id) {
            present.user_info.clone_from(&member.user_info);
        }
    }

    /// Another node has no connection of `user` any more.
    pub(crate) fn leave_elsewhere(&mut self, user: &UserId) -> Turn {
        let Some(present) = self
            .users
            .get_mut(user)
            .filter(|present| present.elsewhere > 0)
        else {
            return Turn::Inner;
        };
        present.elsewhere -= 1;
        self.forget_if_gone(user)
    }

    /// Distinct users.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Every user with their info, in the order of the ids.
    pub(crate) fn entries(&self) -> Vec<(&UserId, Option<&str>)> {
        self.users
            .iter()
            .map(|(id, present)| (id, present.user_info.as_deref()))
            .collect()
    }

    /// The same as members of their own.
    pub(crate) fn members(&self) -> Vec<Member> {
        let member = |(id, present): (&UserId, &Presence)| Member {
            user_id: id.clone(),
            user_info: present.user_info.clone(),
        };
        self.users.iter().map(member).collect()
    }

    fn forget_if_gone(&mut self, user: &UserId) -> Turn {
        let gone = self
            .users
            .get(user)
            .is_some_and(|p| p.here == 0 && p.elsewhere == 0);
        if gone {
            self.users.remove(user);
            Turn::Edge
        } else {
            Turn::Inner
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, info: Option<&str>) -> Member {
        Member {
            user_id: UserId::parse(id, 128).unwrap(),
            user_info: info.map(Arc::from),
        }
    }

    #[test]
    fn only_the_first_and_the_last_connection_are_edges() {
        let mut roster = Roster::default();
        let zoe = member("zoe", None);
        let edge = JoinedHere {
            turn: Turn::Edge,
            news: true,
        };
        assert_eq!(roster.join_here(&zoe, 100), Ok(edge));
        assert_eq!(
            roster.join_here(&zoe, 100),
            Ok(JoinedHere {
                turn: Turn::Inner,
                news: false
            })
        );
        assert_eq!(roster.join_elsewhere(&zoe), Turn::Inner);
        assert_eq!(roster.leave_here(&zoe.user_id), Some((Turn::Inner, false)));
        assert_eq!(roster.leave_here(&zoe.user_id), Some((Turn::Inner, true)));
        assert_eq!(roster.leave_here(&zoe.user_id), None);
        assert_eq!(roster.leave_elsewhere(&zoe.user_id), Turn::Edge);
        assert_eq!(roster.leave_elsewhere(&zoe.user_id), Turn::Inner);
        assert_eq!(roster.len(), 0);
    }

    #[test]
    fn a_full_channel_takes_present_users_only() {
        let mut roster = Roster::default();
        assert!(roster.join_here(&member("a", None), 2).is_ok());
        assert_eq!(roster.join_elsewhere(&member("b", None)), Turn::Edge);
        assert_eq!(
            roster.join_here(&member("c", None), 2),
            Err(RosterFull {
                members: 2,
                limit: 2
            })
        );
        assert!(roster.join_here(&member("b", None), 2).is_ok());
        assert!(roster.join_here(&member("a", None), 2).is_ok());
        assert_eq!(roster.len(), 2);
    }

    #[test]
    fn the_newest_info_wins() {
        let mut roster = Roster::default();
        let _ = roster.join_here(&member("a", Some(r#"{"v":1}"#)), 9);
        let newer = roster.join_here(&member("a", Some(r#"{"v":2}"#)), 9);
        assert_eq!(
            newer,
            Ok(JoinedHere {
                turn: Turn::Inner,
                news: true
            })
        );
        assert_eq!(roster.entries()[0].1, Some(r#"{"v":2}"#));
        roster.update_elsewhere(&member("a", None));
        assert_eq!(roster.entries()[0].1, None);
    }
}
