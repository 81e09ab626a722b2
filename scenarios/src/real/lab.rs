//! The network: a namespace for each host, one for all switches, and their cables.
//!
//! Cable `n` ends at a switch in port `pn`; one between two switches in `pna` and `pnb`. All
//! switches are in one namespace, so that a mark put on a frame where it comes in stays
//! with it. Everything is removed when the lab is dropped.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use locum_sim::topology::{CableId, End, HostId, HostSpec, Role, SwitchId, Topology};

use super::Failure;
use super::tool::{self, must};

/// Where the names of our namespaces begin; the number of the process follows.
const PREFIX: &str = "rehearse";
/// Where iproute2 keeps namespaces.
const NAMESPACES: &str = "/run/netns";

/// A network of namespaces.
pub(super) struct Lab {
    pub(super) topology: Arc<Topology>,
    tag: String,
    built: Vec<String>,
}

/// What a cable joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joins {
    /// A host with a switch.
    Host(HostId, SwitchId),
    /// Two switches.
    Switches(SwitchId, SwitchId),
    /// Two hosts.
    Hosts,
}

/// What a cable joins, and whether the host or first switch is its `a` end.
pub(super) fn joins(topology: &Topology, cable: CableId) -> (Joins, bool) {
    let cable = &topology.cables[cable.index()];
    match (cable.a, cable.b) {
        (End::Host(host), End::Switch(switch)) => (Joins::Host(host, switch), true),
        (End::Switch(switch), End::Host(host)) => (Joins::Host(host, switch), false),
        (End::Switch(a), End::Switch(b)) => (Joins::Switches(a, b), true),
        (End::Host(_), End::Host(_)) => (Joins::Hosts, true),
    }
}

