//! Golden frames, lengths and checksum forms of adverts. Random bytes are in `wire::properties`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;
use crate::wire::golden::{self, hex, pseudo_header, slow_checksum};
use crate::wire::{GROUP_V4, GROUP_V6, TTL};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 11));
const GROUP: IpAddr = IpAddr::V4(GROUP_V4);
const PASS_ADDRESSES: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(192, 168, 0, 200))];

/// The value of `golden::V2_PASS`.
fn pass_advert() -> Advert<'static> {
    Advert {
        version: Version::V2,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(100),
        interval: Centis::from_seconds(1).unwrap(),
        auth: Auth::Password(*b"1111\0\0\0\0"),
        addresses: &PASS_ADDRESSES,
    }
}

fn pass_payload() -> Vec<u8> {
    hex(golden::V2_PASS).split_off(ipv4::LEN)
}

#[test]
fn deconstruct_v2() {
    let payload = pass_payload();
    let view = AdvertView::new(&payload, Version::V2, Family::V4).unwrap();
    assert_eq!(view.version_number(), 2);
    assert_eq!(view.kind(), TYPE_ADVERTISEMENT);
    assert_eq!(view.vrid(), 51);
    assert_eq!(view.priority(), Priority(100));
    assert_eq!(view.count(), 1);
    assert_eq!(view.auth_type(), AUTH_PASS);
    assert_eq!(view.interval(), 100);
    assert_eq!(view.checksum(), 0x55f7);
    assert!(view.addresses().eq(PASS_ADDRESSES));
    assert_eq!(&view.auth_data(), b"1111\0\0\0\0");
    assert_eq!(
        view.checksum_form(SOURCE, GROUP),
        Some(ChecksumForm::Message)
    );
}

#[test]
fn deconstruct_v3_over_ipv6() {
    let (source, payload) = golden::V3_IPV6;
    let (source, payload): (IpAddr, _) = (source.parse().unwrap(), hex(payload));
    let view = AdvertView::new(&payload, Version::V3, Family::V6).unwrap();
    assert_eq!(view.version_number(), 3);
    assert_eq!(view.interval(), 100);
    assert_eq!(view.auth_type(), 0);
    assert_eq!(view.auth_data(), [0; 8]);
    let addresses: Vec<String> = view.addresses().map(|a| a.to_string()).collect();
    assert_eq!(addresses, ["fe80::200", "fd00::200"]);
    assert_eq!(
        view.checksum_form(source, GROUP_V6.into()),
        Some(ChecksumForm::PseudoHeader)
    );
    assert_eq!(view.checksum_form(source, source), None);
}

#[test]
fn construct_overwrites_every_byte() {
    let advert = pass_advert();
    let mut buffer = vec![0xa5; advert.encoded_len(Family::V4)];
    advert.encode(&mut buffer, SOURCE, GROUP);
    assert_eq!(buffer, pass_payload());

    let mut buffer = vec![0xa5; advert.encoded_len(Family::V4)];
    let advert = Advert {
        auth: Auth::None,
        ..advert
    };
    advert.encode(&mut buffer, SOURCE, GROUP);
    assert_eq!(buffer[12..], [0; 8]);
}

#[test]
fn parse() {
    let payload = pass_payload();
    let view = AdvertView::new(&payload, Version::V2, Family::V4).unwrap();
    let mut addresses = vec![GROUP];
    assert_eq!(Advert::parse(&view, &mut addresses), Some(pass_advert()));
}

#[test]
fn emits_what_keepalived_emits() {
    for text in golden::IPV4_PACKETS {
        let bytes = hex(text);
        let ip = ipv4::View::new(&bytes).unwrap();
        let version = match ip.payload()[0] >> 4 {
            2 => Version::V2,
            _ => Version::V3,
        };
        let view = AdvertView::new(ip.payload(), version, Family::V4).unwrap();
        let mut addresses = Vec::new();
        let advert = Advert::parse(&view, &mut addresses).unwrap();
        let ipv4::Header {
            id,
            source,
            destination,
            ..
        } = ip.header();
        let mut packet = vec![0xa5; 100];
        advert_packet(id, TTL, source, destination, &advert, &mut packet);
        assert_eq!(packet, bytes, "{text}");
    }
}

#[test]
fn emits_what_keepalived_emits_over_ipv6() {
    for (source, text) in [golden::V3_IPV6, golden::V3_IPV6_2] {
        let bytes = hex(text);
        let view = AdvertView::new(&bytes, Version::V3, Family::V6).unwrap();
        let mut addresses = Vec::new();
        let advert = Advert::parse(&view, &mut addresses).unwrap();
        let mut buffer = vec![0xa5; advert.encoded_len(Family::V6)];
        advert.encode(&mut buffer, source.parse().unwrap(), GROUP_V6.into());
        assert_eq!(buffer, bytes, "{text}");
    }
}

