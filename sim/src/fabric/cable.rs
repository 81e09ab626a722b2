//! A cable: carrier, and what happens to frames in each of its directions.
//!
//! Chance decides frame by frame with the words that [`noise`](super::noise) gives to each frame
//! number. A frame is counted even when it is lost, so that an impairment that comes or goes
//! doesn't move the others' draws.

use core::time::Duration;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::wire::ethernet;

use super::noise::{Draw, Noise, hits, scale};
use crate::capture::Bytes;
use crate::topology::{Burst, CableId, CableSpec, End, Path};

/// Nothing is faster than this; a frame never arrives at the instant it was sent.
const LATENCY_MIN: Duration = Duration::from_micros(1);

/// Which way a frame goes; also the index of that direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    AToB = 0,
    BToA = 1,
}

/// A cable's state.
#[derive(Clone, Debug)]
pub(crate) struct Cable {
    pub(crate) ends: [End; 2],
    pub(crate) plugged: bool,
    pub(crate) carrier: bool,
    /// Counts losses of carrier: a frame under way from an earlier one is lost.
    pub(crate) epoch: u32,
    lanes: [Lane; 2],
}

impl Cable {
    pub(crate) fn new(spec: &CableSpec, id: CableId, seed: u64) -> Self {
        Self {
            ends: [spec.a, spec.b],
            plugged: true,
            carrier: true,
            epoch: 0,
            lanes: [
                Lane::new(spec.a_to_b, Noise::new(seed, id, 0)),
                Lane::new(spec.b_to_a, Noise::new(seed, id, 1)),
            ],
        }
    }

    pub(crate) const fn source(&self, way: Way) -> End {
        self.ends[way as usize]
    }

    pub(crate) const fn target(&self, way: Way) -> End {
        self.ends[1 - way as usize]
    }

    pub(crate) fn lane(&mut self, way: Way) -> &mut Lane {
        &mut self.lanes[way as usize]
    }
}

/// One direction of a cable.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    path: Path,
    dark: bool,
    /// The bad state of the burst model.
    bad: bool,
    sent: u64,
    noise: Noise,
}

/// What comes out at the far end: nothing, one frame, or the same frame twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost,
    Arrives {
        at: Instant,
        bytes: Bytes,
        twice: bool,
    },
}

impl Lane {
    const fn new(path: Path, noise: Noise) -> Self {
        Self {
            path,
            dark: false,
            bad: false,
            sent: 0,
            noise,
        }
    }

    pub(crate) const fn set_dark(&mut self, dark: bool) {
        self.dark = dark;
    }

    pub(crate) const fn set_loss(&mut self, ppm: u32, burst: Option<Burst>) {
        self.path.loss_ppm = ppm;
        self.path.burst = burst;
        self.bad = false;
    }

    pub(crate) const fn set_duplicate(&mut self, ppm: u32) {
        self.path.duplicate_ppm = ppm;
    }

    pub(crate) const fn set_corrupt(&mut self, ppm: u32) {
        self.path.corrupt_ppm = ppm;
    }

    pub(crate) const fn set_reorder(&mut self, ppm: u32, by: Duration) {
        self.path.reorder_ppm = ppm;
        self.path.reorder_by = by;
    }

    pub(crate) const fn set_latency(&mut self, latency: Duration) {
        self.path.latency = latency;
    }

    /// Decides the fate of the next frame.
    pub(crate) fn carry(&mut self, now: Instant, bytes: &Bytes) -> Fate {
        let number = self.sent;
        self.sent += 1;
        let at = now + self.path.latency.max(LATENCY_MIN);
        let fate = if self.is_noisy() {
            self.carry_noisy(number, at, bytes)
        } else {
            Fate::Arrives {
                at,
                bytes: Arc::clone(bytes),
                twice: false,
            }
        };
        // Bursts go on in the dark, so that they are where they would have been without it.
        if self.dark { Fate::Lost } else { fate }
    }

    const fn is_noisy(&self) -> bool {
        let Path {
            loss_ppm,
            duplicate_ppm,
            reorder_ppm,
            corrupt_ppm,
            ..
        } = self.path;
        self.path.burst.is_some() || loss_ppm | duplicate_ppm | reorder_ppm | corrupt_ppm != 0
    }

    fn carry_noisy(&mut self, number: u64, mut at: Instant, bytes: &Bytes) -> Fate {
        let noise = self.noise.frame(number);
        if let Some(burst) = self.path.burst {
            let word = noise.word(Draw::Burst);
            self.bad = if self.bad {
                !hits(word, burst.leave_ppm)
            } else {
                hits(word, burst.enter_ppm)
            };
        }
        if self.bad || hits(noise.word(Draw::Loss), self.path.loss_ppm) {
            return Fate::Lost;
        }
        if hits(noise.word(Draw::Reorder), self.path.reorder_ppm) {
            let most = locum_engine::time::nanos(self.path.reorder_by);
            at = at + Duration::from_nanos(scale(noise.word(Draw::ReorderBy), most) + 1);
        }
        let corrupt = hits(noise.word(Draw::Corrupt), self.path.corrupt_ppm);
        if corrupt && is_arp(bytes) {
            return Fate::Lost;
        }
        let bytes = if corrupt {
            flip(bytes, noise.word(Draw::CorruptBit))
        } else {
            Arc::clone(bytes)
        };
        Fate::Arrives {
            at,
            bytes,
            twice: hits(noise.word(Draw::Duplicate), self.path.duplicate_ppm),
        }
    }
}

/// ARP has no checksum of its own. A real NIC drops what fails Ethernet's check sequence; a bit that
/// slipped through would put a wrong address into caches for half a minute, and nothing that VRRP
/// does could be told from that. Other frames are let through, for the receivers' own checksums.
fn is_arp(bytes: &[u8]) -> bool {
    ethernet::View::new(bytes).is_some_and(|frame| frame.ethertype == ethernet::ETHERTYPE_ARP)
}

/// A copy with one bit flipped, anywhere in the frame.
fn flip(bytes: &Bytes, word: u32) -> Bytes {
    let mut copy = bytes.to_vec();
    let bit = scale(word, copy.len() as u64 * 8) as usize;
    if let Some(byte) = copy.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    copy.into()
}
