//! `${_RANDOM}`: numbers that repeat with their seed.
//!
//! The numbers aren't those of keepalived, which come from the C library.

use crate::conf::Sources;

/// The generator: SplitMix64, seeded by `random_seed` or else by the [`Sources`].
#[derive(Debug, Default)]
pub(super) struct Random {
    state: Option<u64>,
}

impl Random {
    /// Starts again from a seed.
    pub(super) fn seed(&mut self, seed: u64) {
        self.state = Some(seed);
    }

    /// A number from `low` to `high`; `low` when that is the higher one.
    pub(super) fn draw(&mut self, low: u32, high: u32, sources: &mut dyn Sources) -> u32 {
        let state = self.state.get_or_insert_with(|| sources.random_seed());
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let range = u64::from(high.saturating_sub(low)) + 1;
        // The bias of the remainder is below 2^-32.
        low + u32::try_from(mixed % range).expect("less than a range of 32 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::NoIncludes;

    #[test]
    fn numbers_stay_in_range_and_repeat() {
        let draw = |seed| -> Vec<u32> {
            let mut random = Random::default();
            random.seed(seed);
            (0..200)
                .map(|_| random.draw(3, 7, &mut NoIncludes))
                .collect()
        };
        let first = draw(1);
        assert!((3..=7).all(|n| first.contains(&n)) && first.iter().all(|n| (3..=7).contains(n)));
        assert_eq!(first, draw(1));
        assert_ne!(first, draw(2));
        let mut random = Random::default();
        assert_eq!(random.draw(9, 2, &mut NoIncludes), 9);
        random.draw(0, u32::MAX, &mut NoIncludes);
    }
}
