//! What it costs to compare two captures of 100,000 frames as protocols: reading both, saying what
//! each frame means, and going through them.

#![allow(missing_docs)] // The functions that criterion's macros make.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use locum_captures::{Listing, Options, compare, pcap};
use locum_engine::Instant;
use locum_engine::config::{Auth, Version};
use locum_engine::ids::{MacAddr, Priority, Vrid};
use locum_engine::time::Centis;
use locum_engine::wire::{self, Advert, GROUP_V4, TTL, ethernet};

/// Adverts in each capture.
const FRAMES: u32 = 100_000;
/// The group's MAC address (RFC 1112).
const GROUP_MAC: MacAddr = MacAddr([1, 0, 0x5e, 0, 0, 18]);

/// A master that advertises every second for a little more than a day.
fn capture() -> Vec<u8> {
    let source = Ipv4Addr::new(192, 168, 0, 11);
    let advert = Advert {
        version: Version::V3,
        vrid: Vrid::new(51).expect("51 is a VRID"),
        priority: Priority(100),
        interval: Centis::from_seconds(1).expect("one is not zero"),
        auth: Auth::None,
        addresses: &[IpAddr::V4(Ipv4Addr::new(192, 168, 0, 200))],
    };
    let frames = (0..FRAMES).map(|i| {
        let mut packet = Vec::new();
        let id = u16::try_from(i % 0xffff + 1).expect("it is below 65,536");
        wire::advert_packet(id, TTL, source, GROUP_V4, &advert, &mut packet);
        let mac = MacAddr([2, 0, 0, 0, 0, 11]);
        let frame = ethernet::encode(GROUP_MAC, mac, ethernet::ETHERTYPE_IPV4, &packet);
        (Instant::from_millis(u64::from(i) * 1000), frame)
    });
    let frames: Vec<_> = frames.collect();
    let mut file = Vec::new();
    let lent = frames.iter().map(|(at, frame)| (*at, &**frame));
    pcap::write(&mut file, lent).expect("a Vec takes every byte");
    file
}

fn captures(c: &mut Criterion) {
    let file = capture();
    let options = Options {
        tolerance_ns: 1_000_000,
        start_ns: [None; 2],
    };
    let listing = |file: &[u8]| Listing::new(pcap::read(file).expect("just written"));
    let same = compare(&listing(&file), &listing(&file), &options).is_same();
    assert!(same, "a capture equals itself");
    let mut group = c.benchmark_group("captures");
    group.sample_size(10);
    group.bench_function("diff/100000_frames", |b| {
        b.iter(|| {
            let (one, other) = (listing(black_box(&file)), listing(black_box(&file)));
            black_box(compare(&one, &other, &options).is_same())
        });
    });
    group.finish();
}

criterion_group!(benches, captures);
criterion_main!(benches);
