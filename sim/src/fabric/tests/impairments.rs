//! Chance on a cable: exact counts for a fixed seed, beside the bounds they must lie in.

use super::*;
use crate::capture::{Bytes, TapPoint};
use crate::fault::Direction::{AToB, BToA, Both};
use crate::topology::Burst;

const FRAMES: usize = 10_000;

/// Sends many numbered frames from A under these faults, 1 ms apart; what came out of A's cable.
fn carried(seed: u64, faults: &[Fault]) -> Vec<(Instant, Bytes)> {
    let mut fabric = fabric(quiet_topology(), seed);
    let tap = fabric.tap(TapPoint::Cable(cable_of(A), End::Switch(SWITCH)));
    apply(&mut fabric, faults.iter().cloned());
    for number in 0..FRAMES {
        let mut numbered = announcement(A);
        if let Transmit::GratuitousArp { frame, .. } = &mut numbered {
            frame[32..36].copy_from_slice(&(number as u32).to_be_bytes());
        }
        fabric.send(A, numbered);
        pass(&mut fabric, 1);
    }
    pass(&mut fabric, 1_000);
    fabric.captured(tap).to_vec()
}

fn number(bytes: &[u8]) -> u32 {
    let field = bytes[32..36].try_into().expect("four bytes");
    u32::from_be_bytes(field)
}

fn numbers(frames: &[(Instant, Bytes)]) -> Vec<u32> {
    frames.iter().map(|(_, bytes)| number(bytes)).collect()
}

#[test]
fn nothing_configured_loses_nothing() {
    assert_eq!(numbers(&carried(1, &[])), (0..10_000).collect::<Vec<_>>());
}

#[test]
fn independent_loss_has_the_configured_rate() {
    let frames = carried(1, &[Fault::Loss(cable_of(A), AToB, 200_000, None)]);
    let lost = FRAMES - frames.len();
    // Five standard deviations of a binomial distribution.
    assert!((1_800..=2_200).contains(&lost), "{lost}");
    assert_eq!(lost, 1_944);
    let all = carried(1, &[Fault::Loss(cable_of(A), AToB, 1_000_000, None)]);
    assert_eq!(all, []);
}

#[test]
fn bursts_lose_runs_of_frames() {
    let burst = Burst {
        enter_ppm: 10_000,
        leave_ppm: 200_000,
    };
    let frames = carried(1, &[Fault::Loss(cable_of(A), AToB, 0, Some(burst))]);
    let lost = FRAMES - frames.len();
    let numbers = numbers(&frames);
    let gaps: Vec<_> = numbers.windows(2).map(|w| w[1] - w[0] - 1).collect();
    let bursts = gaps.iter().filter(|&&gap| gap > 0).count();
    // In the long run 1/21 is lost, five frames at a time.
    assert!((350..=620).contains(&lost), "{lost}");
    assert!((60..=140).contains(&bursts), "{bursts}");
    assert!((3..=7).contains(&(lost / bursts)));
    assert_eq!((lost, bursts), (498, 111));
}

#[test]
fn another_burst_begins_in_the_good_state() {
    let mut fabric = quiet();
    fabric.open(B);
    let for_ever = |enter_ppm| Burst {
        enter_ppm,
        leave_ppm: 0,
    };
    for (enter, arrived) in [(1_000_000, 0), (0, 1)] {
        fabric.apply(&Fault::Loss(cable_of(A), AToB, 0, Some(for_ever(enter))));
        shout(&mut fabric, A);
        pass(&mut fabric, 1);
        assert_eq!(heard(&mut fabric, B).len(), arrived);
    }
}

#[test]
fn duplicates_arrive_twice_in_a_row() {
    let frames = carried(1, &[Fault::Duplicate(cable_of(A), 100_000)]);
    let twice = frames.len() - FRAMES;
    assert!((850..=1_150).contains(&twice), "{twice}");
    let neighbours = frames.windows(2).filter(|w| w[0] == w[1]).count();
    assert_eq!(neighbours, twice);
    assert_eq!(twice, 1_011);
}

#[test]
fn frames_that_are_held_back_are_overtaken() {
    let by = Duration::from_millis(5);
    let frames = carried(1, &[Fault::Reorder(cable_of(A), 100_000, by)]);
    assert_eq!(frames.len(), FRAMES);
    let late = |&(at, ref bytes): &(Instant, Bytes)| {
        let sent = ms(u64::from(number(bytes)));
        at.saturating_since(sent) - Duration::from_micros(50)
    };
    assert!(frames.iter().all(|frame| late(frame) <= by));
    let held = frames.iter().filter(|f| late(f) > Duration::ZERO).count();
    assert!((850..=1_150).contains(&held), "{held}");
    let overtaken = numbers(&frames).windows(2).filter(|w| w[0] > w[1]).count();
    assert!(overtaken > held / 2, "{overtaken}");
    assert_eq!((held, overtaken), (951, 735));
}

