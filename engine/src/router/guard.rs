//! What a router remembers to authenticate adverts, its own and others': the sequence of `auth_type
//! AH`, and the [stamps] of `auth_hmac`.
//!
//! AH has one sequence for a whole virtual router, as in keepalived: it grows with every advert,
//! sent or heard, so that whoever takes over goes on where the last master stopped. A router that
//! has just started learns it from the first advert it hears.

mod stamps;

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use self::stamps::Stamps;
use super::accept::Discard;
use crate::config::HeaderKey;
use crate::input::Datagram;
use crate::rare::Blank;
use crate::wire::{TOS, ah, ipv4};

/// AH's sequence ends here, as in keepalived: 136 years at one advert a second.
const SEQUENCE_MAX: u32 = u32::MAX - 1;

/// The memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Guard {
    /// AH: the highest sequence sent or heard.
    sequence: u32,
    /// AH: it can't grow any more.
    spent: bool,
    /// `auth_hmac`: what was signed, and by whom.
    pub(super) stamps: Stamps,
}

impl Blank for Guard {
    fn blank() -> &'static Self {
        static BLANK: Guard = Guard {
            sequence: 0,
            spent: false,
            stamps: Stamps::NONE,
        };
        &BLANK
    }
}

impl Guard {
    /// AH: the sequence of the next advert. At its end it stays, and nobody believes us any more.
    pub(super) fn next_sequence(&mut self) -> u32 {
        self.spent = self.sequence >= SEQUENCE_MAX;
        if !self.spent {
            self.sequence += 1;
        }
        self.sequence
    }

    /// AH: a new master begins a new sequence where the old one has come to its end.
    pub(super) fn begin_reign(&mut self) {
        if core::mem::take(&mut self.spent) {
            self.sequence = 0;
        }
    }

    /// AH: a rival was outranked. Our answer follows upon its sequence at a distance, as
    /// keepalived's does.
    pub(super) fn outrank(&mut self) {
        self.sequence = self.sequence.saturating_add(1).min(SEQUENCE_MAX);
        self.spent = false;
    }

    /// AH: ICV, SPI and sequence, in that order; nothing is remembered before all of it is right.
    pub(super) fn check_header(
        &mut self,
        key: &HeaderKey,
        datagram: &Datagram<'_>,
    ) -> Result<(), Discard> {
        let view = ah::View::new(datagram.payload).ok_or(Discard::Length)?;
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (datagram.source, datagram.destination)
        else {
            return Err(Discard::HeaderMismatch);
        };
        let packet = ipv4::Header {
            source,
            destination,
            ttl: datagram.ttl,
            tos: TOS,
            id: datagram.id,
            protocol: ah::PROTOCOL,
        };
        if !view.verify(key, &packet) {
            return Err(Discard::HeaderForged);
        }
        if view.spi() != source.to_bits() {
            return Err(Discard::HeaderSpi);
        }
        if view.sequence() <= self.sequence {
            return Err(Discard::HeaderReplayed);
        }
        (self.sequence, self.spent) = (view.sequence(), false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_ends_and_begins_again_with_a_new_reign() {
        let mut guard = Guard {
            sequence: SEQUENCE_MAX - 1,
            ..Guard::default()
        };
        assert_eq!([0; 3].map(|_| guard.next_sequence()), [SEQUENCE_MAX; 3]);
        guard.begin_reign();
        assert_eq!(guard.next_sequence(), 1);
        guard.begin_reign();
        assert_eq!(guard.next_sequence(), 2, "only when it had ended");
    }
}
