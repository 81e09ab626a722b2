//! A network to test in: one namespace per node, one for the switch, a bridge and veth cables.
//!
//! Interface `eth0` of node `X` ends in port `pX` of the switch. Names are unique per process and
//! lab; everything is removed when the lab is dropped, also after a panic.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::SockaddrStorage;

use crate::capture::Capture;
use crate::monitor::Monitor;
use crate::process::{Kind, Process};
use crate::tool::{must, require, run};

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// Several labs share the machine, for most of a test is waiting. What measures time has it alone.
static MACHINE: RwLock<()> = RwLock::new(());

/// A lab's part of the machine; the guards are only held.
enum Share {
    Some {
        _guard: RwLockReadGuard<'static, ()>,
    },
    All {
        _guard: RwLockWriteGuard<'static, ()>,
    },
}

/// Nodes on a switch.
pub(crate) struct Lab {
    tag: String,
    folder: PathBuf,
    nodes: Vec<&'static str>,
    daemons: Vec<Process>,
    _share: Share,
}

impl Lab {
    /// Nodes A, B, ... at 192.168.0.11, .12, ...; `G` is 192.168.0.1, the gateway. Other labs run at
    /// the same time.
    pub(crate) fn new(nodes: &[&'static str]) -> Self {
        let guard = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        Self::build(nodes, Share::Some { _guard: guard })
    }

    /// The same while no other lab runs: for tests that measure milliseconds or fill queues.
    pub(crate) fn alone(nodes: &[&'static str]) -> Self {
        let guard = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        Self::build(nodes, Share::All { _guard: guard })
    }

    fn build(nodes: &[&'static str], share: Share) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        require();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let tag = format!("locum{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(&tag);
        fs::create_dir_all(&folder).expect("a folder for logs");
        let mut lab = Self {
            tag,
            folder,
            nodes: Vec::new(),
            daemons: Vec::new(),
            _share: share,
        };
        lab.build_switch();
        for node in nodes {
            lab.build_node(node);
        }
        lab
    }

    fn build_switch(&self) {
        let switch = self.namespace("sw");
        must(&format!("ip netns add {switch}"));
        must(&format!("ip -n {switch} link add br0 type bridge"));
        must(&format!("ip -n {switch} link set br0 up"));
        must(&format!("ip netns exec {switch} nft add table bridge f"));
        let hook = "{ type filter hook forward priority 0 ; }";
        must(&format!(
            "ip netns exec {switch} nft add chain bridge f forward {hook}"
        ));
    }

    fn build_node(&mut self, node: &'static str) {
        self.nodes.push(node);
        let here = self.namespace(node);
        must(&format!("ip netns add {here}"));
        must(&format!("ip -n {here} link set lo up"));
        self.connect(node);
    }

    /// Gives a node its interface and its cable.
    pub(crate) fn connect(&self, node: &str) {
        let (here, switch) = (self.namespace(node), self.namespace("sw"));
        let address = address(node);
        let last = address.rsplit('.').next().expect("four numbers");
        let mac = format!("02:00:00:00:00:{last}");
        must(&format!(
            "ip -n {here} link add eth0 address {mac} type veth peer name p{node} netns {switch}"
        ));
        must(&format!("ip -n {switch} link set p{node} master br0"));
        must(&format!("ip -n {here} addr add {address}/24 dev eth0"));
        must(&format!("ip -n {switch} link set p{node} up"));
        must(&format!("ip -n {here} link set eth0 up"));
    }

    /// Where the daemons' files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives each node a foot in a second network: `eth1` at 10.9.0.11, .12, ..., on a switch of
    /// its own. Cables are pulled and cut on the first.
    pub(crate) fn add_network(&self) {
        let switch = self.namespace("sw");
        must(&format!("ip -n {switch} link add br1 type bridge"));
        must(&format!("ip -n {switch} link set br1 up"));
        for node in &self.nodes {
            let here = self.namespace(node);
            let address = address(node).replace("192.168.0", "10.9.0");
            must(&format!(
                "ip -n {here} link add eth1 type veth peer name q{node} netns {switch}"
            ));
            must(&format!("ip -n {switch} link set q{node} master br1"));
            must(&format!("ip -n {here} addr add {address}/24 dev eth1"));
            must(&format!("ip -n {switch} link set q{node} up"));
            must(&format!("ip -n {here} link set eth1 up"));
        }
    }

    /// The namespace of a node.
    pub(crate) fn namespace(&self, node: &str) -> String {
        format!("{}-{node}", self.tag)
    }

    /// Where a file of this lab may be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts a daemon on a node. One that ran there before must have ended.
    pub(crate) fn start(&mut self, node: &'static str, kind: Kind, configuration: &str) {
        self.start_under(&[], node, kind, configuration);
    }

    /// The same, as an argument of another command, such as strace.
    pub(crate) fn start_under(
        &mut self,
        under: &[&str],
        node: &'static str,
        kind: Kind,
        configuration: &str,
    ) {
        self.daemons.retain(|d| d.node() != node);
        let namespace = self.namespace(node);
        let process = Process::start(&self.folder, &namespace, node, kind, configuration, under);
        self.daemons.push(process);
    }

    /// Starts a daemon beside the one of a node. It goes by another name.
    pub(crate) fn start_beside(
        &mut self,
        node: &str,
        name: &'static str,
        kind: Kind,
        configuration: &str,
    ) {
        let namespace = self.namespace(node);
        let process = Process::start(&self.folder, &namespace, name, kind, configuration, &[]);
        self.daemons.push(process);
    }

    /// The daemon last started on a node.
    pub(crate) fn daemon(&mut self, node: &str) -> &mut Process {
        self.daemons
            .iter_mut()
            .find(|d| d.node() == node)
            .unwrap_or_else(|| panic!("nothing was started on {node}"))
    }

    /// Records what crosses the switch from now on.
    pub(crate) fn capture(&self) -> Capture {
        self.capture_of("arp or ip proto 112")
    }

    /// The same for what matches a filter of tcpdump's.
    pub(crate) fn capture_of(&self, filter: &str) -> Capture {
        Capture::start(&self.namespace("sw"), "br0", &self.folder, filter)
    }

    /// Writes down what the kernel of a node tells of changes from now on.
    pub(crate) fn monitor(&self, node: &str) -> Monitor {
        Monitor::start(&self.namespace(node), &self.folder)
    }

    /// Pulls a node's cable out of the switch: the node loses its carrier.
    pub(crate) fn pull(&self, node: &str) {
        must(&format!(
            "ip -n {} link set p{node} down",
            self.namespace("sw")
        ));
    }

    /// Plugs it in again.
    pub(crate) fn plug(&self, node: &str) {
        must(&format!(
            "ip -n {} link set p{node} up",
            self.namespace("sw")
        ));
    }

    /// Loses every frame between two nodes, both ways; carriers stay.
    pub(crate) fn cut(&self, one: &str, other: &str) {
        for (from, to) in [(one, other), (other, one)] {
            must(&format!(
                "ip netns exec {} nft add rule bridge f forward iifname p{from} oifname p{to} drop",
                self.namespace("sw")
            ));
        }
    }

    /// Undoes every cut.
    pub(crate) fn heal(&self) {
        must(&format!(
            "ip netns exec {} nft flush chain bridge f forward",
            self.namespace("sw")
        ));
    }

    /// Which nodes have an address, in the order of the lab.
    pub(crate) fn holders(&self, address: &str) -> Vec<&'static str> {
        let wanted: IpAddr = address.parse().expect("it is one");
        let has = |node: &&str| addresses(&self.namespace(node)).contains(&wanted);
        self.nodes.iter().copied().filter(has).collect()
    }

    /// All addresses of a node.
    pub(crate) fn addresses(&self, node: &str) -> Vec<IpAddr> {
        addresses(&self.namespace(node))
    }

    /// Waits until exactly `nodes` hold the address; fails after `limit`.
    pub(crate) fn await_holders(&self, address: &str, nodes: &[&str], limit: Duration) {
        let start = Instant::now();
        let mut holders = self.holders(address);
        while holders != nodes {
            let late = start.elapsed() > limit;
            assert!(!late, "{address} is held by {holders:?}, not by {nodes:?}");
            std::thread::sleep(GLANCE);
            holders = self.holders(address);
        }
    }

    /// Watches for `span` that nothing changes.
    pub(crate) fn stays(&self, address: &str, nodes: &[&str], span: Duration) {
        let start = Instant::now();
        while start.elapsed() < span {
            assert_eq!(self.holders(address), nodes, "who holds {address}");
            std::thread::sleep(GLANCE);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for daemon in &self.daemons {
                eprintln!("--- log of {}\n{}", daemon.node(), daemon.log());
            }
        }
        // Daemons first: keepalived's children live in the namespaces.
        for node in self.nodes.iter().chain(&["sw"]) {
            let namespace = self.namespace(node);
            let pids = run(&format!("ip netns pids {namespace}"));
            for pid in String::from_utf8_lossy(&pids.stdout).split_whitespace() {
                run(&format!("kill -KILL {pid}"));
            }
        }
        self.daemons.clear();
        for node in self.nodes.iter().chain(&["sw"]) {
            run(&format!("ip netns del {}", self.namespace(node)));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The addresses in a namespace. Asked for without a command, because labs ask all the time.
fn addresses(namespace: &str) -> Vec<IpAddr> {
    let path = PathBuf::from("/run/netns").join(namespace);
    let inside = move || {
        let there = File::open(path).expect("the lab has it");
        setns(there, CloneFlags::CLONE_NEWNET).expect("root may");
        let all = getifaddrs().expect("the kernel tells");
        let address = |a: SockaddrStorage| {
            let v4 = a.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
            v4.or_else(|| a.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
        };
        all.filter_map(|a| a.address).filter_map(address).collect()
    };
    // A thread of its own, so that nobody else changes networks.
    std::thread::spawn(inside).join().expect("it looked")
}

/// The address of a node.
pub(crate) fn address(node: &str) -> String {
    let last = match node {
        "G" => 1,
        _ => 11 + node.bytes().next().expect("a letter") - b'A',
    };
    format!("192.168.0.{last}")
}