#[test]
fn corruption_flips_exactly_one_bit() {
    let adverts = |faults: &[Fault]| {
        let mut fabric = quiet();
        let tap = fabric.tap(TapPoint::Cable(cable_of(A), End::Switch(SWITCH)));
        apply(&mut fabric, faults.iter().cloned());
        for _ in 0..FRAMES {
            shout(&mut fabric, A);
            pass(&mut fabric, 1);
        }
        fabric.captured(tap).to_vec()
    };
    let clean = adverts(&[]);
    let frames = adverts(&[Fault::Corrupt(cable_of(A), 100_000)]);
    assert_eq!(frames.len(), clean.len());
    let bits = |(a, b): (&(Instant, Bytes), &(Instant, Bytes))| {
        let differ = a.1.iter().zip(&*b.1).map(|(a, b)| (a ^ b).count_ones());
        differ.sum::<u32>()
    };
    let flips: Vec<_> = clean.iter().zip(&frames).map(bits).collect();
    assert!(flips.iter().all(|&n| n <= 1));
    let corrupt = flips.iter().filter(|&&n| n == 1).count();
    assert!((850..=1_150).contains(&corrupt), "{corrupt}");
}

/// ARP has no checksum: what a NIC wouldn't drop would poison caches.
#[test]
fn a_corrupt_announcement_is_lost() {
    let clean = carried(1, &[]);
    let frames = carried(1, &[Fault::Corrupt(cable_of(A), 100_000)]);
    let lost = clean.len() - frames.len();
    assert!((850..=1_150).contains(&lost), "{lost}");
    let sound = |bytes: &Bytes| clean.iter().any(|(_, other)| other == bytes);
    assert!(frames.iter().take(200).all(|(_, bytes)| sound(bytes)));
}

/// Adverts with one bit wrong: what reaches the daemon has a sound IP header all the same. The
/// others, a little more than half, are those with the bit in a header.
#[test]
fn the_kernel_drops_what_a_real_one_would() {
    let mut fabric = quiet();
    fabric.open(B);
    fabric.apply(&Fault::Corrupt(cable_of(A), 1_000_000));
    let mut received = 0;
    for _ in 0..5_000 {
        shout(&mut fabric, A);
        pass(&mut fabric, 1);
        for packet in heard(&mut fabric, B) {
            assert_eq!((packet.source, packet.ttl), (ip(A).into(), 255));
            assert_eq!(packet.payload.len(), 20);
            received += 1;
        }
    }
    assert!((2_200..2_700).contains(&received), "{received}");
}

#[test]
fn latency_is_per_direction_and_never_zero() {
    let mut fabric = quiet();
    fabric.open(A);
    fabric.open(B);
    heard(&mut fabric, A);
    heard(&mut fabric, B);
    let slow = Fault::Latency(cable_of(A), AToB, Duration::from_millis(7));
    let fast = Fault::Latency(cable_of(B), Both, Duration::ZERO);
    apply(&mut fabric, [slow, fast]);
    shout(&mut fabric, A);
    shout(&mut fabric, B);
    fabric.advance(Instant::from_nanos(51_000));
    assert_eq!(heard(&mut fabric, A).len(), 1);
    fabric.advance(Instant::from_nanos(7_000_999));
    assert!(!fabric.has_delivery(B));
    fabric.advance(Instant::from_nanos(7_001_000));
    assert!(fabric.has_delivery(B));
}

/// Another impairment, on this cable or another, or in the other direction, moves no draw.
#[test]
fn an_impairment_is_independent_of_every_other() {
    let loss = Fault::Loss(cable_of(A), AToB, 300_000, None);
    let alone = numbers(&carried(9, core::slice::from_ref(&loss)));
    for other in [
        Fault::Loss(cable_of(B), Both, 500_000, None),
        Fault::Loss(cable_of(A), BToA, 500_000, None),
        Fault::Corrupt(cable_of(G), 500_000),
    ] {
        let both = numbers(&carried(9, &[other, loss.clone()]));
        assert_eq!(both, alone);
    }
    let by = Duration::from_millis(5);
    let mut both = numbers(&carried(
        9,
        &[Fault::Reorder(cable_of(A), 500_000, by), loss],
    ));
    both.sort_unstable();
    assert_eq!(both, alone);
}

#[test]
fn a_seed_decides_everything() {
    let run = |seed| {
        let mut fabric = fabric(star(Duration::from_millis(10)), seed);
        let tap = fabric.tap(TapPoint::Segment(SWITCH));
        let faults = [A, B, G, C].map(|host| Fault::Loss(cable_of(host), Both, 100_000, None));
        apply(&mut fabric, faults);
        fabric.add_address(A, &vip(), None);
        fabric.advance(ms(5_000));
        hand_over(&mut fabric, A, B, true);
        fabric.advance(ms(10_000));
        let frames = fabric.captured(tap).to_vec();
        (records(&mut fabric), frames)
    };
    let (first, second, third) = (run(5), run(5), run(6));
    assert_eq!(first, second);
    assert_ne!(first.1, third.1);
}
