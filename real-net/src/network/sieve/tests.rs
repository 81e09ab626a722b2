//! The sieve, carried out by a machine of a few lines that does what the kernel's does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::HeaderKey;
use locum_engine::ids::Priority;
use locum_engine::time::Centis;
use locum_engine::wire::{Advert, GROUP_V4};

use super::*;

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);

/// Whether a program passes a packet whose IP header is `header` bytes long; it begins there over
/// IPv6.
fn passes(program: &[Step], family: Family, packet: &[u8]) -> bool {
    let data = match family {
        Family::V4 => packet,
        Family::V6 => &packet[40..],
    };
    let (mut a, mut x, mut at) = (0_u32, 0_u32, 0);
    let word = |bytes: Option<&[u8]>| Some(u32::from_be_bytes(bytes?.try_into().ok()?));
    loop {
        let Step { code, yes, no, k } = program[at];
        at += 1;
        let near = (x + k.min(1 << 16)) as usize;
        let jump = |condition: bool| usize::from(if condition { yes } else { no });
        let loaded = match code {
            op::LOAD_BYTE => packet
                .get(k.wrapping_sub(op::NETWORK_HEADER) as usize)
                .map(|b| (*b).into()),
            op::LOAD_BYTE_X => data.get(near).map(|b| (*b).into()),
            op::LOAD_WORD_X => word(data.get(near..near + 4)),
            _ => Some(a),
        };
        // The kernel ends the program, and drops the packet.
        let Some(loaded) = loaded else { return false };
        a = loaded;
        match code {
            op::LOAD_BYTE | op::LOAD_BYTE_X | op::LOAD_WORD_X => {}
            op::X_IS_HEADER_LENGTH => x = u32::from(data[k as usize] & 15) * 4,
            op::X_IS => x = k,
            op::LOAD_LENGTH => a = data.len() as u32,
            op::ADD => a = a.wrapping_add(k),
            op::ADD_X => a = a.wrapping_add(x),
            op::SUBTRACT_X => a = a.wrapping_sub(x),
            op::SHIFT_LEFT => a <<= k,
            op::COPY_TO_X => x = a,
            op::COPY_X => a = x,
            op::EQUAL => at += jump(a == k),
            op::AT_LEAST => at += jump(a >= k),
            op::AT_LEAST_X => at += jump(a >= x),
            op::JUMP => at += k as usize,
            op::RETURN => return k > 0,
            _ => panic!("unknown instruction {code:#x}"),
        }
    }
}

/// Every packet passes one of the two and not the other: none is lost, none is read twice.
fn is_likely(sieve: &Sieve, packet: &[u8]) -> bool {
    let [likely, stray] = [Passing::Likely, Passing::Strays]
        .map(|passing| passes(&sieve.program(passing), sieve.family, packet));
    assert_ne!(likely, stray, "{packet:02x?}");
    likely
}

fn sieve(family: Family, protocol: u8, instances: &[(&str, u8)]) -> Sieve {
    let mut sieve = Sieve::new(family, protocol);
    for (lines, vrid) in instances {
        let address = match family {
            Family::V4 => "192.168.0.200/24",
            Family::V6 => "fe80::200/64",
        };
        let text = format!(
            "vrrp_instance V {{\ninterface eth0\nvirtual_router_id {vrid}\n{lines}\n\
             virtual_ipaddress {{\n{address}\n}}\n}}\n"
        );
        let config = conf::read("a", &text, &mut NoIncludes).config;
        sieve.add(&config.expect("it is right").instances[0]);
    }
    sieve
}

fn advert<'a>(version: Version, vrid: u8, auth: Auth, addresses: &'a [IpAddr]) -> Advert<'a> {
    Advert {
        version,
        vrid: Vrid::new(vrid).expect("it is one"),
        priority: Priority(100),
        interval: Centis::from_seconds(1).expect("it is one"),
        auth,
        addresses,
    }
}

fn v4(ttl: u8, advert: &Advert<'_>) -> Vec<u8> {
    let mut packet = Vec::new();
    wire::advert_packet(1, ttl, SOURCE, GROUP_V4, advert, &mut packet);
    packet
}

const PASS: &str = "authentication {\nauth_type PASS\nauth_pass 1111\n}";
const RIGHT: Auth = Auth::Password(*b"1111\0\0\0\0");

fn addresses(count: u8) -> Vec<IpAddr> {
    (0..count).map(|n| IpAddr::from([10, 0, 0, n])).collect()
}