#[test]
fn golden_checksums_are_what_the_slow_sum_says() {
    for text in golden::IPV4_PACKETS {
        let bytes = hex(text);
        let (header, payload) = bytes.split_at(ipv4::LEN);
        assert_eq!(slow_checksum(header), 0, "{text}");
        let mut summed = payload.to_vec();
        if payload[0] >> 4 == 3 {
            let address = |at| Ipv4Addr::from(*header[at..].first_chunk::<4>().unwrap());
            let length = u16::try_from(payload.len()).unwrap();
            summed.extend(pseudo_header(
                address(12).into(),
                address(16).into(),
                length,
            ));
        }
        assert_eq!(slow_checksum(&summed), 0, "{text}");
    }
    for (source, text) in [golden::V3_IPV6, golden::V3_IPV6_2] {
        let mut summed = hex(text);
        let source = source.parse().unwrap();
        summed.extend(pseudo_header(source, GROUP_V6.into(), 40));
        assert_eq!(slow_checksum(&summed), 0, "{text}");
    }
}

/// Sums that another implementation (ze) publishes, and the rule that each follows.
#[test]
fn checksum_forms() {
    use ChecksumForm::{Message, PseudoHeader};
    use Version::{V2, V3};
    let source = "192.0.2.251".parse().unwrap();
    let cases = [
        (
            V2,
            "210ac802000192edc0000201c00002020000000000000000",
            Some(Message),
        ),
        (V3, "310ac8020064828ac0000201c0000202", Some(Message)),
        (V3, "310ac8020064defbc0000201c0000202", Some(PseudoHeader)),
        (V3, "310ac8020064defcc0000201c0000202", None),
    ];
    for (version, text, form) in cases {
        let payload = hex(text);
        let view = AdvertView::new(&payload, version, Family::V4).unwrap();
        assert_eq!(view.checksum_form(source, GROUP), form, "{text}");
    }
    // From another source the sum with the pseudo-header is another.
    let payload = hex(cases[2].1);
    let view = AdvertView::new(&payload, V3, Family::V4).unwrap();
    assert_eq!(view.checksum_form(SOURCE, GROUP), None);
}

#[test]
fn v2_never_has_a_pseudo_header() {
    let mut payload = pass_payload();
    payload[6..8].fill(0);
    let mut summed = payload.clone();
    summed.extend(pseudo_header(SOURCE, GROUP, 20));
    payload[6..8].copy_from_slice(&slow_checksum(&summed).to_be_bytes());
    let view = AdvertView::new(&payload, Version::V2, Family::V4).unwrap();
    assert_eq!(view.checksum_form(SOURCE, GROUP), None);
}

#[test]
fn ipv6_never_leaves_the_pseudo_header_out() {
    let (source, text) = golden::V3_IPV6;
    let mut payload = hex(text);
    payload[6..8].fill(0);
    let sum = slow_checksum(&payload);
    payload[6..8].copy_from_slice(&sum.to_be_bytes());
    let view = AdvertView::new(&payload, Version::V3, Family::V6).unwrap();
    assert_eq!(
        view.checksum_form(source.parse().unwrap(), GROUP_V6.into()),
        None
    );
}

/// Test vectors of keepalived 2.4's HMAC extension: 28 bytes follow the advert, outside an IPv4
/// checksum and inside an IPv6 one.
#[test]
fn bytes_behind_the_advert() {
    let payload =
        hex("3133c80100644402c0000264 010100006800000080000000 1b84bc4e8e43892dc6d98448f8ee2265");
    let view = AdvertView::new(&payload, Version::V3, Family::V4).unwrap();
    let source = "198.51.100.10".parse().unwrap();
    assert_eq!(
        view.checksum_form(source, GROUP),
        Some(ChecksumForm::Message)
    );
    assert_eq!(view.addresses().count(), 1);

    let payload = hex(
        "3133c8010064a2e9 fe800000000000000000000000000100 010100006800000080000000 c8c56146ebfd66ee10ec4d8186461b78",
    );
    let view = AdvertView::new(&payload, Version::V3, Family::V6).unwrap();
    let [source, destination] = ["fe80::10", "fe80::20"].map(|a| a.parse().unwrap());
    let form = view.checksum_form(source, destination);
    assert_eq!(form, Some(ChecksumForm::PseudoHeader));
}

#[test]
fn every_shorter_length_is_refused() {
    for (version, family, text) in [
        (
            Version::V2,
            Family::V4,
            "2133960201018762c0a80164c0a801657365637265740000",
        ),
        (Version::V3, Family::V4, "31336401000a080ec0a800c8"),
        (Version::V3, Family::V6, golden::V3_IPV6.1),
    ] {
        let payload = hex(text);
        for have in 0..payload.len() {
            let error = AdvertView::new(&payload[..have], version, family).unwrap_err();
            let need = if have < 8 { 8 } else { payload.len() };
            assert_eq!(error, TooShort { have, need });
        }
        assert!(AdvertView::new(&payload, version, family).is_ok());
    }
    // The count alone decides: one address more than there is.
    let mut payload = pass_payload();
    payload[3] = 2;
    let error = AdvertView::new(&payload, Version::V2, Family::V4).unwrap_err();
    assert_eq!(error, TooShort { have: 20, need: 24 });
}

