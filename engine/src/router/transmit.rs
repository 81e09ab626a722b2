//! Putting a router's adverts and announcements into bytes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::accept::Form;
use super::announce::Burst;
use super::guard::Guard;
use super::{Router, Surroundings};
use crate::config::{
    Auth, HeaderKey, InstanceConfig, OldChecksum, Unicast, Version, VirtualAddress,
};
use crate::event::{Announcement, Event};
use crate::fsm::{Master, Params};
use crate::ids::{InstanceId, Priority};
use crate::input::LinkState;
use crate::output::{Output, Transmit};
use crate::pacing::Stage;
use crate::rare::Rare;
use crate::wire::advert::version_number;
use crate::wire::trailer::{self, Origin};
use crate::wire::{self, Advert, ChecksumForm, Family, GROUP_V4, PROTOCOL, TOS, TTL, ah};

impl Router {
    /// An advert whose time has come, and an announcement if that has passed for too long.
    pub(super) fn advert_due(&mut self, s: &mut Surroundings<'_>, params: &Params, late: Duration) {
        self.send_advert(s, self.priority);
        let garp = &s.config.instance(self.id).garp;
        if let Some(burst) = self.announcer.refresh(garp, s.now) {
            self.announce(s, burst);
        }
        if Master::may_be_replaced(params, late) {
            s.out.push_back(Output::Event(Event::Late {
                instance: self.id,
                by: late,
            }));
            let rounds = s.config.instance(self.id).garp.repeat;
            self.announce(
                s,
                Burst {
                    why: Announcement::Late,
                    rounds,
                },
            );
        }
    }

    /// An advert to the group or to every peer, if there is a link to send it on and an address to
    /// send it from. To several peers it is one advert: the copies have the same identification.
    pub(super) fn send_advert(&mut self, s: &mut Surroundings<'_>, priority: Priority) {
        let config = s.config.instance(self.id);
        let link = &s.links[config.interface.index()];
        let Some(source) = self.source(s.sight()).filter(|_| link.up) else {
            return;
        };
        self.ip_id = self.ip_id.checked_add(1).unwrap_or(1);
        let advert = Advert {
            version: config.version,
            vrid: config.vrid,
            priority,
            interval: config.advert_interval,
            auth: config.auth,
            addresses: &self.advertised,
        };
        self.stats.sent += 1;
        self.stats.resigned += u64::from(priority == Priority::RELEASE);
        let seal = seal(&mut self.guard, config, s.utc, &advert, source);
        let mut copy = false;
        for destination in destinations(config, source) {
            let packet = match (source, destination) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    self.packet_v4(config, &advert, &seal, (from, to))
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => packet_v6(config, &advert, &seal, (from, to)),
                // No advert goes from one family to the other.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => continue,
            };
            s.out.push_back(Output::Transmit(Transmit::Advert {
                instance: self.id,
                interface: config.sends_through(),
                destination,
                priority,
                copy,
                packet,
            }));
            copy = true;
        }
    }

    fn packet_v4(
        &self,
        config: &InstanceConfig,
        advert: &Advert<'_>,
        seal: &Seal,
        (from, to): (Ipv4Addr, Ipv4Addr),
    ) -> Vec<u8> {
        let len = wire::ipv4::LEN + advert.encoded_len(Family::V4);
        let mut packet = Vec::with_capacity(len + ah::LEN.max(trailer::LEN));
        wire::advert_packet(self.ip_id, ttl(config), from, to, advert, &mut packet);
        let body = &mut packet[wire::ipv4::LEN..];
        if config.tuning.v3_checksum_as_v2 && config.version == Version::V3 {
            wire::set_checksum(ChecksumForm::Message, body, from.into(), to.into());
        } else if self.wants_old_checksum(config.unicast.as_ref(), to) {
            advert.encode(body, from.into(), GROUP_V4.into());
        }
        let header = wire::ipv4::Header {
            source: from,
            destination: to,
            ttl: ttl(config),
            tos: TOS,
            id: self.ip_id,
            protocol: PROTOCOL,
        };
        match seal {
            Seal::None => {}
            Seal::Header(key, sequence) => ah::insert(key, *sequence, header, &mut packet),
            Seal::Trailer(trailer) => {
                packet.extend(trailer);
                let length = packet.len() - wire::ipv4::LEN;
                packet[..wire::ipv4::LEN].copy_from_slice(&header.encode(length));
            }
        }
        packet
    }

    /// Remembers which form of checksum a peer understands; strangers aren't written to.
    pub(super) fn note_checksum(&mut self, config: &InstanceConfig, form: Form, source: IpAddr) {
        let known = config.unicast.as_ref().and_then(|u| u.peer(source));
        match form {
            Form::Old if known.is_some() => _ = self.old_checksum.insert(source),
            Form::Old | Form::Current(_) => {
                if let Some(old) = self.old_checksum.present() {
                    old.remove(&source);
                }
            }
        }
    }

    fn wants_old_checksum(&self, unicast: Option<&Unicast>, peer: Ipv4Addr) -> bool {
        unicast.is_some_and(|unicast| match unicast.old_checksum {
            OldChecksum::Never => false,
            OldChecksum::Always => true,
            OldChecksum::Detect => self.old_checksum.contains(&peer.into()),
        })
    }

    /// Rounds over all addresses, advertised ones first; nothing when the burst has no rounds. What
    /// has to keep a distance goes to the pacer, the rest leaves at once.
    pub(super) fn announce(&mut self, s: &mut Surroundings<'_>, burst: Burst) {
        self.announce_these(s, burst, s.config.instance(self.id).held_addresses());
    }

    /// Rounds over some addresses.
    pub(super) fn announce_these<'a>(
        &mut self,
        s: &mut Surroundings<'_>,
        burst: Burst,
        addresses: impl IntoIterator<Item = &'a VirtualAddress, IntoIter: Clone>,
    ) {
        if burst.rounds == 0 {
            return;
        }
        let (config, scope) = (s.config, burst.scope());
        let addresses = addresses.into_iter();
        let covered = || {
            let held = addresses.clone();
            held.filter(|held| scope.covers(config, self.id, held))
        };
        let sent = covered().filter(|held| s.links[held.interface.index()].up);
        self.stats.count_burst(burst.why);
        self.stats.announcements += u64::from(burst.rounds) * sent.count() as u64;
        for _ in 0..burst.rounds {
            for held in covered().filter(|held| !s.pacer.paces(held)) {
                let transmit = announcement(s.links, self.id, held);
                s.out.extend(transmit.map(Output::Transmit));
            }
        }
        let mut stage = Stage {
            now: s.now,
            config,
            links: s.links,
            out: s.out,
        };
        // Where a distance is kept, all of them take their turn again.
        if addresses.clone().any(|held| s.pacer.paces(held)) {
            s.pacer.ask(&mut stage, self.id, burst.rounds, scope);
        }
        s.out.push_back(Output::Event(Event::Announced {
            instance: self.id,
            why: burst.why,
        }));
    }
}

