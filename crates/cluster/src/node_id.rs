//! Node ids.

use std::fmt;
use std::str::FromStr;

/// One run of one node, written as 16 lower-case hexadecimal digits.
///
/// Every start takes a new id: sequence numbers begin at zero with it, so a restarted node must not
/// be mistaken for its predecessor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

/// The text is not 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node id is 16 lower-case hexadecimal digits")]
pub struct InvalidNodeId;

impl NodeId {
    /// Makes an id of 64 random bits.
    #[must_use]
    pub fn from_random(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits it was made of, for hashing.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

impl FromStr for NodeId {
    type Err = InvalidNodeId;

    /// Accepts exactly what `Display` writes.
    fn from_str(text: &str) -> Result<Self, InvalidNodeId> {
        let canonical =
            text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(InvalidNodeId);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidNodeId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_form_is_read() {
        for (text, expect) in [
            ("000000000000002a", Ok(NodeId(42))),
            ("ffffffffffffffff", Ok(NodeId(u64::MAX))),
            ("", Err(InvalidNodeId)),
            ("2a", Err(InvalidNodeId)),
            ("000000000000002A", Err(InvalidNodeId)),
            ("+00000000000002a", Err(InvalidNodeId)),
            ("0000000000000002a", Err(InvalidNodeId)),
            ("00000000000000ä", Err(InvalidNodeId)),
        ] {
            assert_eq!(text.parse(), expect, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(bits: u64) {
            let id = NodeId::from_random(bits);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
