//! Neighbour discovery (RFC 4861 4.3, 4.4): who has an IPv6 address, and the advertisement that
//! announces a virtual one, ICMPv6's counterpart of the gratuitous ARP.

use core::net::Ipv6Addr;

use super::checksum::Checksum;
use super::{ethernet, icmp, ipv6};
use crate::ids::MacAddr;

/// Bytes of a solicitation or an advertisement with its one option.
pub const LEN: usize = 32;
/// The hop limit of both; shows that no router has forwarded them.
pub const HOP_LIMIT: u8 = 255;
/// Bytes of an announcement: Ethernet, IPv6, ICMPv6.
pub const ANNOUNCEMENT_LEN: usize = ethernet::LEN + ipv6::LEN + LEN;
/// Every node of the link (RFC 4291 2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
/// Bytes in front of the options.
const FIXED: usize = 24;
const SOURCE_ADDRESS: u8 = 1;
const TARGET_ADDRESS: u8 = 2;

/// A question or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The address it is about.
    pub target: Ipv6Addr,
    /// The hardware address in the option: of who asks, or of the target. Who has no address yet
    /// leaves it out.
    pub mac: Option<MacAddr>,
    /// What it says.
    pub kind: Kind,
}

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Who has the target?
    Solicitation,
    /// The target is at the hardware address.
    Advertisement(Flags),
}

/// The flags of an advertisement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The sender forwards packets for others.
    pub router: bool,
    /// It answers a solicitation: the neighbour is there.
    pub solicited: bool,
    /// It replaces what was believed before.
    pub overrides: bool,
}

impl Neighbour {
    /// Reads the bytes behind an IPv6 header, with what RFC 4861 7.1 demands of all headers: hop
    /// limit 255 (`hop_limit` is the received one), sound checksum, code 0, no multicast target,
    /// options that don't have length zero. `None` for anything else.
    pub fn parse(header: &ipv6::Header, message: &[u8]) -> Option<Self> {
        let (fixed, options) = message.split_first_chunk::<FIXED>()?;
        let [kind, code, _, _, flags, ..] = *fixed;
        let octets = fixed.last_chunk::<16>()?;
        let target = Ipv6Addr::from_octets(*octets);
        let sound = Checksum::of_ipv6(
            header.source,
            header.destination,
            icmp::PROTOCOL_V6,
            message,
        );
        if header.hop_limit != HOP_LIMIT || code != 0 || target.is_multicast() || !sound.holds() {
            return None;
        }
        let flags = Flags {
            router: flags & ROUTER != 0,
            solicited: flags & SOLICITED != 0,
            overrides: flags & OVERRIDE != 0,
        };
        let (kind, wanted) = match kind {
            SOLICITATION => (Kind::Solicitation, SOURCE_ADDRESS),
            // An answer to everybody is no answer to anybody (RFC 4861 7.1.2).
            ADVERTISEMENT if flags.solicited && header.destination.is_multicast() => return None,
            ADVERTISEMENT => (Kind::Advertisement(flags), TARGET_ADDRESS),
            _ => return None,
        };
        let mac = link_layer_address(options, wanted)?;
        Some(Self { target, mac, kind })
    }

    /// The message behind an IPv6 header with these addresses.
    pub fn encode(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let mut message = self.message().to_vec();
        message.truncate(if self.mac.is_some() { LEN } else { FIXED });
        let sum = Checksum::of_ipv6(source, destination, icmp::PROTOCOL_V6, &message);
        message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
        message
    }

    /// With the option, checksum zero.
    fn message(&self) -> [u8; LEN] {
        let mut message = [0; LEN];
        let option = match self.kind {
            Kind::Solicitation => {
                message[0] = SOLICITATION;
                SOURCE_ADDRESS
            }
            Kind::Advertisement(flags) => {
                message[0] = ADVERTISEMENT;
                message[4] = if flags.router { ROUTER } else { 0 }
                    | if flags.solicited { SOLICITED } else { 0 }
                    | if flags.overrides { OVERRIDE } else { 0 };
                TARGET_ADDRESS
            }
        };
        message[8..FIXED].copy_from_slice(&self.target.octets());
        message[FIXED] = option;
        message[FIXED + 1] = 1;
        message[FIXED + 2..].copy_from_slice(&self.mac.unwrap_or_default().0);
        message
    }
}

/// The Ethernet address in the option of that type, the last one if there are several. `None` when
/// the options are malformed, `Some(None)` when there is no such option.
fn link_layer_address(mut options: &[u8], wanted: u8) -> Option<Option<MacAddr>> {
    let mut found = None;
    while let [kind, units, ..] = *options {
        let length = usize::from(units) * 8;
        let option = options.get(..length).filter(|o| !o.is_empty())?;
        if kind == wanted && units == 1 {
            found = option.last_chunk().copied().map(MacAddr);
        }
        options = &options[length..];
    }
    options.is_empty().then_some(found)
}