/// The announcement of one address, by ARP or by neighbour discovery, if there is a link to send it on.
pub(crate) fn announcement(
    links: &[LinkState],
    instance: InstanceId,
    held: &VirtualAddress,
) -> Option<Transmit> {
    let link = &links[held.interface.index()];
    let (interface, mac) = (held.interface, link.mac);
    link.up.then(|| match held.address {
        IpAddr::V4(address) => Transmit::GratuitousArp {
            instance,
            interface,
            address,
            mac,
            frame: wire::arp::gratuitous(mac, address),
        },
        IpAddr::V6(address) => Transmit::NeighbourAdvert {
            instance,
            interface,
            address,
            mac,
            frame: wire::ndp::announcement(mac, address, link.forwards_ipv6),
        },
    })
}

fn ttl(config: &InstanceConfig) -> u8 {
    config.unicast.as_ref().map_or(TTL, |unicast| unicast.ttl)
}

/// Over IPv6 there is one checksum, and no identification.
fn packet_v6(
    config: &InstanceConfig,
    advert: &Advert<'_>,
    seal: &Seal,
    (from, to): (Ipv6Addr, Ipv6Addr),
) -> Vec<u8> {
    let len = wire::ipv6::LEN + advert.encoded_len(Family::V6);
    let mut packet = Vec::with_capacity(len + trailer::LEN);
    wire::advert_packet_v6(ttl(config), from, to, advert, &mut packet);
    match seal {
        // A header over IPv6 is in no configuration.
        Seal::None | Seal::Header(..) => {}
        Seal::Trailer(trailer) => {
            packet.extend(trailer);
            let header = wire::ipv6::Header {
                source: from,
                destination: to,
                hop_limit: ttl(config),
                traffic_class: TOS,
                next_header: PROTOCOL,
            };
            let (front, body) = packet.split_at_mut(wire::ipv6::LEN);
            front.copy_from_slice(&header.encode(body.len()));
            wire::set_checksum(ChecksumForm::PseudoHeader, body, from.into(), to.into());
        }
    }
    packet
}

/// What authenticates an advert besides what is in it.
enum Seal {
    None,
    /// `auth_type AH`: key and sequence. What it covers differs by destination.
    Header(HeaderKey, u32),
    /// `auth_hmac`, the same for all.
    Trailer([u8; trailer::LEN]),
}

/// Where adverts from `source` go. A peer list that names ourselves, as one that is the same on
/// all routers does, is no reason to talk to ourselves.
fn destinations(config: &InstanceConfig, source: IpAddr) -> impl Iterator<Item = IpAddr> {
    let unicast = config.unicast.as_ref();
    let group = unicast.is_none().then(|| config.group());
    let peers = unicast.map_or(&[][..], |unicast| &unicast.peers);
    let peers = peers.iter().map(|peer| peer.address);
    group
        .into_iter()
        .chain(peers.filter(move |peer| *peer != source))
}

/// What authenticates this advert to all its receivers; it counts as one advert.
fn seal(
    guard: &mut Rare<Guard>,
    config: &InstanceConfig,
    utc: Duration,
    advert: &Advert<'_>,
    source: IpAddr,
) -> Seal {
    if let Auth::Header(key) = config.auth {
        return Seal::Header(key, guard.next_sequence());
    }
    let Some(hmac) = config.hmac.as_ref().filter(|hmac| hmac.signs()) else {
        return Seal::None;
    };
    let Some(key) = hmac.key(hmac.active) else {
        return Seal::None; // A configuration has it; nobody believes us without.
    };
    let origin = Origin {
        version: version_number(config.version),
        vrid: config.vrid.get(),
        source,
    };
    let mut bytes = vec![0; advert.encoded_len(Family::of(source))];
    // Destination and checksum aren't covered.
    advert.encode(&mut bytes, source, Family::of(source).group());
    let stamp = guard.stamps.next(hmac, utc);
    Seal::Trailer(trailer::sign(key, stamp, &origin, &bytes))
}
