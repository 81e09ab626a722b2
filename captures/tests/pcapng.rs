//! pcapng survives writing and reading, comments included, in any resolution of time.

use locum_captures::pcapng::{Commented, beside, write};
use locum_captures::{Frame, PcapError, read};
use locum_engine::Instant;
use proptest::prelude::*;

fn written(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    let frames = frames.iter().map(|frame| Commented {
        at: Instant::from_nanos(frame.at_ns),
        bytes: &frame.bytes,
        comments: &frame.comments,
    });
    write(&mut out, "sw1", frames).expect("a Vec takes every byte");
    out
}

fn frame(at_ns: u64, comments: &[&str]) -> Frame {
    Frame {
        at_ns,
        bytes: vec![0xaa; 42],
        comments: comments.iter().map(|&c| c.to_owned()).collect(),
    }
}

/// A block with its length around it.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 12)
        .expect("it is short")
        .to_le_bytes();
    [&kind.to_le_bytes(), &length, body, &length].concat()
}

/// The same capture as a machine of the other byte order writes it: [`by_hand`] without options has fields of
/// four bytes, two, and one.
fn swapped(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let shorts = [12, 36];
    for at in (0..file.len()).step_by(4) {
        let data = (76..80).contains(&at);
        if shorts.contains(&at) {
            file[at..at + 2].reverse();
            file[at + 2..at + 4].reverse();
        } else if !data {
            file[at..at + 4].reverse();
        }
    }
    file
}

/// A capture of one frame of four bytes at so many ticks, of an interface with these options.
fn by_hand(options: &[u8], ticks: u64) -> Vec<u8> {
    let section = [
        &0x1a2b_3c4d_u32.to_le_bytes()[..],
        &[1, 0, 0, 0],
        &[0xff; 8],
    ]
    .concat();
    let interface = [&[1, 0, 0, 0, 0, 0, 4, 0], options].concat();
    let (high, low) = ((ticks >> 32) as u32, ticks as u32);
    let packet = [
        [0; 4],
        high.to_le_bytes(),
        low.to_le_bytes(),
        [4, 0, 0, 0],
        [4, 0, 0, 0],
    ];
    let packet = [&packet.concat()[..], &[1, 2, 3, 4]].concat();
    [
        block(0x0a0d_0d0a, &section),
        block(1, &interface),
        block(6, &packet),
    ]
    .concat()
}

/// The option that says the resolution of time.
fn resolution(value: u8) -> Vec<u8> {
    vec![9, 0, 1, 0, value, 0, 0, 0, 0, 0, 0, 0]
}

#[test]
fn frames_and_comments_survive() {
    let frames = [
        frame(0, &[]),
        frame(8_000_000_000, &["8s: pull A - sw1", "8s: stop B"]),
        frame(1_795_000_000_123_456_789, &["é"]),
    ];
    let file = written(&frames);
    assert_eq!(
        file,
        written(&frames),
        "the same input gives the same bytes"
    );
    assert_eq!(read(&file).expect("we wrote it"), frames);
}

#[test]
fn nothing_in_the_file_names_the_machine() {
    let mut expected = block(
        0x0a0d_0d0a,
        &[
            &0x1a2b_3c4d_u32.to_le_bytes()[..],
            &[1, 0, 0, 0],
            &[0xff; 8],
        ]
        .concat(),
    );
    let name = [2, 0, 3, 0, b's', b'w', b'1', 0];
    expected.extend(block(
        1,
        &[&[1, 0, 0, 0, 0, 0, 4, 0], &name[..], &resolution(9)].concat(),
    ));
    assert_eq!(written(&[]), expected);
}

#[test]
fn every_resolution_of_time_is_honoured() {
    let time =
        |options: &[u8], ticks| read(&by_hand(options, ticks)).expect("it is sound")[0].at_ns;
    let offset = |seconds: i64| {
        let mut option = vec![14, 0, 8, 0];
        option.extend(seconds.to_le_bytes());
        option.extend([0; 4]);
        option
    };
    assert_eq!(
        time(&[], 7_000_005),
        7_000_005_000,
        "microseconds when nothing is said"
    );
    assert_eq!(time(&resolution(9), 7), 7);
    assert_eq!(time(&resolution(3), 7), 7_000_000);
    assert_eq!(time(&resolution(0), 7), 7_000_000_000);
    assert_eq!(time(&resolution(12), 7_999), 7);
    assert_eq!(
        time(&resolution(0x80 | 1), 3),
        1_500_000_000,
        "halves of a second"
    );
    assert_eq!(time(&resolution(0x80 | 32), 1 << 31), 500_000_000);
    assert_eq!(time(&offset(5), 1), 5_000_001_000);
    let error = |options: &[u8], ticks| read(&by_hand(options, ticks)).expect_err("it isn't");
    assert!(matches!(
        error(&offset(-5), 1),
        PcapError::Malformed { frame: 1, .. }
    ));
    assert!(matches!(
        error(&resolution(127), 1),
        PcapError::Malformed { frame: 1, .. }
    ));
    assert!(matches!(
        error(&resolution(0), u64::MAX),
        PcapError::Malformed { .. }
    ));
}

