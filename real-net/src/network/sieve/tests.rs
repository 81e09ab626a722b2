//! The sieve, carried out by a machine of a few lines that does what the kernel's does.

use std::net::{Ipv4Addr, Ipv6Addr};

use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::HeaderKey;
use locum_engine::ids::Priority;
use locum_engine::time::Centis;
use locum_engine::wire::{Advert, GROUP_V4};

use super::*;

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);

/// The hardware address of the device that ears are on.
const MAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);
/// In front of a packet that comes from there.
const LINK: [u8; 14] = [1, 0, 0x5e, 0, 0, 18, 0, 0, 0x5e, 0, 1, 51, 8, 0];

/// Whether a program passes a packet, whose first `hidden` bytes it gets only by offsets from its
/// headers.
fn passes(program: &[Step], link: &[u8], packet: &[u8], hidden: usize) -> bool {
    let data = &packet[hidden..];
    let (mut a, mut x, mut at) = (0_u32, 0_u32, 0);
    let word = |bytes: Option<&[u8]>| Some(u32::from_be_bytes(bytes?.try_into().ok()?));
    let half = |bytes: Option<&[u8]>| Some(u16::from_be_bytes(bytes?.try_into().ok()?).into());
    loop {
        let Step { code, yes, no, k } = program[at];
        at += 1;
        let near = (x + k.min(1 << 16)) as usize;
        let jump = |condition: bool| usize::from(if condition { yes } else { no });
        let (from, k_at) = match k {
            op::NETWORK_HEADER.. => (packet, k - op::NETWORK_HEADER),
            op::LINK_HEADER.. => (link, k - op::LINK_HEADER),
            _ => (data, k),
        };
        let k_at = k_at as usize;
        let loaded = match code {
            op::LOAD_BYTE => from.get(k_at).map(|b| (*b).into()),
            op::LOAD_HALF => half(from.get(k_at..k_at + 2)),
            op::LOAD_WORD => word(from.get(k_at..k_at + 4)),
            op::LOAD_BYTE_X => data.get(near).map(|b| (*b).into()),
            op::LOAD_WORD_X => word(data.get(near..near + 4)),
            op::X_IS_HEADER_LENGTH => data.get(k_at).map(|_| a),
            _ => Some(a),
        };
        // The kernel ends the program, and drops the packet.
        let Some(loaded) = loaded else { return false };
        a = loaded;
        match code {
            op::LOAD_BYTE | op::LOAD_HALF | op::LOAD_WORD | op::LOAD_BYTE_X | op::LOAD_WORD_X => {}
            op::X_IS_HEADER_LENGTH => x = u32::from(data[k_at] & 15) * 4,
            op::X_IS => x = k,
            op::LOAD_LENGTH => a = data.len() as u32,
            op::ADD => a = a.wrapping_add(k),
            op::ADD_X => a = a.wrapping_add(x),
            op::SUBTRACT_X => a = a.wrapping_sub(x),
            op::SHIFT_LEFT => a <<= k,
            op::COPY_TO_X => x = a,
            op::COPY_X => a = x,
            op::EQUAL => at += jump(a == k),
            op::MORE => at += jump(a > k),
            op::AT_LEAST => at += jump(a >= k),
            op::AT_LEAST_X => at += jump(a >= x),
            op::JUMP => at += k as usize,
            op::RETURN => return k > 0,
            _ => panic!("unknown instruction {code:#x}"),
        }
    }
}

/// The same instances on a raw socket and on the device with their address.
struct Both {
    raw: Sieve,
    ear: Sieve,
}

/// Every packet passes one of the two filters and not the other: none is lost, none is read twice. Both
/// kinds of sockets agree about it.
fn is_likely(sieve: &Both, packet: &[u8]) -> bool {
    let hidden = match sieve.raw.family {
        Family::V4 => 0,
        Family::V6 => 40,
    };
    let whole = with_length(sieve.raw.family, packet);
    let verdict = |sieve: &Sieve, packet: &[u8], hidden| {
        let [likely, stray] = [Passing::Likely, Passing::Strays]
            .map(|passing| passes(&sieve.program(passing), &LINK, packet, hidden));
        assert_ne!(likely, stray, "{packet:02x?}");
        let everything = sieve.program(Passing::Everything);
        assert!(passes(&everything, &LINK, packet, hidden));
        likely
    };
    let likely = verdict(&sieve.raw, packet, hidden);
    assert_eq!(verdict(&sieve.ear, &whole, 0), likely, "{packet:02x?}");
    // A short frame is filled up.
    let mut filled = whole;
    filled.extend([0; 46]);
    assert_eq!(verdict(&sieve.ear, &filled, 0), likely, "{packet:02x?}");
    likely
}

