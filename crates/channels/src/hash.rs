//! Hashing with a seed that is an argument: channel names come from strangers.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// The seed of every hash map of this crate: random in production, fixed where runs must repeat.
#[derive(Clone, Copy, Debug)]
pub struct HashSeed {
    keys: (u64, u64),
}

impl HashSeed {
    /// A seed of 128 bits.
    #[must_use]
    pub fn new(first: u64, second: u64) -> Self {
        Self {
            keys: (first, second),
        }
    }
}

impl BuildHasher for HashSeed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.keys.0, self.keys.1)
    }
}
