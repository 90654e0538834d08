//! When a session's silence calls for something (fallback-transports.md §3.1, §3.2, §5). Pure: what
//! time it is comes as an argument.

use std::time::Duration;

use foghorn_protocol::Moment;

/// Heartbeats without an answer after which a stream is given up.
const UNANSWERED: u8 = 2;

/// How long a client may take to read a response that is full: a slow network, or a proxy that lets
/// nothing through for a while. 2 KiB a second are enough for ASCII.
pub(super) const READING: Duration = Duration::from_secs(120);

/// How long a client that has read a whole response may take to ask for the next. One that does not
/// ask has no limit to what it reads, and gets the rest in the same response.
const TURNING: Duration = Duration::from_secs(5);

/// How long what may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// The silence of a stream, and the waiting of a poll.
    pub(crate) heartbeat: Duration,
    /// A session without a request that receives.
    pub(crate) session_timeout: Duration,
}

/// What receives for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    /// Nothing.
    Nothing,
    /// A poll that waits for something to say.
    Poll,
    /// A stream.
    Stream,
    /// A stream whose response is as long as clients take it.
    Full,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// A heartbeat.
    Beat,
    /// Going on in a response that is full.
    GoOn,
    /// Giving up a stream that nobody reads.
    Dead,
    /// Giving up a session that nobody comes for.
    Over,
}

/// What a client's empty message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// The answer to a heartbeat.
    Answer,
    /// A question whether anybody is there.
    Question,
}

/// The heartbeats of one session.
#[derive(Debug)]
pub(super) struct Pulse {
    timing: Timing,
    receiving: Receiving,
    /// Since it receives so, or since the stream has been silent.
    since: Moment,
    /// Heartbeats of this response that are yet to be answered. Each is answered once.
    asked: u8,
    /// The same of the responses before it, whose answers may still be on their way.
    asked_before: u8,
}

impl Pulse {
    /// A session for which nothing receives yet.
    pub(super) fn new(timing: Timing, now: Moment) -> Self {
        Self {
            timing,
            receiving: Receiving::Nothing,
            since: now,
            asked: 0,
            asked_before: 0,
        }
    }

    /// What receives, as far as is known.
    pub(super) fn receiving(&self) -> Receiving {
        self.receiving
    }

    /// What receives now. A response that is full ends with a heartbeat.
    pub(super) fn receives(&mut self, receiving: Receiving, now: Moment) {
        if self.receiving != receiving {
            self.receiving = receiving;
            self.since = now;
            if receiving == Receiving::Full {
                self.asked = self.asked.saturating_add(1);
            }
        }
    }

    /// Another request receives.
    pub(super) fn begins_anew(&mut self, now: Moment) {
        self.since = now;
        self.asked_before = self.asked_before.saturating_add(self.asked);
        self.asked = 0;
    }

    /// A stream was last written to then.
    pub(super) fn spoke(&mut self, at: Moment) {
        if self.receiving == Receiving::Stream {
            self.since = self.since.max(at);
        }
    }

    /// What it was time for has to wait, as long again.
    pub(super) fn wait(&mut self, now: Moment) {
        self.since = now;
    }

    /// The client was sent a heartbeat. Those who poll do not answer it but poll again.
    pub(super) fn asked(&mut self, now: Moment) {
        self.since = now;
        if self.receiving == Receiving::Stream {
            self.asked = self.asked.saturating_add(1);
            // What has not been answered in all that time will not be any more.
            self.asked_before = 0;
        }
    }

    /// The client has sent an empty message. Answers are taken to be those of the oldest
    /// heartbeats, so that none is taken for word of something that was not read, unless it was on
    /// its way for longer than a heartbeat.
    pub(super) fn on_empty(&mut self, now: Moment) -> Empty {
        if self.asked_before > 0 {
            self.asked_before -= 1;
            return Empty::Answer;
        }
        if self.asked == 0 {
            return Empty::Question;
        }
        self.asked -= 1;
        if self.has_read() {
            self.since = now;
        }
        Empty::Answer
    }

    /// Whether the client has read all of a response that is full.
    fn has_read(&self) -> bool {
        self.receiving == Receiving::Full && self.asked == 0
    }

    /// When to look again.
    pub(super) fn deadline(&self) -> Moment {
        self.since.after(match self.receiving {
            Receiving::Nothing => self.timing.session_timeout,
            Receiving::Poll | Receiving::Stream => self.timing.heartbeat,
            Receiving::Full if self.has_read() => TURNING,
            Receiving::Full => READING,
        })
    }

