//! One frame, from bytes to meaning.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::{Ipv6HeaderSlice, Ipv6Slice};
use locum_engine::config::Version;
use locum_engine::ids::MacAddr;
use locum_engine::wire::advert::{AUTH_AH, AUTH_NONE, AUTH_PASS, TYPE_ADVERTISEMENT};
use locum_engine::wire::arp::{Arp, Operation};
use locum_engine::wire::icmp::Echo;
use locum_engine::wire::{AdvertView, Family, PROTOCOL, ethernet, icmp, ipv4, trailer};

use super::{Advert, Auth, Kind};

/// IP protocol number of the authentication header (RFC 4302).
const AH: u8 = 51;
/// IP protocol number of IGMP.
const IGMP: u8 = 2;
/// IP protocol number of ICMPv6.
const ICMPV6: u8 = 58;
/// ICMPv6 type of neighbour advertisements (RFC 4861 4.4).
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// What the IP header says around a VRRP payload.
struct Around {
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    id: Option<u16>,
}

/// The sender's hardware address, and what the frame is.
pub(super) fn decode(bytes: &[u8]) -> (MacAddr, Kind) {
    let Some(frame) = ethernet::View::new(bytes) else {
        let what = format!("{} bytes, shorter than an Ethernet header", bytes.len());
        return (MacAddr::default(), Kind::Kernel(what));
    };
    let kind = match frame.ethertype {
        ethernet::ETHERTYPE_ARP => arp(&frame),
        ethernet::ETHERTYPE_IPV4 => ipv4(frame.payload),
        ethernet::ETHERTYPE_IPV6 => ipv6(frame.payload),
        other => Kind::Kernel(format!("ethertype {other:#06x}")),
    };
    (frame.source, kind)
}

/// Gratuitous ARP is broadcast and asks for the sender's own address; everything else is what
/// kernels send to find each other.
fn arp(frame: &ethernet::View<'_>) -> Kind {
    let Some(arp) = Arp::parse(frame.payload) else {
        return Kind::Kernel("arp, unreadable".to_owned());
    };
    let gratuitous = arp.sender_ip == arp.target_ip && frame.destination == MacAddr::BROADCAST;
    if gratuitous {
        return Kind::Announcement(arp.sender_ip.into());
    }
    Kind::Kernel(match arp.operation {
        Operation::Request => format!("arp who has {}? asks {}", arp.target_ip, arp.sender_ip),
        Operation::Reply => format!("arp {} is at {}", arp.sender_ip, arp.sender_mac),
    })
}

fn ipv4(payload: &[u8]) -> Kind {
    let packet = match ipv4::View::new(payload) {
        Ok(packet) => packet,
        // The protocol's place doesn't depend on what is wrong with the header.
        Err(problem) if payload.get(9) == Some(&PROTOCOL) => {
            return Kind::Unreadable(problem.to_string());
        }
        Err(problem) => return Kind::Kernel(format!("ipv4, {problem}")),
    };
    let header = packet.header();
    let around = Around {
        source: header.source.into(),
        destination: header.destination.into(),
        ttl: header.ttl,
        id: Some(header.id),
    };
    match header.protocol {
        PROTOCOL => advert(packet.payload(), &around, None),
        AH => match behind_ah(packet.payload()) {
            Some((sequence, vrrp)) => advert(vrrp, &around, Some(sequence)),
            None => Kind::Kernel("ipsec ah".to_owned()),
        },
        icmp::PROTOCOL => Kind::Kernel(ping(packet.payload(), &around)),
        IGMP => Kind::Kernel(format!("igmp to {}", header.destination)),
        other => Kind::Kernel(format!("ipv4 protocol {other} to {}", header.destination)),
    }
}

fn ping(message: &[u8], around: &Around) -> String {
    let to = around.destination;
    match Echo::parse(message) {
        Some(echo) if echo.reply => format!("icmp echo reply {} to {to}", echo.sequence),
        Some(echo) => format!("icmp echo request {} to {to}", echo.sequence),
        None => format!("icmp to {to}"),
    }
}

