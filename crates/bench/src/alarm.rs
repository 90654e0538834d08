//! A timer with a resolution of nanoseconds; a wait of the system's `epoll` has milliseconds.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::clock::SECOND;

/// Wakes a poll.
pub(crate) struct Alarm {
    timer: OwnedFd,
    /// In nanoseconds.
    set: u64,
}

impl Alarm {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer, set: 0 })
    }

    /// Rings at `time` nanoseconds in place of what was set before. It need not be read when it
    /// has rung: `epoll` reports an edge, and setting it again makes a new one.
    pub(crate) fn set(&mut self, time: u64) -> io::Result<()> {
        if self.set == time {
            return Ok(());
        }
        self.set = time;
        let spec = |nanos: u64| Timespec {
            tv_sec: (nanos / SECOND) as i64,
            tv_nsec: (nanos % SECOND) as i64,
        };
        let once = Itimerspec {
            it_interval: spec(0),
            // A time of zero would switch it off.
            it_value: spec(time.max(1)),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }
}
