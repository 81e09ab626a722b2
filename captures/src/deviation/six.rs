//! What is otherwise in the headers of adverts over IPv6.

use locum_engine::wire::{ethernet, ipv6};

use super::of;
use crate::listing::{Entry, Kind, Sender};

/// Where an IPv6 header has its hop limit.
const HOP_LIMIT: usize = 7;

pub(super) fn flow_unlabelled(entries: &mut [Entry], sender: Sender) -> usize {
    each(entries, sender, |entry| {
        let labelled = packet(entry).is_some_and(|packet| packet.flow_label() != 0);
        if labelled {
            let frame = &mut entry.frame.bytes;
            // 20 bits behind version and traffic class.
            frame[ethernet::LEN + 1] &= 0xf0;
            frame[ethernet::LEN + 2..ethernet::LEN + 4].fill(0);
        }
        labelled
    })
}

pub(super) fn full_hop_limit(entries: &mut [Entry], sender: Sender) -> usize {
    each(entries, sender, |entry| {
        let advert = entry.kind.advert().is_some();
        let low = advert && packet(entry).is_some_and(|packet| packet.hop_limit() != u8::MAX);
        if low {
            entry.frame.bytes[ethernet::LEN + HOP_LIMIT] = u8::MAX;
            if let Kind::Advert(advert) = &mut entry.kind {
                advert.ttl = u8::MAX;
            }
        }
        low
    })
}

/// Changes a sender's frames; counts those that were changed.
fn each(entries: &mut [Entry], sender: Sender, change: impl Fn(&mut Entry) -> bool) -> usize {
    let own = of(entries, sender).into_iter();
    own.filter(|&index| change(&mut entries[index])).count()
}

/// The IPv6 packet in a frame, if there is one.
fn packet(entry: &Entry) -> Option<ipv6::View<'_>> {
    let view = ethernet::View::new(&entry.frame.bytes)?;
    match view.ethertype {
        ethernet::ETHERTYPE_IPV6 => ipv6::View::new(view.payload).ok(),
        _ => None,
    }
}
