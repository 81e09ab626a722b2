//! The acceptance ladder: every rung refuses and moves nothing, and of two faults in one packet the
//! one that keepalived finds first is reported. Every pair of rungs, in every way to authenticate, to the
//! group and from peer to peer; pairs that no packet can have are named.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::packet::{KEY, Packet, STRANGER, UTC, hmac, key, prepared, unicast};
use common::*;
use locum_engine::config::{Auth, HeaderKey, HmacMode, InstanceConfig, Version};
use locum_engine::event::{Discard, StateKind};
use locum_engine::wire::GROUP_V4;
use locum_engine::wire::trailer::Stamp;

/// A way to spoil a packet.
type Spoil = fn(&mut Packet);
type Rungs = Vec<(Discard, Spoil)>;

/// Who hears, and a packet that it would believe.
struct Setting {
    us: InstanceConfig,
    good: Packet,
}

impl Setting {
    fn all() -> Vec<Self> {
        let auth = [(Version::V2, Auth::None), (Version::V2, PASSWORD)];
        let auth = auth.into_iter().chain([(Version::V3, Auth::None)]);
        let mut all = vec![];
        for (version, auth) in auth {
            for signed in [false, true] {
                all.push((version, auth, signed));
            }
        }
        all.push((Version::V2, Auth::Header(KEY), false));
        let to_all = [(false, false), (false, true), (true, false), (true, true)];
        let each = all.into_iter().flat_map(|(version, auth, signed)| {
            to_all.map(|(to_peers, owner)| Self::new(version, auth, signed, to_peers, owner))
        });
        each.collect()
    }

    fn new(version: Version, auth: Auth, signed: bool, to_peers: bool, owner: bool) -> Self {
        let router = |priority| {
            let router = InstanceConfig {
                version,
                auth,
                hmac: signed.then(|| Arc::new(hmac(HmacMode::Enforce))),
                ..instance(priority)
            };
            if to_peers { unicast(router) } else { router }
        };
        let mut us = router(if owner { 255 } else { 100 });
        us.tuning.owner_ignore_adverts = owner;
        let mut good = Packet::of(&router(200));
        // Those of a master are earlier, and so is the one that was heard before.
        good.header = good.header.map(|(key, _)| (key, 1000));
        good.trailer = good.trailer.map(|(key, stamp)| (key, stamp.next()));
        Self { us, good }
    }

    fn owner_ignores(&self) -> bool {
        self.us.tuning.owner_ignore_adverts
    }

    /// Each rung that this router has, in order, with a packet that fails there.
    fn rungs(&self) -> Rungs {
        let mut rungs: Rungs = vec![
            (Discard::Truncated, |p| p.arrives = 1),
            (Discard::UnknownVrid, |p| p.advert[1] = 52),
            (Discard::NotListening, |_| {}),
            (Discard::Own, |p| p.source = US),
            (Discard::HeaderMismatch, |p| {
                p.header = p.header.is_none().then_some((KEY, 1));
            }),
            (Discard::Length, |p| p.advert[3] = 200),
            (Discard::Version, |p| p.advert[0] = 0x51),
            (Discard::Type, |p| p.advert[0] = p.advert[0] & 0xf0 | 2),
            (Discard::Checksum, |p| p.sum = false),
        ];
        rungs.extend(self.addressing());
        rungs.extend(self.authentication());
        match self.us.version {
            Version::V2 => rungs.push((Discard::IntervalMismatch, |p| p.advert[5] = 2)),
            Version::V3 => rungs.push((Discard::IntervalZero, |p| p.advert[4..6].fill(0))),
        }
        if self.owner_ignores() {
            rungs.push((Discard::OwnerIgnores, |_| {}));
        }
        rungs.sort_by_key(|(discard, _)| discard.index());
        rungs
    }

