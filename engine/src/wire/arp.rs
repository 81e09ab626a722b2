//! ARP for IPv4 over Ethernet (RFC 826), and the gratuitous ARP that announces a virtual address.

use core::net::Ipv4Addr;

use etherparse::{ArpEthIpv4Packet, ArpOperation, ArpPacketSlice};

use super::ethernet;
use crate::ids::MacAddr;

/// Bytes of an ARP packet for IPv4 over Ethernet.
pub const LEN: usize = 28;

/// What is asked or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has it.
    Reply,
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// What is asked or answered.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender_mac: MacAddr,
    /// Address of the sender.
    pub sender_ip: Ipv4Addr,
    /// Hardware address of the target; means nothing in requests.
    pub target_mac: MacAddr,
    /// Address of the target.
    pub target_ip: Ipv4Addr,
}

impl Arp {
    /// Reads the bytes behind the Ethernet header; padding is tolerated. `None` when too short,
    /// for other hardware or protocols, and for other operations.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let packet = ArpPacketSlice::from_slice(payload).ok()?.to_packet();
        let packet = packet.try_eth_ipv4().ok()?;
        let operation = match packet.operation {
            ArpOperation::REQUEST => Operation::Request,
            ArpOperation::REPLY => Operation::Reply,
            _ => return None,
        };
        Some(Self {
            operation,
            sender_mac: MacAddr(packet.sender_mac),
            sender_ip: packet.sender_ipv4_addr(),
            target_mac: MacAddr(packet.target_mac),
            target_ip: packet.target_ipv4_addr(),
        })
    }

    /// The bytes behind the Ethernet header.
    pub fn encode(&self) -> [u8; LEN] {
        ArpEthIpv4Packet {
            operation: match self.operation {
                Operation::Request => ArpOperation::REQUEST,
                Operation::Reply => ArpOperation::REPLY,
            },
            sender_mac: self.sender_mac.0,
            sender_ipv4: self.sender_ip.octets(),
            target_mac: self.target_mac.0,
            target_ipv4: self.target_ip.octets(),
        }
        .to_bytes()
    }
}

/// The frame that tells a segment that `ip` is now at `mac`, byte for byte as keepalived sends it:
/// a broadcast request of the address for itself, target hardware address all ones, not padded.
pub fn gratuitous(mac: MacAddr, ip: Ipv4Addr) -> [u8; ethernet::LEN + LEN] {
    let arp = Arp {
        operation: Operation::Request,
        sender_mac: mac,
        sender_ip: ip,
        target_mac: MacAddr::BROADCAST,
        target_ip: ip,
    };
    let mut frame = [0; ethernet::LEN + LEN];
    let (header, payload) = frame.split_at_mut(ethernet::LEN);
    header.copy_from_slice(&ethernet::header(
        MacAddr::BROADCAST,
        mac,
        ethernet::ETHERTYPE_ARP,
    ));
    payload.copy_from_slice(&arp.encode());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::{self, hex};

    const REPLY: Arp = Arp {
        operation: Operation::Reply,
        sender_mac: MacAddr([2, 0, 0, 0, 0, 0x12]),
        sender_ip: Ipv4Addr::new(192, 168, 0, 100),
        target_mac: MacAddr([2, 0, 0, 0, 0, 0x10]),
        target_ip: Ipv4Addr::new(192, 168, 0, 200),
    };

    #[test]
    fn parse() {
        assert_eq!(Arp::parse(&hex(golden::ARP_REPLY)[14..]), Some(REPLY));
    }

    #[test]
    fn emit() {
        assert_eq!(REPLY.encode(), hex(golden::ARP_REPLY)[14..]);
    }

    #[test]
    fn deconstruct_a_gratuitous_one() {
        let frame = hex(golden::GRATUITOUS_ARP);
        let frame = ethernet::View::new(&frame).unwrap();
        assert_eq!(frame.ethertype, ethernet::ETHERTYPE_ARP);
        let arp = Arp::parse(frame.payload).unwrap();
        assert_eq!(arp.operation, Operation::Request);
        assert_eq!(arp.sender_mac, frame.source);
        assert_eq!(
            (arp.sender_ip, arp.target_ip),
            (REPLY.target_ip, REPLY.target_ip)
        );
        assert_eq!(arp.target_mac, MacAddr::BROADCAST);
    }

    #[test]
    fn construct_a_gratuitous_one() {
        let frame = gratuitous(REPLY.target_mac, REPLY.target_ip);
        assert_eq!(frame, *hex(golden::GRATUITOUS_ARP));
    }

    #[test]
    fn other_arp_is_refused_and_padding_tolerated() {
        let good = REPLY.encode();
        for at in 0..8 {
            let mut payload = good;
            payload[at] ^= 0x40;
            assert_eq!(Arp::parse(&payload), None, "byte {at}");
        }
        for len in 0..LEN {
            assert_eq!(Arp::parse(&good[..len]), None);
        }
        let padded = [good.as_slice(), &[0xa5; 18]].concat();
        assert_eq!(Arp::parse(&padded), Some(REPLY));
    }
}