fn ipv6(payload: &[u8]) -> Kind {
    let Ok(packet) = Ipv6Slice::from_slice(payload) else {
        return match Ipv6HeaderSlice::from_slice(payload) {
            Ok(header) if header.next_header().0 == PROTOCOL => {
                Kind::Unreadable("the payload length doesn't fit the packet".to_owned())
            }
            _ => Kind::Kernel("ipv6, unreadable".to_owned()),
        };
    };
    let header = packet.header();
    let around = Around {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        ttl: header.hop_limit(),
        id: None,
    };
    let payload = packet.payload();
    match payload.ip_number.0 {
        PROTOCOL => advert(payload.payload, &around, None),
        ICMPV6 => icmpv6(payload.payload, header.destination_addr()),
        other => Kind::Kernel(format!("ipv6 protocol {other} to {}", around.destination)),
    }
}

/// A neighbour advertisement to all nodes that nobody asked for, and that overrides what they
/// know, announces an address (RFC 9568 6.4.3).
fn icmpv6(message: &[u8], destination: Ipv6Addr) -> Kind {
    const SOLICITED: u8 = 0x40;
    const OVERRIDE: u8 = 0x20;
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let kind = message.first().copied().unwrap_or_default();
    let target = message.get(8..).and_then(|rest| rest.first_chunk::<16>());
    match (kind, target) {
        (NEIGHBOUR_ADVERTISEMENT, Some(target))
            if destination == ALL_NODES && message[4] & (SOLICITED | OVERRIDE) == OVERRIDE =>
        {
            Kind::Announcement(Ipv6Addr::from(*target).into())
        }
        (133..=137, _) => Kind::Kernel(format!(
            "neighbour discovery (type {kind}) to {destination}"
        )),
        _ => Kind::Kernel(format!("icmpv6 type {kind} to {destination}")),
    }
}

/// Sequence number of an authentication header, and the payload behind it, if it is VRRP. Its
/// length counts 32-bit words less two (RFC 4302 2.2).
fn behind_ah(payload: &[u8]) -> Option<(u32, &[u8])> {
    let &[next, words, ..] = payload else {
        return None;
    };
    let vrrp = payload.get((usize::from(words) + 2) * 4..)?;
    let sequence = payload.get(8..)?.first_chunk()?;
    (next == PROTOCOL).then_some((u32::from_be_bytes(*sequence), vrrp))
}

fn advert(payload: &[u8], around: &Around, sequence: Option<u32>) -> Kind {
    let Some(first) = payload.first() else {
        return Kind::Unreadable("no payload".to_owned());
    };
    let version = match first >> 4 {
        2 => Version::V2,
        3 => Version::V3,
        other => return Kind::Unreadable(format!("version {other}")),
    };
    let view = match AdvertView::new(payload, version, Family::of(around.source)) {
        Ok(view) => view,
        Err(problem) => return Kind::Unreadable(problem.to_string()),
    };
    if view.kind() != TYPE_ADVERTISEMENT {
        return Kind::Unreadable(format!("type {}", view.kind()));
    }
    Kind::Advert(Advert {
        version: view.version_number(),
        vrid: view.vrid(),
        priority: view.priority(),
        interval: view.interval(),
        auth: auth(&view, payload, sequence),
        addresses: view.addresses().collect(),
        source: around.source,
        destination: around.destination,
        ttl: around.ttl,
        id: around.id,
        checksum: view.checksum_form(around.source, around.destination),
    })
}

fn auth(view: &AdvertView<'_>, payload: &[u8], sequence: Option<u32>) -> Auth {
    if let Some(sequence) = sequence {
        return Auth::Header(sequence);
    }
    if let Some(trailer) = trailer::View::behind(payload, view.len()) {
        return Auth::Trailer {
            key: trailer.key(),
            seconds: trailer.stamp().seconds(),
        };
    }
    match view.auth_type() {
        AUTH_NONE => Auth::None,
        AUTH_PASS => {
            let data = view.auth_data();
            let password = String::from_utf8_lossy(&data);
            Auth::Password(password.trim_end_matches('\0').to_owned())
        }
        AUTH_AH => Auth::NoHeader,
        other => Auth::Other(other),
    }
}
