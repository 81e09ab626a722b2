//! A user of the virtual address: pings it without pause and knows how long nobody answered.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::MacAddr;

use crate::topology::ClientSpec;

/// What an answer revealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revealed {
    /// An outage has just ended; it lasted so long.
    pub(crate) outage: Option<Duration>,
    /// This machine answers, and another did before (or nobody).
    pub(crate) server: Option<MacAddr>,
}

/// The pinging of one client. `next` is local time, outages are measured in world time.
#[derive(Clone, Debug)]
pub(crate) struct Pinger {
    pub(crate) target: IpAddr,
    /// When the next ping is due.
    pub(crate) next: Instant,
    pub(crate) sequence: u16,
    every: Duration,
    from: Instant,
    answered: Option<Instant>,
    server: Option<MacAddr>,
}

impl Pinger {
    pub(crate) fn new(spec: &ClientSpec) -> Self {
        let from = Instant::ZERO + spec.from;
        Self {
            target: spec.target,
            next: from,
            sequence: 0,
            every: spec.every.max(Duration::from_micros(1)),
            from,
            answered: None,
            server: None,
        }
    }

    /// Counts a ping that is being sent at its time.
    pub(crate) fn ping(&mut self) -> u16 {
        self.next = self.next + self.every;
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Takes an answer.
    pub(crate) fn answer(&mut self, now: Instant, from: MacAddr) -> Revealed {
        let outage = self
            .answered
            .map(|answered| now.saturating_since(answered))
            .filter(|&gap| self.is_outage(gap));
        self.answered = Some(now);
        let moved = self.server != Some(from);
        self.server = Some(from);
        Revealed {
            outage,
            server: moved.then_some(from),
        }
    }

    /// The outage that is still going on: since the last answer, or since the first ping.
    pub(crate) fn open_outage(&self, now: Instant) -> Option<Duration> {
        let gap = now.saturating_since(self.answered.unwrap_or(self.from));
        self.is_outage(gap).then_some(gap)
    }

    /// A ping or two may be lost or late; more is an outage.
    fn is_outage(&self, gap: Duration) -> bool {
        gap > self.every * 3
    }
}
