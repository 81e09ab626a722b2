//! What a verdict is worth (keepalived's `weight`, notes on trackers in keepalived.conf(5)).
//!
//! | weight      | good         | failed       | unknown |
//! |-------------|--------------|--------------|---------|
//! | 0           | nothing      | fault        | pending |
//! | 0 reverse   | fault        | nothing      | pending |
//! | +w          | priority + w | nothing      | nothing |
//! | -w          | nothing      | priority - w | nothing |
//! | +w reverse  | priority - w | nothing      | nothing |
//! | -w reverse  | nothing      | priority + w | nothing |
//!
//! A check whose script can't be run stands for nothing, whatever its weight.

use super::check::Verdict;
use crate::config::Weight;
use crate::ids::Priority;

/// What a check means for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Fine,
    /// It must not serve before the first result.
    Pending,
    /// It must not serve.
    Fault,
    /// Its priority moves by so much.
    Shift(i16),
}

pub(super) fn standing(verdict: Verdict, weight: Weight) -> Standing {
    match verdict {
        Verdict::Unknown if weight.value == 0 => Standing::Pending,
        Verdict::Unknown | Verdict::NotRun { .. } => Standing::Fine,
        Verdict::Good { .. } => known(true, weight),
        Verdict::Failed { .. } => known(false, weight),
    }
}

/// The same of a link, whose state is always known.
pub(crate) fn link_standing(up: bool, weight: Weight) -> Standing {
    known(up, weight)
}

pub(super) fn known(good: bool, weight: Weight) -> Standing {
    let Weight { value, reverse } = weight;
    let shift = if reverse { -value } else { value };
    match value {
        0 if good == reverse => Standing::Fault,
        1.. if good => Standing::Shift(shift),
        ..0 if !good => Standing::Shift(shift),
        _ => Standing::Fine,
    }
}

/// The base and every shift, summed without bounds, then kept within 1 to 254.
pub(super) fn effective(base: Priority, standings: impl Iterator<Item = Standing>) -> Priority {
    if base == Priority::OWNER {
        return base;
    }
    let shifts = standings.map(|standing| match standing {
        Standing::Shift(by) => i64::from(by),
        Standing::Fine | Standing::Pending | Standing::Fault => 0,
    });
    let sum = i64::from(base.get()) + shifts.sum::<i64>();
    Priority(u8::try_from(sum.clamp(1, 254)).expect("clamped to the range of a u8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Verdict = Verdict::Good { failures: 0 };
    const FAILED: Verdict = Verdict::Failed { successes: 0 };

    #[test]
    fn the_table() {
        use Standing::{Fault, Fine, Pending, Shift};
        let rows = [
            (0, false, Fine, Fault, Pending),
            (0, true, Fault, Fine, Pending),
            (10, false, Shift(10), Fine, Fine),
            (-10, false, Fine, Shift(-10), Fine),
            (10, true, Shift(-10), Fine, Fine),
            (-10, true, Fine, Shift(10), Fine),
        ];
        for (value, reverse, good, failed, unknown) in rows {
            let weight = Weight { value, reverse };
            assert_eq!(standing(GOOD, weight), good, "good {weight:?}");
            assert_eq!(standing(FAILED, weight), failed, "failed {weight:?}");
            assert_eq!(
                standing(Verdict::Unknown, weight),
                unknown,
                "unknown {weight:?}"
            );
        }
    }

    #[test]
    fn the_sum_is_clamped_once() {
        let weight = |value| Weight {
            value,
            reverse: false,
        };
        let standings = |given: &[(Verdict, Weight)]| {
            let all: Vec<_> = given.iter().map(|&(v, w)| standing(v, w)).collect();
            all.into_iter()
        };
        let up_and_down = [(GOOD, weight(200)), (FAILED, weight(-150))];
        assert_eq!(
            effective(Priority(100), standings(&up_and_down)),
            Priority(150)
        );
        assert_eq!(
            effective(Priority(100), standings(&[(GOOD, weight(253))])),
            Priority(254)
        );
        assert_eq!(
            effective(Priority(100), standings(&[(FAILED, weight(-253))])),
            Priority(1)
        );
        assert_eq!(
            effective(Priority::OWNER, standings(&[(FAILED, weight(-9))])),
            Priority(255)
        );
    }
}