    fn addressing(&self) -> Rungs {
        if self.us.unicast.is_none() {
            return vec![
                (Discard::Ttl, |p| p.ttl = 254),
                (Discard::Destination, |p| p.destination = US),
            ];
        }
        let mut rungs: Rungs = vec![
            (Discard::NotToUs, |p| p.destination = GROUP_V4),
            (Discard::NotAPeer, |p| p.source = STRANGER),
            (Discard::PeerTtl, |p| p.ttl = 59),
        ];
        if self.us.hmac.is_some() {
            rungs.push((Discard::TrailerStranger, |p| p.source = STRANGER));
            // The same fault, found earlier.
            rungs.retain(|(discard, _)| *discard != Discard::NotAPeer);
        }
        rungs
    }

    fn authentication(&self) -> Rungs {
        let mut rungs: Rungs = vec![];
        if self.us.hmac.is_some() {
            rungs.extend::<[(Discard, Spoil); 6]>([
                (Discard::TrailerMissing, |p| p.trailer = None),
                (Discard::TrailerMalformed, |p| p.reserved = 1),
                (Discard::TrailerStale, |p| {
                    stamp(p, Stamp::of(UTC - secs(60)))
                }),
                (Discard::TrailerKey, |p| {
                    p.trailer = p.trailer.take().map(|(_, stamp)| (key(3), stamp));
                }),
                (Discard::TrailerForged, |p| p.forged = true),
                (Discard::TrailerReplayed, |p| stamp(p, Stamp::of(UTC))),
            ]);
        }
        if self.us.version == Version::V3 {
            return rungs;
        }
        rungs.push((Discard::AuthTypeUnknown, |p| p.advert[4] = 9));
        match self.us.auth {
            Auth::None => rungs.push((Discard::AuthTypeMismatch, |p| p.advert[4] = 1)),
            Auth::Password(_) => rungs.extend::<[(Discard, Spoil); 2]>([
                (Discard::AuthTypeMismatch, |p| p.advert[4] = 0),
                (Discard::AuthFailed, |p| p.advert[12] = b'x'),
            ]),
            Auth::Header(_) => rungs.extend::<[(Discard, Spoil); 4]>([
                (Discard::AuthTypeMismatch, |p| p.advert[4] = 1),
                (Discard::HeaderForged, |p| {
                    p.header = p.header.map(|(_, n)| (HeaderKey(*b"wrong!!!"), n));
                }),
                (Discard::HeaderSpi, |p| p.spi = false),
                (Discard::HeaderReplayed, |p| {
                    p.header = p.header.map(|(key, _)| (key, 0))
                }),
            ]),
        }
        rungs
    }

    /// Why a packet with these faults, the first of them the earliest, is refused by a backup and by
    /// a master, neither of which may move.
    fn refuses(&self, faults: &[&(Discard, Spoil)]) -> Discard {
        let states: &[StateKind] = match self.owner_ignores() {
            true => &[StateKind::Master],
            false => &[StateKind::Backup, StateKind::Master],
        };
        let reasons: BTreeSet<usize> = states.iter().map(|s| self.refused_as(*s, faults)).collect();
        assert_eq!(reasons.len(), 1, "backup and master agree");
        Discard::ALL[*reasons.first().expect("one state at least")]
    }

