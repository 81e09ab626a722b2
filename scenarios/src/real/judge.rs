//! Expectations held against the real world, which is a little late.
//!
//! Only what can be seen from outside is judged: who holds an address, and what clients feel. What
//! state a daemon thinks it is in, and why, is its own affair.

use std::time::Duration;

use locum_sim::record::Record;

use crate::check::{Outcome, check};
use crate::expect::{Bounds, Expectation, Expected, Window};
use crate::scenario::Scenario;

/// In the order of the expectations.
pub(super) fn judge(
    scenario: &Scenario,
    records: &[Record],
    tolerance: Duration,
) -> Vec<Option<Outcome>> {
    let judged = scenario.expectations.iter().map(|expectation| {
        let what = loosened(&expectation.what, tolerance)?;
        let loose = Expectation {
            what,
            ..expectation.clone()
        };
        check(records, &scenario.topology, &[loose]).pop()
    });
    judged.collect()
}

/// What is left of an expectation when the world may be so late; `None` when nothing is.
fn loosened(expected: &Expected, tolerance: Duration) -> Option<Expected> {
    match expected {
        Expected::Holders {
            address,
            within,
            hosts,
        } => Some(Expected::Holders {
            address: *address,
            within: inner(*within, tolerance)?,
            hosts: hosts.clone(),
        }),
        Expected::LongestOutage {
            client,
            within,
            bounds,
        } => Some(Expected::LongestOutage {
            client: *client,
            within: *within,
            bounds: wider(*bounds, tolerance),
        }),
        Expected::DoubleMaster {
            address,
            within,
            bounds,
        } => Some(Expected::DoubleMaster {
            address: *address,
            within: *within,
            bounds: wider(*bounds, tolerance),
        }),
        Expected::State { .. }
        | Expected::Transition { .. }
        | Expected::Sends { .. }
        | Expected::Quiet { .. } => None,
    }
}

/// A window without its edges. One instant stays what it is.
fn inner(window: Window, tolerance: Duration) -> Option<Window> {
    if window.to.saturating_since(window.from) <= Duration::from_nanos(1) {
        return Some(window);
    }
    let to = window
        .to
        .as_nanos()
        .checked_sub(tolerance.as_nanos() as u64)?;
    let inner = Window {
        from: window.from + tolerance,
        to: locum_engine::Instant::from_nanos(to),
    };
    (inner.from < inner.to).then_some(inner)
}

fn wider(bounds: Bounds, tolerance: Duration) -> Bounds {
    Bounds {
        at_least: bounds.at_least.map(|least| least.saturating_sub(tolerance)),
        at_most: bounds.at_most.map(|most| most + tolerance),
    }
}
