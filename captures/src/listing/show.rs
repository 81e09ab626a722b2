//! A listing in words, one line a frame.

use std::fmt;
use std::net::IpAddr;

use locum_engine::wire::{ChecksumForm, Family};

use super::{Advert, Auth, Entry, Kind, Sender};

/// One frame as a line: number, seconds since `begin_ns`, sender, what it says.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The frame.
    pub entry: &'a Entry,
    /// The time that counts as zero.
    pub begin_ns: u64,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, begin_ns } = self;
        let since = entry.at_ns().saturating_sub(*begin_ns);
        write!(
            f,
            "{:>5}  {:>4}.{:09}  {:<17}  {}",
            entry.number,
            since / 1_000_000_000,
            since % 1_000_000_000,
            entry.sender.to_string(),
            entry.kind
        )
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router(address) => address.fmt(f),
            Self::Machine(mac) => mac.fmt(f),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advert(advert) => advert.fmt(f),
            Self::Announcement(address @ IpAddr::V4(_)) => {
                write!(f, "ANNOUNCES {address} (gratuitous arp)")
            }
            Self::Announcement(address) => {
                write!(f, "ANNOUNCES {address} (neighbour advertisement)")
            }
            Self::Unreadable(problem) => write!(f, "VRRP, unreadable: {problem}"),
            Self::Kernel(what) => write!(f, "{what}"),
        }
    }
}

impl fmt::Display for Advert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resigns() {
            true => write!(f, "RESIGNS v{} vrid {}", self.version, self.vrid)?,
            false => write!(
                f,
                "ADVERT v{} vrid {} priority {}",
                self.version, self.vrid, self.priority
            )?,
        }
        write!(f, " every {} {}", Centiseconds(self.interval), self.auth)?;
        for address in &self.addresses {
            write!(f, " {address}")?;
        }
        if !self.destination_is_the_group() {
            write!(f, " to {}", self.destination)?;
        }
        if self.ttl != 255 {
            write!(f, " ttl {}", self.ttl)?;
        }
        if let Some(id) = self.id {
            write!(f, " (id {id})")?;
        }
        match (self.version, self.checksum) {
            (_, None) => write!(f, " WRONG CHECKSUM"),
            // keepalived and FRR send the other form.
            (3, Some(ChecksumForm::Message)) => write!(f, " (checksum without pseudo-header)"),
            (_, Some(_)) => Ok(()),
        }
    }
}

impl Advert {
    fn destination_is_the_group(&self) -> bool {
        match Family::of(self.destination) {
            Family::V4 => self.destination == IpAddr::V4(locum_engine::wire::GROUP_V4),
            Family::V6 => self.destination == IpAddr::V6(locum_engine::wire::GROUP_V6),
        }
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "no auth"),
            Self::Password(password) => write!(f, "password {password:?}"),
            Self::Header(sequence) => write!(f, "ah {sequence}"),
            Self::Trailer { key, seconds } => write!(f, "hmac key {key} at {seconds}"),
            Self::NoHeader => write!(f, "auth type 2 without ah"),
            Self::Other(number) => write!(f, "auth type {number}"),
        }
    }
}

/// `1 s`, `0.5 s`, `0.01 s`.
struct Centiseconds(u16);

impl fmt::Display for Centiseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{seconds} s"),
            _ if rest % 10 == 0 => write!(f, "{seconds}.{} s", rest / 10),
            _ => write!(f, "{seconds}.{rest:02} s"),
        }
    }
}