#[test]
fn what_looks_right_is_likely_and_nothing_else() {
    let sieve = sieve(
        Family::V4,
        wire::PROTOCOL,
        &[(PASS, 51), ("version 3", 52), (PASS, 53)],
    );
    for count in [1, 2, 20, 255] {
        let list = addresses(count);
        let right = |vrid, version| v4(255, &advert(version, vrid, RIGHT, &list));
        assert!(is_likely(&sieve, &right(51, Version::V2)));
        assert!(is_likely(&sieve, &right(53, Version::V2)));
        assert!(is_likely(&sieve, &right(52, Version::V3)));
        for (vrid, version) in [(50, Version::V2), (52, Version::V2), (51, Version::V3)] {
            assert!(!is_likely(&sieve, &right(vrid, version)));
        }
    }
    let list = addresses(2);
    let (two, three) = (
        advert(Version::V2, 51, RIGHT, &list),
        advert(Version::V3, 52, RIGHT, &list),
    );
    for ttl in [0, 64, 254] {
        assert!(!is_likely(&sieve, &v4(ttl, &two)));
        assert!(!is_likely(&sieve, &v4(ttl, &three)));
    }
    for wrong in [*b"1112\0\0\0\0", *b"1111\0\0\0\x01", *b"11110000"] {
        let auth = Auth::Password(wrong);
        assert!(!is_likely(&sieve, &v4(255, &Advert { auth, ..two })));
    }
    assert!(!is_likely(
        &sieve,
        &v4(
            255,
            &Advert {
                auth: Auth::None,
                ..two
            }
        )
    ));
    let mut request = v4(255, &three);
    request[20] = 0x32;
    assert!(!is_likely(&sieve, &request), "another type");
}

#[test]
fn what_is_cut_short_is_a_stray_wherever_it_is_cut() {
    let list = addresses(3);
    let classes = [(PASS, 51), ("version 3", 52)];
    let sieve = sieve(Family::V4, wire::PROTOCOL, &classes);
    for (version, vrid) in [(Version::V2, 51), (Version::V3, 52)] {
        let whole = v4(255, &advert(version, vrid, RIGHT, &list));
        assert!(is_likely(&sieve, &whole));
        for length in 20..whole.len() {
            assert!(!is_likely(&sieve, &whole[..length]), "{length}");
        }
        // A trailer may follow.
        let mut more = whole;
        more.extend([7; 44]);
        assert!(is_likely(&sieve, &more));
    }
}

#[test]
fn options_of_the_ip_header_move_the_message() {
    let sieve = sieve(Family::V4, wire::PROTOCOL, &[(PASS, 51)]);
    let list = addresses(1);
    let mut packet = v4(255, &advert(Version::V2, 51, RIGHT, &list));
    packet[0] = 0x46;
    packet.splice(20..20, [1, 1, 1, 1]);
    assert!(is_likely(&sieve, &packet));
}

#[test]
fn unicast_adverts_may_come_from_afar() {
    let peers = "version 3\nunicast_peer {\n192.168.1.12\n}";
    let sieve = sieve(
        Family::V4,
        wire::PROTOCOL,
        &[(peers, 51), ("version 3", 52)],
    );
    let list = addresses(1);
    assert!(is_likely(
        &sieve,
        &v4(3, &advert(Version::V3, 51, Auth::None, &list))
    ));
    assert!(!is_likely(
        &sieve,
        &v4(3, &advert(Version::V3, 52, Auth::None, &list))
    ));
}

#[test]
fn the_message_lies_behind_an_authentication_header() {
    let header = "authentication {\nauth_type AH\nauth_pass 1111\n}";
    let sieve = sieve(Family::V4, wire::ah::PROTOCOL, &[(header, 51)]);
    let list = addresses(1);
    let auth = Auth::Header(HeaderKey(*b"1111\0\0\0\0"));
    let mut packet = v4(255, &advert(Version::V2, 51, auth, &list));
    packet.splice(20..20, [0; wire::ah::LEN]);
    assert!(is_likely(&sieve, &packet));
    for length in 20..packet.len() {
        assert!(!is_likely(&sieve, &packet[..length]), "{length}");
    }
}

#[test]
fn over_ipv6_the_packet_begins_behind_the_header() {
    let classes = [("version 3", 51), ("version 2", 52), (PASS, 53)];
    let pass = "version 2\nauthentication {\nauth_type PASS\nauth_pass 1111\n}";
    let classes = classes.map(|(lines, vrid)| (if lines == PASS { pass } else { lines }, vrid));
    let sieve = sieve(Family::V6, wire::PROTOCOL, &classes);
    let (from, to) = (Ipv6Addr::LOCALHOST, wire::GROUP_V6);
    let list = [IpAddr::from(Ipv6Addr::LOCALHOST)];
    let packet = |limit, version, vrid, auth| {
        let mut packet = Vec::new();
        let advert = advert(version, vrid, auth, &list);
        wire::advert_packet_v6(limit, from, to, &advert, &mut packet);
        packet
    };
    for (version, vrid, auth) in [
        (Version::V3, 51, Auth::None),
        (Version::V2, 52, Auth::None),
        (Version::V2, 53, RIGHT),
    ] {
        let whole = packet(255, version, vrid, auth);
        assert!(is_likely(&sieve, &whole), "{vrid}");
        assert!(!is_likely(&sieve, &packet(64, version, vrid, auth)));
        for length in 40..whole.len() {
            assert!(!is_likely(&sieve, &whole[..length]), "{length}");
        }
    }
}

#[test]
fn all_numbers_fit_in_one_class() {
    let all: Vec<_> = (1..=255).map(|vrid| ("version 3", vrid)).collect();
    let full = sieve(Family::V4, wire::PROTOCOL, &all);
    let list = addresses(1);
    for vrid in 1..=255 {
        assert!(is_likely(
            &full,
            &v4(255, &advert(Version::V3, vrid, Auth::None, &list))
        ));
        assert!(!is_likely(
            &full,
            &v4(255, &advert(Version::V2, vrid, Auth::None, &list))
        ));
    }
    assert!(full.program(Passing::Likely).len() < 4096);
}
