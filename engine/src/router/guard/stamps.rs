//! The stamps of `auth_hmac`: those that we sign with, and the last one of each sender.
//!
//! What is asked of a signed advert, in this order: that its sender is a peer, where there are peers; that
//! the trailer has its form; that its time is within the window; that its key is known; that the HMAC is
//! right; that the sender's stamps grow. The time goes before the HMAC because it costs less, and growth
//! behind it, since a forged stamp must not be remembered.
//!
//! keepalived 2.4.3 does the same. Measured from outside, 2026-11-28: of two faults in one advert the
//! earlier one's counter goes up; a forged later stamp doesn't make an earlier one stale; an advert
//! whose checksum alone is wrong has its stamp remembered; of eight senders who repeat themselves the
//! last four are caught.

use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Hmac, HmacMode, Unicast};
use crate::router::accept::Discard;
use crate::wire::trailer::{Origin, Stamp, View};

/// So many senders are remembered, the latest, where anybody may send; all peers where there are
/// peers. More than two at once only happens while they contend.
const SENDERS_MAX: usize = 4;

/// The memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::router) struct Stamps {
    /// Of our own last advert.
    own: Option<Stamp>,
    /// Who was believed, the latest last, and the last stamp of each.
    senders: Vec<(IpAddr, Stamp)>,
}

impl Stamps {
    /// Nobody has signed anything.
    pub(super) const NONE: Self = Self {
        own: None,
        senders: Vec::new(),
    };

    /// The stamp for our next advert: the time, or the last stamp plus one when the clock didn't
    /// advance. In `anti_replay time` a clock that was set back further than the window is
    /// followed, because nobody would accept anything else.
    pub(in crate::router) fn next(&mut self, hmac: &Hmac, utc: Duration) -> Stamp {
        let clock = Stamp::of(utc);
        let stamp = match self.own {
            Some(own) if !clock.is_after(own) && in_window(hmac, clock, own) => own.next(),
            _ => clock,
        };
        *self.own.insert(stamp)
    }

    /// Whether an advert from `source` with that trailer, or none, is to be believed.
    pub(in crate::router) fn admit(
        &mut self,
        hmac: &Hmac,
        peers: Option<&Unicast>,
        utc: Duration,
        (source, trailer): (IpAddr, Option<View<'_>>),
        origin: &Origin,
    ) -> Result<(), Discard> {
        let Some(trailer) = trailer else {
            return unsigned(hmac.mode);
        };
        let room = match peers {
            None => SENDERS_MAX,
            Some(unicast) if unicast.peer(source).is_some() => unicast.peers.len(),
            Some(_) => return Err(Discard::TrailerStranger),
        };
        let now = Stamp::of(utc);
        authentic(hmac, now, &trailer, origin)?;
        // A stamp outside the window only orders what the window refuses anyway: without it, a
        // sender whose clock was set back is heard.
        let last = self
            .forget(source)
            .filter(|last| in_window(hmac, now, *last));
        let stamp = trailer.stamp();
        let grows = last.is_none_or(|last| stamp.is_after(last));
        self.remember(
            source,
            if grows { stamp } else { last.unwrap_or(stamp) },
            room,
        );
        grows.then_some(()).ok_or(Discard::TrailerReplayed)
    }

    fn forget(&mut self, source: IpAddr) -> Option<Stamp> {
        let place = self
            .senders
            .iter()
            .position(|(sender, _)| *sender == source)?;
        Some(self.senders.remove(place).1)
    }

    fn remember(&mut self, source: IpAddr, stamp: Stamp, room: usize) {
        let surplus = (self.senders.len() + 1).saturating_sub(room.max(1));
        self.senders.drain(..surplus);
        self.senders.push((source, stamp));
    }
}

/// What the mode says of an advert without a trailer.
fn unsigned(mode: HmacMode) -> Result<(), Discard> {
    match mode {
        HmacMode::Enforce => Err(Discard::TrailerMissing),
        HmacMode::Permissive | HmacMode::ReceiveOnly => Ok(()),
    }
}

/// What can be said of a trailer without knowing what its sender said before.
fn authentic(hmac: &Hmac, now: Stamp, trailer: &View<'_>, origin: &Origin) -> Result<(), Discard> {
    if !trailer.is_well_formed() {
        return Err(Discard::TrailerMalformed);
    }
    if !in_window(hmac, now, trailer.stamp()) {
        return Err(Discard::TrailerStale);
    }
    let key = hmac.key(trailer.key()).ok_or(Discard::TrailerKey)?;
    match trailer.verify(key, origin) {
        true => Ok(()),
        false => Err(Discard::TrailerForged),
    }
}

/// Whether two stamps are close enough to each other; always, when only growth counts.
fn in_window(hmac: &Hmac, one: Stamp, other: Stamp) -> bool {
    let apart = u64::from(one.seconds_to(other).unsigned_abs());
    hmac.window.is_none_or(|window| apart <= window.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HmacKey;
    use crate::wire::trailer::{self, LEN};

    const SENDER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 1));
    const ADVERT: [u8; 12] = [0x31, 51, 100, 1, 0, 100, 0, 0, 192, 0, 2, 9];