#[test]
fn either_byte_order_is_read() {
    let file = by_hand(&[], 7_000_005);
    let other = swapped(&file);
    assert_ne!(file, other);
    let frames = read(&other).expect("it is sound");
    assert_eq!(frames, read(&file).expect("it is sound"));
    assert_eq!(frames[0].at_ns, 7_000_005_000);
}

#[test]
fn a_frame_without_its_end_is_refused() {
    let mut cut = by_hand(&[], 0);
    cut[72] = 9;
    let error = read(&cut).expect_err("four bytes of nine").to_string();
    assert!(error.contains("only 4 of its 9 bytes"), "{error}");
}

#[test]
fn bad_files_are_named() {
    let file = written(&[frame(0, &[])]);
    let error = |bytes: &[u8]| read(bytes).expect_err("it is not sound").to_string();
    assert_eq!(
        error(&file[..file.len() - 1]),
        "the file ends inside frame 1"
    );
    assert!(error(&file[..12]).contains("section header"));
    let mut wifi = by_hand(&[], 0);
    wifi[28 + 8] = 105;
    assert_eq!(error(&wifi), "link type 105 instead of Ethernet (1)");
    let mut nowhere = by_hand(&[], 0);
    nowhere[28 + 20 + 8] = 1;
    assert!(error(&nowhere).contains("its interface was not described"));
    let simple = [written(&[]), block(3, &[4, 0, 0, 0, 1, 2, 3, 4])].concat();
    assert!(error(&simple).contains("no usable time"));
}

/// Wherever either format is cut off behind its header, the frames before are there.
#[test]
fn a_file_that_is_cut_off_gives_what_is_whole() {
    let frames: Vec<Frame> = (1..=3).map(|at| frame(at, &[])).collect();
    let mut classic = Vec::new();
    let timed = |f: &Frame| Instant::from_nanos(f.at_ns);
    let plain = frames.iter().map(|f| (timed(f), &*f.bytes));
    locum_captures::write(&mut classic, plain).expect("a Vec takes every byte");
    for (file, header) in [(written(&frames), written(&[]).len()), (classic, 24)] {
        for end in header..=file.len() {
            let (found, whole) = match read(&file[..end]) {
                Ok(found) => (found, true),
                Err(PcapError::Truncated { before }) => (before, false),
                Err(other) => panic!("{end} of {} bytes: {other}", file.len()),
            };
            let each = (file.len() - header) / frames.len();
            assert_eq!(found, frames[..(end - header) / each], "{end} bytes");
            assert_eq!(whole, (end - header) % each == 0, "{end} bytes");
        }
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let refused = |bytes: &[u8], comments: &[String]| {
        let frame = Commented {
            at: Instant::ZERO,
            bytes,
            comments,
        };
        let error = write(Vec::new(), "sw1", [frame]).expect_err("the format can't hold it");
        assert!(
            matches!(error, PcapError::Unwritable { frame: 1, .. }),
            "{error}"
        );
    };
    refused(&vec![0; 262_145], &[]);
    refused(&[], &["x".repeat(65_533)]);
}

#[test]
fn events_stand_beside_the_frame_that_follows() {
    let at = Instant::from_millis;
    let events = |list: &[(u64, &str)]| {
        let list: Vec<_> = list
            .iter()
            .map(|(ms, what)| (at(*ms), (*what).to_owned()))
            .collect();
        beside(&[at(10), at(20), at(20), at(30)], &list)
    };
    assert_eq!(events(&[]), [[""; 0]; 4]);
    let found = events(&[
        (0, "a"),
        (10, "b"),
        (11, "c"),
        (20, "d"),
        (21, "e"),
        (99, "f"),
    ]);
    assert_eq!(
        found,
        [vec!["a", "b"], vec!["c", "d"], vec![], vec!["e", "f"]]
    );
    assert!(beside(&[], &[(at(1), "lost".to_owned())]).is_empty());
}

proptest! {
    #[test]
    fn any_frames_survive(frames in prop::collection::vec(
        (any::<u64>(), prop::collection::vec(any::<u8>(), 0..100), prop::collection::vec(".{0,20}", 0..3)), 0..20)
    ) {
        let frames: Vec<Frame> = frames
            .into_iter()
            .map(|(at_ns, bytes, comments)| Frame { at_ns, bytes, comments })
            .collect();
        prop_assert_eq!(read(&written(&frames)).expect("we wrote it"), frames);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let good = by_hand(&[], 5);
        bytes.splice(0..0, good[..48].iter().copied());
        let _ = read(&bytes);
    }

    #[test]
    fn any_flipped_byte_is_read_without_a_panic(at in 0usize..96, by in 1u8..) {
        let mut bytes = by_hand(&resolution(9), 5);
        let at = at % bytes.len();
        bytes[at] ^= by;
        let _ = read(&bytes);
    }
}
