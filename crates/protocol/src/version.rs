//! Protocol numbers.

/// A protocol number that this server speaks: 4 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtocolVersion(u8);

/// The client asked for a protocol that is not spoken here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unsupported protocol version {0:?}; this server speaks 4, 5, 6 and 7")]
pub struct InvalidProtocolVersion(pub String);

impl ProtocolVersion {
    /// What a client that names no protocol is taken to speak.
    pub const LATEST: Self = Self(7);

    /// Reads the `protocol` query parameter.
    ///
    /// # Errors
    /// Anything but `4`, `5`, `6` or `7`; the text is cut to 20 characters for the message.
    pub fn parse(text: &str) -> Result<Self, InvalidProtocolVersion> {
        match text {
            "4" => Ok(Self(4)),
            "5" => Ok(Self(5)),
            "6" => Ok(Self(6)),
            "7" => Ok(Self(7)),
            other => Err(InvalidProtocolVersion(other.chars().take(20).collect())),
        }
    }

    /// Up to protocol 5 a `pusher:error` event precedes each close; the .NET client, which ignores
    /// close codes, learns the reason only from it.
    #[must_use]
    pub fn wants_error_before_close(self) -> bool {
        self.0 <= 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_to_seven_only() {
        for good in ["4", "5", "6", "7"] {
            assert!(ProtocolVersion::parse(good).is_ok());
        }
        for bad in ["", "0", "3", "8", "07", "7.0", "seven", "-7", "77"] {
            assert!(ProtocolVersion::parse(bad).is_err(), "{bad}");
        }
        assert!(
            ProtocolVersion::parse("5")
                .unwrap()
                .wants_error_before_close()
        );
        assert!(
            !ProtocolVersion::parse("6")
                .unwrap()
                .wants_error_before_close()
        );
    }
}
