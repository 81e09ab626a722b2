//! What a router remembers to authenticate adverts, its own and others': the sequence of `auth_type
//! AH`, and the stamps of `auth_hmac`.
//!
//! AH has one sequence for a whole virtual router, as in keepalived: it grows with every advert,
//! sent or heard, so that whoever takes over goes on where the last master stopped. A router that
//! has just started learns it from the first advert it hears. Stamps are kept for each sender.

use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::accept::Discard;
use crate::config::{HeaderKey, Hmac, InstanceConfig};
use crate::input::Datagram;
use crate::wire::trailer::{self, Origin, Stamp};
use crate::wire::{TOS, ah, ipv4};

/// So many senders are remembered, the latest, where anybody may send; all peers where there are
/// peers. More than two at once only happens while they contend.
const SENDERS_MAX: usize = 4;
/// AH's sequence ends here, as in keepalived: 136 years at one advert a second.
const SEQUENCE_MAX: u32 = u32::MAX - 1;

/// The memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Guard {
    /// AH: the highest sequence sent or heard.
    sequence: u32,
    /// AH: it can't grow any more.
    spent: bool,
    /// The stamp of our own last advert.
    signed: Option<Stamp>,
    /// By sender, the stamp of the last advert accepted from it; the latest sender last.
    heard: Vec<(IpAddr, Stamp)>,
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

    /// `auth_hmac`: the stamp for the next advert: the time, or the last stamp plus one when the
    /// clock didn't advance. In `anti_replay time` a clock that was set back further than the
    /// window is followed, because nobody would accept anything else.
    pub(super) fn next_stamp(&mut self, hmac: &Hmac, utc: Duration) -> Stamp {
        let clock = Stamp::of(utc);
        let next = match self.signed {
            Some(last) if !clock.is_after(last) => {
                let ahead = i64::from(clock.seconds_to(last));
                let follows = hmac.window.is_some_and(|window| ahead > seconds(window));
                if follows { clock } else { last.next() }
            }
            Some(_) | None => clock,
        };
        self.signed = Some(next);
        next
    }

    /// `auth_hmac`, in keepalived's order. The stamp is looked at before the HMAC, which costs
    /// more, and remembered after it.
    pub(super) fn check_trailer(
        &mut self,
        hmac: &Hmac,
        config: &InstanceConfig,
        utc: Duration,
        (source, trailer): (IpAddr, Option<trailer::View<'_>>),
        origin: &Origin,
    ) -> Result<(), Discard> {
        let Some(trailer) = trailer else {
            return match hmac.mode {
                crate::config::HmacMode::Enforce => Err(Discard::TrailerMissing),
                crate::config::HmacMode::Permissive | crate::config::HmacMode::ReceiveOnly => {
                    Ok(())
                }
            };
        };
        let peers = config.unicast.as_ref();
        if peers.is_some_and(|unicast| unicast.peer(source).is_none()) {
            return Err(Discard::TrailerStranger);
        }
        if !trailer.is_well_formed() {
            return Err(Discard::TrailerMalformed);
        }
        let (now, stamp) = (Stamp::of(utc), trailer.stamp());
        if !within(hmac, now, stamp) {
            return Err(Discard::TrailerStale);
        }
        let key = hmac.key(trailer.key()).ok_or(Discard::TrailerKey)?;
        if !trailer.verify(key, origin) {
            return Err(Discard::TrailerForged);
        }
        let most = peers.map_or(SENDERS_MAX, |unicast| unicast.peers.len());
        self.mark(hmac, now, source, stamp, most)
    }

    /// Remembers a stamp that is later than the sender's last. One from outside the window only
    /// orders what the window refuses, and is forgotten: a sender whose clock was set back is heard.
    fn mark(
        &mut self,
        hmac: &Hmac,
        now: Stamp,
        source: IpAddr,
        stamp: Stamp,
        most: usize,
    ) -> Result<(), Discard> {
        let known = self.heard.iter().position(|(sender, _)| *sender == source);
        let last = known.map(|at| self.heard.remove(at).1);
        let last = last.filter(|last| within(hmac, now, *last));
        let replayed = last.is_some_and(|last| !stamp.is_after(last));
        let kept = if replayed {
            last.unwrap_or(stamp)
        } else {
            stamp
        };
        while self.heard.len() >= most.max(1) {
            self.heard.remove(0);
        }
        self.heard.push((source, kept));
        if replayed {
            return Err(Discard::TrailerReplayed);
        }
        Ok(())
    }
}

/// Whether a stamp is close enough to the time; always, when only growth counts.
fn within(hmac: &Hmac, now: Stamp, stamp: Stamp) -> bool {
    let apart = i64::from(now.seconds_to(stamp)).abs();
    hmac.window.is_none_or(|window| apart <= seconds(window))
}

fn seconds(window: Duration) -> i64 {
    i64::try_from(window.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HmacKey, HmacMode};

    fn hmac(window: Option<u64>) -> Hmac {
        Hmac {
            keys: vec![HmacKey::new(1, &[7; 32]).expect("long enough")],
            active: 1,
            mode: HmacMode::Enforce,
            window: window.map(Duration::from_secs),
        }
    }

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

    #[test]
    fn stamps_grow_when_the_clock_stands_still_or_goes_back_a_little() {
        let mut guard = Guard::default();
        let mut next = |hmac: &Hmac, secs| guard.next_stamp(hmac, Duration::from_secs(secs)).0;
        let (time, monotonic) = (hmac(Some(5)), hmac(None));
        assert_eq!(next(&time, 100), 100 << 32);
        assert_eq!(next(&time, 100), (100 << 32) + 1);
        assert_eq!(next(&time, 95), (100 << 32) + 2);
        assert_eq!(
            next(&monotonic, 50),
            (100 << 32) + 3,
            "strictly growing, whatever the clock says"
        );
        assert_eq!(
            next(&time, 94),
            94 << 32,
            "out of everybody's window: back to the clock"
        );
    }

    #[test]
    fn the_first_stamp_is_the_time_also_after_2038() {
        let mut guard = Guard::default();
        let secs = u64::from(u32::MAX) - 5;
        let stamp = guard.next_stamp(&hmac(None), Duration::from_secs(secs));
        assert_eq!(u64::from(stamp.seconds()), secs);
    }

    #[test]
    fn at_most_four_strangers_are_remembered_and_the_latest_stay() {
        let mut guard = Guard::default();
        let (monotonic, now) = (hmac(None), Stamp(0));
        let sender = |n: u8| IpAddr::from([192, 0, 2, n]);
        for n in 0..100 {
            let most = SENDERS_MAX;
            assert_eq!(
                guard.mark(&monotonic, now, sender(n), Stamp(9), most),
                Ok(())
            );
        }
        assert_eq!(guard.heard.len(), SENDERS_MAX);
        for n in 96..100 {
            let again = guard.mark(&monotonic, now, sender(n), Stamp(9), SENDERS_MAX);
            assert_eq!(again, Err(Discard::TrailerReplayed));
        }
    }

    #[test]
    fn a_mark_outside_the_window_is_forgotten() {
        let mut guard = Guard::default();
        let (time, sender) = (hmac(Some(5)), IpAddr::from([192, 0, 2, 1]));
        let at = |secs: u64| Stamp(secs << 32);
        let mut mark = |now, stamp| guard.mark(&time, at(now), sender, at(stamp), 4);
        assert_eq!(mark(100, 104), Ok(()));
        assert_eq!(mark(100, 100), Err(Discard::TrailerReplayed));
        assert_eq!(mark(98, 98), Ok(()), "104 is outside of 98 ± 5");
    }
}
