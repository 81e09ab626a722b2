//! Skew_Time and Master_Down_Interval, in integer nanoseconds, divided last.
//!
//! Nothing is truncated to centiseconds: at 100 ms neighbouring priorities differ by 0.39 ms, and
//! truncation would make them take over together.

use core::time::Duration;

use crate::config::Version;
use crate::ids::Priority;
use crate::time::Centis;

/// Skew_Time: `(256 - priority) / 256` of a second in v2 (RFC 3768 6.1, whatever the interval), of
/// the master's interval in v3 (RFC 9568 6.1).
pub fn skew(version: Version, priority: Priority, interval: Centis) -> Duration {
    let unit = match version {
        Version::V2 => 1_000_000_000,
        Version::V3 => interval.nanos(),
    };
    Duration::from_nanos((256 - u64::from(priority.get())) * unit / 256)
}

/// Master_Down_Interval: so many intervals, three in the RFCs, and the skew time.
pub fn master_down(
    version: Version,
    priority: Priority,
    interval: Centis,
    missed_adverts: u8,
) -> Duration {
    Duration::from_nanos(u64::from(missed_adverts) * interval.nanos())
        + skew(version, priority, interval)
}

/// How late an advert may be before a backup of that priority takes over: with three missing
/// adverts, two intervals and its skew time behind the deadline, three behind the advert before it.
pub fn patience(
    version: Version,
    priority: Priority,
    interval: Centis,
    missed_adverts: u8,
) -> Duration {
    master_down(
        version,
        priority,
        interval,
        missed_adverts.saturating_sub(1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn centis(n: u16) -> Centis {
        Centis::new(n).expect("not zero")
    }

    /// Values that keepalived 2.2.7 printed for the same configuration, to the microsecond.
    #[test]
    fn master_down_matches_keepalived() {
        for (priority, micros) in [(150, 3_414_062), (140, 3_453_125), (130, 3_492_187)] {
            let ours = master_down(Version::V2, Priority(priority), centis(100), 3);
            assert_eq!(ours.as_micros(), micros, "priority {priority}");
        }
        let half = master_down(Version::V3, Priority(100), centis(50), 3);
        assert_eq!(half, Duration::from_nanos(1_804_687_500));
        let one = master_down(Version::V2, Priority(150), centis(100), 1);
        assert_eq!(one, Duration::from_nanos(1_414_062_500));
    }

    #[test]
    fn skew_orders_backups_even_at_ten_milliseconds() {
        for p in 1..=254 {
            let higher = skew(Version::V3, Priority(p + 1), centis(1));
            assert!(
                higher < skew(Version::V3, Priority(p), centis(1)),
                "priority {p}"
            );
        }
        assert_eq!(
            skew(Version::V3, Priority(254), centis(1)),
            Duration::from_nanos(78_125)
        );
    }

    #[test]
    fn v2_skew_ignores_the_interval() {
        let (slow, fast) = (centis(25_500), centis(100));
        assert_eq!(
            skew(Version::V2, Priority(100), slow),
            skew(Version::V2, Priority(100), fast)
        );
    }
}
