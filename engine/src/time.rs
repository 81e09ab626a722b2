//! Time as the engine knows it: integer nanoseconds since an origin the caller chose.
//!
//! There is no clock here. Whoever calls the engine says what time it is; the simulator says it
//! from its event queue, the daemon from `CLOCK_MONOTONIC`.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::Add;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, in nanoseconds since the caller's origin. Ordered, constructible, printable
/// as `hh:mm:ss.nnnnnnnnn`.
///
/// Kept as one more than that, which is never zero: an `Option` of it is no larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Instant(NonZeroU64);

impl Instant {
    /// The origin.
    pub const ZERO: Self = Self(NonZeroU64::MIN);
    /// Later than any deadline that can be met.
    pub const FAR_FUTURE: Self = Self(NonZeroU64::MAX);

    /// The instant `nanos` nanoseconds after the origin, [`Instant::FAR_FUTURE`] at the latest.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// The instant `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self::from_nanos(millis * 1_000_000)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// The time from `earlier` to `self`, or zero when `earlier` is the later one.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// `self` moved back by `span`, not before the origin.
    pub fn saturating_sub(self, span: Duration) -> Self {
        Self::from_nanos(self.as_nanos().saturating_sub(nanos(span)))
    }
}

impl Default for Instant {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<u64> for Instant {
    fn from(nanos: u64) -> Self {
        Self::from_nanos(nanos)
    }
}

impl From<Instant> for u64 {
    fn from(at: Instant) -> Self {
        at.as_nanos()
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.as_nanos()).finish()
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::FAR_FUTURE`]: a deadline too far away never comes.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_nanos() / 1_000_000_000;
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{h:02}:{m:02}:{s:02}.{:09}",
            self.as_nanos() % 1_000_000_000
        )
    }
}

/// Whole nanoseconds of a span; saturates at about 584 years.
pub fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A span printed in seconds with up to nine decimals and no trailing zeros: `3.609375 s`.
pub struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = self.0.subsec_nanos();
        if fraction == 0 {
            return write!(f, "{} s", self.0.as_secs());
        }
        let digits = format!("{fraction:09}");
        write!(f, "{}.{} s", self.0.as_secs(), digits.trim_end_matches('0'))
    }
}

/// A span that was measured, as people read it: to the millisecond, where it has any.
#[derive(Clone, Copy, Debug)]
pub struct Measured(pub Duration);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = Duration::from_micros(500);
        let millis = (self.0.saturating_add(half)).as_millis();
        match u64::try_from(millis) {
            Ok(0) | Err(_) => Seconds(self.0).fmt(f),
            Ok(millis) => Seconds(Duration::from_millis(millis)).fmt(f),
        }
    }
}

/// An advertisement interval in centiseconds, the wire unit of VRRPv3 (RFC 9568 5.2.7).
///
/// VRRPv2 counts whole seconds (RFC 3768 5.3.7); they convert exactly, so seconds and
/// centiseconds cannot meet by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Centis(u16);

impl TryFrom<u16> for Centis {
    type Error = &'static str;

    fn try_from(centis: u16) -> Result<Self, Self::Error> {
        Self::new(centis).ok_or("no router advertises without a pause")
    }
}

impl Centis {
    /// The longest interval VRRPv3 can carry: 12 bits, 40.95 s.
    pub const MAX_V3: Self = Self(4095);

    /// `centis` hundredths of a second. `None` for zero, which no router may use (errata 8301).
    pub const fn new(centis: u16) -> Option<Self> {
        if centis == 0 {
            None
        } else {
            Some(Self(centis))
        }
    }

    /// Whole seconds, as VRRPv2 carries them. `None` for zero.
    pub const fn from_seconds(seconds: u8) -> Option<Self> {
        Self::new(seconds as u16 * 100)
    }

    /// Hundredths of a second.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whole seconds for the VRRPv2 wire, rounded to the nearest, between 1 and 255.
    pub const fn to_seconds(self) -> u8 {
        // Not (n + 50) / 100, which overflows near the end of the range.
        let seconds = self.0 / 100 + (self.0 % 100) / 50;
        if seconds == 0 {
            1
        } else if seconds > 255 {
            255
        } else {
            seconds as u8
        }
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0 as u64 * 10_000_000
    }

    /// As a [`Duration`].
    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_fixed_width() {
        assert_eq!(
            Instant::from_nanos(3_723_000_000_001).to_string(),
            "01:02:03.000000001"
        );
    }

    #[test]
    fn what_was_measured_is_read_to_the_millisecond() {
        let said = |nanos| Measured(Duration::from_nanos(nanos)).to_string();
        assert_eq!(said(3_609_532_337), "3.61 s");
        assert_eq!(said(3_609_375_000), "3.609 s");
        assert_eq!(said(999_999_999), "1 s");
        assert_eq!(said(400_000), "0.0004 s");
    }

    #[test]
    fn seconds_drop_trailing_zeros() {
        assert_eq!(
            Seconds(Duration::from_nanos(3_609_375_000)).to_string(),
            "3.609375 s"
        );
        assert_eq!(Seconds(Duration::from_secs(2)).to_string(), "2 s");
    }

    #[test]
    fn centis_round_to_whole_seconds_for_v2() {
        assert_eq!(Centis::new(149).map(Centis::to_seconds), Some(1));
        assert_eq!(Centis::new(150).map(Centis::to_seconds), Some(2));
        assert_eq!(Centis::new(1).map(Centis::to_seconds), Some(1));
        assert_eq!(Centis::new(u16::MAX).map(Centis::to_seconds), Some(255));
        assert_eq!(Centis::new(0), None);
    }

    #[test]
    fn deadlines_saturate() {
        assert_eq!(
            Instant::FAR_FUTURE + Duration::from_secs(1),
            Instant::FAR_FUTURE
        );
        assert_eq!(
            Instant::ZERO.saturating_since(Instant::from_nanos(5)),
            Duration::ZERO
        );
    }
}
