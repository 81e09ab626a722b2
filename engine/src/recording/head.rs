//! What a segment begins with: all it takes to start replaying there.

use core::time::Duration;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::decode::Garbled;
use super::packed::Packed;
use crate::time::Instant;

/// The beginning of a segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head<'a> {
    /// The version of the program that recorded it.
    pub version: Cow<'a, str>,
    /// The run of the daemon, counted since 1970 in nanoseconds: when it began.
    pub run: u64,
    /// What the wall clock said when the segment began (UTC, since 1970).
    pub wall: Duration,
    /// What the engine's clock said then.
    pub now: Instant,
    /// Inputs of the run before this segment, also those that aren't in any: where the segment before
    /// ends earlier, there is a gap.
    pub earlier: u64,
    /// Nothing was told to the engine before: its state is that of a new one, on a machine that has
    /// been up for so long. Then no state is recorded.
    pub fresh: Option<Duration>,
    /// How many packets are remembered, to say that the same came again.
    pub slots: u16,
    /// The configuration as it was read.
    pub texts: Cow<'a, Packed>,
    /// A hash of what the reader made of it (see [`fingerprint`](super::fingerprint)).
    pub config: u64,
    /// See [`Engine::layout`](crate::Engine::layout).
    pub layout: u64,
    /// See [`Engine::checkpoint`](crate::Engine::checkpoint).
    pub state: Cow<'a, [u8]>,
}

impl Head<'_> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let bytes = postcard::to_allocvec(self).expect("plain data, and a Vec that grows");
        super::bytes::put_bytes(out, &bytes);
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Head<'static>, Garbled> {
        postcard::from_bytes(bytes).map_err(|_| Garbled::Head)
    }

    /// What the wall clock said at that time of the engine's, if nobody set it meanwhile.
    pub fn wall_at(&self, now: Instant) -> Duration {
        if now >= self.now {
            return self.wall.saturating_add(now.saturating_since(self.now));
        }
        self.wall.saturating_sub(self.now.saturating_since(now))
    }
}
