//! Frames recorded from others, and the slow arithmetic that checks ours. For tests only.

use core::net::IpAddr;

/// keepalived 2.2.7: VRRPv2, VRID 51, priority 100, password "1111", 192.168.0.200, whole packet.
pub(super) const V2_PASS: &str =
    "45c0002800010000ff7019dfc0a8000be0000012 21336401010155f7c0a800c83131313100000000";
/// keepalived 2.2.7: the same router resigns; its fourth packet.
pub(super) const V2_PASS_RELEASE: &str =
    "45c0002800040000ff7019dcc0a8000be0000012 213300010101b9f7c0a800c83131313100000000";
/// keepalived 2.2.7: VRRPv2, no authentication, priority 150, two addresses.
pub(super) const V2_TWO_ADDRESSES: &str =
    "45c0002c00010000ff7019dbc0a8000be0000012 213396020001c5e6c0a800c8c0a800c90000000000000000";
/// keepalived 2.2.7: VRRPv2 to one peer, no authentication.
pub(super) const V2_UNICAST: &str =
    "45c0002800010000ff70393dc0a8000bc0a8000c 213364010001b959c0a800c80000000000000000";
/// keepalived 2.2.7: VRRPv2, password "secret", VRID 51, priority 150, 192.168.1.100 and .101.
pub(super) const V2_SECRET: &str =
    "45c0002c00010000ff7018e5c0a80101e0000012 2133960201018762c0a80164c0a801657365637265740000";
/// keepalived 2.2.7: VRRPv2 to one peer, VRID 54, 192.168.1.120.
pub(super) const V2_UNICAST_2: &str =
    "45c0002800010000ff703751c0a80101c0a80102 213664010001b8a6c0a801780000000000000000";
/// keepalived 2.2.7: VRRPv3 with 10 centiseconds, VRID 51, priority 100.
pub(super) const V3_10_CS: &str =
    "45c0002000010000ff7019e7c0a8000be0000012 31336401000a080ec0a800c8";
/// keepalived 2.2.7: the same router resigns; its 72nd packet.
pub(super) const V3_RELEASE: &str =
    "45c0002000480000ff7019a0c0a8000be0000012 31330001000a6c0ec0a800c8";
/// keepalived 2.2.7: VRRPv3 with 50 centiseconds, VRID 52, priority 100, 192.168.1.110.
pub(super) const V3_50_CS: &str =
    "45c0002000010000ff7018f1c0a80101e0000012 3134640100320649c0a8016e";

/// Whole IPv4 packets with an advert that keepalived sent.
pub(super) const IPV4_PACKETS: [&str; 9] = [
    V2_PASS,
    V2_PASS_RELEASE,
    V2_TWO_ADDRESSES,
    V2_UNICAST,
    V2_SECRET,
    V2_UNICAST_2,
    V3_10_CS,
    V3_RELEASE,
    V3_50_CS,
];

/// keepalived 2.2.7: VRRPv3 over IPv6 as (source, payload), to the group: VRID 51, priority 100,
/// one second, fe80::200 and fd00::200.
pub(super) const V3_IPV6: (&str, &str) = (
    "fe80::ff:fe00:10",
    "3133640200646da6 fe800000000000000000000000000200 fd000000000000000000000000000200",
);
/// keepalived 2.2.7: VRID 53, fe80::200 and 2001:db8::200.
pub(super) const V3_IPV6_2: (&str, &str) = (
    "fe80::a8ea:4bff:fe1d:f2b7",
    "313564020064563c fe800000000000000000000000000200 20010db8000000000000000000000200",
);

/// The same as a whole packet, with the flow label that Linux put in.
pub(super) const V3_IPV6_PACKET: &str = "6c0fd6b7002870ff fe80000000000000000000fffe000010 ff020000000000000000000000000012 3133640200646da6 fe800000000000000000000000000200 fd000000000000000000000000000200";

/// keepalived 2.2.7 announces fe80::200 at 02:00:00:00:00:10.
pub(super) const ANNOUNCEMENT_V6: &str = "333300000001020000000010 86dd 6000000000203aff fe800000000000000000000000000200 ff020000000000000000000000000001 8800538e20000000 fe800000000000000000000000000200 0201020000000010";

/// keepalived 2.2.7 announces 192.168.0.200 at 02:00:00:00:00:10.
pub(super) const GRATUITOUS_ARP: &str =
    "ffffffffffff020000000010 0806 0001080006040001 020000000010c0a800c8 ffffffffffffc0a800c8";
/// Linux answers a request for 192.168.0.100 by 192.168.0.200.
pub(super) const ARP_REPLY: &str =
    "020000000010020000000012 0806 0001080006040002 020000000012c0a80064 020000000010c0a800c8";
/// Linux joins 224.0.0.18 (IGMPv3): an IPv4 header with an option (router alert).
pub(super) const IGMP_REPORT: &str = "01005e0000162278279521080800 46c000280000400001 02f9f80a000001e0000016 94040000 2200f9eb0000000104000000e0000012";
/// `ping -s 8 -p a5` asks, identifier 14846, first packet; ICMP only.
pub(super) const ECHO_REQUEST: &str = "0800190039fe0001a500000000000000";
/// Linux answers it.
pub(super) const ECHO_REPLY: &str = "0000210039fe0001a500000000000000";

/// Bytes of hexadecimal digits; spaces are for the reader.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    digits.chunks_exact(2).map(|d| d[0] << 4 | d[1]).collect()
}

/// The Internet checksum as RFC 1071 words it, one 16-bit word after the other: what the
/// production code's sums are compared with.
pub(super) fn slow_checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// The pseudo-header in IPv6's layout, or in IPv4's, laid out by hand.
pub(super) fn pseudo_header(source: IpAddr, destination: IpAddr, length: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    match source {
        IpAddr::V4(_) => bytes.extend([0, 112]),
        IpAddr::V6(_) => bytes.extend([0, 0, 0, 0, 0, 112]),
    }
    bytes.extend(length.to_be_bytes());
    bytes
}
