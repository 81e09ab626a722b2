//! Intervals and timers as the RFCs define them, computed a second time.
//!
//! Nothing here is shared with the engine: a formula that is wrong there must not be wrong here
//! for the same reason. Integer nanoseconds; divided last. Sources: RFC 3768 5.3.7 and 6.1,
//! RFC 9568 6.1.

use core::time::Duration;

use locum_engine::config::{InstanceConfig, Version};
use locum_engine::ids::Priority;
use locum_engine::time::nanos;

/// The advertisement interval that a router of this configuration uses as master.
pub(super) fn advert_interval(config: &InstanceConfig) -> Duration {
    match config.version {
        Version::V2 => Duration::from_secs(u64::from(config.advert_interval.to_seconds())),
        Version::V3 => Duration::from_millis(u64::from(config.advert_interval.get()) * 10),
    }
}

/// `skew(p)`: (256 - p) / 256 of a second in version 2, of the interval in version 3.
pub(super) fn skew(version: Version, interval: Duration, priority: Priority) -> Duration {
    let whole = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval,
    };
    let share = 256 - u128::from(priority.get());
    from_nanos(whole.as_nanos() * share / 256)
}

/// How far clocks go wrong, in parts per million; both at least zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Drift {
    /// The most that a clock has ever run fast.
    pub(super) fast: u32,
    /// The most that a clock has ever run slow.
    pub(super) slow: u32,
}

impl Drift {
    /// The wider of both.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            fast: self.fast.max(other.fast),
            slow: self.slow.max(other.slow),
        }
    }

    /// Takes one more drift into account.
    pub(super) fn note(&mut self, ppm: i32) {
        if ppm >= 0 {
            self.fast = self.fast.max(ppm.unsigned_abs());
        } else {
            self.slow = self.slow.max(ppm.unsigned_abs().min(999_999));
        }
    }

    /// The shortest true time in which such a clock counts `span`.
    pub(super) fn shortest(self, span: Duration) -> Duration {
        if self.fast == 0 {
            return span;
        }
        from_nanos(span.as_nanos() * 1_000_000 / (1_000_000 + u128::from(self.fast)))
            .saturating_sub(ROUNDING)
    }

    /// The longest.
    pub(super) fn longest(self, span: Duration) -> Duration {
        if self.slow == 0 {
            return span;
        }
        from_nanos(span.as_nanos() * 1_000_000 / (1_000_000 - u128::from(self.slow))) + ROUNDING
    }
}

/// Conversions between a drifting clock and true time round; twice the largest error of one.
const ROUNDING: Duration = Duration::from_micros(1);

fn from_nanos(n: u128) -> Duration {
    Duration::from_nanos(u64::try_from(n).unwrap_or(u64::MAX))
}

/// The difference in nanoseconds as a duration, zero when `b` is the larger one.
pub(super) fn minus(a: Duration, b: Duration) -> Duration {
    Duration::from_nanos(nanos(a).saturating_sub(nanos(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_table_of_the_literature() {
        let m = |p| S * 3 + skew(Version::V3, S, Priority(p));
        assert_eq!(m(100), Duration::from_nanos(3_609_375_000));
        assert_eq!(m(190), Duration::from_nanos(3_257_812_500));
        assert_eq!(
            skew(Version::V3, S, Priority(254)),
            Duration::from_nanos(7_812_500)
        );
        assert_eq!(
            skew(Version::V3, S / 10, Priority(100)),
            Duration::from_nanos(60_937_500)
        );
        assert_eq!(
            skew(Version::V2, S * 5, Priority(100)),
            Duration::from_nanos(609_375_000)
        );
    }

    #[test]
    fn drift_widens() {
        let mut drift = Drift::default();
        assert_eq!((drift.shortest(S), drift.longest(S)), (S, S));
        drift.note(300);
        drift.note(-500);
        assert!(drift.shortest(S) < Duration::from_micros(999_701));
        assert!(drift.longest(S) > Duration::from_micros(1_000_500));
    }
}
