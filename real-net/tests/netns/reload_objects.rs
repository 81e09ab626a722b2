//! SIGHUP with routes, rules, static addresses, virtual MAC addresses, filters and leases: positions
//! change, and what is the same isn't touched, as the kernel tells it.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::{must, run};
use crate::{SOON, VIP};

const OTHER_VIP: &str = "10.9.0.200";

fn reload(lab: &mut Lab, configuration: &str) {
    let daemon = lab.daemon("A");
    std::fs::write(daemon.configuration(), configuration).expect("a configuration");
    daemon.signal(Signal::SIGHUP);
}

fn instance(name: &str, interface: &str, vrid: u8, lines: &str, address: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface {interface}\n virtual_router_id {vrid}\n \
         priority 150\n{lines}\n virtual_ipaddress {{\n {address}\n }}\n}}\n"
    )
}

/// Runs a command on A until what it prints is as wanted.
fn until(lab: &Lab, command: &str, is: impl Fn(&str) -> bool) {
    let start = Instant::now();
    loop {
        let seen = must(&format!("ip -n {} {command}", lab.namespace("A")));
        if is(&seen) {
            return;
        }
        assert!(start.elapsed() < SOON, "{command}:\n{seen}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn never_moved(lab: &mut Lab, masters: usize) {
    let log = lab.daemon("A").log();
    assert_eq!(log.matches("-> master").count(), masters, "{log}");
    for word in ["-> fault", "master -> backup", "put back", "was missing"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

const STATICS: &str = "
global_defs { address_lease off }
static_ipaddress {
    192.168.0.77/32 dev eth0
}
static_routes {
    10.7.0.0/16 via 192.168.0.1 dev eth0
}
static_rules {
    from 10.7.0.0/16 table 77 priority 770
}
";
const FIRST: &str = "
    virtual_routes {
        10.5.0.0/16 via 192.168.0.1 dev eth0
        blackhole 10.8.0.0/16
    }
    virtual_rules {
        from 10.1.0.0/16 table 100 priority 1000
    }
";

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn routes_rules_and_statics_are_told_apart_at_new_places() {
    let mut lab = Lab::new(&["A"]);
    lab.add_network();
    let first = instance("VI_1", "eth0", 51, FIRST, &format!("{VIP}/24"));
    lab.start("A", Kind::Locum, &format!("{STATICS}{first}"));
    until(&lab, "rule", |rules| rules.contains("1000:"));
    let monitor = lab.monitor("A");

    // Everything that was there is at another place now.
    let routes = "virtual_routes {\n 10.4.0.0/16 via 10.9.0.1 dev eth1\n }\n";
    let more = instance("VI_0", "eth1", 50, routes, &format!("{OTHER_VIP}/24"));
    let statics = STATICS.replace(
        "static_routes {",
        "static_routes {\n 10.3.0.0/16 via 10.9.0.1 dev eth1\n",
    );
    let both = format!("{more}{statics}{first}");
    reload(&mut lab, &both);
    until(&lab, "route", |r| {
        r.contains("10.4.0.0/16") && r.contains("10.3.0.0/16")
    });
    let seen = monitor.seen();
    assert!(
        seen.contains("10.4.0.0/16") && seen.contains(OTHER_VIP),
        "{seen}"
    );
    for same in ["192.168.0.", "10.7.0", "10.5.0", "10.8.0", "10.1.0", "vrrp"] {
        assert!(!seen.contains(same), "{same} was touched:\n{seen}");
    }
    never_moved(&mut lab, 2);

    // Their owners are known at the new places.
    for (command, what) in [
        ("route del 10.5.0.0/16", "10.5.0.0/16"),
        ("route del 10.7.0.0/16", "10.7.0.0/16"),
        ("route del 10.4.0.0/16", "10.4.0.0/16"),
    ] {
        must(&format!("ip -n {} {command}", lab.namespace("A")));
        until(&lab, "route", |r| r.contains(what));
    }
    must(&format!(
        "ip -n {} rule del priority 770",
        lab.namespace("A")
    ));
    until(&lab, "rule", |r| r.contains("770:"));

    // What goes goes, what is other is exchanged, the rest stays.
    let monitor = lab.monitor("A");
    let less = both
        .replace("blackhole 10.8.0.0/16", "10.6.0.0/16 via 192.168.0.1")
        .replace("from 10.1.0.0/16 table 100 priority 1000", "")
        .replace("192.168.0.77/32", "192.168.0.78/32");
    reload(&mut lab, &less);
    until(&lab, "route", |r| {
        r.contains("10.6.0.0/16") && !r.contains("10.8.0.0/16")
    });
    until(&lab, "rule", |r| !r.contains("1000:") && r.contains("770:"));
    lab.await_holders("192.168.0.78", &["A"], SOON);
    lab.await_holders("192.168.0.77", &[], SOON);
    let seen = monitor.seen();
    for same in ["10.7.0", "10.5.0", "10.4.0", VIP, OTHER_VIP] {
        assert!(!seen.contains(same), "{same} was touched:\n{seen}");
    }

    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    let left = must(&format!(
        "ip -n {} route show table all proto 18",
        lab.namespace("A")
    ));
    assert_eq!(left, "", "after the end");
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn virtual_macs_come_and_go_beside_each_other() {
    let mut lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    let arp_ignore = || {
        must(&format!(
            "ip netns exec {here} cat /proc/sys/net/ipv4/conf/eth0/arp_ignore"
        ))
    };
    let both = |first: &str, second: &str| {
        let leases = "global_defs { address_lease off }\n";
        let first = instance("VI_1", "eth0", 51, first, &format!("{VIP}/24"));
        let second = instance("VI_2", "eth0", 52, second, "192.168.0.201/24");
        format!("{leases}{first}{second}")
    };
    let has = |device: &'static str, address: &'static str| {
        move |seen: &str| {
            let mut lines = seen.lines();
            lines.any(|l| l.contains(&format!("{device} ")) && l.contains(&format!(" {address}/")))
        }
    };
    lab.start("A", Kind::Locum, &both("", "use_vmac"));
    until(&lab, "-o addr", has("vrrp.52", "192.168.0.201"));
    until(&lab, "-o addr", has("eth0", VIP));
    let monitor = lab.monitor("A");

    reload(&mut lab, &both("use_vmac", "use_vmac"));
    until(&lab, "-o addr", has("vrrp.51", VIP));
    assert!(!has("eth0", VIP)(&must(&format!("ip -n {here} -o addr"))));
    std::thread::sleep(Duration::from_millis(1500));
    reload(&mut lab, &both("", "use_vmac"));
    until(&lab, "-o addr", has("eth0", VIP));
    until(&lab, "link", |links| !links.contains("vrrp.51"));
    assert_eq!(arp_ignore().trim(), "1", "another device is there");
    let seen = monitor.seen();
    assert!(seen.contains("vrrp.51"), "{seen}");
    for same in ["vrrp.52", "192.168.0.201"] {
        assert!(!seen.contains(same), "{same} was touched:\n{seen}");
    }

    // Another hardware address is another device of the same name.
    reload(&mut lab, &both("", "use_vmac vrrp.52 02:00:00:00:00:99"));
    until(&lab, "-o link", |l| l.contains("02:00:00:00:00:99"));
    until(&lab, "-o addr", has("vrrp.52", "192.168.0.201"));
    std::thread::sleep(Duration::from_millis(1500));
    reload(&mut lab, &both("", ""));
    until(&lab, "-o addr", has("eth0", "192.168.0.201"));
    until(&lab, "link", |links| !links.contains("vrrp.52"));
    let start = Instant::now();
    while arp_ignore().trim() != "0" {
        assert!(start.elapsed() < SOON, "arp_ignore is still set");
    }
    never_moved(&mut lab, 2);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn access_and_leases_change_while_it_runs() {
    let mut lab = Lab::new(&["A", "G"]);
    lab.add_network();
    let ping = format!("ip netns exec {} ping -c 1 -W 1 {VIP}", lab.namespace("G"));
    let configuration = |lines: &str| instance("VI_1", "eth0", 51, lines, &format!("{VIP}/24"));
    let answers = |wanted: bool| {
        let start = Instant::now();
        while run(&ping).status.success() != wanted {
            assert!(start.elapsed() < SOON, "pings answered: {}", !wanted);
        }
    };
    let life = |lab: &Lab, wanted: fn(&str) -> bool| {
        until(lab, "-o addr show dev eth0", |seen| {
            seen.lines().any(|l| l.contains(VIP) && wanted(l))
        });
    };
    lab.start("A", Kind::Locum, &configuration("address_lease off"));
    lab.await_holders(VIP, &["A"], SOON);
    answers(true);
    life(&lab, |line| line.contains("valid_lft forever"));

    // The interface's place is another, and what is leased goes on being refreshed.
    let more = instance("VI_0", "eth1", 50, "", &format!("{OTHER_VIP}/24"));
    let leased = configuration("address_lease 3\n no_accept");
    reload(&mut lab, &format!("{more}{leased}"));
    life(&lab, |line| !line.contains("forever"));
    answers(false);
    lab.await_holders(OTHER_VIP, &["A"], SOON);
    reload(&mut lab, &leased);
    lab.await_holders(OTHER_VIP, &[], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(5));
    answers(false);

    reload(&mut lab, &configuration("address_lease off"));
    life(&lab, |line| line.contains("valid_lft forever"));
    answers(true);
    let here = lab.namespace("A");
    let rules = must(&format!("ip netns exec {here} nft list ruleset"));
    assert_eq!(rules.trim(), "");
    never_moved(&mut lab, 2);
}
