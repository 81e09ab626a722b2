//! One health check: its schedule and its verdict.
//!
//! Runs start on a grid of one interval and never overlap: a run that is still under way when the
//! next is due is followed by that one at once, however late; earlier ones are skipped. `fall` failures in a row make a good check fail, `rise`
//! successes in a row make a failed one good; the very first result decides alone (keepalived).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::CheckConfig;
use crate::input::{NotRun, Outcome};
use crate::time::{Instant, nanos};

/// What is known of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// No result yet.
    Unknown,
    /// Good, with so many failures in a row since.
    Good {
        /// In a row, fewer than `fall`.
        failures: u32,
    },
    /// Failed, with so many successes in a row since.
    Failed {
        /// In a row, fewer than `rise`.
        successes: u32,
    },
    /// Its script can't be run, and nothing was known before: it stands for nothing.
    NotRun {
        /// Since it can be run: in a row, fewer than `fall`.
        failures: u32,
    },
}

/// A check.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Check {
    verdict: Verdict,
    phase: Phase,
    runs: Runs,
    /// When the last run began.
    begun: Instant,
}

/// The runs of a check so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Those that succeeded.
    pub succeeded: u64,
    /// Those that failed by themselves.
    pub failed: u64,
    /// Those that took too long.
    pub timed_out: u64,
    /// How the last one ended.
    pub last: Option<Outcome>,
    /// When it ended.
    pub ended_at: Instant,
    /// How long it took.
    pub took: Duration,
    /// How long all of them took together.
    pub took_all: Duration,
    /// When the verdict last changed.
    pub changed_at: Instant,
}

impl Runs {
    /// How many have ended.
    pub const fn count(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out
    }

    fn note(&mut self, outcome: Outcome, begun: Instant, now: Instant) {
        self.last = Some(outcome);
        self.ended_at = now;
        match outcome {
            Outcome::Success => self.succeeded += 1,
            Outcome::Failure(_) => self.failed += 1,
            Outcome::TimedOut => self.timed_out += 1,
            // Nothing took any time.
            Outcome::NotRun(_) => return,
        }
        self.took = now.saturating_since(begun);
        self.took_all = self.took_all.saturating_add(self.took);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Stopped,
    Waiting { next_at: Instant },
    Running { since: Instant, give_up_at: Instant },
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Start,
    GiveUp,
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Same,
    Failing {
        outcome: Outcome,
        failures: u32,
        fall: u32,
    },
    Changed {
        good: bool,
    },
    /// Worth saying, as it is new.
    NotRun {
        why: NotRun,
        good: Option<bool>,
    },
}

impl Check {
    pub(super) fn new(spec: &CheckConfig) -> Self {
        let verdict = if spec.init_fail {
            Verdict::Failed { successes: 0 }
        } else {
            Verdict::Unknown
        };
        Self {
            verdict,
            phase: Phase::Stopped,
            runs: Runs::default(),
            begun: Instant::ZERO,
        }
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    pub(crate) fn running_since(&self) -> Option<Instant> {
        matches!(self.phase, Phase::Running { .. }).then_some(self.begun)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn start(&mut self, now: Instant) {
        self.phase = Phase::Waiting { next_at: now };
    }

    /// The interval has changed: a shorter one counts from now.
    pub(super) fn hasten(&mut self, spec: &CheckConfig, now: Instant) {
        if let Phase::Waiting { next_at } = &mut self.phase {
            *next_at = (*next_at).min(now + spec.interval);
        }
    }

    /// True when a run was under way.
    pub(super) fn stop(&mut self) -> bool {
        let running = matches!(self.phase, Phase::Running { .. });
        self.phase = Phase::Stopped;
        running
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Stopped => None,
            Phase::Waiting { next_at } => Some(next_at),
            Phase::Running { give_up_at, .. } => Some(give_up_at),
        }
    }

    pub(super) fn due(&mut self, spec: &CheckConfig, now: Instant) -> Option<Action> {
        match self.phase {
            Phase::Waiting { next_at } if now >= next_at => {
                self.phase = Phase::Running {
                    since: next_at,
                    give_up_at: now + spec.timeout,
                };
                self.begun = now;
                Some(Action::Start)
            }
            Phase::Running { since, give_up_at } if now >= give_up_at => {
                self.phase = Phase::Waiting {
                    next_at: next_run(spec, since, now),
                };
                Some(Action::GiveUp)
            }
            Phase::Stopped | Phase::Waiting { .. } | Phase::Running { .. } => None,
        }
    }

    /// A run ended by itself. False when none was under way: an answer after we gave up.
    pub(super) fn finish(&mut self, spec: &CheckConfig, now: Instant) -> bool {
        let Phase::Running { since, .. } = self.phase else {
            return false;
        };
        self.phase = Phase::Waiting {
            next_at: next_run(spec, since, now),
        };
        true
    }

    /// A run has ended now.
    pub(super) fn judge(
        &mut self,
        spec: &CheckConfig,
        now: Instant,
        outcome: Outcome,
    ) -> Judgement {
        let was_run = !matches!(self.runs.last, Some(Outcome::NotRun(_)));
        let (verdict, mut judgement) = match outcome {
            Outcome::NotRun(why) => {
                let ever = self.runs.count() > 0;
                let verdict = self.verdict.without_run(spec, ever);
                let same = verdict.good() == self.verdict.good();
                match same && self.runs.last == Some(outcome) {
                    true => (verdict, Judgement::Same),
                    false => {
                        let good = verdict.good();
                        (verdict, Judgement::NotRun { why, good })
                    }
                }
            }
            _ => self.verdict.after(spec, outcome),
        };
        if !was_run && outcome == Outcome::Success && verdict.good() == Some(true) {
            // It was said that it can't be run.
            judgement = Judgement::Changed { good: true };
        }
        if core::mem::discriminant(&verdict) != core::mem::discriminant(&self.verdict) {
            self.runs.changed_at = now;
        }
        self.verdict = verdict;
        self.runs.note(outcome, self.begun, now);
        judgement
    }
}

impl Verdict {
    /// `None` when it is neither.
    const fn good(self) -> Option<bool> {
        match self {
            Self::Good { .. } => Some(true),
            Self::Failed { .. } => Some(false),
            Self::Unknown | Self::NotRun { .. } => None,
        }
    }

