//! Putting a router's adverts and announcements into bytes.

use core::net::{IpAddr, Ipv4Addr};

use super::accept::Form;
use super::announce::Burst;
use super::{Router, Surroundings};
use crate::config::{InstanceConfig, OldChecksum, Unicast, Version, VirtualAddress};
use crate::event::Event;
use crate::ids::{InstanceId, Priority};
use crate::input::LinkState;
use crate::output::{Output, Transmit};
use crate::pacing::Stage;
use crate::wire::{self, Advert, ChecksumForm, GROUP_V4, TTL};

impl Router {
    /// An advert to the group or to every peer, if there is a link to send it on and an address to
    /// send it from. To several peers it is one advert: the copies have the same identification.
    pub(super) fn send_advert(&mut self, s: &mut Surroundings<'_>, priority: Priority) {
        let config = s.config.instance(self.id);
        let link = &s.links[config.interface.index()];
        let Some(IpAddr::V4(source)) = self.source(s).filter(|_| link.up) else {
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
        let ttl = config.unicast.as_ref().map_or(TTL, |unicast| unicast.ttl);
        let mut copy = false;
        for to in destinations(config.unicast.as_ref(), source) {
            let mut packet = Vec::with_capacity(wire::ipv4::LEN + advert.encoded_len());
            wire::advert_packet(self.ip_id, ttl, source, to, &advert, &mut packet);
            let body = &mut packet[wire::ipv4::LEN..];
            if config.tuning.v3_checksum_as_v2 && config.version == Version::V3 {
                wire::set_checksum(ChecksumForm::Message, body, source.into(), to.into());
            } else if self.wants_old_checksum(config.unicast.as_ref(), to) {
                advert.encode(body, source.into(), GROUP_V4.into());
            }
            s.out.push_back(Output::Transmit(Transmit::Advert {
                instance: self.id,
                interface: config.sends_through(),
                destination: to.into(),
                priority,
                copy,
                packet,
            }));
            copy = true;
        }
    }

    /// Remembers which form of checksum a peer understands; strangers aren't written to.
    pub(super) fn note_checksum(&mut self, config: &InstanceConfig, form: Form, source: IpAddr) {
        let known = config.unicast.as_ref().and_then(|u| u.peer(source));
        match form {
            Form::Old if known.is_some() => _ = self.old_checksum.insert(source),
            Form::Old | Form::Current(_) => _ = self.old_checksum.remove(&source),
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
        if burst.rounds == 0 {
            return;
        }
        let (config, scope) = (s.config, burst.scope());
        let covered = || {
            let held = config.instance(self.id).held_addresses();
            held.filter(|held| scope.covers(config, self.id, held))
        };
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
        s.pacer.ask(&mut stage, self.id, burst.rounds, scope);
        s.out.push_back(Output::Event(Event::Announced {
            instance: self.id,
            why: burst.why,
        }));
    }
}

/// The announcement of one address, if there is a link to send it on.
pub(crate) fn announcement(
    links: &[LinkState],
    instance: InstanceId,
    held: &VirtualAddress,
) -> Option<Transmit> {
    let link = &links[held.interface.index()];
    match held.address {
        IpAddr::V4(address) if link.up => Some(Transmit::GratuitousArp {
            instance,
            interface: held.interface,
            address,
            mac: link.mac,
            frame: wire::arp::gratuitous(link.mac, address),
        }),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// Where adverts from `source` go. A peer list that names ourselves, as one that is the same on
/// all routers does, is no reason to talk to ourselves.
fn destinations(unicast: Option<&Unicast>, source: Ipv4Addr) -> impl Iterator<Item = Ipv4Addr> {
    let group = unicast.is_none().then_some(GROUP_V4);
    let peers = unicast.map_or(&[][..], |unicast| &unicast.peers);
    let peers = peers.iter().filter_map(move |peer| match peer.address {
        IpAddr::V4(address) if address != source => Some(address),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    });
    group.into_iter().chain(peers)
}