    fn hmac(window: Option<u64>) -> Hmac {
        Hmac {
            keys: vec![HmacKey::new(1, &[7; 32]).expect("long enough")],
            active: 1,
            mode: HmacMode::Enforce,
            window: window.map(Duration::from_secs),
        }
    }

    /// What becomes of an advert that was signed then.
    fn admit(
        stamps: &mut Stamps,
        hmac: &Hmac,
        now: u64,
        source: IpAddr,
        stamp: Stamp,
    ) -> Result<(), Discard> {
        let origin = Origin {
            version: 3,
            vrid: 51,
            source,
        };
        let signed: [u8; LEN] = trailer::sign(&hmac.keys[0], stamp, &origin, &ADVERT);
        let message = [&ADVERT[..], &signed].concat();
        let view = View::behind(&message, ADVERT.len());
        let utc = Duration::from_secs(now);
        stamps.admit(hmac, None, utc, (source, view), &origin)
    }

    #[test]
    fn stamps_grow_when_the_clock_stands_still_or_goes_back_a_little() {
        let mut stamps = Stamps::default();
        let mut next = |hmac: &Hmac, secs| stamps.next(hmac, Duration::from_secs(secs)).0;
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
        let mut stamps = Stamps::default();
        let secs = u64::from(u32::MAX) - 5;
        let stamp = stamps.next(&hmac(None), Duration::from_secs(secs));
        assert_eq!(u64::from(stamp.seconds()), secs);
    }

    #[test]
    fn at_most_four_strangers_are_remembered_and_the_latest_stay() {
        let mut stamps = Stamps::default();
        let monotonic = hmac(None);
        let sender = |n: u8| IpAddr::from([192, 0, 2, n]);
        for n in 0..100 {
            let first = admit(&mut stamps, &monotonic, 0, sender(n), Stamp(9));
            assert_eq!(first, Ok(()));
        }
        assert_eq!(stamps.senders.len(), SENDERS_MAX);
        for n in 96..100 {
            let again = admit(&mut stamps, &monotonic, 0, sender(n), Stamp(9));
            assert_eq!(again, Err(Discard::TrailerReplayed));
        }
    }

    #[test]
    fn a_stamp_outside_the_window_is_forgotten() {
        let (mut stamps, time) = (Stamps::default(), hmac(Some(5)));
        let mut heard = |now, secs: u64| admit(&mut stamps, &time, now, SENDER, Stamp(secs << 32));
        assert_eq!(heard(100, 104), Ok(()));
        assert_eq!(heard(100, 100), Err(Discard::TrailerReplayed));
        assert_eq!(heard(98, 98), Ok(()), "104 is outside of 98 ± 5");
    }

    /// Whatever was recorded, played again at any time: within the window it was heard before, and
    /// after it it's too old.
    #[test]
    fn a_replay_is_refused_within_the_window_and_after_it() {
        let (mut stamps, time) = (Stamps::default(), hmac(Some(5)));
        let recorded: Vec<Stamp> = (100..110u64).map(|secs| Stamp(secs << 32)).collect();
        for (now, stamp) in (100..).zip(&recorded) {
            assert_eq!(admit(&mut stamps, &time, now, SENDER, *stamp), Ok(()));
        }
        for now in 109..130 {
            for stamp in &recorded {
                let again = admit(&mut stamps, &time, now, SENDER, *stamp);
                let why = again.expect_err("it was heard before");
                assert!(matches!(
                    why,
                    Discard::TrailerReplayed | Discard::TrailerStale
                ));
            }
        }
    }
}
