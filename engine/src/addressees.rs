//! Which virtual router a packet is for.
//!
//! On an interface a virtual router has a number for itself, in each address family. Routers that talk
//! to different groups, or to different peers, may share one; then a packet's addresses decide. The
//! reader of the configuration sees to it that they do.

use core::net::IpAddr;

use crate::config::{Config, InstanceConfig};
use crate::ids::{InstanceId, InterfaceId, Vrid};
use crate::input::{Datagram, LinkState};
use crate::wire::Family;

/// All virtual routers by interface, VRID and family, sorted.
#[derive(Debug, Default)]
pub(crate) struct Addressees(Vec<(Key, InstanceId)>);

type Key = (InterfaceId, Vrid, Family);

impl Addressees {
    pub(crate) fn new(config: &Config) -> Self {
        let ids = (0..=u16::MAX).map(InstanceId);
        let key = |(id, i): (InstanceId, &InstanceConfig)| ((i.interface, i.vrid, i.family), id);
        let mut table: Vec<_> = ids.zip(&config.instances).map(key).collect();
        table.sort_unstable();
        Self(table)
    }

    /// Whose the packet is. When none of several takes it, one that explains best why it doesn't.
    pub(crate) fn find(
        &self,
        config: &Config,
        links: &[LinkState],
        datagram: &Datagram<'_>,
        vrid: Vrid,
    ) -> Option<InstanceId> {
        let key = (datagram.interface, vrid, Family::of(datagram.source));
        let first = self.0.partition_point(|(k, _)| *k < key);
        let rest = &self.0[first..];
        let alike = &rest[..rest.partition_point(|(k, _)| *k == key)];
        match alike {
            [] => None,
            [(_, only)] => Some(*only),
            several => {
                let rank = |id: InstanceId| {
                    let instance = config.instance(id);
                    rank(instance, &links[instance.interface.index()], datagram)
                };
                let best = several.iter().map(|(_, id)| *id).rev();
                best.max_by_key(|id| rank(*id))
            }
        }
    }
}

/// How well the addresses of a packet fit a router.
fn rank(instance: &InstanceConfig, link: &LinkState, datagram: &Datagram<'_>) -> u8 {
    let Some(unicast) = &instance.unicast else {
        return u8::from(datagram.destination == instance.group()) * 8;
    };
    if datagram.destination.is_multicast() {
        return 0;
    }
    let own = instance.source.or_else(|| match instance.family {
        Family::V4 => link.address,
        Family::V6 => link.link_local.map(IpAddr::V6),
    });
    let to_us = u8::from(own == Some(datagram.destination)) * 4;
    let from_peer = match unicast.peer(datagram.source) {
        Some(_) => 2,
        None => u8::from(!unicast.check_source),
    };
    to_us + from_peer
}
