//! Socket ids: the public name of a connection.

use std::fmt;

/// Identifies one connection in the whole cluster, written `HIGH.LOW`.
///
/// Back ends send it to exclude a connection from an event, so it must not be cheap to guess: both
/// halves are random, 64 bits together, of at most ten digits each without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    high: u32,
    low: u32,
}

/// The text does not have the form `^\d+\.\d+$` that every SDK validates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("socket_id must be two groups of digits joined by a dot, such as 123.456")]
pub struct InvalidSocketId;

impl SocketId {
    /// The first in the order of ids.
    pub const MIN: Self = Self { high: 0, low: 0 };

    /// Makes an id of 64 random bits.
    #[must_use]
    pub fn from_random(bits: u64) -> Self {
        Self {
            high: (bits >> 32) as u32,
            low: (bits & u64::from(u32::MAX)) as u32,
        }
    }

    /// Reads an id from outside. `None` is an id of the right form that this server would never
    /// hand out (leading zeros, too many digits): it names no connection.
    ///
    /// # Errors
    /// The text is not two groups of ASCII digits joined by a dot.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidSocketId> {
        let (high, low) = text.split_once('.').ok_or(InvalidSocketId)?;
        for half in [high, low] {
            if half.is_empty() || !half.bytes().all(|b| b.is_ascii_digit()) {
                return Err(InvalidSocketId);
            }
        }
        Ok(canonical(high)
            .zip(canonical(low))
            .map(|(high, low)| Self { high, low }))
    }
}

fn canonical(half: &str) -> Option<u32> {
    let leading_zero = half.len() > 1 && half.starts_with('0');
    if leading_zero {
        None
    } else {
        half.parse().ok()
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.high, self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn form_is_checked_and_foreign_ids_name_nobody() {
        for bad in [
            "", ".", "1.", ".1", "1", "1.2.3", "a.1", "1,2", "-1.2", "١.٢", " 1.2", "1.2\n",
        ] {
            assert_eq!(SocketId::parse(bad), Err(InvalidSocketId), "{bad:?}");
        }
        for foreign in ["007.1", "99999999999.1", "1.123456789012345678901234567890"] {
            assert_eq!(SocketId::parse(foreign), Ok(None), "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(bits: u64) {
            let id = SocketId::from_random(bits);
            prop_assert_eq!(SocketId::parse(&id.to_string()), Ok(Some(id)));
        }
    }
}
