//! What a capture is said to mean: adverts of every kind, announcements, and the kernels' own frames.

use locum_captures::listing::{Auth, Kind, Line, Listing, Sender};
use locum_captures::{Frame, read};
use locum_engine::wire::ChecksumForm;

fn recording(name: &str) -> Listing {
    let path = format!("{}/keepalived/{name}/wire.pcap", env!("CARGO_MANIFEST_DIR"));
    Listing::new(read(&std::fs::read(path).expect("it is there")).expect("tcpdump wrote it"))
}

fn lines(listing: &Listing) -> Vec<String> {
    let begin_ns = listing.begin_ns();
    let entries = listing.entries.iter();
    entries
        .map(|entry| Line { entry, begin_ns }.to_string())
        .collect()
}

fn frame(bytes: &[u8]) -> Listing {
    Listing::new(vec![Frame {
        at_ns: 0,
        bytes: bytes.to_vec(),
        comments: Vec::new(),
    }])
}

#[test]
fn the_founding_recording_reads_like_this() {
    let lines = lines(&recording("founding-cable-pull"));
    let expected = [
        "    1     0.000000000  02:00:00:00:00:12  arp who has 192.168.0.200? asks 192.168.0.100",
        "    6     4.118662407  192.168.0.11       ADVERT v2 vrid 51 priority 100 every 1 s \
         password \"1111\" 192.168.0.200 (id 1)",
        "    7     4.118825249  192.168.0.11       ANNOUNCES 192.168.0.200 (gratuitous arp)",
        "    9     4.118905378  02:00:00:00:00:12  arp 192.168.0.100 is at 02:00:00:00:00:12",
    ];
    for (number, line) in [1, 6, 7, 9].into_iter().zip(expected) {
        assert_eq!(lines[number - 1], line);
    }
    let resigns = lines.last().expect("there are lines");
    assert!(
        resigns.contains("192.168.0.11       RESIGNS v2 vrid 51 every 1 s"),
        "{resigns}"
    );
}

#[test]
fn every_advert_of_every_recording_is_understood() {
    // As many as tshark finds.
    for (name, adverts, form) in [
        ("founding-cable-pull", 19, ChecksumForm::Message),
        ("v3-centiseconds", 100, ChecksumForm::PseudoHeader),
        ("unicast", 15, ChecksumForm::Message),
        ("v3-ipv6", 12, ChecksumForm::PseudoHeader),
    ] {
        let listing = recording(name);
        let found: Vec<_> = listing
            .entries
            .iter()
            .filter_map(|e| e.kind.advert())
            .collect();
        assert_eq!(found.len(), adverts, "{name}");
        assert!(
            found.iter().all(|advert| advert.checksum == Some(form)),
            "{name}"
        );
        assert_eq!(listing.routers().len(), 2, "{name}");
        let unreadable = |kind: &Kind| matches!(kind, Kind::Unreadable(_));
        assert!(
            !listing.entries.iter().any(|e| unreadable(&e.kind)),
            "{name}"
        );
    }
}

#[test]
fn ipv6_announcements_are_told_from_the_kernels_own() {
    let lines = lines(&recording("v3-ipv6")).join("\n");
    assert!(
        lines.contains("ANNOUNCES fd00::200 (neighbour advertisement)"),
        "{lines}"
    );
    assert!(lines.contains("ADVERT v3 vrid 51 priority 100 every 1 s no auth fe80::200 fd00::200"));
    assert!(lines.contains("RESIGNS v3"), "{lines}");
}

#[test]
fn unicast_adverts_say_where_they_go() {
    let listing = recording("unicast");
    let line = lines(&listing)
        .into_iter()
        .find(|line| line.contains("ADVERT"));
    let line = line.expect("there are adverts");
    assert!(
        line.contains("192.168.0.200 to 192.168.0.12 (id 1)"),
        "{line}"
    );
}

#[test]
fn what_is_wrong_is_said() {
    let recording = recording("founding-cable-pull");
    let advert = &recording.entries[5].frame.bytes;
    let with = |at: usize, value: u8| {
        let mut bytes = advert.clone();
        bytes[at] = value;
        frame(&bytes).entries[0].kind.to_string()
    };
    assert!(with(36, 99).ends_with("WRONG CHECKSUM"));
    assert_eq!(with(25, 0), "VRRP, unreadable: wrong header checksum");
    assert_eq!(with(34, 0x51), "VRRP, unreadable: version 5");
    assert_eq!(with(34, 0x22), "VRRP, unreadable: type 2");
    assert!(with(37, 9).starts_with("VRRP, unreadable: 20 bytes where"));
    let short = frame(&advert[..10]).entries[0].kind.to_string();
    assert_eq!(short, "10 bytes, shorter than an Ethernet header");
}

#[test]
fn an_authentication_header_is_looked_behind() {
    let recording = recording("nopreempt");
    let advert = &recording.entries[5].frame.bytes;
    // 24 bytes of AH between IP and VRRP: next header, length in words less two, the rest zero.
    let mut header = [0; 24];
    header[..2].copy_from_slice(&[112, 4]);
    let mut bytes = [&advert[..34], &header, &advert[34..]].concat();
    bytes[17] += 24;
    bytes[23] = 51;
    // The header's checksum makes up for both.
    let sum = u16::from_be_bytes([bytes[24], bytes[25]]) - 24 + (112 - 51);
    bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    let listing = frame(&bytes);
    let advert = listing.entries[0].kind.advert().expect("it is an advert");
    assert_eq!(
        (advert.priority.get(), &advert.auth),
        (100, &Auth::Header(0))
    );
}

#[test]
fn routers_that_share_a_virtual_mac_stay_apart() {
    let mut frames: Vec<Frame> = recording("founding-cable-pull")
        .entries
        .into_iter()
        .filter(|entry| entry.kind.is_daemons())
        .map(|entry| entry.frame)
        .collect();
    for frame in &mut frames {
        frame.bytes[6..12].copy_from_slice(&[0, 0, 0x5e, 0, 1, 51]);
    }
    let listing = Listing::new(frames);
    let router = |last| Sender::Router([192, 168, 0, last].into());
    assert_eq!(listing.routers(), [router(11), router(12)]);
    let announcements = |sender| {
        let entries = listing.entries.iter().filter(|e| e.sender == sender);
        entries
            .filter(|e| matches!(e.kind, Kind::Announcement(_)))
            .count()
    };
    assert_eq!(
        (announcements(router(11)), announcements(router(12))),
        (10, 10)
    );
}
