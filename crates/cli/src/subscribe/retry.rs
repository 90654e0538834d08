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

    /// A connection was established, so what was before does not matter any more.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after this end. Being sent away at once again and again is no reason to
    /// go round as fast as possible.
    pub(super) fn wait(&mut self, advice: Advice) -> Duration {
        let failures = self.failures;
        self.failures += 1;
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
    fn waits_grow_to_a_limit_and_start_again() {
        let mut retry = Retry::default();
        let waits = |retry: &mut Retry, advice, times: usize| -> Vec<u64> {
            (0..times).map(|_| retry.wait(advice).as_secs()).collect()
        };
        assert_eq!(
            waits(&mut retry, Advice::BackOff, 7),
            [1, 2, 4, 8, 16, 30, 30]
        );
        retry.reset();
        assert_eq!(waits(&mut retry, Advice::AtOnce, 3), [0, 2, 4]);
        retry.failures = 1_000;
        assert_eq!(retry.wait(Advice::BackOff), Retry::LONGEST);
    }
}
