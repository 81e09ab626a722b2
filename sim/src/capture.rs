//! Taps: where frames are written down as they pass.
//!
//! A tap collects (time, bytes); writing them to a file is the work of crate `captures`. A tap
//! changes nothing about the run, and a run without taps pays nothing for them.

use std::sync::Arc;

use locum_engine::Instant;

use crate::topology::{CableId, End, HostId, SwitchId};

/// The bytes of an Ethernet frame, without the check sequence. Shared by everyone who sees it.
pub type Bytes = Arc<[u8]>;

/// Where a tap sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TapPoint {
    /// A host's NIC: what it sends with carrier, and what arrives, as tcpdump would see it there.
    Nic(HostId),
    /// An end of a cable: what goes in there (even if it is lost under way) and what comes out.
    Cable(CableId, End),
    /// A whole segment: each frame that a switch takes in, once, as tcpdump on a bridge.
    Segment(SwitchId),
}

/// A tap that was set, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TapId(usize);

/// Every tap of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taps {
    taps: Vec<Tap>,
}

#[derive(Clone, Debug)]
struct Tap {
    point: TapPoint,
    frames: Vec<(Instant, Bytes)>,
}

impl Taps {
    pub(crate) fn set(&mut self, point: TapPoint) -> TapId {
        self.taps.push(Tap {
            point,
            frames: Vec::new(),
        });
        TapId(self.taps.len() - 1)
    }

    pub(crate) fn frames(&self, tap: TapId) -> &[(Instant, Bytes)] {
        &self.taps[tap.0].frames
    }

    /// A frame passes a point.
    pub(crate) fn see(&mut self, point: TapPoint, at: Instant, bytes: &Bytes) {
        for tap in &mut self.taps {
            if tap.point == point {
                tap.frames.push((at, Arc::clone(bytes)));
            }
        }
    }
}
