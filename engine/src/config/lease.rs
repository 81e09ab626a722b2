//! How long the kernel keeps a virtual address that nobody refreshes.

use core::time::Duration;

use super::Version;
use crate::fsm::{master_down, skew};
use crate::ids::Priority;
use crate::time::Centis;

/// The shortest lifetime that is chosen by itself, in seconds: a kernel counts whole ones.
const SHORTEST: u64 = 3;

/// The lifetime of a master's addresses where the configuration gives none, in whole seconds.
///
/// Long enough for two things, with refreshes at a third of it ([`refresh_period`]). A lease never
/// ends before a backup would take over: it is a second longer than the master-down time, rounded
/// up. And a stall that no backup can answer with a takeover, one of two intervals and the skew
/// time with three missing adverts, costs no address: two thirds of the lifetime last that long.
pub fn default_lease(
    version: Version,
    priority: Priority,
    interval: Centis,
    missed_adverts: u8,
) -> Duration {
    let down = master_down(version, priority, interval, missed_adverts);
    let stall = interval.duration() * u32::from(missed_adverts.saturating_sub(1))
        + skew(version, priority, interval);
    let takeover = whole(down) + 1;
    let stall = whole(stall.saturating_mul(3) / 2);
    Duration::from_secs(takeover.max(stall).max(SHORTEST))
}

/// How far apart the refreshes of one address are: a third of its lifetime.
pub fn refresh_period(lease: Duration) -> Duration {
    lease / 3
}

/// In seconds, rounded up.
fn whole(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(version: Version, priority: u8, centis: u16, missed: u8) -> u64 {
        let interval = Centis::new(centis).expect("not zero");
        default_lease(version, Priority(priority), interval, missed).as_secs()
    }

    #[test]
    fn the_usual_ones() {
        assert_eq!(lease(Version::V2, 100, 100, 3), 5);
        assert_eq!(lease(Version::V3, 254, 100, 3), 5);
        assert_eq!(
            lease(Version::V3, 100, 1, 3),
            3,
            "never below three seconds"
        );
        assert_eq!(lease(Version::V2, 100, 1000, 3), 32);
        assert_eq!(lease(Version::V3, 100, 1000, 3), 40, "a stall of 26.1 s");
        assert_eq!(lease(Version::V2, 100, 100, 10), 15, "a stall of 9.6 s");
    }

    /// Both promises, over the whole range.
    #[test]
    fn it_outlives_a_takeover_and_every_stall_without_one() {
        for version in [Version::V2, Version::V3] {
            for priority in [1, 100, 200, 255] {
                for centis in [1, 10, 100, 333, 1000, 4095] {
                    for missed in [1, 2, 3, 100] {
                        let interval = Centis::new(centis).expect("not zero");
                        let priority = Priority(priority);
                        let lease = default_lease(version, priority, interval, missed);
                        let down = master_down(version, priority, interval, missed);
                        assert!(lease >= down + Duration::from_secs(1));
                        let stall = down - interval.duration();
                        let left = lease - refresh_period(lease);
                        assert!(left >= stall, "{version:?} {priority} {centis} {missed}");
                    }
                }
            }
        }
    }
}
