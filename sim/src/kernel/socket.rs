//! What waits for a host's daemon: changes, packets, results of checks.

use core::net::IpAddr;
use core::ops::{Deref, Range};
use std::collections::VecDeque;

use locum_engine::config::ObjectId;
use locum_engine::ids::CheckId;
use locum_engine::wire::{GROUP_V4, GROUP_V6};
use locum_engine::{LinkState, Outcome};

use crate::capture::Bytes;

/// Packets that fit into a receive buffer; later ones are dropped.
pub const RECEIVE_BUFFER: usize = 256;

/// One thing for a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The NIC's state, first at opening, then at every change.
    Link(LinkState),
    /// Whether the NIC has an address that the daemon sends from: at first, then at every change.
    Source(IpAddr, bool),
    /// The kernel lost an address, and not because the daemon removed it.
    AddressRemoved(IpAddr),
    /// The same of a route or a rule.
    ObjectRemoved(ObjectId),
    /// A packet of protocol 112 or 51.
    Packet(Packet),
    /// A check has come to an end.
    Probe(CheckId, Outcome),
}

/// A packet of protocol 112, or 51 (AH), with a sound IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: u8,
    /// IP protocol.
    pub protocol: u8,
    /// IPv4 identification; zero over IPv6.
    pub id: u16,
    /// What is behind the IP header.
    pub payload: Payload,
}

/// A part of a frame, shared with it. Reads as a slice.
#[derive(Clone, Debug)]
pub struct Payload {
    frame: Bytes,
    range: Range<usize>,
}

impl Payload {
    /// The part of a frame at `range`, which lies within it.
    pub(crate) const fn new(frame: Bytes, range: Range<usize>) -> Self {
        Self { frame, range }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.frame[self.range.clone()]
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload {}

/// A daemon's open sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Socket {
    /// Multicast groups it has joined.
    pub(crate) groups: Vec<IpAddr>,
    /// Addresses whose coming and going the daemon wants to know of.
    sources: Vec<IpAddr>,
    changes: VecDeque<Delivery>,
    packets: VecDeque<Packet>,
    results: VecDeque<(CheckId, Outcome)>,
    pub(crate) dropped: u64,
}

impl Socket {
    /// Listening to the usual group.
    pub(crate) fn new() -> Self {
        Self {
            groups: vec![GROUP_V4.into(), GROUP_V6.into()],
            ..Self::default()
        }
    }

    /// From now on these are watched. Those that weren't yet are given back.
    pub(crate) fn watch(&mut self, sources: &[IpAddr]) -> Vec<IpAddr> {
        let before = core::mem::replace(&mut self.sources, sources.to_vec());
        let new = sources.iter().filter(|address| !before.contains(address));
        new.copied().collect()
    }

    pub(crate) fn watches(&self, address: IpAddr) -> bool {
        self.sources.contains(&address)
    }

    pub(crate) fn change(&mut self, change: Delivery) {
        self.changes.push_back(change);
    }

    pub(crate) fn packet(&mut self, packet: Packet) {
        if self.packets.len() < RECEIVE_BUFFER {
            self.packets.push_back(packet);
        } else {
            self.dropped += 1;
        }
    }

    pub(crate) fn result(&mut self, check: CheckId, outcome: Outcome) {
        self.results.push_back((check, outcome));
    }

    /// A result that nobody wants any more.
    pub(crate) fn forget_result(&mut self, check: CheckId) {
        self.results.retain(|&(c, _)| c != check);
    }

    /// Checks have new positions, or none.
    pub(crate) fn move_results(&mut self, moved: impl Fn(CheckId) -> Option<CheckId>) {
        let results = self.results.drain(..);
        self.results = results
            .filter_map(|(check, outcome)| Some((moved(check)?, outcome)))
            .collect();
    }

    /// The same of routes and rules.
    pub(crate) fn move_objects(&mut self, moved: impl Fn(ObjectId) -> Option<ObjectId>) {
        self.changes.retain_mut(|change| match change {
            Delivery::ObjectRemoved(object) => match moved(*object) {
                Some(to) => {
                    *object = to;
                    true
                }
                None => false,
            },
            _ => true,
        });
    }

    /// The next delivery, in the order in which the driver asks: changes, packets, results.
    pub(crate) fn poll(&mut self) -> Option<Delivery> {
        if let Some(change) = self.changes.pop_front() {
            return Some(change);
        }
        if let Some(packet) = self.packets.pop_front() {
            return Some(Delivery::Packet(packet));
        }
        let (check, outcome) = self.results.pop_front()?;
        Some(Delivery::Probe(check, outcome))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.packets.is_empty() && self.results.is_empty()
    }
}
