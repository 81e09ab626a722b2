//! Master (RFC 9568 6.4.3): advertises, and yields to whoever outranks it.

use core::time::Duration;

use super::{Backup, Heard, Master, Params, Say, Signal, State, Step, patience};
use crate::event::Reason;
use crate::ids::Priority;
use crate::time::Instant;

impl Master {
    /// Enters the state; the transition itself sends the first advert.
    pub(super) fn begin(params: &Params, now: Instant) -> Self {
        Self {
            advert_at: now + params.interval.duration(),
        }
    }

    pub(super) fn step(self, params: &Params, now: Instant, signal: Signal) -> Step {
        if let Some(taken) = self.step_back(params, now, signal) {
            return taken;
        }
        match signal {
            Signal::Timeout if now >= self.advert_at => Step {
                say: Say::Advert {
                    late: now.saturating_since(self.advert_at),
                },
                ..Step::stay(State::Master(Self::begin(params, now)))
            },
            Signal::Advert(heard) => self.hear(params, now, heard),
            Signal::Resign => {
                Step::enter(State::Backup(Backup::begin(params, now)), Reason::Drained)
            }
            Signal::Yield(why) => Step::enter(State::Backup(Backup::begin(params, now)), why),
            Signal::Timeout
            | Signal::Start
            | Signal::Obstacle(_)
            | Signal::Clear
            | Signal::PriorityChanged { .. }
            | Signal::Promote
            | Signal::Stop(_) => Step::stay(State::Master(self)),
        }
    }

    fn hear(self, params: &Params, now: Instant, heard: Heard) -> Step {
        if params.outranked_by(&heard) && !params.stands {
            let why = if heard.priority > params.priority {
                Reason::HigherPriority {
                    master: heard.source,
                    priority: heard.priority,
                }
            } else {
                Reason::EqualPriorityHigherAddress {
                    master: heard.source,
                }
            };
            return Step::enter(State::Backup(Backup::yield_to(params, now, heard)), why);
        }
        if params.outranked_by(&heard) {
            // Answering would be answered in turn, for as long as both stand.
            return Step::stay(State::Master(self));
        }
        if heard.priority == Priority::RELEASE || params.answer_lower {
            // RFC 9568 6.4.3: whoever thinks otherwise is told at once who is master.
            return Step {
                say: Say::Answer(heard),
                ..Step::stay(State::Master(Self::begin(params, now)))
            };
        }
        Step {
            say: Say::Point(heard),
            ..Step::stay(State::Master(self))
        }
    }

    /// What was held up for too long and is told to give in (`timer_expired_backup`) doesn't argue
    /// with a master that it hears now, nor with those that it doesn't.
    fn step_back(self, params: &Params, now: Instant, signal: Signal) -> Option<Step> {
        let by = now.saturating_since(self.advert_at);
        if !params
            .steps_back
            .is_some_and(|p| replaceable(params, p, by))
        {
            return None;
        }
        let afresh = Backup::begin(params, now);
        let backup = match signal {
            Signal::Timeout => afresh,
            Signal::Advert(heard) if params.outranked_by(&heard) => return None,
            Signal::Advert(heard) => afresh.hear(params, now, heard),
            Signal::Start
            | Signal::Obstacle(_)
            | Signal::Clear
            | Signal::PriorityChanged { .. }
            | Signal::Resign
            | Signal::Promote
            | Signal::Yield(_)
            | Signal::Stop(_) => return None,
        };
        Some(Step::enter(State::Backup(backup), Reason::HeldUp { by }))
    }

    /// An advert so late that a backup's timer may have run out.
    pub(crate) fn may_be_replaced(params: &Params, late: Duration) -> bool {
        replaceable(params, params.priority, late)
    }
}

/// Whether a backup of that priority, for which an advert is so late, may have lost patience.
fn replaceable(params: &Params, backup: Priority, late: Duration) -> bool {
    late > patience(
        params.version,
        backup,
        params.interval,
        params.missed_adverts,
    )
}
