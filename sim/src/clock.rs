//! The clock of one host: world time in, the host's own monotonic time out.
//!
//! Clocks may run fast or slow ([`Fault::Drift`](crate::fault::Fault::Drift)) and stand still while
//! the machine is paused. Whatever happens, local time is continuous and never goes back. Wall clocks
//! are another thing ([`Fault::WallClock`](crate::fault::Fault::WallClock)): no timer depends on one.

use locum_engine::Instant;

/// The slowest rate a clock may have: it still moves.
const SLOWEST_PPM: i32 = -999_999;
const MILLION: i64 = 1_000_000;

/// Maps world time to a host's local time and back, in integer nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalClock {
    /// World time of the last change of rate or pause.
    world: Instant,
    /// Local time at that moment.
    base: Instant,
    ppm: i32,
    paused: bool,
}

impl LocalClock {
    /// A clock that shows `offset` at world time zero and runs at the world's rate.
    pub const fn new(offset: Instant) -> Self {
        Self {
            world: Instant::ZERO,
            base: offset,
            ppm: 0,
            paused: false,
        }
    }

    /// Local time at world time `world`, rounded down to the nanosecond. Must not be asked about
    /// times before the last change; it then answers with the time of the change.
    pub fn local(&self, world: Instant) -> Instant {
        let elapsed = world.as_nanos().saturating_sub(self.world.as_nanos());
        if self.paused {
            return self.base;
        }
        if self.ppm == 0 {
            return Instant::from_nanos(self.base.as_nanos().saturating_add(elapsed));
        }
        let local = u128::from(elapsed) * u128::from(self.rate()) / MILLION as u128;
        let local = u64::try_from(local).unwrap_or(u64::MAX);
        Instant::from_nanos(self.base.as_nanos().saturating_add(local))
    }

    /// The first world instant at which local time has reached `deadline`, as things stand: a
    /// later change of rate moves it. [`Instant::FAR_FUTURE`] while the clock stands still.
    pub fn world_of(&self, deadline: Instant) -> Instant {
        let missing = deadline.as_nanos().saturating_sub(self.base.as_nanos());
        if missing == 0 {
            return self.world;
        }
        if self.paused || deadline == Instant::FAR_FUTURE {
            return Instant::FAR_FUTURE;
        }
        if self.ppm == 0 {
            return Instant::from_nanos(self.world.as_nanos().saturating_add(missing));
        }
        let elapsed = (u128::from(missing) * MILLION as u128).div_ceil(u128::from(self.rate()));
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        Instant::from_nanos(self.world.as_nanos().saturating_add(elapsed))
    }

    /// From `now` on the clock runs fast by `ppm` parts per million; negative is slow.
    pub fn set_drift(&mut self, now: Instant, ppm: i32) {
        self.rebase(now);
        self.ppm = ppm.max(SLOWEST_PPM);
    }

    /// The clock stands still from `now` on.
    pub fn pause(&mut self, now: Instant) {
        self.rebase(now);
        self.paused = true;
    }

    /// The clock goes on where it stood.
    pub fn resume(&mut self, now: Instant) {
        self.rebase(now);
        self.paused = false;
    }

    /// Whether the clock stands still.
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    fn rebase(&mut self, now: Instant) {
        self.base = self.local(now);
        self.world = self.world.max(now);
    }

    /// Local nanoseconds per million world nanoseconds.
    fn rate(&self) -> u64 {
        (MILLION + i64::from(self.ppm)).unsigned_abs()
    }
}

impl Default for LocalClock {
    fn default() -> Self {
        Self::new(Instant::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Change {
        Drift(i32),
        Pause,
        Resume,
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (-999_999_i32..=2_000_000).prop_map(Change::Drift),
            Just(Change::Pause),
            Just(Change::Resume),
        ]
    }

    proptest! {
        #[test]
        fn local_time_is_continuous_and_monotonic(
            steps in prop::collection::vec((0_u64..10_000_000_000, change()), 0..20)
        ) {
            let mut clock = LocalClock::default();
            let mut world = 0;
            let mut last = Instant::ZERO;
            for (span, change) in steps {
                world += span;
                let now = Instant::from_nanos(world);
                let before = clock.local(now);
                prop_assert!(before >= last);
                match change {
                    Change::Drift(ppm) => clock.set_drift(now, ppm),
                    Change::Pause => clock.pause(now),
                    Change::Resume => clock.resume(now),
                }
                prop_assert_eq!(clock.local(now), before);
                last = before;
            }
        }

        #[test]
        fn world_of_is_the_first_instant_that_reaches_the_deadline(
            ppm in -999_999_i32..=2_000_000,
            since in 0_u64..1_000_000_000_000,
            span in 1_u64..1_000_000_000_000,
        ) {
            let mut clock = LocalClock::default();
            clock.set_drift(Instant::from_nanos(since), ppm);
            let deadline = Instant::from_nanos(since + span);
            let at = clock.world_of(deadline);
            prop_assert!(clock.local(at) >= deadline);
            let before = Instant::from_nanos(at.as_nanos() - 1);
            prop_assert!(clock.local(before) < deadline);
        }
    }

    #[test]
    fn a_fast_clock_reaches_its_deadline_early() {
        let mut clock = LocalClock::default();
        clock.set_drift(Instant::ZERO, 1_000);
        let deadline = Instant::from_nanos(1_001_000_000);
        assert_eq!(clock.world_of(deadline), Instant::from_millis(1_000));
    }

    #[test]
    fn a_paused_clock_reaches_nothing_and_loses_nothing() {
        let mut clock = LocalClock::default();
        clock.pause(Instant::from_millis(10));
        assert_eq!(
            clock.local(Instant::from_millis(50)),
            Instant::from_millis(10)
        );
        let deadline = Instant::from_millis(15);
        assert_eq!(clock.world_of(deadline), Instant::FAR_FUTURE);
        clock.resume(Instant::from_millis(50));
        assert_eq!(clock.world_of(deadline), Instant::from_millis(55));
    }
}