    /// What it is time for.
    pub(super) fn check(&self, now: Moment) -> Due {
        if now < self.deadline() {
            return Due::Nothing;
        }
        match self.receiving {
            Receiving::Nothing => Due::Over,
            Receiving::Poll => Due::Beat,
            Receiving::Stream if self.asked < UNANSWERED => Due::Beat,
            Receiving::Full if self.has_read() => Due::GoOn,
            Receiving::Stream | Receiving::Full => Due::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    fn pulse(receiving: Receiving) -> Pulse {
        let timing = Timing {
            heartbeat: Duration::from_secs(25),
            session_timeout: Duration::from_secs(10),
        };
        let mut pulse = Pulse::new(timing, at(0));
        pulse.receives(receiving, at(0));
        pulse
    }

    #[test]
    fn each_kind_of_silence_has_its_end() {
        for (receiving, seconds, due) in [
            (Receiving::Nothing, 10, Due::Over),
            (Receiving::Poll, 25, Due::Beat),
            (Receiving::Stream, 25, Due::Beat),
            (Receiving::Full, 120, Due::Dead),
        ] {
            let pulse = pulse(receiving);
            assert_eq!(pulse.deadline(), at(seconds));
            assert_eq!(pulse.check(at(seconds - 1)), Due::Nothing);
            assert_eq!(pulse.check(at(seconds)), due, "{receiving:?}");
        }
    }

    #[test]
    fn a_stream_that_answers_lives() {
        let mut pulse = pulse(Receiving::Stream);
        for beat in 1..10 {
            let now = at(beat * 25);
            assert_eq!(pulse.check(now), Due::Beat);
            pulse.asked(now);
            assert_eq!(pulse.on_empty(now), Empty::Answer);
            assert_eq!(pulse.on_empty(now), Empty::Question);
        }
    }

    #[test]
    fn a_stream_that_answers_nothing_is_dead_after_two_heartbeats() {
        let mut pulse = pulse(Receiving::Stream);
        for beat in [25, 50] {
            assert_eq!(pulse.check(at(beat)), Due::Beat);
            pulse.asked(at(beat));
        }
        assert_eq!(pulse.check(at(74)), Due::Nothing);
        assert_eq!(pulse.check(at(75)), Due::Dead);
    }

    #[test]
    fn a_full_response_waits_for_its_reader_and_then_a_moment_for_the_next_request() {
        let mut pulse = pulse(Receiving::Full);
        assert_eq!(pulse.check(at(40)), Due::Nothing);
        assert_eq!(pulse.on_empty(at(40)), Empty::Answer);
        assert_eq!(pulse.deadline(), at(45));
        assert_eq!(pulse.check(at(45)), Due::GoOn);
    }

    #[test]
    fn what_the_old_stream_was_asked_is_not_held_against_the_new_one() {
        let mut pulse = pulse(Receiving::Stream);
        pulse.asked(at(25));
        pulse.asked(at(50));
        pulse.begins_anew(at(51));
        assert_eq!(pulse.check(at(76)), Due::Beat);
        pulse.asked(at(76));
        assert_eq!(pulse.on_empty(at(77)), Empty::Answer);
        assert_eq!(
            pulse.on_empty(at(77)),
            Empty::Question,
            "the old ones are forgotten"
        );
    }

    #[test]
    fn only_the_last_answer_is_word_of_the_end_of_a_full_response() {
        // A heartbeat of silence, and the response becomes full before it is answered.
        let mut pulse = pulse(Receiving::Stream);
        pulse.asked(at(25));
        pulse.receives(Receiving::Full, at(26));
        assert_eq!(pulse.on_empty(at(27)), Empty::Answer);
        assert_eq!(
            pulse.check(at(60)),
            Due::Nothing,
            "that was the other one's"
        );
        assert_eq!(pulse.on_empty(at(61)), Empty::Answer);
        assert_eq!(pulse.check(at(66)), Due::GoOn);
    }

    #[test]
    fn an_answer_that_comes_after_the_next_request_is_not_the_next_ones() {
        for gone in [false, true] {
            let mut pulse = pulse(Receiving::Full);
            if gone {
                pulse.receives(Receiving::Nothing, at(2));
            }
            pulse.begins_anew(at(3));
            pulse.receives(Receiving::Stream, at(3));
            pulse.receives(Receiving::Full, at(4));
            assert_eq!(pulse.on_empty(at(5)), Empty::Answer);
            assert_eq!(pulse.check(at(53)), Due::Nothing, "nobody has read it");
            assert_eq!(pulse.on_empty(at(53)), Empty::Answer);
            assert_eq!(pulse.check(at(58)), Due::GoOn);
        }
    }
}