impl Lab {
    /// Makes the namespace of the switches, and nothing in it yet.
    pub(super) fn new(topology: Arc<Topology>) -> Result<Self, Failure> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        sweep();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut lab = Self {
            topology,
            tag: format!("{PREFIX}{}.{count}", std::process::id()),
            built: Vec::new(),
        };
        let switches = lab.switches();
        lab.namespace(switches.clone())?;
        // The bridges are switches: they have no address and say nothing of their own.
        let quiet = ["all", "default"].map(|of| format!("net.ipv6.conf.{of}.disable_ipv6=1"));
        lab.sysctl(&switches, &quiet)?;
        Ok(lab)
    }

    /// The namespace of the switches.
    pub(super) fn switches(&self) -> String {
        self.tag.clone()
    }

    /// The namespace of a host, or of the host whose NIC it is.
    pub(super) fn host(&self, host: HostId) -> String {
        let owner = self.topology.owner(host);
        format!("{}-{}", self.tag, self.spec(owner).name)
    }

    pub(super) fn spec(&self, host: HostId) -> &HostSpec {
        &self.topology.hosts[host.index()]
    }

    /// The bridge that is a switch.
    pub(super) fn bridge(switch: SwitchId) -> String {
        format!("br{}", switch.index())
    }

    /// The ports in which a cable ends.
    pub(super) fn ports(&self, cable: CableId) -> Vec<String> {
        let index = cable.index();
        match joins(&self.topology, cable).0 {
            Joins::Host(..) => vec![format!("p{index}")],
            Joins::Switches(..) => vec![format!("p{index}a"), format!("p{index}b")],
            Joins::Hosts => Vec::new(),
        }
    }

    /// The name of a host's NIC: what a node's configuration calls it.
    pub(super) fn nic(&self, host: HostId) -> &str {
        match &self.spec(host).role {
            Role::Router(router) => {
                let ports = self.topology.ports(host, &router.config);
                let first = ports.iter().position(|port| *port == Some(host));
                first.map_or("eth0", |index| &router.config.interfaces[index])
            }
            Role::Nic(nic) => &nic.interface,
            Role::Plain | Role::Client(_) => "eth0",
        }
    }

    /// A command in a namespace.
    pub(super) fn command(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program);
        command
    }

    /// Builds it all.
    pub(super) fn build(&mut self) -> Result<(), Failure> {
        let topology = Arc::clone(&self.topology);
        let switches = self.switches();
        let mut lines = "link set lo up\n".to_owned();
        for (index, switch) in topology.switches.iter().enumerate() {
            let bridge = Self::bridge(SwitchId(index as u16));
            let ageing = switch.ageing.as_millis() / 10;
            let options = format!("stp_state 0 mcast_snooping 0 ageing_time {ageing}");
            // Writing to a String can't fail.
            let _ = writeln!(lines, "link add {bridge} type bridge {options}");
            let _ = writeln!(lines, "link set {bridge} up");
        }
        self.batch(&switches, &lines)?;
        for (index, _) in topology.hosts.iter().enumerate() {
            let host = HostId(index as u16);
            if topology.owner(host) == host {
                self.build_host(host)?;
            }
        }
        let mut lines = String::new();
        for (index, _) in topology.cables.iter().enumerate() {
            let cable = CableId(index as u16);
            let bridges = match joins(&topology, cable).0 {
                Joins::Host(host, switch) => {
                    self.plug_host(host, cable)?;
                    vec![switch]
                }
                Joins::Switches(a, b) => {
                    let _ = writeln!(lines, "link add p{index}a type veth peer name p{index}b");
                    vec![a, b]
                }
                Joins::Hosts => Vec::new(),
            };
            for (port, switch) in self.ports(cable).iter().zip(bridges) {
                let _ = writeln!(lines, "link set {port} master {}", Self::bridge(switch));
                let _ = writeln!(lines, "link set {port} up");
            }
        }
        self.batch(&switches, &lines)
    }

    fn build_host(&mut self, host: HostId) -> Result<(), Failure> {
        let namespace = self.host(host);
        self.namespace(namespace.clone())?;
        let settings = ["all", "default"].map(|of| {
            [
                // An address can be used at once, as in the simulation.
                format!("net.ipv6.conf.{of}.accept_dad=0"),
                format!("net.ipv6.conf.{of}.router_solicitations=0"),
            ]
        });
        self.sysctl(&namespace, settings.as_flattened())?;
        self.batch(&namespace, "link set lo up\n")
    }

    fn plug_host(&self, host: HostId, cable: CableId) -> Result<(), Failure> {
        let (nic, mac) = (self.nic(host), self.spec(host).mac);
        let (index, switches) = (cable.index(), self.switches());
        let mut lines = format!(
            "link add {nic} address {mac} type veth peer name p{index} netns {switches}\n\
             link set {nic} up\n"
        );
        for line in self.addresses(host) {
            let _ = writeln!(lines, "{line}");
        }
        self.batch(&self.host(host), &lines)
    }

    /// What gives a host its own addresses.
    pub(super) fn addresses(&self, host: HostId) -> Vec<String> {
        let (spec, nic) = (self.spec(host), self.nic(host));
        let mut lines = vec![format!(
            "addr add {}/{} dev {nic}",
            spec.address, spec.prefix
        )];
        if let Some((address, prefix)) = spec.ipv6 {
            lines.push(format!("addr add {address}/{prefix} dev {nic} nodad"));
        }
        lines
    }

    /// Lines for `ip -batch`.
    pub(super) fn batch(&self, namespace: &str, lines: &str) -> Result<(), Failure> {
        tool::feed(&["ip", "-n", namespace, "-batch", "-"], lines).map(|_| ())
    }

    fn sysctl(&self, namespace: &str, settings: &[String]) -> Result<(), Failure> {
        let mut words = vec!["ip", "netns", "exec", namespace, "sysctl", "-qw"];
        words.extend(settings.iter().map(String::as_str));
        must(&words).map(|_| ())
    }

    fn namespace(&mut self, name: String) -> Result<(), Failure> {
        must(&["ip", "netns", "add", &name])?;
        self.built.push(name);
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.built.iter().for_each(|namespace| remove(namespace));
    }
}

/// Ends what lives in a namespace, then the namespace.
fn remove(namespace: &str) {
    let pids = must(&["ip", "netns", "pids", namespace]).unwrap_or_default();
    for pid in pids.split_whitespace() {
        let _ = must(&["kill", "-KILL", pid]);
    }
    let _ = must(&["ip", "netns", "del", namespace]);
}

/// Removes what a run left behind that was killed with -9.
fn sweep() {
    let Ok(entries) = std::fs::read_dir(NAMESPACES) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(PREFIX);
        let pid = rest
            .and_then(|rest| rest.split_once('.'))
            .map(|(pid, _)| pid);
        let dead = |pid: &str| !pid.is_empty() && !Path::new("/proc").join(pid).exists();
        if pid.is_some_and(|pid| pid.bytes().all(|b| b.is_ascii_digit()) && dead(pid)) {
            remove(&name);
        }
    }
}
