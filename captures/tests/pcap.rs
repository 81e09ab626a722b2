//! Captures survive writing and reading, in every flavour, and bad ones are named as such.

use locum_captures::{Frame, PcapError, read, write};
use locum_engine::Instant;
use proptest::prelude::*;

const WIRE: &[u8] = include_bytes!("../keepalived/founding-cable-pull/wire.pcap");

fn written(frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    write(
        &mut out,
        frames
            .iter()
            .map(|(at, bytes)| (Instant::from_nanos(*at), bytes.as_slice())),
    )
    .expect("a Vec takes every byte");
    out
}

/// A capture with one frame in another byte order or resolution, laid out by hand.
fn by_hand(magic: u32, fraction: u32, big_endian: bool) -> Vec<u8> {
    let u32_ = |v: u32| {
        if big_endian {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let u16_ = |v: u16| {
        if big_endian {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let mut file = u32_(magic).to_vec();
    file.extend(u16_(2));
    file.extend(u16_(4));
    for word in [0, 0, 65_535, 1, 7, fraction, 3, 3] {
        file.extend(u32_(word));
    }
    file.extend([0xaa, 0xbb, 0xcc]);
    file
}

#[test]
fn all_four_magics_are_read() {
    for big_endian in [false, true] {
        for (magic, fraction) in [(0xa1b2_c3d4, 5), (0xa1b2_3c4d, 5_000)] {
            let frames = read(&by_hand(magic, fraction, big_endian)).expect("it is well formed");
            let expected = Frame {
                at_ns: 7_000_005_000,
                bytes: vec![0xaa, 0xbb, 0xcc],
                comments: Vec::new(),
            };
            assert_eq!(
                frames,
                [expected],
                "magic {magic:x}, big endian {big_endian}"
            );
        }
    }
}

#[test]
fn the_header_is_fixed() {
    let mut expected = vec![0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0];
    expected.extend([0; 8]);
    expected.extend([0, 0, 4, 0, 1, 0, 0, 0]);
    assert_eq!(written(&[]), expected);
}

#[test]
fn the_founding_recording_holds_what_keepalived_sent() {
    let frames = read(WIRE).expect("tcpdump wrote it");
    let adverts: Vec<&Frame> = frames.iter().filter(|f| is_vrrp(&f.bytes)).collect();
    assert!(adverts.len() > 10, "{} adverts", adverts.len());
    let sources: Vec<u8> = adverts.iter().map(|f| f.bytes[29]).collect();
    assert!(sources.contains(&11) && sources.contains(&12));
    assert!(frames.is_sorted_by_key(|f| f.at_ns));
    // The cable was out from 8 s to 16 s: B's first advert follows A's last by B's master-down
    // time, 3 s + 157/256 s, give or take the recording machine's noise.
    let first_of_b = sources.iter().position(|&s| s == 12).expect("B took over");
    let silence = adverts[first_of_b].at_ns - adverts[first_of_b - 1].at_ns;
    assert!(silence.abs_diff(3_613_281_250) < 20_000_000, "{silence} ns");
}

#[test]
fn a_recording_survives_the_round_trip() {
    let frames = read(WIRE).expect("tcpdump wrote it");
    let copy = written(
        &frames
            .iter()
            .map(|f| (f.at_ns, f.bytes.clone()))
            .collect::<Vec<_>>(),
    );
    assert_eq!(read(&copy).expect("we wrote it"), frames);
}

#[test]
fn bad_files_are_named() {
    let error = |bytes: &[u8]| read(bytes).expect_err("it is not a capture").to_string();
    assert_eq!(error(b""), "not a capture: it is empty");
    assert!(error(&[0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0]).contains("pcapng"));
    assert!(error(b"hello").contains("shorter"));
    assert!(error(&[7; 24]).contains("magic"));
    let good = by_hand(0xa1b2_c3d4, 0, false);
    assert_eq!(
        error(&good[..good.len() - 1]),
        "the file ends inside frame 1"
    );
    let mut wifi = good.clone();
    wifi[20] = 105;
    assert_eq!(error(&wifi), "link type 105 instead of Ethernet (1)");
    assert!(error(&by_hand(0xa1b2_c3d4, 1_000_000, false)).contains("a second or more"));
    let mut cut = good.clone();
    cut[36] = 200;
    let cut = error(&cut);
    assert!(cut.contains("of its 200 bytes were captured"), "{cut}");
    let mut any = good.clone();
    any[20..22].copy_from_slice(&276u16.to_le_bytes());
    assert!(error(&any).contains("not on `any`"));
    assert!(error(&[0xfd, b'7', b'z', b'X', b'Z', 0]).contains("unxz"));
    assert!(error(&[0x28, 0xb5, 0x2f, 0xfd]).contains("unzstd"));
    let mut longer_than_itself = good;
    longer_than_itself[36] = 2;
    assert!(error(&longer_than_itself).contains("more bytes"));
}

#[test]
fn what_cannot_be_written_is_refused() {
    let refused = |at: Instant, bytes: &[u8]| {
        write(Vec::new(), [(at, bytes)]).expect_err("the format cannot hold it")
    };
    let far = refused(Instant::FAR_FUTURE, &[0]);
    assert!(
        matches!(far, PcapError::Unwritable { frame: 1, .. }),
        "{far}"
    );
    let long = refused(Instant::ZERO, &vec![0; 262_145]);
    assert!(
        matches!(long, PcapError::Unwritable { frame: 1, .. }),
        "{long}"
    );
}

proptest! {
    #[test]
    fn any_frames_survive(frames in prop::collection::vec(
        (0u64..4_294_967_296_000_000_000, prop::collection::vec(any::<u8>(), 0..200)), 0..20)
    ) {
        let file = written(&frames);
        prop_assert_eq!(&file, &written(&frames));
        let back: Vec<(u64, Vec<u8>)> = read(&file)
            .expect("we wrote it")
            .into_iter()
            .map(|f| (f.at_ns, f.bytes))
            .collect();
        prop_assert_eq!(back, frames);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), magic: bool) {
        if magic && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&[0x4d, 0x3c, 0xb2, 0xa1]);
        }
        let _ = read(&bytes);
    }
}

fn is_vrrp(frame: &[u8]) -> bool {
    frame.len() > 34 && frame[12..14] == [0x08, 0x00] && frame[23] == 112
}