/// The frame that tells a segment that `address` is now at `mac`, byte for byte as keepalived sends
/// it: an unsolicited, overriding advertisement from the address itself to all nodes, with traffic
/// class 0. `router` says whether the host forwards IPv6.
pub fn announcement(mac: MacAddr, address: Ipv6Addr, router: bool) -> [u8; ANNOUNCEMENT_LEN] {
    let mut message = Neighbour {
        target: address,
        mac: Some(mac),
        kind: Kind::Advertisement(Flags {
            router,
            solicited: false,
            overrides: true,
        }),
    }
    .message();
    let sum = Checksum::of_ipv6(address, ALL_NODES, icmp::PROTOCOL_V6, &message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    let header = ipv6::Header {
        source: address,
        destination: ALL_NODES,
        hop_limit: HOP_LIMIT,
        traffic_class: 0,
        next_header: icmp::PROTOCOL_V6,
    };
    let to = ethernet::multicast_mac_v6(ALL_NODES);
    let mut frame = [0; ANNOUNCEMENT_LEN];
    let (ethernet, rest) = frame.split_at_mut(ethernet::LEN);
    let (ip, payload) = rest.split_at_mut(ipv6::LEN);
    ethernet.copy_from_slice(&ethernet::header(to, mac, ethernet::ETHERTYPE_IPV6));
    ip.copy_from_slice(&header.encode(LEN));
    payload.copy_from_slice(&message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::{self, hex};

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x10]);
    const VIP: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x200);

    fn read(packet: &[u8]) -> Option<Neighbour> {
        let packet = ipv6::View::new(packet).ok()?;
        Neighbour::parse(&packet.header(), packet.payload())
    }

    /// Puts the checksum right again.
    fn mended(mut packet: Vec<u8>) -> Vec<u8> {
        packet[42..44].fill(0);
        let view = ipv6::View::new(&packet).unwrap();
        let sum = Checksum::of_ipv6(view.source(), view.destination(), 58, view.payload()).finish();
        packet[42..44].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    #[test]
    fn construct_an_announcement() {
        assert_eq!(announcement(MAC, VIP, false), *hex(golden::ANNOUNCEMENT_V6));
    }

    #[test]
    fn a_router_says_that_it_is_one() {
        let packet = &announcement(MAC, VIP, true)[ethernet::LEN..];
        let flags = Flags {
            router: true,
            solicited: false,
            overrides: true,
        };
        assert_eq!(read(packet).unwrap().kind, Kind::Advertisement(flags));
    }

    #[test]
    fn deconstruct_an_announcement() {
        let frame = hex(golden::ANNOUNCEMENT_V6);
        let expected = Neighbour {
            target: VIP,
            mac: Some(MAC),
            kind: Kind::Advertisement(Flags {
                overrides: true,
                ..Flags::default()
            }),
        };
        assert_eq!(read(&frame[ethernet::LEN..]), Some(expected));
    }

    #[test]
    fn questions_and_answers_survive_the_wire() {
        let (us, them) = (ipv6::link_local(MAC), VIP);
        let solicited = Flags {
            solicited: true,
            ..Flags::default()
        };
        for kind in [Kind::Solicitation, Kind::Advertisement(solicited)] {
            for mac in [Some(MAC), None] {
                let sent = Neighbour {
                    target: VIP,
                    mac,
                    kind,
                };
                let header = ipv6::Header {
                    source: us,
                    destination: them,
                    hop_limit: HOP_LIMIT,
                    traffic_class: 0,
                    next_header: icmp::PROTOCOL_V6,
                };
                let message = sent.encode(us, them);
                assert_eq!(Neighbour::parse(&header, &message), Some(sent));
            }
        }
    }

    #[test]
    fn what_rfc_4861_forbids_is_refused() {
        let good = hex(golden::ANNOUNCEMENT_V6).split_off(ethernet::LEN);
        let refused = |at: usize, value: u8| {
            let mut packet = good.clone();
            packet[at] = value;
            assert_eq!(read(&mended(packet)), None, "byte {at} = {value}");
        };
        refused(7, 254); // The hop limit.
        refused(40, 137); // Another type.
        refused(41, 1); // The code.
        refused(44, 0x60); // An answer to everybody.
        refused(48, 0xff); // A multicast target.
        refused(65, 0); // An option without length.
        refused(65, 2); // An option that is longer than the message.
        let mut damaged = good.clone();
        damaged[50] ^= 1;
        assert_eq!(read(&damaged), None, "the checksum");
        for len in 0..good.len() {
            assert_eq!(read(&good[..len]), None, "{len} bytes");
        }
    }
}
