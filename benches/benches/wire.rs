//! What one advert costs on the way in and on the way out.
//!
//! Decoding is what a received advert goes through whatever becomes of it: view, checksum, every
//! address. Goal: under 50 ns each way, far below the system call that carries the packet.

#![allow(missing_docs)] // The functions that criterion's macros make.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use locum_engine::config::{Auth, Version};
use locum_engine::ids::{MacAddr, Priority, Vrid};
use locum_engine::time::Centis;
use locum_engine::wire::{
    Advert, AdvertView, Family, GROUP_V4, TTL, advert_packet, ethernet, ipv4,
};

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);
const ADDRESSES: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(192, 168, 0, 200))];

fn advert(version: Version, auth: Auth) -> Advert<'static> {
    Advert {
        version,
        vrid: Vrid::new(51).expect("51 is a VRID"),
        priority: Priority(100),
        interval: Centis::from_seconds(1).expect("one is not zero"),
        auth,
        addresses: &ADDRESSES,
    }
}

/// Everything that is read of an advert, folded so that none of it can be left out.
fn decode(payload: &[u8], version: Version) -> Option<u32> {
    let view = AdvertView::new(payload, version, Family::V4).ok()?;
    view.checksum_form(SOURCE.into(), GROUP_V4.into())?;
    let addresses = view.addresses().map(|address| match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(_) => 0,
    });
    let auth = view.auth_data()[0];
    Some(addresses.sum::<u32>() ^ u32::from(view.priority().get() ^ auth))
}

fn wire(c: &mut Criterion) {
    let adverts = [
        (
            "v2_pass",
            advert(Version::V2, Auth::Password(*b"1111\0\0\0\0")),
        ),
        ("v3", advert(Version::V3, Auth::None)),
    ];
    let (source, group) = (IpAddr::V4(SOURCE), IpAddr::V4(GROUP_V4));
    for (name, advert) in adverts {
        let mut buffer = vec![0; advert.encoded_len(Family::V4)];
        advert.encode(&mut buffer, source, group);
        assert!(decode(&buffer, advert.version).is_some());
        c.bench_function(&format!("decode/{name}"), |b| {
            b.iter(|| decode(black_box(&buffer), black_box(advert.version)));
        });
        c.bench_function(&format!("encode/{name}"), |b| {
            b.iter(|| {
                black_box(&advert).encode(&mut buffer, source, group);
                black_box(buffer[7])
            });
        });
        let mut packet = Vec::with_capacity(64);
        c.bench_function(&format!("packet/{name}"), |b| {
            b.iter(|| {
                advert_packet(1, TTL, SOURCE, GROUP_V4, black_box(&advert), &mut packet);
                black_box(packet.len())
            });
        });
    }
}

/// A whole frame: ours judges it from the Ethernet header to the last address, checksums included;
/// etherparse finds where its headers are. The two are to be compared within one run.
fn frames(c: &mut Criterion) {
    let mut packet = Vec::new();
    let advert = advert(Version::V3, Auth::None);
    advert_packet(1, TTL, SOURCE, GROUP_V4, &advert, &mut packet);
    let group = MacAddr([1, 0, 0x5e, 0, 0, 18]);
    let mac = MacAddr([2, 0, 0, 0, 0, 11]);
    let frame = ethernet::encode(group, mac, ethernet::ETHERTYPE_IPV4, &packet);
    let ours = |frame: &[u8]| {
        let frame = ethernet::View::new(frame)?;
        let packet = ipv4::View::new(frame.payload).ok()?;
        decode(packet.payload(), Version::V3)
    };
    assert!(ours(&frame).is_some());
    c.bench_function("frame/decode", |b| b.iter(|| ours(black_box(&frame))));
    c.bench_function("frame/etherparse_slicing", |b| {
        b.iter(|| {
            let sliced = etherparse::SlicedPacket::from_ethernet(black_box(&frame));
            black_box(sliced.is_ok())
        });
    });
}

criterion_group!(benches, wire, frames);
criterion_main!(benches);