/// Its header says how long it is.
fn with_length(family: Family, packet: &[u8]) -> Vec<u8> {
    let (at, length) = match family {
        Family::V4 => (2, packet.len()),
        Family::V6 => (4, packet.len() - 40),
    };
    let mut packet = packet.to_vec();
    let length = u16::try_from(length).expect("a small one");
    packet[at..at + 2].copy_from_slice(&length.to_be_bytes());
    packet
}

fn instance(family: Family, lines: &str, vrid: u8) -> InstanceConfig {
    let address = match family {
        Family::V4 => "192.168.0.200/24",
        Family::V6 => "fe80::200/64",
    };
    let text = format!(
        "vrrp_instance V {{\ninterface eth0\nvirtual_router_id {vrid}\n{lines}\n\
         virtual_ipaddress {{\n{address}\n}}\n}}\n"
    );
    let config = conf::read("a", &text, &mut NoIncludes).config;
    config.expect("it is right").instances.swap_remove(0)
}

fn sieve(family: Family, instances: &[(&str, u8)]) -> Both {
    let mut both = Both {
        raw: Sieve::new(family, None),
        ear: Sieve::new(family, Some(MAC)),
    };
    for (lines, vrid) in instances {
        let instance = instance(family, lines, *vrid);
        both.raw.add(&instance);
        both.ear.add(&instance);
    }
    both
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
    let sieve = sieve(Family::V4, &[(PASS, 51), ("version 3", 52), (PASS, 53)]);
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
    let sieve = sieve(Family::V4, &classes);
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
    let sieve = sieve(Family::V4, &[(PASS, 51)]);
    let list = addresses(1);
    let mut packet = v4(255, &advert(Version::V2, 51, RIGHT, &list));
    packet[0] = 0x46;
    packet.splice(20..20, [1, 1, 1, 1]);
    assert!(is_likely(&sieve, &packet));
}

