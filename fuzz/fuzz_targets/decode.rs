//! Every wire format on any bytes: nothing panics, and what parses re-encodes.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use locum_engine::config::{HeaderKey, HmacKey, Version};
use locum_engine::wire::{
    Advert, AdvertView, Family, ah, arp, ethernet, icmp, ipv4, peek_vrid, trailer,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = peek_vrid(bytes);
    adverts(bytes);
    trailers(bytes);
    frame(bytes);
    packet(bytes);
    if let Some(arp) = arp::Arp::parse(bytes) {
        assert_eq!(arp.encode(), bytes[..arp::LEN]);
    }
    if let Some(echo) = icmp::Echo::parse(bytes) {
        assert_eq!(icmp::Echo::parse(&echo.encode()), Some(echo));
    }
});

fn adverts(bytes: &[u8]) {
    for version in [Version::V2, Version::V3] {
        for family in [Family::V4, Family::V6] {
            if let Ok(view) = AdvertView::new(bytes, version, family) {
                advert(&view, version, family);
            }
        }
    }
}

/// Looks at every field, and shows that a value made of the bytes survives the wire.
fn advert(view: &AdvertView<'_>, version: Version, family: Family) {
    let source = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Family::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let _ = (
        view.priority(),
        view.checksum(),
        view.checksum_form(source, source),
    );
    assert_eq!(view.addresses().count(), usize::from(view.count()));
    let mut addresses = Vec::new();
    let Some(value) = Advert::parse(view, &mut addresses) else {
        return;
    };
    let mut buffer = vec![0xa5; value.encoded_len(family)];
    value.encode(&mut buffer, source, source);
    let view = AdvertView::new(&buffer, version, family).expect("as long as it says");
    assert!(view.checksum_form(source, source).is_some());
    let mut addresses = Vec::new();
    assert_eq!(Advert::parse(&view, &mut addresses), Some(value));
}

fn frame(bytes: &[u8]) {
    if let Some(frame) = ethernet::View::new(bytes) {
        let again = ethernet::encode(
            frame.destination,
            frame.source,
            frame.ethertype,
            frame.payload,
        );
        assert_eq!(again, bytes);
        packet(frame.payload);
    }
}

fn packet(bytes: &[u8]) {
    if let Ok(view) = ipv4::View::new(bytes) {
        let again = view.header().encode(view.payload().len());
        let again = ipv4::View::new(&[&again, view.payload()].concat())
            .map(|again| (again.header(), again.payload().to_vec()));
        assert_eq!(again, Ok((view.header(), view.payload().to_vec())));
        adverts(view.payload());
        if let Some(behind) = ah::View::new(view.payload()) {
            let _ = behind.verify(&HeaderKey(*b"sesame\0\0"), &view.header());
            adverts(&view.payload()[ah::LEN..]);
        }
    }
}

/// The trailer behind a message, wherever that ends.
fn trailers(bytes: &[u8]) {
    let Some(view) = bytes.len().checked_sub(trailer::LEN).and_then(|len| trailer::View::behind(bytes, len)) else {
        return;
    };
    let key = HmacKey::new(1, &[7; 32]).expect("long enough");
    let origin = trailer::Origin {
        version: 3,
        vrid: 51,
        source: Ipv4Addr::LOCALHOST.into(),
    };
    let _ = (view.is_well_formed(), view.verify(&key, &origin));
    let advert = &bytes[..bytes.len() - trailer::LEN];
    let signed = trailer::sign(&key, view.stamp(), &origin, advert);
    let again = [advert, &signed].concat();
    let view = trailer::View::behind(&again, advert.len()).expect("as long as it has to be");
    assert!(view.is_well_formed() && view.verify(&key, &origin));
}
