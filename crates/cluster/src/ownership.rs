//! Who of all nodes does what is to be done once.

use foghorn_protocol::ChannelName;

use crate::NodeId;

/// Chooses, for each channel, the node that speaks of it to the outside. Nodes that know of the
/// same nodes choose the same one, and when a node comes or goes only the channels change hands
/// that it gets or had (rendezvous hashing).
#[derive(Clone, Debug)]
pub struct Ownership {
    me: NodeId,
    others: Vec<NodeId>,
}

impl Ownership {
    /// Between `me` and the `others` that live.
    #[must_use]
    pub fn new(me: NodeId, others: Vec<NodeId>) -> Self {
        Self { me, others }
    }

    /// Whether a channel of an app is this node's.
    #[must_use]
    pub fn is_mine(&self, app: &str, channel: &ChannelName) -> bool {
        if self.others.is_empty() {
            return true;
        }
        let subject = digest(app.bytes().chain([0xff]).chain(channel.as_str().bytes()));
        let weight = |node: NodeId| (mix(subject ^ mix(node.bits())), node);
        let mine = weight(self.me);
        self.others.iter().all(|&other| weight(other) < mine)
    }
}

/// FNV-1a: every node has to come to the same number, so no seed may go in.
fn digest(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Spreads close numbers far apart (the finalizer of SplitMix64).
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(nodes: &[u64]) -> Vec<u64> {
        let channels = (0..1_000).map(|number| format!("private-room-{number}"));
        let channels = channels.map(|name| ChannelName::parse(&name, 200).unwrap());
        let owner = |channel: ChannelName| {
            let is_owner = |node: &&u64| {
                let others = nodes.iter().filter(|other| other != node);
                let others = others.map(|&other| NodeId::from_random(other));
                Ownership::new(NodeId::from_random(**node), others.collect())
                    .is_mine("app", &channel)
            };
            let owners: Vec<_> = nodes.iter().filter(is_owner).collect();
            assert_eq!(owners.len(), 1, "{channel} has one owner: {owners:?}");
            *owners[0]
        };
        channels.map(owner).collect()
    }

    #[test]
    fn every_channel_has_one_owner_and_every_node_its_share() {
        let owners = owners(&[1, 2, 3, u64::MAX]);
        for node in [1, 2, 3, u64::MAX] {
            let share = owners.iter().filter(|owner| **owner == node).count();
            assert!((150..350).contains(&share), "{node} has {share} of 1000");
        }
    }

    #[test]
    fn who_goes_leaves_the_channels_of_others_alone() {
        let (before, after) = (owners(&[1, 2, 3]), owners(&[1, 3]));
        for (before, after) in before.into_iter().zip(after) {
            assert!(before == 2 || before == after);
        }
    }

    #[test]
    fn who_is_alone_owns_everything() {
        assert!(owners(&[7]).iter().all(|owner| *owner == 7));
    }
}
