//! Is the client still there? (protocol.md §4.2)

use foghorn_protocol::Moment;

use crate::policy::Timing;

/// When the client was last heard, and whether it has been asked since.
#[derive(Debug)]
pub(crate) enum Liveness {
    /// Heard from at this time.
    Heard(Moment),
    /// Silent, and asked at this time.
    Asked(Moment),
}

/// What silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing yet.
    Wait,
    /// Ask.
    Ask,
    /// It was asked and did not answer.
    Lost,
}

impl Liveness {
    /// Any frame counts: text, ping, pong.
    pub(crate) fn heard(&mut self, now: Moment) {
        *self = Self::Heard(now);
    }

    /// When to look again.
    pub(crate) fn deadline(&self, timing: &Timing) -> Moment {
        match self {
            Self::Heard(at) => at.after(timing.activity_timeout),
            Self::Asked(at) => at.after(timing.pong_timeout),
        }
    }

    pub(crate) fn check(&mut self, timing: &Timing, now: Moment) -> Verdict {
        if now < self.deadline(timing) {
            return Verdict::Wait;
        }
        match self {
            Self::Heard(_) => {
                *self = Self::Asked(now);
                Verdict::Ask
            }
            Self::Asked(_) => Verdict::Lost,
        }
    }
}
