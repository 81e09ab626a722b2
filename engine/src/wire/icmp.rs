//! ICMP echo (RFC 792, RFC 4443): what a ping asks and a host answers.

use core::net::Ipv6Addr;

use etherparse::{
    IcmpEchoHeader, Icmpv4Header, Icmpv4Slice, Icmpv4Type, Icmpv6Header, Icmpv6Slice, Icmpv6Type,
};

use super::checksum::Checksum;

/// IP protocol number of ICMP.
pub const PROTOCOL: u8 = 1;
/// IP protocol number of ICMPv6.
pub const PROTOCOL_V6: u8 = 58;
/// Bytes in front of an echo's data.
pub const LEN: usize = 8;

/// An echo request or its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Whether this is the answer.
    pub reply: bool,
    /// Identifies who asked; returned unchanged.
    pub id: u16,
    /// Identifies the question; returned unchanged.
    pub sequence: u16,
    /// Any data; returned unchanged.
    pub payload: &'a [u8],
}

impl<'a> Echo<'a> {
    /// Reads the bytes behind the IP header. `None` when too short, of another type, or when the
    /// checksum is wrong.
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let slice = Icmpv4Slice::from_slice(message).ok()?;
        let (reply, echo) = match slice.icmp_type() {
            Icmpv4Type::EchoRequest(echo) => (false, echo),
            Icmpv4Type::EchoReply(echo) => (true, echo),
            _ => return None,
        };
        let sound = Checksum::default().add(message).holds();
        sound.then_some(Self {
            reply,
            id: echo.id,
            sequence: echo.seq,
            payload: slice.payload(),
        })
    }

    /// The bytes behind the IP header, checksum computed.
    pub fn encode(&self) -> Vec<u8> {
        let echo = IcmpEchoHeader {
            id: self.id,
            seq: self.sequence,
        };
        let kind = if self.reply {
            Icmpv4Type::EchoReply(echo)
        } else {
            Icmpv4Type::EchoRequest(echo)
        };
        let mut message = Vec::with_capacity(LEN + self.payload.len());
        message.extend_from_slice(&Icmpv4Header::with_checksum(kind, self.payload).to_bytes());
        message.extend_from_slice(self.payload);
        message
    }

    /// Reads the bytes behind an IPv6 header between these addresses (RFC 4443 4). `None` as above.
    pub fn parse_v6(source: Ipv6Addr, destination: Ipv6Addr, message: &'a [u8]) -> Option<Self> {
        let slice = Icmpv6Slice::from_slice(message).ok()?;
        let (reply, echo) = match slice.icmp_type() {
            Icmpv6Type::EchoRequest(echo) => (false, echo),
            Icmpv6Type::EchoReply(echo) => (true, echo),
            _ => return None,
        };
        let sum = Checksum::of_ipv6(source, destination, PROTOCOL_V6, message);
        sum.holds().then_some(Self {
            reply,
            id: echo.id,
            sequence: echo.seq,
            payload: slice.payload(),
        })
    }

    /// The bytes behind an IPv6 header between these addresses, checksum computed.
    pub fn encode_v6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let echo = IcmpEchoHeader {
            id: self.id,
            seq: self.sequence,
        };
        let kind = if self.reply {
            Icmpv6Type::EchoReply(echo)
        } else {
            Icmpv6Type::EchoRequest(echo)
        };
        let mut message = Vec::with_capacity(LEN + self.payload.len());
        message.extend_from_slice(&Icmpv6Header::new(kind).to_bytes());
        message.extend_from_slice(self.payload);
        let sum = Checksum::of_ipv6(source, destination, PROTOCOL_V6, &message);
        message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
        message
    }

    /// The answer to this request.
    pub fn to_reply(self) -> Self {
        Self {
            reply: true,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden::{self, hex, slow_checksum};

    const REQUEST: Echo<'static> = Echo {
        reply: false,
        id: 14846,
        sequence: 1,
        payload: &[0xa5, 0, 0, 0, 0, 0, 0, 0],
    };

    #[test]
    fn parse() {
        assert_eq!(Echo::parse(&hex(golden::ECHO_REQUEST)), Some(REQUEST));
        assert_eq!(
            Echo::parse(&hex(golden::ECHO_REPLY)),
            Some(REQUEST.to_reply())
        );
    }

    #[test]
    fn emit() {
        assert_eq!(REQUEST.encode(), hex(golden::ECHO_REQUEST));
        assert_eq!(REQUEST.to_reply().encode(), hex(golden::ECHO_REPLY));
        assert_eq!(slow_checksum(&hex(golden::ECHO_REPLY)), 0);
    }

    #[test]
    fn over_ipv6_the_addresses_are_summed_too() {
        let [us, them, other] = [1, 2, 3].map(|n| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n));
        for echo in [REQUEST, REQUEST.to_reply()] {
            let message = echo.encode_v6(us, them);
            assert_eq!(message[0], if echo.reply { 129 } else { 128 });
            assert_eq!(Echo::parse_v6(us, them, &message), Some(echo));
            assert_eq!(Echo::parse_v6(us, other, &message), None);
            for at in 0..message.len() {
                let mut damaged = message.clone();
                damaged[at] ^= 0x10;
                assert_eq!(Echo::parse_v6(us, them, &damaged), None, "byte {at}");
            }
        }
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let good = hex(golden::ECHO_REQUEST);
        for at in 0..good.len() {
            let mut message = good.clone();
            message[at] ^= 0x10;
            assert_eq!(Echo::parse(&message), None, "byte {at}");
        }
    }

    #[test]
    fn other_types_and_short_messages_are_refused() {
        let mut unreachable = hex("0301000000000000");
        let sum = slow_checksum(&unreachable);
        unreachable[2..4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(Echo::parse(&unreachable), None);
        assert_eq!(Echo::parse(&hex("0800f7ff000000")), None);
        assert!(Echo::parse(&hex("0800f7ff00000000")).is_some());
    }
}
