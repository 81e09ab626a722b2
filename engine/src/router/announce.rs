//! When addresses are announced: the burst, the delayed burst, the refresh, and the answer to a
//! contest. Announcements are what moves switches and neighbours; adverts only move routers.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::GarpConfig;
use crate::event::Announcement;
use crate::pacing::Scope;
use crate::time::Instant;

/// At most so many answers to contests in one advert interval: a flood of valid adverts of lower
/// priority must not become a larger flood of announcements. Two suffice for a split that heals
/// (the loser's last advert, then its resignation); what is left out, the delayed burst makes up.
const CONTEST_ANSWERS_MAX: u8 = 4;

/// Linux neighbours don't change an entry again within a second of its last change (`locktime`). Who
/// believed the loser just before the contest is deaf to the answer, and is told once more.
const SETTLED: Duration = Duration::from_millis(1100);

/// The announcement deadlines of one master. Empty while not master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcer {
    delayed_at: Option<Instant>,
    contest_at: Option<Instant>,
    refresh_at: Option<Instant>,
    elsewhere_at: Option<Instant>,
    settled_at: Option<Instant>,
    window: Window,
    /// Answers to contests of partners: a flood on their networks uses up none of its own.
    along: Window,
}

/// Counts answers since `since`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    since: Option<Instant>,
    answers: u8,
}

/// Announce all addresses now, in so many rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Burst {
    pub(crate) why: Announcement,
    pub(crate) rounds: u32,
}

impl Burst {
    /// Which addresses it is about.
    pub(crate) fn scope(self) -> Scope {
        match self.why {
            Announcement::Elsewhere => Scope::Elsewhere,
            Announcement::Takeover
            | Announcement::Delayed
            | Announcement::Refresh
            | Announcement::Contest
            | Announcement::Settled
            | Announcement::Late
            | Announcement::PutBack
            | Announcement::Configured => Scope::All,
        }
    }
}

impl Announcer {
    /// Became master.
    pub(crate) fn takeover(&mut self, config: &GarpConfig, now: Instant) -> Burst {
        *self = Self {
            delayed_at: after(now, config.delay),
            refresh_at: after(now, config.refresh),
            elsewhere_at: after(now, config.elsewhere),
            ..Self::default()
        };
        Burst {
            why: Announcement::Takeover,
            rounds: config.repeat,
        }
    }

    /// Other settings while master: another refresh counts from now, the rest from its next occasion.
    pub(crate) fn change(&mut self, old: &GarpConfig, new: &GarpConfig, now: Instant) {
        if old.refresh != new.refresh {
            self.refresh_at = after(now, new.refresh);
        }
    }

    /// No longer master: nothing is due.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Another master was heard. `None` when it was answered often enough within `interval`.
    ///
    /// Its second burst doesn't put off that of a takeover. The two are one when the other `resigns`
    /// right after the takeover, and so because of it.
    pub(crate) fn contest(
        &mut self,
        config: &GarpConfig,
        now: Instant,
        interval: Duration,
        resigns: bool,
    ) -> Option<Burst> {
        if let Some(at) = after(now, config.contest_delay) {
            match self.delayed_at {
                Some(due) if resigns && at.saturating_since(due) < SETTLED => {
                    self.delayed_at = Some(at);
                }
                Some(_) | None => self.contest_at = Some(at),
            }
        }
        self.window.admit(now, interval).then_some(Burst {
            why: Announcement::Contest,
            rounds: config.contest_repeat,
        })
    }

    /// A partner in the sync group wins a contest: whoever believed its rival may have believed the
    /// rival's partners. Bounded as its own contests are, and answered with as much.
    pub(crate) fn along(
        &mut self,
        config: &GarpConfig,
        now: Instant,
        interval: Duration,
    ) -> Option<Burst> {
        if let Some(at) = after(now, config.contest_delay) {
            self.contest_at = Some(at);
        }
        self.along.admit(now, interval).then_some(Burst {
            why: Announcement::Contest,
            rounds: config.contest_repeat,
        })
    }

