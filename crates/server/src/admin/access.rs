//! Who may use the admin API.

use foghorn_config::BearerToken;
use subtle::ConstantTimeEq as _;

use super::refusal::Refusal;
use crate::http1::Head;

/// Whom the admin API answers.
pub(super) struct Access {
    /// Nobody without one.
    token: BearerToken,
}

impl Access {
    /// Who has `token`.
    pub(super) fn new(token: &BearerToken) -> Self {
        Self {
            token: token.clone(),
        }
    }

    /// Whether a request may go on.
    pub(super) fn check(&self, head: &Head<'_, '_>) -> Result<(), Refusal> {
        let token = self.token.expose().ok_or(Refusal::Off)?;
        let given = head
            .value("authorization")
            .and_then(bearer)
            .ok_or(Refusal::NoToken)?;
        // How long it takes says nothing of how much of a guess is right.
        match bool::from(given.ct_eq(token.as_bytes())) {
            true => Ok(()),
            false => Err(Refusal::WrongToken),
        }
    }
}

/// The token of an `Authorization` header (RFC 6750 §2.1); the scheme's case does not matter
/// (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(6)?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    scheme.eq_ignore_ascii_case(b"bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_what_follows_the_scheme() {
        for (value, expect) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Bearer ", Some("")),
            ("Bearer", None),
            ("Bearerabc", None),
            ("Basic abc", None),
            ("Basics abc", None),
            ("", None),
        ] {
            let found = bearer(value.as_bytes());
            assert_eq!(found, expect.map(str::as_bytes), "{value:?}");
        }
    }
}
