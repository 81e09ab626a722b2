//! A difference that is planted into a run is seen.

use locum_captures::compare::What;
use locum_captures::listing::Sender;
use locum_captures::recordings;
use locum_captures::signed::{self, Wrong};
use locum_captures::{Comparison, Frame, Listing, compare, read_file};

use super::{MS, expected, options, simulate};

/// Compares the founding recording with a run that was changed.
fn founding(change: impl FnOnce(&mut Vec<Frame>)) -> Comparison {
    let mut run = simulate("founding-cable-pull");
    change(&mut run);
    let recording = Listing::new(expected("founding-cable-pull"));
    compare(&recording, &Listing::new(run), &options(&recording))
}

/// Where the `n`th frame is that B's daemon sent.
fn of_b(frames: &[Frame], n: usize) -> usize {
    let listing = Listing::new(frames.to_vec());
    let b = Sender::Router([192, 168, 0, 12].into());
    let own =
        |(_, entry): &(usize, &locum_captures::Entry)| entry.sender == b && entry.kind.is_daemons();
    let mut found = listing.entries.iter().enumerate().filter(own);
    found.nth(n).expect("B sends some").0
}

#[test]
fn nothing() {
    assert!(founding(|_| ()).is_same());
}

/// The source address aside, which makes another sender of it, and what makes an announcement
/// of a frame at all: then it is missed, and said to be.
#[test]
fn any_changed_byte() {
    let run = simulate("founding-cable-pull");
    let recording = Listing::new(expected("founding-cable-pull"));
    for frame in [0, 1, 7] {
        let at = of_b(&run, frame);
        for byte in 0..run[at].bytes.len() {
            let mut run = run.clone();
            run[at].bytes[byte] ^= 0x02;
            let comparison = compare(&recording, &Listing::new(run), &options(&recording));
            assert!(!comparison.is_same(), "byte {byte} of frame {frame}");
        }
    }
}

#[test]
fn a_changed_field_has_a_name() {
    let fields = [
        (0, 15, "ip type of service"),
        (0, 19, "ip identification"),
        (0, 36, "vrrp priority"),
        (7, 47, "vrrp auth data"),
        (1, 27, "arp sender MAC"),
        (10, 37, "arp target MAC"),
    ];
    for (frame, byte, name) in fields {
        let comparison = founding(|run| {
            let at = of_b(run, frame);
            run[at].bytes[byte] ^= 0x02;
        });
        let [difference] = &comparison.differences[..] else {
            panic!("{name}: {comparison:?}");
        };
        let What::Bytes(fields) = &difference.what else {
            panic!("{name}: {difference:?}");
        };
        assert_eq!(fields[0].name, name);
        assert_eq!(fields.len(), 1);
    }
}

#[test]
fn a_missing_frame() {
    for frame in [0, 3, 7, 17] {
        let comparison = founding(|run| {
            let at = of_b(run, frame);
            run.remove(at);
        });
        let missing = comparison
            .differences
            .iter()
            .filter(|d| d.what == What::Missing);
        assert_eq!(missing.count(), 1, "frame {frame}");
    }
}

#[test]
fn a_frame_too_many() {
    let comparison = founding(|run| {
        let at = of_b(run, 4);
        run.insert(at, run[at].clone());
    });
    let extra = comparison
        .differences
        .iter()
        .filter(|d| d.what == What::Extra);
    assert_eq!(extra.count(), 1);
}

#[test]
fn two_frames_in_the_other_order() {
    let comparison = founding(|run| {
        let (advert, announcement) = (of_b(run, 0), of_b(run, 1));
        let bytes = run[advert].bytes.clone();
        run[advert].bytes = std::mem::replace(&mut run[announcement].bytes, bytes);
    });
    assert!(!comparison.is_same());
}

#[test]
fn a_late_advert() {
    let comparison = founding(|run| {
        let at = of_b(run, 8);
        run[at].at_ns += 25 * MS;
    });
    let late = |what: &What| matches!(what, What::Time { by_ns, .. } if *by_ns > 20_000_000);
    assert!(
        comparison.differences.iter().any(|d| late(&d.what)),
        "{comparison:?}"
    );
}

#[test]
fn a_late_takeover() {
    let comparison = founding(|run| {
        let takeover = run[of_b(run, 0)].at_ns;
        let b = [2, 0, 0, 0, 0, 0x11];
        let later = run
            .iter_mut()
            .filter(|f| f.at_ns >= takeover && f.bytes[6..12] == b);
        later.for_each(|frame| frame.at_ns += 100 * MS);
    });
    let time = |what: &What| {
        matches!(
            what,
            What::Time {
                by_ns: 50_000_000..,
                ..
            }
        )
    };
    assert!(time(&comparison.differences[0].what), "{comparison:?}");
}

#[test]
fn late_announcements() {
    let comparison = founding(|run| {
        for frame in 1..=5 {
            let at = of_b(run, frame);
            run[at].at_ns += 30 * MS;
        }
    });
    let late = comparison.differences.iter();
    let late = late.filter(|d| {
        matches!(
            d.what,
            What::Time {
                by_ns: 20_000_000..,
                ..
            }
        )
    });
    assert_eq!(
        late.count(),
        1,
        "the first of the burst; the others follow it as before"
    );
}

/// One bit of an advert, of its trailer or of its stamp, and a stamp that doesn't grow.
#[test]
fn a_forged_signature() {
    let run = read_file(&recordings::folder().join("auth-hmac").join("wire.pcap"));
    let run = run.expect("tcpdump wrote it");
    let wrong = |change: &dyn Fn(&mut Vec<Frame>)| {
        let mut frames = run.clone();
        change(&mut frames);
        let keys = super::scenario("auth-hmac")
            .topology
            .routers()
            .find_map(|(_, router)| {
                router.config.instances[0]
                    .hmac
                    .as_ref()
                    .map(|h| h.keys.clone())
            });
        signed::unstamped(frames, &keys.expect("it signs")).err()
    };
    assert_eq!(wrong(&|_| ()), None);
    let at = of_b(&run, 0);
    // Priority, address, key, stamp, HMAC.
    for byte in [36, 45, 47, 53, 60] {
        let trailer = Wrong::Trailer(at + 1);
        assert_eq!(wrong(&|f| f[at].bytes[byte] ^= 1), Some(trailer), "{byte}");
    }
    let next = of_b(&run, 6);
    let again = |f: &mut Vec<Frame>| f[next].bytes = f[at].bytes.clone();
    assert_eq!(wrong(&again), Some(Wrong::Stamp(next + 1)));
    let late = |f: &mut Vec<Frame>| f[next].at_ns += 30_000_000;
    assert!(matches!(wrong(&late), Some(Wrong::Clock(n, _)) if n == next + 1));
}
