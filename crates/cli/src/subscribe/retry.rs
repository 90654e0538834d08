//! What to do when a connection ends (protocol.md §12.1).

use std::time::Duration;

/// What a close code asks of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Do not come back.
    Stop,
    /// Come back later.
    BackOff,
    /// Come back now, perhaps to another node.
    AtOnce,
}

impl Advice {
    /// Reads a close code; `None` is a connection that just ended.
    pub(super) fn of(code: Option<u16>) -> Self {
        match code {
            Some(4000..=4099 | 4300..) => Self::Stop,
            Some(4200..=4299) => Self::AtOnce,
            _ => Self::BackOff,
        }
    }

    /// What a person can do about a code that says to stop.
    pub(super) fn hint(code: u16) -> Option<&'static str> {
        Some(match code {
            4000 => "the app accepts only TLS: use https:// in --url",
            4001 => "no app of this server has the key: look at --key and --url",
            4003 => "the app is switched off",
            4004 => "the app has as many connections as it may",
            4005 => "the path is not one of the server's: look at the prefix in --url",
            4009 => "the connection was closed by the application or for lack of authorisation",
            _ => return None,
        })
    }
}

/// How long to wait, longer each time: 1, 2, 4, … up to 30 seconds.
#[derive(Default)]
pub(super) struct Retry {
    failures: u32,
}

impl Retry {
    const LONGEST: Duration = Duration::from_secs(30);

    /// How long to wait after a connection that ended so and had lasted so long. Who is sent away
    /// at once, again and again, does not go round as fast as possible: only a connection that
    /// lasted makes what was before not matter any more.
    pub(super) fn wait(&mut self, advice: Advice, lasted: Duration) -> Duration {
        if lasted >= Self::LONGEST {
            self.failures = 0;
        }
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        if advice == Advice::AtOnce && failures == 0 {
            return Duration::ZERO;
        }
        let seconds = 1_u64.checked_shl(failures.min(10)).unwrap_or(u64::MAX);
        Duration::from_secs(seconds).min(Self::LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_to_do() {
        for (code, expect) in [
            (None, Advice::BackOff),
            (Some(1000), Advice::BackOff),
            (Some(1006), Advice::BackOff),
            (Some(3999), Advice::BackOff),
            (Some(4000), Advice::Stop),
            (Some(4001), Advice::Stop),
            (Some(4099), Advice::Stop),
            (Some(4100), Advice::BackOff),
            (Some(4199), Advice::BackOff),
            (Some(4200), Advice::AtOnce),
            (Some(4201), Advice::AtOnce),
            (Some(4299), Advice::AtOnce),
            (Some(4300), Advice::Stop),
        ] {
            assert_eq!(Advice::of(code), expect, "{code:?}");
        }
    }

    #[test]
    fn waits_grow_to_a_limit_and_start_again_after_a_connection_that_lasted() {
        let mut retry = Retry::default();
        let mut waits = |table: &[(Advice, u64)]| -> Vec<u64> {
            let wait = |&(advice, lasted): &(Advice, u64)| {
                retry.wait(advice, Duration::from_secs(lasted)).as_secs()
            };
            table.iter().map(wait).collect()
        };
        let lost = (Advice::BackOff, 1);
        assert_eq!(waits(&[lost; 7]), [1, 2, 4, 8, 16, 30, 30]);
        let sent_away = (Advice::AtOnce, 1);
        let after_long = (Advice::AtOnce, 30);
        assert_eq!(waits(&[after_long, sent_away, sent_away]), [0, 2, 4]);
        assert_eq!(waits(&[(Advice::BackOff, 3_600)]), [1]);
    }
}
