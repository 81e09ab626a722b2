//! `CLOCK_MONOTONIC` and one timerfd with absolute deadlines.
//!
//! The runtime's own timers count whole milliseconds; the skew between neighbouring priorities
//! can be shorter than that. A timerfd is armed with the deadline itself, in nanoseconds, so
//! nothing is lost between computing a deadline and sleeping until it. Suspended time doesn't
//! count, and steps of the wall clock don't show.
//!
//! A takeover comes after seconds of sleep, and a processor that sleeps takes its time to wake: the timer
//! runs out a little before such a deadline.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use locum_engine::Instant;
use locum_engine::driver::Clock;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId as ClockName, clock_gettime};

use crate::sys::readable::Readable;

/// After a long sleep the processor sleeps, too, and what it had at hand is gone: it comes back some
/// tens of microseconds late. So it is woken so long before the deadline, and stays awake until then.
const EARLY: Duration = Duration::from_micros(200);
/// Sleeps from this length on are long. Staying awake then costs 0.04 % of a core at most.
const LONG: Duration = Duration::from_millis(500);

/// The daemon's clock. Its origin is the kernel's: boot.
#[derive(Debug)]
pub struct MonotonicClock {
    timer: Readable<TimerFd>,
    armed: Option<Instant>,
}

impl MonotonicClock {
    /// A clock with nothing armed. Must be called inside a tokio runtime.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        Ok(Self {
            timer: Readable::new(timer)?,
            armed: None,
        })
    }

    fn arm(&mut self, until: Instant) -> io::Result<()> {
        // Setting a timer also forgets an expiry that was not read yet. Zero would disarm it.
        let span = Duration::from_nanos(until.as_nanos().max(1));
        let at = Expiration::OneShot(TimeSpec::from_duration(span));
        self.timer
            .get()
            .set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        self.armed = Some(until);
        Ok(())
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Instant {
        monotonic()
    }

    fn utc(&self) -> Duration {
        wall()
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        loop {
            let now = self.now();
            if now >= until {
                return Poll::Ready(());
            }
            let left = until.saturating_since(now);
            if left <= EARLY && self.armed == Some(until.saturating_sub(EARLY)) {
                // Whatever arrives in the meantime is heard.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // A backup's deadline moves on with every advert. A timer that runs out too early is
            // cheaper than one that is set with each of them.
            let armed = match self.armed.filter(|at| *at > now && *at <= until) {
                Some(at) => at,
                None => {
                    let early = if left >= LONG { EARLY } else { Duration::ZERO };
                    let at = until.saturating_sub(early);
                    self.arm(at).expect("a timerfd takes any future instant");
                    at
                }
            };
            // Nothing is read: the time alone says whether it has run out.
            let over = |now: Instant| match now >= armed {
                true => Ok(()),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
            match self.timer.poll_read(cx, |_| over(monotonic())) {
                Poll::Ready(_) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// The time of [`MonotonicClock`].
pub fn monotonic() -> Instant {
    let now = clock_gettime(ClockName::CLOCK_MONOTONIC).expect("every Linux has this clock");
    let span = Duration::from(now);
    Instant::from_nanos(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
}

/// What the wall clock says, since 1970 (UTC).
pub fn wall() -> Duration {
    let now = clock_gettime(ClockName::CLOCK_REALTIME).expect("every Linux has this clock");
    Duration::from(now)
}

/// For how long the machine has been up, suspended time included.
pub fn uptime() -> Duration {
    clock_gettime(ClockName::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn sleep(spans: &[Duration]) -> Vec<Duration> {
        let runtime = crate::runtime().expect("a runtime");
        runtime.block_on(async {
            let mut clock = MonotonicClock::new().expect("a timerfd");
            let mut late = Vec::new();
            for span in spans {
                let until = clock.now() + *span;
                poll_fn(|cx| clock.poll_sleep(cx, until)).await;
                assert!(clock.now() >= until, "woke early");
                late.push(clock.now().saturating_since(until));
            }
            late
        })
    }

    #[test]
    fn never_wakes_early_and_soon_after() {
        let late = sleep(&[
            Duration::ZERO,
            Duration::from_micros(78),
            Duration::from_millis(3),
            LONG + EARLY,
        ]);
        // Generous: a busy machine may take its time; a missed wake-up would hang instead.
        assert!(late.iter().all(|l| *l < Duration::from_secs(1)), "{late:?}");
    }

    #[test]
    fn an_earlier_deadline_replaces_a_later_one() {
        crate::runtime().expect("a runtime").block_on(async {
            let mut clock = MonotonicClock::new().expect("a timerfd");
            let start = clock.now();
            let far = Instant::FAR_FUTURE;
            let near = start + Duration::from_millis(5);
            poll_fn(|cx| {
                assert!(clock.poll_sleep(cx, far).is_pending());
                clock.poll_sleep(cx, near)
            })
            .await;
            assert!(clock.now().saturating_since(start) < Duration::from_secs(2));
        });
    }
}