    fn refused_as(&self, state: StateKind, faults: &[&(Discard, Spoil)]) -> usize {
        let mut bench = prepared(&self.us, state);
        if self.us.hmac.is_some() {
            // Somebody of lower priority who is believed and changes nothing.
            let mut earlier = self.good.clone();
            earlier.advert[2] = 50;
            stamp(&mut earlier, Stamp::of(UTC));
            earlier.deliver(&mut bench);
        }
        if faults.iter().any(|(why, _)| *why == Discard::NotListening) {
            bench.link(false);
        }
        let counted = |bench: &Bench| {
            let strays = bench.engine.status().strays();
            let discarded = &bench.engine.stats(VI).discarded;
            let mut counted: [u64; Discard::COUNT] = std::array::from_fn(|i| discarded[i]);
            counted[Discard::Truncated.index()] = strays.truncated;
            counted[Discard::UnknownVrid.index()] = strays.unknown;
            counted
        };
        let before = (bench.state(), bench.engine.poll_timeout());
        let old = counted(&bench);
        let mut packet = self.good.clone();
        for (_, spoil) in faults.iter().rev() {
            spoil(&mut packet);
        }
        packet.deliver(&mut bench);
        let after = (bench.state(), bench.engine.poll_timeout());
        assert_eq!(after, before, "a timer moved");
        let new = counted(&bench);
        let found: Vec<_> = (0..Discard::COUNT).filter(|&i| new[i] > old[i]).collect();
        assert_eq!(found.len(), 1, "exactly one reason");
        found[0]
    }
}

fn stamp(packet: &mut Packet, stamp: Stamp) {
    packet.trailer = packet.trailer.take().map(|(key, _)| (key, stamp));
}

/// Whether no packet can have both faults, whoever hears it: they belong to different versions, ways to
/// authenticate or to address, or the second asks for what the first denies.
fn apart(one: Discard, other: Discard) -> bool {
    use Discard::*;
    const VERSION_2: &[Discard] = &[
        AuthTypeUnknown,
        AuthTypeMismatch,
        AuthFailed,
        HeaderForged,
        HeaderSpi,
        HeaderReplayed,
        IntervalMismatch,
    ];
    const HEADER: &[Discard] = &[HeaderForged, HeaderSpi, HeaderReplayed];
    const GROUP: &[Discard] = &[Ttl, Destination];
    const PEERS: &[Discard] = &[TrailerStranger, NotToUs, NotAPeer, PeerTtl];
    // Who signs and isn't a peer is refused as a stranger.
    const SIGNED: &[Discard] = &[
        TrailerMissing,
        TrailerStranger,
        TrailerMalformed,
        TrailerStale,
        TrailerKey,
        TrailerForged,
        TrailerReplayed,
    ];
    let between = |these: &[Discard], those: &[Discard]| {
        these.contains(&one) && those.contains(&other)
            || these.contains(&other) && those.contains(&one)
    };
    between(VERSION_2, &[IntervalZero])
        || between(HEADER, &[AuthFailed])
        || between(HEADER, SIGNED)
        || between(GROUP, PEERS)
        || between(SIGNED, &[NotAPeer])
}

#[test]
fn every_rung_refuses_and_moves_nothing() {
    let mut seen = BTreeSet::new();
    for setting in Setting::all() {
        for rung in setting.rungs() {
            let expected = match setting.owner_ignores() {
                true => rung.0.min(Discard::OwnerIgnores),
                false => rung.0,
            };
            assert_eq!(setting.refuses(&[&rung]), expected, "{:?}", setting.us);
            seen.insert(expected);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), Discard::ALL);
}

#[test]
fn of_two_faults_the_earlier_rung_is_reported() {
    let mut seen = BTreeSet::new();
    for setting in Setting::all() {
        let rungs = setting.rungs();
        for (i, earlier) in rungs.iter().enumerate() {
            for later in &rungs[i + 1..] {
                let expected = match setting.owner_ignores() {
                    true => earlier.0.min(Discard::OwnerIgnores),
                    false => earlier.0,
                };
                let why = setting.refuses(&[earlier, later]);
                assert_eq!(why, expected, "with {:?}: {:?}", later.0, setting.us);
                if expected == earlier.0 {
                    seen.insert((earlier.0, later.0));
                }
            }
        }
    }
    for (i, earlier) in Discard::ALL.into_iter().enumerate() {
        for later in &Discard::ALL[i + 1..] {
            let tested = seen.contains(&(earlier, *later));
            assert_ne!(tested, apart(earlier, *later), "{earlier:?} and {later:?}");
        }
    }
}
