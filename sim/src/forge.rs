//! Forged adverts: a stranger with a tap in a host's cable, who speaks in a neighbour's name.
//!
//! The frames go out at both ends of the cable, from a hardware address of their own. They are
//! well-formed: what is false about them is what the [`Forgery`] says.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Centis;
use locum_engine::config::{Auth, Version};
use locum_engine::ids::MacAddr;
use locum_engine::wire::{self, Advert, Family, ethernet};

use crate::capture::Bytes;
use crate::fault::Forgery;
use crate::topology::{HostId, Role, Topology};

/// Locally administered, and no host's.
const FORGER_MAC: MacAddr = MacAddr([0x02, 0xba, 0xad, 0xba, 0xad, 0x00]);
/// What is forged for a virtual router that the host doesn't know.
const DEFAULT: (Version, u16) = (Version::V2, 100);

/// A stream of forged adverts.
#[derive(Clone, Debug)]
pub(crate) struct Forger {
    /// On whose cable.
    pub(crate) host: HostId,
    bytes: Bytes,
    left: u32,
    /// Between two frames.
    pub(crate) every: Duration,
}

impl Forger {
    /// Version and interval are those that the host expects of that virtual router.
    pub(crate) fn new(topology: &Topology, host: HostId, forgery: &Forgery) -> Self {
        Self {
            host,
            bytes: encode(forgery, expected(topology, host, forgery)).into(),
            left: forgery.count,
            every: forgery.every.max(Duration::from_micros(1)),
        }
    }

    /// The next frame; `None` when all are sent.
    pub(crate) fn next(&mut self) -> Option<Bytes> {
        self.left = self.left.checked_sub(1)?;
        Some(Bytes::clone(&self.bytes))
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