    /// What becomes of it when its script couldn't be run: an instance must not be in fault for good
    /// because somebody exchanges a program. What was good stays so; what had failed does for as long
    /// as it would take to become good, or not at all if it never was run (`init_fail`).
    const fn without_run(self, spec: &CheckConfig, ever: bool) -> Self {
        match self {
            Self::Failed { successes } if ever && successes + 1 < spec.rise => Self::Failed {
                successes: successes + 1,
            },
            Self::Unknown | Self::Failed { .. } => Self::NotRun { failures: 0 },
            Self::Good { .. } | Self::NotRun { .. } => self,
        }
    }

    fn after(self, spec: &CheckConfig, outcome: Outcome) -> (Self, Judgement) {
        const GOOD: Verdict = Verdict::Good { failures: 0 };
        const FAILED: Verdict = Verdict::Failed { successes: 0 };
        let success = outcome == Outcome::Success;
        match self {
            Self::Unknown if success => (GOOD, Judgement::Changed { good: true }),
            Self::Unknown => (FAILED, Judgement::Changed { good: false }),
            Self::Good { .. } if success => (GOOD, Judgement::Same),
            Self::NotRun { .. } if success => (GOOD, Judgement::Changed { good: true }),
            Self::Good { failures } | Self::NotRun { failures } if failures + 1 >= spec.fall => {
                (FAILED, Judgement::Changed { good: false })
            }
            Self::Good { failures } | Self::NotRun { failures } => {
                let failures = failures + 1;
                let judgement = Judgement::Failing {
                    outcome,
                    failures,
                    fall: spec.fall,
                };
                let verdict = match self {
                    Self::NotRun { .. } => Self::NotRun { failures },
                    _ => Self::Good { failures },
                };
                (verdict, judgement)
            }
            Self::Failed { .. } if !success => (FAILED, Judgement::Same),
            Self::Failed { successes } if successes + 1 >= spec.rise => {
                (GOOD, Judgement::Changed { good: true })
            }
            Self::Failed { successes } => (
                Self::Failed {
                    successes: successes + 1,
                },
                Judgement::Same,
            ),
        }
    }
}

/// The last point of the grid after `since` that has come, or else the first: a run that took all
/// of its interval, and a little more because the machine was busy, costs no run.
fn next_run(spec: &CheckConfig, since: Instant, now: Instant) -> Instant {
    let interval = nanos(spec.interval).max(1);
    let passed = now.as_nanos().saturating_sub(since.as_nanos());
    let steps = (passed / interval).max(1);
    Instant::from_nanos(
        since
            .as_nanos()
            .saturating_add(steps.saturating_mul(interval)),
    )
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::config::CheckCommand;

    fn spec(fall: u32, rise: u32) -> CheckConfig {
        CheckConfig {
            name: "check".into(),
            command: CheckCommand::Script(vec!["/bin/true".into()]),
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(3),
            rise,
            fall,
            init_fail: false,
            user: None,
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    /// Verdicts as letters: g good, f failed, n not run; capitals where something is said.
    fn verdicts(spec: &CheckConfig, results: &str) -> String {
        let mut check = Check::new(spec);
        let one = |r: char| {
            let outcome = match r {
                '+' => Outcome::Success,
                'o' => Outcome::NotRun(NotRun::Missing),
                _ => Outcome::Failure(1),
            };
            let changed = matches!(
                check.judge(spec, Instant::ZERO, outcome),
                Judgement::Changed { .. } | Judgement::NotRun { .. }
            );
            let letter = match check.verdict() {
                Verdict::Unknown => '?',
                Verdict::Good { .. } => 'g',
                Verdict::Failed { .. } => 'f',
                Verdict::NotRun { .. } => 'n',
            };
            if changed {
                letter.to_ascii_uppercase()
            } else {
                letter
            }
        };
        results.chars().map(one).collect()
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let spec = spec(3, 2);
        assert_eq!(verdicts(&spec, "+--+--+---"), "GggggggggF");
        assert_eq!(verdicts(&spec, "+---+-++"), "GggFfffG");
    }

    #[test]
    fn the_first_result_decides_alone_unless_init_fail() {
        assert_eq!(verdicts(&spec(3, 2), "-"), "F");
        assert_eq!(verdicts(&spec(3, 2), "+"), "G");
        let cautious = CheckConfig {
            init_fail: true,
            ..spec(3, 2)
        };
        assert_eq!(verdicts(&cautious, "++-"), "fGg");
    }

    #[test]
    fn a_script_that_cannot_be_run_changes_no_verdict_and_keeps_nobody_in_fault() {
        let spec = spec(3, 2);
        assert_eq!(verdicts(&spec, "oo-+"), "NnnG", "never run before");
        assert_eq!(
            verdicts(&spec, "oo---"),
            "NnnnF",
            "it fails when it can be run"
        );
        assert_eq!(
            verdicts(&spec, "+oo+--o-"),
            "GGgGggGF",
            "good until it fails"
        );
        assert_eq!(
            verdicts(&spec, "-oo+"),
            "FFNG",
            "no longer in fault than by successes"
        );
        let cautious = CheckConfig {
            init_fail: true,
            ..spec
        };
        assert_eq!(
            verdicts(&cautious, "o"),
            "N",
            "it can't become good by itself"
        );
    }

    /// The default: `timeout` is the interval. A little lateness each time must not double the time
    /// to notice a failure.
    #[test]
    fn a_run_given_up_a_little_late_costs_no_run() {
        let spec = CheckConfig {
            timeout: Duration::from_secs(2),
            ..spec(3, 2)
        };
        let late = Duration::from_micros(60);
        let mut check = Check::new(&spec);
        check.start(at(10));
        let mut now = at(10) + late;
        for _ in 0..3 {
            assert_eq!(check.due(&spec, now), Some(Action::Start));
            now = check.deadline().expect("it is under way") + late;
            assert_eq!(check.due(&spec, now), Some(Action::GiveUp));
        }
        assert!(now < at(16) + late * 7, "{now}");
    }

    #[test]
    fn runs_start_on_the_grid_and_never_overlap() {
        let spec = spec(3, 2);
        let mut check = Check::new(&spec);
        check.start(at(10));
        assert_eq!(check.due(&spec, at(10)), Some(Action::Start));
        assert_eq!(check.due(&spec, at(12)), None, "the run is still under way");
        assert_eq!(check.due(&spec, at(13)), Some(Action::GiveUp));
        assert!(!check.finish(&spec, at(13)), "a late answer is ignored");
        assert_eq!(check.deadline(), Some(at(12)), "held up until now");
        assert_eq!(check.due(&spec, at(13)), Some(Action::Start));
        assert!(check.finish(&spec, at(15)));
        assert_eq!(check.deadline(), Some(at(14)), "back on the grid");
        assert_eq!(check.due(&spec, at(21)), Some(Action::Start));
        assert!(check.finish(&spec, at(21)));
        assert_eq!(check.deadline(), Some(at(20)), "16 and 18 were skipped");
    }
}
