//! ARP: does anybody on this segment have the address? Works where hosts don't answer pings.

use std::future::poll_fn;
use std::io::{self, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;

use locum_engine::ids::MacAddr;
use locum_engine::wire::arp::{Arp, Operation};
use locum_engine::wire::ethernet::{self, ETHERTYPE_ARP};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use socket2::{Domain, Protocol, Socket, Type};

use crate::sys::packet::link_address;
use crate::sys::readable::Readable;

/// An Ethernet frame with an ARP packet, padding and a possible tag included.
const FRAME_MAX: usize = 128;

/// What the question says of the one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asker {
    ifindex: u32,
    mac: MacAddr,
    /// Unspecified when the interface has none: an ARP probe (RFC 5227).
    address: Ipv4Addr,
}

/// Ready when `target` answers on `interface`, or on the interface the route to it leads through.
/// Waits for ever otherwise: the caller has the clock.
pub(super) async fn ask(target: Ipv4Addr, interface: Option<Arc<str>>) -> io::Result<()> {
    let asker = asker(target, interface.as_deref())?;
    let protocol = Protocol::from(i32::from(ETHERTYPE_ARP.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    let address = link_address(asker.ifindex, ETHERTYPE_ARP);
    socket.bind(&address)?;
    let question = Arp {
        operation: Operation::Request,
        sender_mac: asker.mac,
        sender_ip: asker.address,
        target_mac: MacAddr([0; 6]),
        target_ip: target,
    };
    let (to, from) = (MacAddr::BROADCAST, asker.mac);
    let frame = ethernet::encode(to, from, ETHERTYPE_ARP, &question.encode());
    socket.send_to(&frame, &address)?;
    let socket = Readable::new(socket)?;
    let mut buffer = [0; FRAME_MAX];
    loop {
        let length = poll_fn(|cx| socket.poll_read(cx, |mut s| s.read(&mut buffer))).await?;
        if is_answer(&buffer[..length], target) {
            return Ok(());
        }
    }
}

fn is_answer(frame: &[u8], target: Ipv4Addr) -> bool {
    let arp = ethernet::View::new(frame)
        .filter(|f| f.ethertype == ETHERTYPE_ARP)
        .and_then(|f| Arp::parse(f.payload));
    arp.is_some_and(|a| a.operation == Operation::Reply && a.sender_ip == target)
}

fn asker(target: Ipv4Addr, interface: Option<&str>) -> io::Result<Asker> {
    let all: Vec<InterfaceAddress> = getifaddrs()?.collect();
    let routed = match interface {
        Some(_) => None,
        None => Some(source_towards(target)?),
    };
    let not_found = || io::Error::new(io::ErrorKind::NotFound, "no interface to ask on");
    let name = match (interface, routed) {
        (Some(name), _) => name,
        (None, source) => all
            .iter()
            .find(|a| source.is_some() && ipv4(a) == source)
            .map(|a| a.interface_name.as_str())
            .ok_or_else(not_found)?,
    };
    let here = || all.iter().filter(|a| a.interface_name == name);
    let link = here().find_map(|a| a.address.as_ref()?.as_link_addr().copied());
    let link = link.ok_or_else(not_found)?;
    let address = routed.or_else(|| here().find_map(ipv4));
    Ok(Asker {
        ifindex: u32::try_from(link.ifindex()).map_err(io::Error::other)?,
        mac: MacAddr(link.addr().ok_or_else(not_found)?),
        address: address.unwrap_or(Ipv4Addr::UNSPECIFIED),
    })
}

fn ipv4(entry: &InterfaceAddress) -> Option<Ipv4Addr> {
    Some(entry.address.as_ref()?.as_sockaddr_in()?.ip())
}

/// The address this host would speak from: connecting a UDP socket asks the routing table and
/// sends nothing.
fn source_towards(target: Ipv4Addr) -> io::Result<Ipv4Addr> {
    const DISCARD: u16 = 9;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((target, DISCARD))?;
    match socket.local_addr()?.ip() {
        std::net::IpAddr::V4(source) => Ok(source),
        std::net::IpAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_chooses_the_interface() {
        let loopback = asker(Ipv4Addr::LOCALHOST, None).expect("a loopback");
        assert_eq!(loopback.address, Ipv4Addr::LOCALHOST);
        assert_eq!(asker(Ipv4Addr::LOCALHOST, Some("lo")).ok(), Some(loopback));
        assert!(asker(Ipv4Addr::LOCALHOST, Some("nosuch")).is_err());
    }

    #[test]
    fn only_a_reply_for_the_target_counts() {
        let mac = MacAddr([2, 0, 0, 0, 0, 1]);
        let (ours, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let frame = |operation, sender_ip| {
            let arp = Arp {
                operation,
                sender_mac: mac,
                sender_ip,
                target_mac: mac,
                target_ip: other,
            };
            ethernet::encode(mac, mac, ETHERTYPE_ARP, &arp.encode())
        };
        assert!(is_answer(&frame(Operation::Reply, ours), ours));
        assert!(!is_answer(&frame(Operation::Request, ours), ours));
        assert!(!is_answer(&frame(Operation::Reply, other), ours));
        assert!(!is_answer(&[0; 20], ours));
    }
}
