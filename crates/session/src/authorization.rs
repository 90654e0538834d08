//! Does somebody vouch for the client? (protocol.md §9.5)

use foghorn_protocol::Moment;

use crate::policy::AuthorizationRule;

/// Whether the connection may stay.
#[derive(Debug)]
pub(crate) enum Authorization {
    /// It may: somebody vouches for it, or nobody has to.
    Settled,
    /// Until this time it may.
    Awaited(Moment),
}

impl Authorization {
    pub(crate) fn new(rule: AuthorizationRule, now: Moment) -> Self {
        match rule {
            AuthorizationRule::NotRequired => Self::Settled,
            AuthorizationRule::Within(time) => Self::Awaited(now.after(time)),
        }
    }

    /// When to look again, if ever.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Settled => None,
            Self::Awaited(until) => Some(*until),
        }
    }

    pub(crate) fn is_over(&self, now: Moment) -> bool {
        self.deadline().is_some_and(|until| now >= until)
    }
}
