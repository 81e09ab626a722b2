//! What an earlier run has left behind after a crash: taken over if the configuration has it, cleaned
//! up if not.
//!
//! Addresses have a tag (`netlink/lease.rs`), devices an alias that also says what was set on the
//! interface below, routes and rules keepalived's protocol number, the filter its name. Another daemon
//! may use the same marks: where one speaks VRRP at this moment, nothing is cleaned.

use std::collections::BTreeSet;
use std::fs;

use locum_engine::Rare;
use locum_engine::config::{Broadcast, Config, VirtualAddress};
use locum_engine::wire;
use tracing::{info, warn};

use super::KernelHost;
use super::filter::Filter;
use super::netlink::{Change, Netlink, RouteKey, RuleKey};

impl KernelHost {
    /// Looks at everything before the engine says what it wants. What the configuration knows is the
    /// engine's to remove or to keep.
    pub(super) fn remove_leftovers(&mut self, config: &Config) {
        if somebody_speaks_vrrp() {
            info!(
                "another VRRP daemon runs here: what an earlier run may have left is not cleaned up"
            );
            return;
        }
        self.remove_addresses(config);
        self.remove_devices(config);
        self.remove_objects();
        Filter::remove_leftovers();
    }

    /// Addresses that the configuration knows no more: only with our tag, only on interfaces that are
    /// used.
    fn remove_addresses(&mut self, config: &Config) {
        let of_instances = config.instances.iter().flat_map(|i| i.held_addresses());
        let known: Vec<_> = of_instances
            .chain(config.statics.addresses.iter())
            .collect();
        for interface in self.links.ids() {
            let Some((index, device)) = self.devices.find(&self.links.name(interface)) else {
                continue;
            };
            self.links.set(interface, Some(index));
            let leftovers = device.tagged().filter(|(address, prefix)| {
                let same = |k: &&&VirtualAddress| {
                    (k.interface, k.address, k.prefix) == (interface, *address, *prefix)
                };
                !known.iter().any(|k| same(&k))
            });
            for (address, prefix) in leftovers.collect::<Vec<_>>() {
                let interface_name = self.links.name(interface);
                info!(%address, interface = &*interface_name, "left behind by an earlier run: removed");
                let gone = VirtualAddress {
                    address,
                    prefix,
                    interface,
                    label: None,
                    scope: 0,
                    broadcast: Broadcast::None,
                    options: Rare::default(),
                };
                self.remove_now([&gone].into_iter());
                let index = index.get();
                self.devices.apply(Change::AddressGone { index, address });
            }
        }
    }

    /// Devices: those of the configuration are made anew later, the others go. What was set on the
    /// interfaces below is known again.
    fn remove_devices(&mut self, config: &Config) {
        let found = match Netlink::made_devices() {
            Ok(found) => found,
            Err(e) => return warn!("can't look for devices of an earlier run: {e}"),
        };
        let names = config.devices.iter().map(|d| self.links.name(d.interface));
        let names = BTreeSet::from_iter(names);
        for device in found {
            self.made.inherit(&device.note);
            if names.contains(&*device.name) {
                continue;
            }
            info!(
                interface = device.name,
                "left behind by an earlier run: removed"
            );
            self.made.remove_other(&mut self.requests, device.index);
            let index = device.index;
            self.devices.apply(Change::LinkGone { index });
        }
        let bases = config.devices.iter().map(|d| self.links.name(d.base));
        self.made.disinherit(&BTreeSet::from_iter(bases));
    }

    /// Routes and rules that the configuration knows no more.
    fn remove_objects(&mut self) {
        let found = match Netlink::marked_objects() {
            Ok(found) => found,
            Err(e) => return warn!("can't look for routes of an earlier run: {e}"),
        };
        for route in found.routes {
            if RouteKey::read(&route).is_some_and(|key| self.belongings.route(&key).is_empty()) {
                say("route", self.requests.remove_route(&route));
            }
        }
        for rule in found.rules {
            if RuleKey::read(&rule).is_some_and(|key| self.belongings.rule(&key).is_empty()) {
                say("rule", self.requests.remove_rule(&rule));
            }
        }
    }
}

fn say(what: &str, result: std::io::Result<()>) {
    match result {
        Ok(()) => info!("a {what} left behind by an earlier run: removed"),
        Err(e) => warn!("can't remove a {what} that an earlier run has left behind: {e}"),
    }
}

/// Whether some process of this network namespace has a raw socket for VRRP. Ours aren't open yet.
fn somebody_speaks_vrrp() -> bool {
    ["/proc/self/net/raw", "/proc/self/net/raw6"]
        .iter()
        .any(|file| fs::read_to_string(file).is_ok_and(|table| has_vrrp(&table)))
}

fn has_vrrp(table: &str) -> bool {
    raw_sockets(table).any(|(_, protocol)| protocol == u16::from(wire::PROTOCOL))
}

/// Of the kernel's table of raw sockets the local addresses, and the protocols, which stand where
/// others have the port.
pub(super) fn raw_sockets(table: &str) -> impl Iterator<Item = (&str, u16)> {
    table.lines().skip(1).filter_map(|line| {
        let (address, protocol) = line.split_whitespace().nth(1)?.rsplit_once(':')?;
        Some((address, u16::from_str_radix(protocol, 16).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::has_vrrp;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n";

    #[test]
    fn a_raw_socket_of_protocol_112_is_a_vrrp_daemon() {
        let line =
            |local: &str| format!("{HEAD}   1: {local} 00000000:0000 07 00000000:00000000\n");
        assert!(has_vrrp(&line("00000000:0070")));
        assert!(has_vrrp(&line("00000000000000000000000000000000:0070")));
        assert!(!has_vrrp(&line("00000000:0001")), "ping");
        assert!(!has_vrrp(HEAD));
        assert!(!has_vrrp(""));
    }
}
