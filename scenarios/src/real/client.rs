//! A user of the virtual address: `ping` asks, the capture at the client's NIC knows who answered when.

use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::MacAddr;
use locum_engine::wire::ethernet::{self, ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use locum_engine::wire::icmp::PROTOCOL_V6;
use locum_engine::wire::{ipv4, ipv6};
use locum_sim::capture::Bytes;
use locum_sim::record::{Observed, Record};
use locum_sim::topology::{ClientSpec, HostId, Topology};

use super::Failure;
use super::lab::Lab;

const ICMP: u8 = 1;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
/// A machine under load may be silent for so long without anything being wrong.
const NOISE: Duration = Duration::from_millis(100);

/// Pings until it is dropped.
pub(super) struct Client(Child);

impl Client {
    /// Begins at once.
    pub(super) fn start(namespace: &str, spec: &ClientSpec) -> Result<Self, Failure> {
        let every = format!("{:.3}", spec.every.as_secs_f64());
        let child = Lab::command(namespace, "ping")
            .args(["-n", "-q", "-i", &every, "-W", "1"])
            .arg(spec.target.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        child.map(Self).map_err(|error| Failure::Command {
            line: "ping".to_owned(),
            said: error.to_string(),
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a client felt, from the frames at its NIC.
pub(super) fn felt(
    topology: &Topology,
    client: HostId,
    spec: &ClientSpec,
    frames: &[(Instant, Bytes)],
    end: Instant,
) -> Vec<Record> {
    let longest = (spec.every * 3).max(NOISE);
    let mut records = Vec::new();
    let mut answered = None;
    let mut server = None;
    let replies = frames.iter().filter_map(|(at, bytes)| {
        let (mac, kind, source) = echo(bytes)?;
        (kind == ECHO_REPLY && source == spec.target).then_some((*at, mac))
    });
    for (at, mac) in replies {
        let gap = answered.map(|before: Instant| at.saturating_since(before));
        if let Some(lasted) = gap.filter(|gap| *gap > longest) {
            let what = Observed::Outage { client, lasted };
            records.push(Record { at, what });
        }
        answered = Some(at);
        if server != Some(mac) {
            server = Some(mac);
            records.extend(host(topology, mac).map(|server| Record {
                at,
                what: Observed::ServedBy { client, server },
            }));
        }
    }
    let since = answered.unwrap_or(Instant::ZERO + spec.from);
    let lasted = end.saturating_since(since);
    if lasted > longest {
        let what = Observed::Outage { client, lasted };
        records.push(Record { at: end, what });
    }
    records
}

/// Whose MAC address it is; a virtual one says nothing about that.
fn host(topology: &Topology, mac: MacAddr) -> Option<HostId> {
    let position = topology.hosts.iter().position(|host| host.mac == mac)?;
    u16::try_from(position).ok().map(HostId)
}

/// Whether a frame is a ping or an answer to one.
pub(super) fn is_ping(frame: &[u8]) -> bool {
    echo(frame).is_some_and(|(_, kind, _)| kind == ECHO_REPLY || kind == ECHO_REQUEST)
}

/// An ICMP message: its sender's MAC address, its type in ICMP's numbers, its source.
fn echo(frame: &[u8]) -> Option<(MacAddr, u8, IpAddr)> {
    let ethernet = ethernet::View::new(frame)?;
    if ethernet.ethertype == ETHERTYPE_IPV6 {
        let ip = ipv6::View::new(ethernet.payload).ok()?;
        let kind = match ip.payload().first()? {
            128 => ECHO_REQUEST,
            129 => ECHO_REPLY,
            _ => return None,
        };
        let source = ip.source().into();
        return (ip.next_header() == PROTOCOL_V6).then_some((ethernet.source, kind, source));
    }
    if ethernet.ethertype != ETHERTYPE_IPV4 {
        return None;
    }
    let ip = ipv4::View::new(ethernet.payload).ok()?;
    let kind = *ip.payload().first()?;
    (ip.protocol() == ICMP).then_some((ethernet.source, kind, ip.source().into()))
}
