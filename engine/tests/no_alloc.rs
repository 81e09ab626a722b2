//! Receiving and sending an advert must not allocate: what arrives is anyone's to send, and a
//! master's cadence must not depend on the allocator.
//!
//! A file of its own, with one test, because the counting allocator is the whole program's.

// `GlobalAlloc` is an unsafe trait; there is no other way to see allocations. Both methods hand
// their arguments on to `System` unchanged, so its contract is kept when the caller keeps ours.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use locum_engine::config::{Auth, Version};
use locum_engine::ids::{Priority, Vrid};
use locum_engine::time::Centis;
use locum_engine::wire::{
    Advert, AdvertView, Family, GROUP_V4, GROUP_V6, TTL, advert_packet, arp, ipv4, peek_vrid,
};

struct Counting;

thread_local! {
    /// Allocations of this thread: the test harness has threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Encodes and decodes an advert with 255 addresses; says how many of them arrived.
fn round_trip(version: Version, family: Family, buffer: &mut [u8]) -> usize {
    let (address, group): (IpAddr, IpAddr) = match family {
        Family::V4 => (Ipv4Addr::LOCALHOST.into(), GROUP_V4.into()),
        Family::V6 => (Ipv6Addr::LOCALHOST.into(), GROUP_V6.into()),
    };
    let addresses = [address; 255];
    let advert = Advert {
        version,
        vrid: Vrid::new(51).expect("51 is a VRID"),
        priority: Priority(100),
        interval: Centis::from_seconds(1).expect("one is not zero"),
        auth: Auth::Password(*b"1111\0\0\0\0"),
        addresses: &addresses,
    };
    let payload = &mut buffer[..advert.encoded_len(family)];
    advert.encode(payload, address, group);
    let payload = black_box(&*payload);
    assert!(peek_vrid(payload).is_some());
    let view = AdvertView::new(payload, version, family).expect("long enough");
    assert!(view.checksum_form(address, group).is_some());
    view.addresses().filter(|a| *a == address).count()
}

/// Puts an advert into an IPv4 packet whose memory is there, and takes it out again.
fn packet(packet: &mut Vec<u8>) {
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let advert = Advert {
        version: Version::V3,
        vrid: Vrid::new(51).expect("51 is a VRID"),
        priority: Priority(100),
        interval: Centis::MAX_V3,
        auth: Auth::None,
        addresses: &addresses,
    };
    advert_packet(1, TTL, Ipv4Addr::LOCALHOST, GROUP_V4, &advert, packet);
    let view = ipv4::View::new(packet).expect("a sound header");
    assert!(AdvertView::new(view.payload(), Version::V3, Family::V4).is_ok());
    assert!(AdvertView::new(&view.payload()[1..], Version::V3, Family::V4).is_err());
    let frame = arp::gratuitous(locum_engine::ids::MacAddr::BROADCAST, Ipv4Addr::LOCALHOST);
    assert!(arp::Arp::parse(&frame[14..]).is_some());
}

#[test]
fn adverts_allocate_nothing() {
    let counted = allocations(|| drop(black_box(Box::new(1))));
    assert_eq!(counted, 1, "the counter counts");

    let mut buffer = vec![0xa5; 4096];
    for version in [Version::V2, Version::V3] {
        for family in [Family::V4, Family::V6] {
            let mut arrived = 0;
            let counted = allocations(|| arrived = round_trip(version, family, &mut buffer));
            assert_eq!((counted, arrived), (0, 255), "{version:?} over {family:?}");
        }
    }
    let mut bytes = Vec::with_capacity(64);
    assert_eq!(allocations(|| packet(&mut bytes)), 0);
}
