//! What the frames of a capture mean to someone who thinks of VRRP: who says what, when.
//!
//! A frame is the daemon's (adverts, announcements) or the kernel's own (ARP, ICMP, IGMP, neighbour
//! discovery). Formats are read by `locum_engine::wire`; nothing is judged here but checksums.

mod decode;
mod show;

use std::collections::BTreeMap;
use std::net::IpAddr;

use locum_engine::ids::{MacAddr, Priority};
use locum_engine::wire::ChecksumForm;

use crate::pcap::Frame;

pub use show::Line;

/// A capture, decoded.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The frames in order.
    pub entries: Vec<Entry>,
}

/// One frame, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the capture, from 1, as Wireshark counts.
    pub number: usize,
    /// Who sent it.
    pub sender: Sender,
    /// What it is.
    pub kind: Kind,
    /// Time, bytes and comments.
    pub frame: Frame,
}

/// Who sent a frame: the address that its adverts come from, or the hardware address of someone
/// who sends none. Virtual routers that share a virtual MAC stay apart by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    /// The source address of adverts.
    Router(IpAddr),
    /// A machine that sends no adverts.
    Machine(MacAddr),
}

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An advert, resignations included.
    Advert(Advert),
    /// The daemon tells where an address is: gratuitous ARP, unsolicited neighbour advertisement.
    Announcement(IpAddr),
    /// VRRP that can't be read, and why.
    Unreadable(String),
    /// The kernel's own, in words.
    Kernel(String),
}

/// An advert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// 2 or 3; others aren't readable.
    pub version: u8,
    /// Virtual router.
    pub vrid: u8,
    /// Priority; 0 resigns.
    pub priority: Priority,
    /// Interval in centiseconds.
    pub interval: u16,
    /// Authentication.
    pub auth: Auth,
    /// The virtual addresses in the order of the packet.
    pub addresses: Vec<IpAddr>,
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub id: Option<u16>,
    /// In which form the checksum is right; `None` when it is wrong.
    pub checksum: Option<ChecksumForm>,
}

/// How an advert is authenticated; whether it holds can't be told without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// None.
    None,
    /// `PASS`, the password without its padding.
    Password(String),
    /// IPsec AH in front of the advert, with its sequence number.
    Header(u32),
    /// The trailer of `auth_hmac` behind it.
    Trailer {
        /// Id of the key.
        key: u8,
        /// When it was signed, in seconds since 1970.
        seconds: u32,
    },
    /// VRRPv2 says that there is a header, and there is none.
    NoHeader,
    /// Another number.
    Other(u8),
}

impl Advert {
    /// Whether a master lets go with it.
    pub fn resigns(&self) -> bool {
        self.priority == Priority::RELEASE
    }
}

impl Kind {
    /// Whether the daemon sent it.
    pub fn is_daemons(&self) -> bool {
        !matches!(self, Self::Kernel(_))
    }

    /// The advert, if it is one.
    pub fn advert(&self) -> Option<&Advert> {
        match self {
            Self::Advert(advert) => Some(advert),
            _ => None,
        }
    }
}

impl Entry {
    /// Nanoseconds since the capture's epoch.
    pub fn at_ns(&self) -> u64 {
        self.frame.at_ns
    }
}

impl Listing {
    /// Decodes a capture.
    pub fn new(frames: Vec<Frame>) -> Self {
        let read: Vec<(MacAddr, Kind)> = frames
            .iter()
            .map(|frame| decode::decode(&frame.bytes))
            .collect();
        let senders = senders(&read);
        let entries = frames.into_iter().zip(read).zip(senders).enumerate();
        Self {
            entries: entries
                .map(|(index, ((frame, (_, kind)), sender))| Entry {
                    number: index + 1,
                    sender,
                    kind,
                    frame,
                })
                .collect(),
        }
    }

    /// The time of the first frame, zero without one.
    pub fn begin_ns(&self) -> u64 {
        self.entries.first().map_or(0, Entry::at_ns)
    }

    /// Everyone who speaks VRRP, in order of address.
    pub fn routers(&self) -> Vec<Sender> {
        let daemons = self.entries.iter().filter(|e| e.kind.is_daemons());
        let mut senders: Vec<Sender> = daemons.map(|entry| entry.sender).collect();
        senders.sort_unstable();
        senders.dedup();
        senders
    }
}

/// An announcement says no address of its sender's own. It is of whoever sent the last advert from
/// that MAC address, or will send the next one.
fn senders(read: &[(MacAddr, Kind)]) -> Vec<Sender> {
    let mut first = BTreeMap::new();
    for (mac, kind) in read {
        if let Some(advert) = kind.advert() {
            first.entry(*mac).or_insert(advert.source);
        }
    }
    let mut known = first;
    read.iter()
        .map(|(mac, kind)| {
            if let Some(advert) = kind.advert() {
                known.insert(*mac, advert.source);
            }
            known
                .get(mac)
                .map_or(Sender::Machine(*mac), |ip| Sender::Router(*ip))
        })
        .collect()
}
