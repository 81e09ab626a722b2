//! FRR's vrrpd as the other side, VRRPv3: who is master, a failover each way by cable, and one by an
//! orderly stop.
//!
//! vrrpd wants zebra beside it, and a macvlan with the virtual MAC and the address in place, which it
//! keeps down while it is backup. So who serves is judged by who advertises, and by whom a client
//! reaches.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::capture::Capture;
use crate::lab::{Lab, address};
use crate::process::Kind;
use crate::table::side_by_side;
use crate::tool::{must, run};
use crate::{SOON, VIP};

/// Where Debian keeps the daemons, their files and their sockets.
const PROGRAMS: &str = "/usr/lib/frr";
const FILES: &str = "/etc/frr";
const SOCKETS: &str = "/var/run/frr";
const LOCUMS_MAC: &str = "02:00:00:00:00:11";
/// 0x33 is the VRID, 51.
const VIRTUAL_MAC: &str = "00:00:5e:00:01:33";

fn locum(priority: u8) -> String {
    format!(
        "vrrp_instance VI_1 {{
    interface eth0
    version 3
    virtual_router_id 51
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {VIP}/24
    }}
}}
"
    )
}

/// vrrpd and zebra on a node. Ended when dropped, with what they leave behind.
struct Frr {
    namespace: String,
    daemons: Vec<Child>,
}

impl Frr {
    fn start(lab: &Lab, node: &str, priority: u8) -> Self {
        let namespace = lab.namespace(node);
        let device = format!("ip -n {namespace} link");
        if !run(&format!("{device} show vrrp4")).status.success() {
            must(&format!(
                "{device} add vrrp4 link eth0 type macvlan mode bridge"
            ));
            must(&format!("{device} set dev vrrp4 address {VIRTUAL_MAC}"));
            must(&format!("ip -n {namespace} addr add {VIP}/24 dev vrrp4"));
            must(&format!("{device} set dev vrrp4 up"));
        }
        let mut this = Self {
            namespace,
            daemons: Vec::new(),
        };
        let vrrpd = format!(
            "interface eth0\n vrrp 51 version 3\n vrrp 51 priority {priority}\n \
             vrrp 51 advertisement-interval 1000\n vrrp 51 ip {VIP}\n"
        );
        this.run("zebra", "");
        // zebra answers on its socket when it is ready.
        let socket = this.folder(SOCKETS).join("zserv.api");
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < SOON, "zebra doesn't come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        this.run("vrrpd", &vrrpd);
        this
    }

    fn folder(&self, of: &str) -> PathBuf {
        PathBuf::from(of).join(&self.namespace)
    }

    fn run(&mut self, name: &str, configuration: &str) {
        let program = format!("{PROGRAMS}/{name}");
        let found = fs::exists(&program).unwrap_or(false);
        assert!(found, "`{program}` is missing: apt-get install frr");
        for folder in [self.folder(FILES), self.folder(SOCKETS)] {
            fs::create_dir_all(&folder).expect("a folder");
            must(&format!("chown frr:frr {}", folder.display()));
        }
        let file = self.folder(FILES).join(format!("{name}.conf"));
        fs::write(&file, configuration).expect("a configuration");
        must(&format!("chown frr:frr {}", file.display()));
        // No telnet port; a control socket in the folder of the namespace.
        let child = Command::new("ip")
            .args(["netns", "exec", &self.namespace, &program])
            .args(["-N", &self.namespace, "-A", "127.0.0.1", "-P", "0", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.daemons.push(child.expect("it starts"));
    }

    /// SIGTERM: vrrpd resigns.
    fn stop(mut self) {
        for daemon in self.daemons.iter().rev() {
            run(&format!("kill {}", daemon.id()));
        }
        for mut daemon in self.daemons.drain(..) {
            let _ = daemon.wait();
        }
    }
}

impl Drop for Frr {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        for folder in [FILES, SOCKETS] {
            let _ = fs::remove_dir_all(self.folder(folder));
        }
    }
}

/// Waits until `node` alone advertises, and a client reaches the address there.
fn await_master(lab: &Lab, capture: &Capture, node: &str, limit: Duration) {
    let start = Instant::now();
    let ours = address(node)
        .parse::<std::net::Ipv4Addr>()
        .expect("it is one");
    loop {
        let adverts = capture.adverts();
        let last = adverts.iter().rev().take(2);
        // Two in a row, or one that came after the other had resigned.
        let served = adverts.len() >= 2 && last.clone().all(|a| a.source == ours && a.priority > 0);
        if served && reached(lab) == Some(node) {
            return;
        }
        let sources: Vec<_> = last.map(|a| (a.source, a.priority)).collect();
        assert!(start.elapsed() < limit, "not {node}, but {sources:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where a client's ping is answered. Node B has two link-layer addresses: its own, and the virtual
/// one.
fn reached(lab: &Lab) -> Option<&'static str> {
    let client = lab.namespace("G");
    let ping = run(&format!("ip netns exec {client} ping -c 1 -W 1 {VIP}"));
    let neighbour = must(&format!("ip -n {client} neigh show {VIP}"));
    let node = if neighbour.contains(LOCUMS_MAC) {
        "A"
    } else {
        "B"
    };
    ping.status.success().then_some(node)
}

/// The locum on node A is master and FRR backup, or the other way round.
fn replace_each_other(locum_is_master: bool) {
    let mut lab = Lab::new(&["A", "B", "G"]);
    let capture = lab.capture();
    let ours = locum(if locum_is_master { 150 } else { 100 });
    let (better, worse) = if locum_is_master {
        ("A", "B")
    } else {
        ("B", "A")
    };
    let frr = Frr::start(&lab, "B", 120);
    lab.start("A", Kind::Locum, &ours);
    let master = |lab: &Lab, node: &str| {
        await_master(lab, &capture, node, SOON * 2);
        // vrrpd keeps the address on a device that is down.
        let ours = lab.holders(VIP).contains(&"A");
        assert_eq!(ours, node == "A", "whether locum holds it");
    };
    master(&lab, better);

    lab.pull(better);
    master(&lab, worse);
    lab.plug(better);
    master(&lab, better);

    let frr = if locum_is_master {
        lab.daemon("A").signal(Signal::SIGTERM);
        lab.daemon("A").await_end(SOON);
        master(&lab, "B");
        lab.start("A", Kind::Locum, &ours);
        frr
    } else {
        frr.stop();
        master(&lab, "A");
        Frr::start(&lab, "B", 120)
    };
    master(&lab, better);
    frr.stop();
}

#[test]
#[ignore = "needs root, network namespaces, FRR: run by .ci/run"]
fn frr_and_locum_replace_each_other() {
    side_by_side(
        &[true, false],
        |locum| format!("{} is master", if *locum { "locum" } else { "FRR" }),
        |locum| replace_each_other(*locum),
    );
}
