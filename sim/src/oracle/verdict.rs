//! What an oracle has to say: violations, slack, and the report of all of them.
//!
//! A bound that is never approached proves little, so each oracle keeps the observation that came
//! closest to its bound, and how often it looked. An oracle that never looked says so.

use core::fmt;
use core::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::InstanceId;
use locum_engine::time::{Seconds, nanos};

use crate::topology::HostId;

/// Violations kept in full by one oracle; further ones are only counted.
const KEPT: usize = 64;

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it ceased to hold, or should have begun to.
    pub at: Instant,
    /// On which host, when there is one to blame.
    pub host: Option<HostId>,
    /// For which virtual router of that host.
    pub instance: Option<InstanceId>,
    /// What was expected and what was seen, as a sentence.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.at, self.what)
    }
}

/// An observation and the bound it was held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extreme {
    /// What was seen.
    pub observed: Duration,
    /// What was allowed.
    pub bound: Duration,
}

impl Extreme {
    /// Observed / bound in parts per ten thousand; 10 000 when both are zero.
    pub fn ratio(&self) -> u64 {
        let (observed, bound) = (nanos(self.observed), nanos(self.bound));
        if bound == 0 {
            return if observed == 0 { 10_000 } else { u64::MAX };
        }
        let ratio = u128::from(observed) * 10_000 / u128::from(bound);
        u64::try_from(ratio).unwrap_or(u64::MAX)
    }
}

/// How close the observations came to the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slack {
    /// How many times the property was held against the run.
    pub checked: u64,
    /// How many times it could have been, but the environment was not clean.
    pub suspended: u64,
    /// The observation closest to its upper bound.
    pub at_most: Option<Extreme>,
    /// The observation closest to its lower bound.
    pub at_least: Option<Extreme>,
}

/// The judgement of one oracle, so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What did not hold, oldest first; at most the first few dozen.
    pub violations: Vec<Violation>,
    /// Violations that were not kept.
    pub more: u64,
    /// How tight it was.
    pub slack: Slack,
    /// Something measured that is no failure, as a sentence.
    pub metric: Option<String>,
}

impl Verdict {
    /// Nothing was violated.
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// The property was looked at, without a measured quantity.
    pub(super) fn checked(&mut self) {
        self.slack.checked += 1;
    }

    /// The property could not be asserted here.
    pub(super) fn suspended(&mut self) {
        self.slack.suspended += 1;
    }

    /// Notes an observation that must not exceed `bound`; false when it does.
    pub(super) fn at_most(&mut self, observed: Duration, bound: Duration) -> bool {
        self.slack.checked += 1;
        let seen = Extreme { observed, bound };
        if self
            .slack
            .at_most
            .is_none_or(|old| seen.ratio() > old.ratio())
        {
            self.slack.at_most = Some(seen);
        }
        observed <= bound
    }

    /// Notes an observation that must not fall short of `bound`; false when it does.
    pub(super) fn at_least(&mut self, observed: Duration, bound: Duration) -> bool {
        self.slack.checked += 1;
        let seen = Extreme { observed, bound };
        if self
            .slack
            .at_least
            .is_none_or(|old| seen.ratio() < old.ratio())
        {
            self.slack.at_least = Some(seen);
        }
        observed >= bound
    }

    /// The property did not hold.
    pub(super) fn violated(&mut self, violation: Violation) {
        if self.violations.len() < KEPT {
            self.violations.push(violation);
        } else {
            self.more += 1;
        }
    }
}

/// What all oracles found in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Name, property and verdict of each, in the order of their names.
    pub findings: Vec<Finding>,
}

/// What one oracle found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `X1` to `T16`.
    pub name: &'static str,
    /// The property in a few words.
    pub property: &'static str,
    /// The judgement.
    pub verdict: Verdict,
}

impl Report {
    /// No oracle found a violation.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|f| f.verdict.holds())
    }

    /// What the oracle of that name found.
    pub fn finding(&self, name: &str) -> Option<&Finding> {
        self.findings.iter().find(|f| f.name == name)
    }

    /// All violations with the name of their oracle, by time.
    pub fn violations(&self) -> Vec<(&'static str, &Violation)> {
        let mut all: Vec<_> = self
            .findings
            .iter()
            .flat_map(|f| f.verdict.violations.iter().map(|v| (f.name, v)))
            .collect();
        all.sort_by_key(|(_, violation)| violation.at);
        all
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<4} {:<36} {:>8} {:>9} {:>5}  tightest (observed, bound)",
            "", "property", "checked", "suspended", "wrong"
        )?;
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for (name, violation) in self.violations() {
            writeln!(f, "{name:<4} {violation}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict {
            violations,
            more,
            slack,
            metric,
        } = &self.verdict;
        let tightest = match metric {
            Some(metric) => metric.clone(),
            None => {
                let most = slack.at_most.map(|seen| bound("<=", seen));
                let least = slack.at_least.map(|seen| bound(">=", seen));
                let bounds: Vec<String> = most.into_iter().chain(least).collect();
                bounds.join("; ")
            }
        };
        write!(
            f,
            "{:<4} {:<36} {:>8} {:>9} {:>5}  {}",
            self.name,
            self.property,
            slack.checked,
            slack.suspended,
            violations.len() as u64 + more,
            tightest
        )
    }
}

fn bound(relation: &str, seen: Extreme) -> String {
    format!(
        "{} {relation} {}",
        Seconds(seen.observed),
        Seconds(seen.bound)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn keeps_the_tightest_observation() {
        let mut verdict = Verdict::default();
        assert!(verdict.at_most(ms(5), ms(10)));
        assert!(verdict.at_most(ms(9), ms(100)));
        assert!(!verdict.at_most(ms(11), ms(10)));
        assert_eq!(verdict.slack.at_most.unwrap().observed, ms(11));
        assert!(verdict.at_least(ms(20), ms(10)));
        assert!(!verdict.at_least(ms(9), ms(10)));
        assert_eq!(verdict.slack.at_least.unwrap().observed, ms(9));
        assert_eq!(verdict.slack.checked, 5);
    }

    #[test]
    fn counts_violations_beyond_the_kept_ones() {
        let mut verdict = Verdict::default();
        for _ in 0..KEPT + 3 {
            verdict.violated(Violation {
                at: Instant::ZERO,
                host: None,
                instance: None,
                what: String::new(),
            });
        }
        assert_eq!((verdict.violations.len(), verdict.more), (KEPT, 3));
        assert!(!verdict.holds());
    }
}