#[test]
fn intervals_are_clamped_and_rounded_when_sent_and_raw_when_received() {
    let sent = |version, centis| {
        let interval = Centis::new(centis).unwrap();
        let advert = Advert {
            version,
            interval,
            ..pass_advert()
        };
        let mut buffer = vec![0xa5; advert.encoded_len(Family::V4)];
        advert.encode(&mut buffer, SOURCE, GROUP);
        let view = AdvertView::new(&buffer, version, Family::V4).unwrap();
        assert!(view.checksum_form(SOURCE, GROUP).is_some());
        view.interval()
    };
    assert_eq!(sent(Version::V3, 1), 1);
    assert_eq!(sent(Version::V3, 4095), 4095);
    assert_eq!(sent(Version::V3, 4096), 4095);
    assert_eq!(sent(Version::V2, 10), 100);
    assert_eq!(sent(Version::V2, 150), 200);
    assert_eq!(sent(Version::V2, u16::MAX), 25_500);

    let received = |text, version| {
        let payload = hex(text);
        let view = AdvertView::new(&payload, version, Family::V4).unwrap();
        view.interval()
    };
    // The four reserved bits of VRRPv3 are not part of the interval.
    assert_eq!(received("31336400f0000000", Version::V3), 0);
    assert_eq!(received("21336400000000000000000000000000", Version::V2), 0);
}

#[test]
fn at_most_255_addresses_are_sent() {
    let addresses = vec![IpAddr::V6(Ipv6Addr::LOCALHOST); 300];
    let advert = Advert {
        version: Version::V2,
        addresses: &addresses,
        ..pass_advert()
    };
    assert_eq!(advert.encoded_len(Family::V6), 8 + 255 * 16);
    let mut buffer = vec![0xa5; advert.encoded_len(Family::V6)];
    advert.encode(&mut buffer, Ipv6Addr::LOCALHOST.into(), GROUP_V6.into());
    let view = AdvertView::new(&buffer, Version::V2, Family::V6).unwrap();
    assert_eq!((view.count(), view.addresses().count()), (255, 255));
    assert_eq!(
        view.auth_data(),
        [0; 8],
        "over IPv6 there is no room for it"
    );
}

#[test]
fn version_2_over_ipv6_is_keepaliveds_to_the_byte() {
    // Sent by keepalived 2.2.7 from fe80::f063:d1ff:fecc:8956.
    let sent =
        hex("213d6402000101d0fe80000000000000000000000000020020010db8000000000000000000000200");
    let addresses = ["fe80::200", "2001:db8::200"].map(|a| a.parse().unwrap());
    let advert = Advert {
        version: Version::V2,
        vrid: Vrid::new(61).unwrap(),
        priority: Priority(100),
        interval: Centis::new(100).unwrap(),
        auth: Auth::None,
        addresses: &addresses,
    };
    let source: Ipv6Addr = "fe80::f063:d1ff:fecc:8956".parse().unwrap();
    let mut buffer = vec![0xa5; advert.encoded_len(Family::V6)];
    advert.encode(&mut buffer, source.into(), GROUP_V6.into());
    assert_eq!(buffer, sent);
    let view = AdvertView::new(&sent, Version::V2, Family::V6).unwrap();
    assert_eq!(view.addresses().collect::<Vec<_>>(), addresses);
}

#[test]
fn parse_refuses_what_no_advert_encodes_like() {
    let faults: [(usize, u8); 6] = [
        (0, 0x31), // another version
        (0, 0x22), // another type
        (1, 0),    // no VRID
        (4, AUTH_AH),
        (4, 3), // no authentication type at all
        (5, 0), // interval zero
    ];
    for (at, value) in faults {
        let mut payload = pass_payload();
        payload[at] = value;
        let view = AdvertView::new(&payload, Version::V2, Family::V4).unwrap();
        assert_eq!(
            Advert::parse(&view, &mut Vec::new()),
            None,
            "byte {at} = {value}"
        );
    }
}

#[test]
fn version_2_over_ipv6_without_addresses_is_a_header() {
    let advert = Advert {
        addresses: &[],
        ..pass_advert()
    };
    let mut buffer = vec![0xa5; advert.encoded_len(Family::V6)];
    advert.encode(&mut buffer, Ipv6Addr::LOCALHOST.into(), GROUP_V6.into());
    assert_eq!(buffer.len(), 8, "no authentication data over IPv6");
    let mut buffer = vec![0xa5; advert.encoded_len(Family::V4)];
    advert.encode(&mut buffer, SOURCE, GROUP);
    assert_eq!(buffer[8..], *b"1111\0\0\0\0");
}
