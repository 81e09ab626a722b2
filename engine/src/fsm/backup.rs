//! Backup (RFC 9568 6.4.2): listens, and takes over when the master is silent for too long.

use super::{Backup, Heard, Master, Params, PreemptDelay, Signal, State, Step};
use crate::config::Preempt;
use crate::event::Reason;
use crate::ids::Priority;
use crate::time::Instant;

impl Backup {
    /// Enters the state with a full Master_Down_Interval ahead, on our own interval.
    pub(super) fn begin(params: &Params, now: Instant) -> Self {
        Self {
            down_at: now + params.master_down(params.interval),
            heard_at: now,
            interval: params.interval,
            master: None,
            outranked: None,
            resigned: None,
            preempt: PreemptDelay::Idle,
            ripe: false,
        }
    }

    /// Enters the state because `winner` outranks us.
    pub(super) fn yield_to(params: &Params, now: Instant, winner: Heard) -> Self {
        Self::begin(params, now).follow(params, now, winner)
    }

    pub(super) fn step(self, params: &Params, now: Instant, signal: Signal) -> Step {
        match signal {
            Signal::Timeout if params.grouped && now >= self.down_at => {
                Step::stay(State::Backup(Self { ripe: true, ..self }))
            }
            Signal::Timeout if now >= self.down_at => self.take_over(params, now),
            Signal::Promote if self.ripe => self.take_over(params, now),
            Signal::Advert(heard) => Step::stay(State::Backup(self.hear(params, now, heard))),
            Signal::PriorityChanged { from } => Step::stay(State::Backup(self.shift(params, from))),
            Signal::Timeout
            | Signal::Start
            | Signal::Obstacle(_)
            | Signal::Clear
            | Signal::Resign
            | Signal::Promote
            | Signal::Yield(_)
            | Signal::Stop(_) => Step::stay(State::Backup(self)),
        }
    }

    fn take_over(self, params: &Params, now: Instant) -> Step {
        let why = match params.priority {
            Priority::OWNER if self.outranked.is_none() => Reason::Owner,
            _ => self.why_take_over(now),
        };
        Step::enter(State::Master(Master::begin(params, now)), why)
    }

    pub(super) fn hear(self, params: &Params, now: Instant, heard: Heard) -> Self {
        if heard.priority == Priority::RELEASE {
            // The RFC sets the timer to the skew time whatever is left of it. Losers of a contest
            // resign too, and that must not hold up a backup that was about to take over.
            let down_at = now + params.skew(self.interval);
            if down_at >= self.down_at {
                return self;
            }
            return Self {
                down_at,
                resigned: Some(heard.source),
                ..self
            };
        }
        if heard.priority >= params.priority {
            return Self {
                preempt: PreemptDelay::Idle,
                outranked: None,
                ..self
            }
            .follow(params, now, heard);
        }
        match (params.preempt, self.preempt) {
            (Preempt::Never, _) => self.follow(params, now, heard),
            (Preempt::After(delay), PreemptDelay::Idle) => Self {
                preempt: PreemptDelay::Until(now + delay),
                ..self
            }
            .follow(params, now, heard),
            (Preempt::After(_), PreemptDelay::Until(until)) if now < until => {
                self.follow(params, now, heard)
            }
            // The timer is left alone: it runs out although this master is heard.
            (Preempt::Always | Preempt::After(_), _) => Self {
                outranked: Some(heard),
                // Who is ripe has waited long since, and somebody else has taken over meanwhile.
                resigned: self.resigned.filter(|_| !self.ripe),
                ..self
            },
        }
    }

    /// Accepts `heard` as the master: re-arms the timer on its interval.
    fn follow(self, params: &Params, now: Instant, heard: Heard) -> Self {
        let interval = params.learned(&heard);
        Self {
            down_at: now + params.master_down(interval),
            heard_at: now,
            interval,
            master: Some(heard),
            resigned: None,
            ripe: false,
            ..self
        }
    }

    /// A changed priority moves the running timer by the difference in skew; it doesn't restart it
    /// (keepalived does the same).
    fn shift(self, params: &Params, from: Priority) -> Self {
        let before = Params {
            priority: from,
            ..*params
        }
        .skew(self.interval);
        let after = params.skew(self.interval);
        Self {
            down_at: (self.down_at + after).saturating_sub(before),
            ..self
        }
    }

    fn why_take_over(&self, now: Instant) -> Reason {
        match (self.resigned, self.outranked) {
            (Some(master), _) => Reason::MasterResigned { master },
            (
                None,
                Some(Heard {
                    source, priority, ..
                }),
            ) => Reason::Preempted {
                master: source,
                priority,
            },
            (None, None) => Reason::MasterSilent {
                master: self.master.map(|m| m.source),
                silence: now.saturating_since(self.heard_at),
            },
        }
    }
}