#[test]
fn unicast_adverts_may_come_from_afar() {
    let peers = "version 3\nunicast_peer {\n192.168.1.12\n}";
    let sieve = sieve(Family::V4, &[(peers, 51), ("version 3", 52)]);
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
    let sieve = sieve(Family::V4, &[(header, 51)]);
    let list = addresses(1);
    let auth = Auth::Header(HeaderKey(*b"1111\0\0\0\0"));
    let mut packet = v4(255, &advert(Version::V2, 51, auth, &list));
    packet.splice(20..20, [0; wire::ah::LEN]);
    packet[9] = wire::ah::PROTOCOL;
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
    let sieve = sieve(Family::V6, &classes);
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
fn a_device_hears_its_own_address_and_whole_packets_of_vrrp() {
    let sieve = sieve(Family::V4, &[(PASS, 51)]).ear;
    let list = addresses(1);
    let right = v4(255, &advert(Version::V2, 51, RIGHT, &list));
    let heard = |link: &[u8], packet: &[u8]| {
        [Passing::Likely, Passing::Strays, Passing::Everything]
            .map(|passing| passes(&sieve.program(passing), link, packet, 0))
    };
    assert_eq!(heard(&LINK, &right), [true, false, true]);
    for at in 6..12 {
        let mut other = LINK;
        other[at] ^= 1;
        assert_eq!(heard(&other, &right), [false; 3], "{other:02x?}");
    }
    for length in 0..right.len() {
        assert_eq!(heard(&LINK, &right[..length]), [false; 3], "{length}");
    }
    let mut other = right;
    for protocol in [1, 6, 17, 50, 113] {
        other[9] = protocol;
        assert_eq!(heard(&LINK, &other), [false; 3], "{protocol}");
    }
    // An authentication header that nobody expects is told of.
    other[9] = wire::ah::PROTOCOL;
    assert_eq!(heard(&LINK, &other), [false, true, true]);
}

#[test]
fn very_many_passwords_are_too_much_and_then_any_will_do() {
    let classes: Vec<_> = (1..=255).map(|n: u8| format!("{n:08}")).collect();
    let lines = classes.iter().map(|p| PASS.replace("1111", p));
    let lines: Vec<_> = lines.collect();
    let each: Vec<_> = lines.iter().map(String::as_str).zip(1..=255).collect();
    let fine = sieve(Family::V4, &each);
    assert!(fine.raw.program(Passing::Likely).len() > 4096);
    let coarse = Both {
        raw: fine.raw.coarse(),
        ear: fine.ear.coarse(),
    };
    assert!(coarse.raw.program(Passing::Likely).len() < 50);
    let list = addresses(1);
    let with = |sieve, vrid, password: &[u8; 8], ttl| {
        let auth = Auth::Password(*password);
        is_likely(sieve, &v4(ttl, &advert(Version::V2, vrid, auth, &list)))
    };
    assert!(with(&fine, 7, b"00000007", 255));
    assert!(!with(&fine, 7, b"00000008", 255));
    assert!(with(&coarse, 7, b"00000008", 255));
    assert!(!with(&coarse, 7, b"00000007", 254));
}

#[test]
fn known_senders_are_kept_apart_when_it_is_asked_for() {
    let kept = |sieve: &Both, packet: &[u8], senders: &[IpAddr]| {
        let hidden = if packet[0] >> 4 == 6 { 40 } else { 0 };
        let whole = with_length(sieve.raw.family, packet);
        let [known, unknown] =
            [Passing::Known(senders), Passing::Unknown(senders)].map(|passing| {
                let raw = passes(&sieve.raw.program(passing), &LINK, packet, hidden);
                assert_eq!(raw, passes(&sieve.ear.program(passing), &LINK, &whole, 0));
                raw
            });
        assert_eq!(known || unknown, is_likely(sieve, packet), "{packet:02x?}");
        assert!(!known || !unknown);
        known
    };
    let v4_sieve = sieve(Family::V4, &[(PASS, 51)]);
    let list = addresses(1);
    let right = v4(255, &advert(Version::V2, 51, RIGHT, &list));
    let wrong = v4(254, &advert(Version::V2, 51, RIGHT, &list));
    let others: Vec<_> = addresses(20);
    for at in 0..=others.len() {
        let mut senders = others.clone();
        senders.insert(at, SOURCE.into());
        assert!(kept(&v4_sieve, &right, &senders), "{at}");
        assert!(!kept(&v4_sieve, &wrong, &senders), "{at}");
    }
    assert!(!kept(&v4_sieve, &right, &others));
    assert!(!kept(&v4_sieve, &right, &[]));
    let v6_sieve = sieve(Family::V6, &[("version 3", 51)]);
    let (from, to) = (Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4), wrong_words());
    let list = [IpAddr::from(from)];
    let mut packet = Vec::new();
    let advert = advert(Version::V3, 51, Auth::None, &list);
    wire::advert_packet_v6(255, from, wire::GROUP_V6, &advert, &mut packet);
    assert!(kept(&v6_sieve, &packet, &[to[0], from.into()]));
    assert!(!kept(&v6_sieve, &packet, &to));
}

/// Each differs from the other test's source in one word.
fn wrong_words() -> [IpAddr; 4] {
    [
        [0xfe81, 0, 0, 0, 1, 2, 3, 4],
        [0xfe80, 0, 1, 0, 1, 2, 3, 4],
        [0xfe80, 0, 0, 0, 1, 3, 3, 4],
        [0xfe80, 0, 0, 0, 1, 2, 3, 5],
    ]
    .map(|words| Ipv6Addr::from(words).into())
}

#[test]
fn numbers_may_lie_as_they_like() {
    let list = addresses(1);
    let parts = (1..=255).step_by(2).collect();
    let sets: [Vec<u8>; 4] = [vec![1, 2, 4, 255], vec![9, 254, 253, 10], parts, vec![]];
    for set in sets {
        let some: Vec<_> = set.iter().map(|vrid| ("version 3", *vrid)).collect();
        let sieve = sieve(Family::V4, &some);
        for vrid in 1..=255 {
            let packet = v4(255, &advert(Version::V3, vrid, Auth::None, &list));
            assert_eq!(is_likely(&sieve, &packet), set.contains(&vrid), "{vrid}");
        }
    }
}

#[test]
fn all_numbers_fit_in_one_class() {
    let all: Vec<_> = (1..=255).map(|vrid| ("version 3", vrid)).collect();
    let full = sieve(Family::V4, &all);
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
    assert!(full.raw.program(Passing::Likely).len() < 50);
}
