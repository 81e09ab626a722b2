//! Built-in health checks, described as values; carrying them out is the shell's work.
//!
//! The same words work in three places: on the command line (`locum probe ping 192.168.0.1`), as
//! `script "locum probe ..."` under keepalived, and in Locum's own configuration, where the
//! daemon recognises them and runs them in process.

pub mod parse;

pub use parse::{ProbeError, parse_probe};

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

/// One probe of one or more targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is asked, and of whom.
    pub kind: ProbeKind,
    /// How many targets must answer for the probe to succeed; at least 1, at most all of them.
    pub quorum: u32,
    /// How long a target has to answer. In process, the check's own `timeout` applies as well.
    pub timeout: Duration,
}

impl Probe {
    /// Whether it only asks this machine: its service rather than its network.
    pub fn is_local(&self) -> bool {
        match &self.kind {
            ProbeKind::Ping { targets } => targets.iter().all(IpAddr::is_loopback),
            ProbeKind::Arp { .. } => false,
            ProbeKind::Tcp { targets } => targets.iter().all(|t| t.ip().is_loopback()),
            ProbeKind::Http { targets, .. } => targets.iter().all(|t| t.address.ip().is_loopback()),
        }
    }
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// ICMP echo.
    Ping {
        /// The reference addresses.
        targets: Vec<IpAddr>,
    },
    /// ARP request on an interface.
    Arp {
        /// The reference addresses, on a directly connected network.
        targets: Vec<core::net::Ipv4Addr>,
        /// `--interface`; chosen by route when absent.
        interface: Option<Arc<str>>,
    },
    /// A TCP connection is accepted.
    Tcp {
        /// Where to connect.
        targets: Vec<SocketAddr>,
    },
    /// An HTTP GET is answered with the expected status.
    Http {
        /// The pages asked for.
        targets: Vec<HttpTarget>,
        /// Expected status code; 200 by default.
        status: u16,
    },
}

/// One page of an HTTP probe. Plain HTTP only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpTarget {
    /// Where to connect.
    pub address: SocketAddr,
    /// The `Host` header.
    pub host: Arc<str>,
    /// The request target, with its leading slash.
    pub path: Arc<str>,
}
