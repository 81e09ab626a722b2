//! What each frame of a recording follows, against what is known of how it was made.

use locum_captures::timing::{Cause, Timing, timings};
use locum_captures::{Frame, Listing, Options, compare, read};

const MS: u64 = 1_000_000;

fn recording(name: &str) -> Listing {
    let path = format!("{}/keepalived/{name}/wire.pcap", env!("CARGO_MANIFEST_DIR"));
    Listing::new(read(&std::fs::read(path).expect("it is there")).expect("tcpdump wrote it"))
}

/// The timings of a router's adverts, by the last byte of its address.
fn adverts(listing: &Listing, last: u8) -> Vec<Timing> {
    let sender = locum_captures::listing::Sender::Router([192, 168, 0, last].into());
    let entries = listing.entries.iter().zip(timings(listing));
    entries
        .filter(|(entry, _)| entry.sender == sender && entry.kind.advert().is_some())
        .map(|(_, timing)| timing.expect("adverts have one"))
        .collect()
}

fn causes(listing: &Listing, last: u8) -> Vec<Cause> {
    let mut causes: Vec<Cause> = adverts(listing, last).iter().map(|t| t.cause).collect();
    causes.dedup();
    causes
}

#[test]
fn a_takeover_follows_the_last_advert_and_a_cable_cant_be_seen() {
    let listing = recording("founding-cable-pull");
    // A starts, its cable is pulled and plugged in, it is stopped; B hears it fall silent.
    let a = [
        Cause::Start,
        Cause::Interval,
        Cause::Unseen,
        Cause::Interval,
        Cause::Unseen,
    ];
    assert_eq!(causes(&listing, 11), a);
    assert_eq!(causes(&listing, 12), [Cause::Silence, Cause::Interval]);
    let takeover = adverts(&listing, 12)[0];
    let heard = &listing.entries[takeover.of.expect("it follows one")];
    assert_eq!(heard.kind.advert().and_then(|advert| advert.id), Some(4));
    assert_eq!(
        takeover.formula_ns,
        Some(3_613_281_250),
        "3 s and 157/256 s"
    );
}

#[test]
fn a_takeover_after_a_resignation_and_a_second_start() {
    let listing = recording("graceful-stop");
    let a = [Cause::Start, Cause::Interval, Cause::Unseen];
    assert_eq!(causes(&listing, 11), [a, a].concat());
    assert_eq!(causes(&listing, 12), [Cause::Resignation, Cause::Interval]);
    assert_eq!(
        adverts(&listing, 12)[0].formula_ns,
        Some(613_281_250),
        "157/256 s"
    );
}

/// Adverts that were lost between the two, or that were of too low a priority, don't count.
#[test]
fn what_was_not_heard_is_no_cause() {
    let heard = |name: &str, last: u8, nth: usize| {
        let listing = recording(name);
        let silences = adverts(&listing, last).into_iter();
        let silence = silences.filter(|t| t.cause == Cause::Silence).nth(nth);
        let of = silence.and_then(|t| t.of).expect("it follows an advert");
        listing.entries[of]
            .kind
            .advert()
            .and_then(|advert| advert.id)
    };
    assert_eq!(
        heard("split-and-heal", 12, 0),
        Some(3),
        "A went on to 6 behind the cut"
    );
    assert_eq!(
        heard("track-script-weight", 12, 0),
        Some(6),
        "A went on to 9 with priority 80"
    );
    assert_eq!(
        heard("track-script-weight", 11, 0),
        Some(5),
        "B went on to 8 below A's priority"
    );
}

#[test]
fn announcements_follow_what_was_sent_before() {
    let listing = recording("nopreempt");
    for (entry, timing) in listing.entries.iter().zip(timings(&listing)) {
        let announcement = matches!(entry.kind, locum_captures::Kind::Announcement(_));
        if announcement {
            assert_eq!(
                timing.map(|t| t.cause),
                Some(Cause::Before),
                "frame {}",
                entry.number
            );
        }
        assert_eq!(timing.is_some(), entry.kind.is_daemons());
    }
}

/// A long capture of one master takes no longer for each frame than a short one.
#[test]
fn a_hundred_thousand_frames_are_compared_at_once() {
    let advert = recording("nopreempt").entries[5].frame.clone();
    let frames = |late: usize| {
        let frames = (0..100_000_usize).map(|n| Frame {
            at_ns: n as u64 * 1000 * MS + if n == late { 30 * MS } else { 0 },
            ..advert.clone()
        });
        Listing::new(frames.collect())
    };
    let options = Options {
        tolerance_ns: 20 * MS,
        start_ns: [None, None],
    };
    let comparison = compare(&frames(usize::MAX), &frames(50_000), &options);
    let found: Vec<_> = comparison.differences.iter().map(|d| d.frames).collect();
    let late_and_the_next_early = [[Some(50_000); 2], [Some(50_001); 2]];
    assert_eq!(found, late_and_the_next_early);
}
