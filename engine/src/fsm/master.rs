//! Master (RFC 9568 6.4.3): advertises, and yields to whoever outranks it.

use core::time::Duration;

use super::{Backup, Heard, Master, Params, Say, Signal, State, Step};
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
            | Signal::Stop => Step::stay(State::Master(self)),
        }
    }

    fn hear(self, params: &Params, now: Instant, heard: Heard) -> Step {
        let outranked = (heard.priority, heard.source) > (params.priority, params.source);
        if outranked && !params.stands {
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
        if outranked {
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

    /// An advert so late that a backup's timer may have run out: with three missing adverts, two
    /// intervals and the skew time behind its deadline, three behind the advert before it.
    pub(crate) fn may_be_replaced(params: &Params, late: Duration) -> bool {
        let more = u32::from(params.missed_adverts.saturating_sub(1));
        late > params.interval.duration() * more + params.skew(params.interval)
    }
}
