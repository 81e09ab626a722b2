//! Forged adverts: a stranger with a tap in a host's cable, who speaks in a neighbour's name.
//!
//! The frames go out at both ends of the cable, from a hardware address of their own. They are
//! well-formed: what is false about them is what the [`Forgery`] says; or they are the neighbour's own,
//! recorded and played again ([`Replay`]).

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Centis;
use locum_engine::config::{Auth, Version};
use locum_engine::ids::MacAddr;
use locum_engine::wire::{self, Advert, Family, ethernet};

use crate::capture::Bytes;
use crate::fault::{Forgery, Replay};
use crate::topology::{HostId, Role, Topology};

/// Locally administered, and no host's.
const FORGER_MAC: MacAddr = MacAddr([0x02, 0xba, 0xad, 0xba, 0xad, 0x00]);
/// What is forged for a virtual router that the host doesn't know.
const DEFAULT: (Version, u16) = (Version::V2, 100);

/// A stream of adverts that nobody should believe.
#[derive(Clone, Debug)]
pub(crate) struct Forger {
    /// On whose cable.
    pub(crate) host: HostId,
    /// What is sent, over and over.
    frames: Vec<Bytes>,
    sent: usize,
    left: u32,
    /// Between two frames.
    pub(crate) every: Duration,
    /// Whose adverts are being recorded, until the first is played.
    records: Option<IpAddr>,
}

impl Forger {
    /// Version and interval are those that the host expects of that virtual router.
    pub(crate) fn new(topology: &Topology, host: HostId, forgery: &Forgery) -> Self {
        Self {
            host,
            frames: vec![encode(forgery, expected(topology, host, forgery)).into()],
            sent: 0,
            left: forgery.count,
            every: forgery.every.max(Duration::from_micros(1)),
            records: None,
        }
    }

    /// One that has nothing to say before it has listened.
    pub(crate) fn listening(host: HostId, replay: &Replay) -> Self {
        Self {
            host,
            frames: Vec::new(),
            sent: 0,
            left: replay.count,
            every: replay.every.max(Duration::from_micros(1)),
            records: Some(replay.source),
        }
    }

    /// A frame passes: keeps it if it is an advert of the one that is listened to, from a hardware
    /// address of its own.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        let Some(frame) = ethernet::View::new(bytes) else {
            return;
        };
        let advert = match frame.ethertype {
            ethernet::ETHERTYPE_IPV4 => wire::ipv4::View::new(frame.payload)
                .ok()
                .map(|p| (p.protocol(), IpAddr::V4(p.source()))),
            ethernet::ETHERTYPE_IPV6 => wire::ipv6::View::new(frame.payload)
                .ok()
                .map(|p| (p.next_header(), IpAddr::V6(p.source()))),
            _ => None,
        };
        let wanted = self.records.map(|source| (wire::PROTOCOL, source));
        if advert.is_some() && advert == wanted {
            let again = ethernet::encode(
                frame.destination,
                FORGER_MAC,
                frame.ethertype,
                frame.payload,
            );
            self.frames.push(again.into());
        }
    }

    /// The next frame; `None` when all are sent, or nothing was heard.
    pub(crate) fn next(&mut self) -> Option<Bytes> {
        self.records = None;
        self.left = self.left.checked_sub(1)?;
        let frame = self.frames.get(self.sent % self.frames.len().max(1))?;
        self.sent += 1;
        Some(Bytes::clone(frame))
    }
}

fn expected(topology: &Topology, host: HostId, forgery: &Forgery) -> (Version, Centis) {
    let (version, interval) = DEFAULT;
    let default = (version, Centis::new(interval).unwrap_or(Centis::MAX_V3));
    let Role::Router(router) = &topology.hosts[host.index()].role else {
        return default;
    };
    let instances = &router.config.instances;
    instances
        .iter()
        .find(|i| i.vrid == forgery.vrid && i.family == Family::of(forgery.source))
        .map_or(default, |i| (i.version, i.advert_interval))
}

fn encode(forgery: &Forgery, (version, interval): (Version, Centis)) -> Vec<u8> {
    let advert = Advert {
        version,
        vrid: forgery.vrid,
        priority: forgery.priority,
        interval,
        auth: forgery.password.map_or(Auth::None, Auth::Password),
        addresses: &forgery.addresses,
    };
    let mut packet = Vec::new();
    let (to, ethertype) = match forgery.source {
        IpAddr::V4(source) => {
            let group = wire::GROUP_V4;
            wire::advert_packet(0, forgery.ttl, source, group, &advert, &mut packet);
            (ethernet::multicast_mac(group), ethernet::ETHERTYPE_IPV4)
        }
        IpAddr::V6(source) => {
            let group = wire::GROUP_V6;
            wire::advert_packet_v6(forgery.ttl, source, group, &advert, &mut packet);
            (ethernet::multicast_mac_v6(group), ethernet::ETHERTYPE_IPV6)
        }
    };
    ethernet::encode(to, FORGER_MAC, ethertype, &packet)
}
