//! What keepalived does for unicast peers besides sending adverts to them.

use std::net::{IpAddr, Ipv6Addr};

use super::of;
use crate::listing::{Entry, Kind, Sender};

/// An advert that had to wait for its peer's MAC address goes out behind the burst that followed
/// it at once: the burst is broadcast, and waits for nobody.
pub(super) fn advert_waits_for_arp(entries: &mut [Entry], sender: Sender) -> usize {
    const WAIT_NS: u64 = 10_000_000;
    let own = of(entries, sender);
    let mut changed = 0;
    for place in 0..own.len() {
        let index = own[place];
        let Some(destination) = entries[index].kind.advert().map(|a| a.destination) else {
            continue;
        };
        let question = question(destination);
        let asked = entries[..index]
            .iter()
            .rev()
            .take_while(|entry| entries[index].at_ns() - entry.at_ns() < WAIT_NS);
        let asked = asked.into_iter().any(|entry| {
            entry.sender == sender
                && matches!(&entry.kind, Kind::Kernel(what) if what.starts_with(&question))
        });
        let announcement = |&&index: &&usize| matches!(entries[index].kind, Kind::Announcement(_));
        let burst = own[place + 1..].iter().take_while(announcement);
        let burst =
            burst.take_while(|&&next| entries[next].at_ns() - entries[index].at_ns() < 2 * WAIT_NS);
        let burst = burst.count();
        if asked && burst > 0 {
            let sent = entries[own[place + burst]].at_ns();
            for step in place..place + burst {
                entries.swap(own[step], own[step + 1]);
            }
            entries[own[place + burst]].frame.at_ns = sent;
            changed += 1;
        }
    }
    changed
}

/// How a listing begins what a kernel asks for an address.
fn question(address: IpAddr) -> String {
    match address {
        IpAddr::V4(_) => format!("arp who has {address}?"),
        IpAddr::V6(address) => {
            // Asked of everyone whose address ends in the same 24 bits (RFC 4291, section 2.7.1).
            let [.., high, low] = address.segments();
            let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | high & 0xff, low);
            format!("neighbour discovery (type 135) to {group}")
        }
    }
}

/// Announcements of the address that a router's own adverts come from.
pub(super) fn source_unannounced(entries: &mut Vec<Entry>, sender: Sender) -> usize {
    let before = entries.len();
    entries.retain(|entry| match (&entry.kind, sender) {
        (Kind::Announcement(address), Sender::Router(source)) => {
            entry.sender != sender || *address != source
        }
        _ => true,
    });
    before - entries.len()
}
