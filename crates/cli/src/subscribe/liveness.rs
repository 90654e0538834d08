//! Whether the server is still there (protocol.md §4.1).

use std::time::Duration;

use foghorn_protocol::Moment;

/// How long an answer may take: to the greeting, or to a ping.
const PATIENCE: Duration = Duration::from_secs(30);

/// Without a word from the server for longer, it is asked, whatever it says itself.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

/// Watches for silence.
#[derive(Debug)]
pub(super) struct Liveness {
    /// How long silence means nothing.
    silence: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Something arrived at this time.
    Heard(Moment),
    /// Something has to arrive until then.
    Waiting { until: Moment },
}

/// What to do when the deadline has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing: the deadline has moved.
    Nothing,
    /// Ask whether the server is there.
    Ping,
    /// It is not.
    Dead,
}

impl Liveness {
    /// A connection that waits for its greeting.
    pub(super) fn new(now: Moment) -> Self {
        Self {
            silence: LONGEST_SILENCE,
            state: State::Waiting {
                until: now.after(PATIENCE),
            },
        }
    }

    /// The server has said for how long it may be silent.
    pub(super) fn agree(&mut self, activity_timeout: Duration) {
        self.silence = activity_timeout.clamp(Duration::from_secs(1), LONGEST_SILENCE);
    }

    /// Anything arrived.
    pub(super) fn heard(&mut self, now: Moment) {
        self.state = State::Heard(now);
    }

    /// When to look again.
    pub(super) fn deadline(&self) -> Moment {
        match self.state {
            State::Heard(at) => at.after(self.silence),
            State::Waiting { until } => until,
        }
    }

    /// What there is to do now.
    pub(super) fn due(&mut self, now: Moment) -> Due {
        if now < self.deadline() {
            return Due::Nothing;
        }
        match self.state {
            State::Heard(_) => {
                self.state = State::Waiting {
                    until: now.after(PATIENCE),
                };
                Due::Ping
            }
            State::Waiting { .. } => Due::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    #[test]
    fn silence_is_asked_about_and_then_the_end() {
        let mut liveness = Liveness::new(at(0));
        liveness.heard(at(1));
        liveness.agree(Duration::from_secs(10));
        assert_eq!(liveness.deadline(), at(11));
        assert_eq!(liveness.due(at(10)), Due::Nothing);
        assert_eq!(liveness.due(at(11)), Due::Ping);
        assert_eq!(liveness.deadline(), at(41));
        assert_eq!(liveness.due(at(40)), Due::Nothing);
        liveness.heard(at(40));
        assert_eq!(liveness.due(at(41)), Due::Nothing);
        assert_eq!(liveness.due(at(50)), Due::Ping);
        assert_eq!(liveness.due(at(80)), Due::Dead);
    }

    #[test]
    fn a_server_that_does_not_greet_is_dead() {
        let mut liveness = Liveness::new(at(5));
        assert_eq!(liveness.due(at(34)), Due::Nothing);
        assert_eq!(liveness.due(at(35)), Due::Dead);
    }

    #[test]
    fn no_server_may_be_silent_for_ever() {
        for (agreed, expect) in [(0, 1), (10, 10), (86_400, 120)] {
            let mut liveness = Liveness::new(at(0));
            liveness.heard(at(0));
            liveness.agree(Duration::from_secs(agreed));
            assert_eq!(liveness.deadline(), at(expect));
        }
    }
}
