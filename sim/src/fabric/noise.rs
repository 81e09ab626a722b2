//! Chance: ChaCha8 streams keyed by what they are for.
//!
//! Every use of randomness has a key of its own, made of the run's seed and a [`Purpose`]. The
//! 32-byte ChaCha key holds four little-endian words: the seed, the purpose's tag, and two words
//! that tell apart streams of one purpose. No stream is shared, so that taking one fault out of a
//! plan doesn't reshuffle the others.
//!
//! Frame noise goes further: frame `n` of a cable's direction owns block `n` of its stream, and
//! within the block every impairment has its fixed word (see `Draw`). What happens to a frame
//! depends on nothing but seed, cable, direction and frame number.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::topology::CableId;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Making a plan from a seed; the number tells apart sub-streams of the expansion.
    Plan(u32),
    /// Noise on a direction of a cable: 0 is `a` to `b`, 1 is `b` to `a`.
    Cable(CableId, u8),
    /// turmoil's seed, for dice that nothing depends on.
    Turmoil,
}

/// The stream for one purpose of one seed. Stable: recorded plans and traces depend on it.
pub fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let (tag, first, second) = match purpose {
        Purpose::Plan(sub) => (1_u64, u64::from(sub), 0),
        Purpose::Cable(cable, direction) => (2, u64::from(cable.0), u64::from(direction)),
        Purpose::Turmoil => (3, 0, 0),
    };
    let mut key = [0; 32];
    for (slot, word) in key.chunks_exact_mut(8).zip([seed, tag, first, second]) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Whether something of so many parts per million happens, given a uniform word.
pub const fn hits(word: u32, ppm: u32) -> bool {
    scale(word, 1_000_000) < ppm as u64
}

/// A uniform word scaled to `0..below`.
pub const fn scale(word: u32, below: u64) -> u64 {
    ((word as u128 * below as u128) >> 32) as u64
}

/// Words of a ChaCha block.
const BLOCK: usize = 16;

/// The position of each impairment's word in a frame's block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draw {
    Burst,
    Loss,
    Duplicate,
    Reorder,
    ReorderBy,
    Corrupt,
    CorruptBit,
}

/// The words that one frame owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameNoise([u32; BLOCK]);

impl FrameNoise {
    pub(crate) const fn word(&self, draw: Draw) -> u32 {
        self.0[draw as usize]
    }
}

/// The noise of one direction of a cable.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    rng: ChaCha8Rng,
    /// The block the generator stands at.
    next: u64,
}

impl Noise {
    pub(crate) fn new(seed: u64, cable: CableId, direction: u8) -> Self {
        Self {
            rng: stream(seed, Purpose::Cable(cable, direction)),
            next: 0,
        }
    }

    /// The words of frame `number`.
    pub(crate) fn frame(&mut self, number: u64) -> FrameNoise {
        if number != self.next {
            self.rng.set_word_pos(u128::from(number) * BLOCK as u128);
        }
        self.next = number + 1;
        FrameNoise(core::array::from_fn(|_| self.rng.next_u32()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_same_words_in_any_order() {
        let mut forward = Noise::new(7, CableId(3), 1);
        let words: Vec<_> = (0..9).map(|n| forward.frame(n)).collect();
        let mut backward = Noise::new(7, CableId(3), 1);
        for n in (0..9).rev() {
            assert_eq!(backward.frame(n), words[n as usize]);
        }
    }

    #[test]
    fn every_key_has_its_own_stream() {
        let keys = [
            (7, Purpose::Plan(0)),
            (8, Purpose::Plan(0)),
            (7, Purpose::Plan(1)),
            (7, Purpose::Cable(CableId(0), 0)),
            (7, Purpose::Cable(CableId(0), 1)),
            (7, Purpose::Cable(CableId(1), 0)),
        ];
        let mut first: Vec<u64> = keys.iter().map(|&(s, p)| stream(s, p).next_u64()).collect();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), keys.len());
    }

    #[test]
    fn ppm_has_exact_edges() {
        assert!(!hits(0, 0));
        assert!(hits(0, 1));
        assert!(hits(u32::MAX, 1_000_000));
        assert!(!hits(u32::MAX, 999_999));
        assert_eq!(scale(u32::MAX, 10), 9);
    }

    #[test]
    fn the_stream_is_the_one_recorded_plans_were_made_with() {
        // A change here invalidates every saved seed.
        assert_eq!(
            stream(1, Purpose::Plan(0)).next_u64(),
            4_344_717_217_939_160_907
        );
    }
}
