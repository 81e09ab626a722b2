//! What the engine is told: one closed enum.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, ObjectId};
use crate::ids::{CheckId, FileId, InstanceId, InterfaceId, MacAddr, Priority, ProcessId};

/// One thing that happened. [`Engine::handle`](crate::Engine::handle) takes it with the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The deadline of [`Engine::poll_timeout`](crate::Engine::poll_timeout) may have passed.
    /// Saying so too early is harmless.
    Timeout,
    /// The wall clock says so much since 1970 (UTC). Nothing but the stamps of
    /// [`Hmac`](crate::config::Hmac) depends on it, and where those are used it is told before every
    /// other input: the wall clock may be set at any time. See
    /// [`Engine::wants_utc`](crate::Engine::wants_utc).
    Utc(Duration),
    /// A VRRP packet arrived.
    Receive(Datagram<'a>),
    /// What is now known of an interface: at start, and at every change.
    Link {
        /// The interface.
        interface: InterfaceId,
        /// Its state from now on.
        state: LinkState,
    },
    /// Whether this host has an address that adverts are sent from, on any interface: at start for
    /// each of [`Config::watched_sources`], and at every change. Over IPv6 once it may be used.
    Source {
        /// The address.
        address: IpAddr,
        /// Whether it is there.
        present: bool,
    },
    /// The kernel lost an address, whoever removed it. The engine's own removals may be reported
    /// too; they are recognised and ignored.
    AddressRemoved {
        /// The interface it was on.
        interface: InterfaceId,
        /// The address.
        address: IpAddr,
    },
    /// The kernel refused to add an address that the engine asked for.
    AddressRefused {
        /// The instance it was for.
        instance: InstanceId,
        /// The address.
        address: IpAddr,
    },
    /// The kernel lost a route or a rule, whoever removed it. The engine's own removals may be
    /// reported too; they are recognised and ignored.
    ObjectRemoved(ObjectId),
    /// The kernel refused a route or a rule.
    ObjectRefused(ObjectId),
    /// The kernel refused an address of [`Statics`](crate::config::Statics), by its position.
    StaticAddressRefused(u16),
    /// A check that was started has come to an end.
    CheckDone {
        /// The check.
        check: CheckId,
        /// How it went.
        outcome: Outcome,
    },
    /// What is in a tracked file: at start, and at every change.
    FileValue {
        /// The file.
        file: FileId,
        /// Its number (see [`tracked_value`](crate::tracked_value)); 0 while it is missing.
        value: i32,
    },
    /// How many processes match: at start, and at every change.
    ProcessCount {
        /// Which.
        process: ProcessId,
        /// How many.
        count: u32,
    },
    /// The operator or the process manager wants something.
    Command(Command),
}

/// A VRRP packet as the socket knew it: what stood in the IP header, and the payload behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where it came in.
    pub interface: InterfaceId,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: u8,
    /// IP protocol: 112 for VRRP, 51 for VRRP behind an authentication header.
    pub protocol: u8,
    /// IPv4 identification, which an authentication header covers; zero over IPv6.
    pub id: u16,
    /// Bytes behind the IP header, up to the length the header gives.
    pub payload: &'a [u8],
}

/// What is known of a network interface. The default is one that isn't there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// Administratively up and with carrier (`IFF_UP` and `IFF_RUNNING`).
    pub up: bool,
    /// Its hardware address: the sender in announcements.
    pub mac: MacAddr,
    /// Its primary IPv4 address: the source of adverts over IPv4. `None` puts the IPv4 instances on
    /// it in fault, unless they have a source of their own.
    pub address: Option<IpAddr>,
    /// Its IPv6 link-local address, once it may be used (no longer tentative, not a duplicate), and
    /// not a virtual address: the source of adverts over IPv6, as `address` is over IPv4.
    pub link_local: Option<Ipv6Addr>,
    /// Whether packets are forwarded from it over IPv6 (Linux: `net.ipv6.conf.IF.forwarding`). Its
    /// neighbour advertisements then say that they come from a router.
    pub forwards_ipv6: bool,
}

/// How one run of a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Exit 0, or the probe's quorum answered.
    Success,
    /// Any other exit, or too few answers. The number is the exit status, 1 for probes.
    Failure(u8),
    /// No end within the timeout.
    TimedOut,
    /// The host couldn't run it at all, so it says nothing of what it is to check.
    NotRun(NotRun),
}

/// Why a script can't be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NotRun {
    /// It isn't there, or its interpreter isn't.
    Missing,
    /// Its user may not execute it, it isn't a program, or it is being written.
    NotExecutable,
    /// `enable_script_security`: it would run as root, and others can change it.
    Insecure,
    /// There is no such user or group.
    NoSuchUser,
}

impl NotRun {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Missing,
        Self::NotExecutable,
        Self::Insecure,
        Self::NoSuchUser,
    ];
}

/// A request from outside the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Take part. Links should be known before; instances whose link isn't go to fault.
    Start,
    /// Let go of everything, resign, and end with [`Output::Stopped`](crate::Output::Stopped).
    Stop,
    /// Hand over without a gap: advertise the lowest priority, keep the addresses until a peer
    /// has taken over, resign at the latest after `within`.
    Drain {
        /// One instance, or all.
        instance: Option<InstanceId>,
        /// How long to wait for a peer.
        within: Duration,
    },
    /// Undo a drain.
    Resume {
        /// One instance, or all.
        instance: Option<InstanceId>,
    },
    /// Replace the configured priority until told otherwise; `None` returns to the configured one.
    SetPriority {
        /// The instance.
        instance: InstanceId,
        /// 1 to 254.
        priority: Option<Priority>,
    },
    /// Go on with this configuration, touching nothing that is the same; answered with
    /// [`Output::Reloaded`](crate::Output::Reloaded).
    Reload(Box<Config>),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("success"),
            Self::Failure(status) => write!(f, "failed with status {status}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::NotRun(why) => write!(f, "not run: {why}"),
        }
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such program",
            Self::NotExecutable => "it can't be executed",
            Self::Insecure => "it would run as root, and others can change it",
            Self::NoSuchUser => "there is no such user or group",
        })
    }
}