    /// Announces once more when neighbours listen again after a contest.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.settled_at = Some(now + SETTLED);
    }

    /// What is due, at most one burst a call.
    pub(crate) fn due(&mut self, config: &GarpConfig, now: Instant) -> Option<Burst> {
        if self.settled_at.is_some_and(|at| now >= at) {
            self.settled_at = None;
            return Some(Burst {
                why: Announcement::Settled,
                rounds: 1,
            });
        }
        if self.delayed_at.is_some_and(|at| now >= at) {
            self.delayed_at = None;
            return Some(Burst {
                why: Announcement::Delayed,
                rounds: config.repeat,
            });
        }
        if self.contest_at.is_some_and(|at| now >= at) {
            self.contest_at = None;
            return Some(Burst {
                why: Announcement::Delayed,
                rounds: config.contest_repeat,
            });
        }
        if self.elsewhere_at.is_some_and(|at| now >= at) {
            self.elsewhere_at = after(now, config.elsewhere);
            return Some(Burst {
                why: Announcement::Elsewhere,
                rounds: 1,
            });
        }
        None
    }

    /// An advert was due and is sent: the refresh comes right behind it, as keepalived's does.
    pub(crate) fn refresh(&mut self, config: &GarpConfig, now: Instant) -> Option<Burst> {
        self.refresh_at.filter(|at| now >= *at)?;
        self.refresh_at = after(now, config.refresh);
        Some(Burst {
            why: Announcement::Refresh,
            rounds: config.refresh_repeat,
        })
    }

    /// When addresses are announced next, refreshes included.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadline().into_iter().chain(self.refresh_at).min()
    }

    /// The next deadline; refreshes have none of their own.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [
            self.delayed_at,
            self.contest_at,
            self.elsewhere_at,
            self.settled_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Window {
    fn admit(&mut self, now: Instant, length: Duration) -> bool {
        if self.since.is_none_or(|since| now >= since + length) {
            *self = Self {
                since: Some(now),
                answers: 0,
            };
        }
        self.answers = self.answers.saturating_add(1);
        self.answers <= CONTEST_ANSWERS_MAX
    }
}

/// Zero means never.
fn after(now: Instant, delay: Duration) -> Option<Instant> {
    (!delay.is_zero()).then(|| now + delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn burst_then_delayed_burst_then_refreshes() {
        let config = GarpConfig {
            refresh: SECOND * 60,
            ..GarpConfig::default()
        };
        let mut announcer = Announcer::default();
        let burst = announcer.takeover(&config, at(10));
        assert_eq!(
            burst,
            Burst {
                why: Announcement::Takeover,
                rounds: 5
            }
        );
        assert_eq!(announcer.deadline(), Some(at(15)));
        assert_eq!(announcer.due(&config, at(14)), None);
        let delayed = announcer.due(&config, at(15));
        assert_eq!(
            delayed,
            Some(Burst {
                why: Announcement::Delayed,
                rounds: 5
            })
        );
        assert_eq!(announcer.deadline(), None);
        assert_eq!(announcer.refresh(&config, at(69)), None);
        let refresh = announcer.refresh(&config, at(70));
        assert_eq!(
            refresh,
            Some(Burst {
                why: Announcement::Refresh,
                rounds: 1
            })
        );
        assert_eq!(announcer.refresh(&config, at(71)), None);
        assert!(announcer.refresh(&config, at(130)).is_some());
    }

    #[test]
    fn a_contest_does_not_put_off_the_second_burst_of_a_takeover() {
        let config = GarpConfig {
            contest_repeat: 2,
            ..GarpConfig::default()
        };
        let mut announcer = Announcer::default();
        announcer.takeover(&config, at(10));
        announcer.contest(&config, at(13), SECOND, false);
        let rounds = |announcer: &mut Announcer, now| announcer.due(&config, now).map(|b| b.rounds);
        assert_eq!(rounds(&mut announcer, at(15)), Some(5));
        assert_eq!(rounds(&mut announcer, at(18)), Some(2));
        assert_eq!(announcer.deadline(), None);
    }

    #[test]
    fn zero_delay_means_no_second_burst() {
        let config = GarpConfig {
            delay: Duration::ZERO,
            ..GarpConfig::default()
        };
        let mut announcer = Announcer::default();
        announcer.takeover(&config, at(1));
        assert_eq!(announcer.deadline(), None);
    }

    #[test]
    fn a_flood_of_contests_is_answered_a_few_times_an_interval() {
        let config = GarpConfig::default();
        let mut announcer = Announcer::default();
        let answered = |announcer: &mut Announcer, now| {
            (0..1000)
                .filter(|_| announcer.contest(&config, now, SECOND, false).is_some())
                .count()
        };
        assert_eq!(
            answered(&mut announcer, at(1)),
            usize::from(CONTEST_ANSWERS_MAX)
        );
        assert_eq!(
            answered(&mut announcer, at(2)),
            usize::from(CONTEST_ANSWERS_MAX)
        );
        assert_eq!(
            announcer.deadline(),
            Some(at(7)),
            "the delayed burst makes up for the rest"
        );
    }
}
