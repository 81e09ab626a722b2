//! What a crash leaves behind besides addresses: devices and settings, routes, rules, the filter.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP};

const EVERYTHING: &str = "
global_defs { address_lease off }
static_routes {
    10.7.0.0/16 via 192.168.0.1 dev eth0
}
vrrp_instance VI_1 {
    interface eth0
    use_vmac
    no_accept
    virtual_router_id 51
    priority 150
    virtual_ipaddress {
        192.168.0.200/24
    }
    virtual_routes {
        10.5.0.0/16 via 192.168.0.1 dev eth0 table 100
    }
    virtual_rules {
        from 10.1.0.0/16 table 100 priority 1000
    }
}
";

/// Everything that may be left behind, in words; nothing when all is clean.
fn left(lab: &Lab) -> Vec<String> {
    let here = lab.namespace("A");
    let ip = |command: &str| must(&format!("ip -n {here} {command}"));
    let inside = |command: &str| must(&format!("ip netns exec {here} {command}"));
    let has = |text: String, what: &'static str| text.contains(what).then(|| what.to_owned());
    let setting = |what: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/eth0/{what}");
        let value = inside(&format!("cat {path}"));
        (value.trim() != "0").then(|| what.to_owned())
    };
    let routes = || ip("route show table all proto 18");
    let found = [
        has(ip("link"), "vrrp.51"),
        has(ip("-4 addr"), VIP),
        has(routes(), "10.5.0.0/16"),
        has(routes(), "10.7.0.0/16"),
        has(ip("rule"), "1000:"),
        has(inside("nft list ruleset"), "table inet locum"),
        setting("arp_ignore"),
        setting("arp_filter"),
        setting("arp_announce"),
    ];
    found.into_iter().flatten().collect()
}

fn until(lab: &Lab, what: &str, is: impl Fn(&[String]) -> bool) {
    let start = Instant::now();
    loop {
        let left = left(lab);
        if is(&left) {
            return;
        }
        assert!(start.elapsed() < SOON, "{what}: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn crashed(lab: &mut Lab) {
    lab.start("A", Kind::Locum, EVERYTHING);
    until(lab, "a master has everything", |left| left.len() == 9);
    lab.daemon("A").signal(Signal::SIGKILL);
    lab.daemon("A").await_end(SOON);
    assert_eq!(left(lab).len(), 9, "a crash leaves everything");
}

fn plain(vrid: u8) -> String {
    format!(
        "vrrp_instance VI_9 {{\n interface eth0\n virtual_router_id {vrid}\n \
         virtual_ipaddress {{\n 192.168.0.209/24\n }}\n}}\n"
    )
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn what_is_no_longer_configured_is_cleaned_up() {
    let mut lab = Lab::new(&["A"]);
    crashed(&mut lab);
    lab.start("A", Kind::Locum, &plain(59));
    until(&lab, "cleaned up", <[String]>::is_empty);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn what_is_still_configured_is_taken_over() {
    let mut lab = Lab::new(&["A"]);
    crashed(&mut lab);
    lab.start("A", Kind::Locum, EVERYTHING);
    // It begins as a backup, without a master's things.
    until(&lab, "a backup", |left| left.len() < 9);
    until(&lab, "a master again", |left| left.len() == 9);
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    assert_eq!(left(&lab), [""; 0]);
}

/// Another daemon's routes have the same protocol number.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn beside_another_daemon_nothing_is_cleaned_up() {
    let mut lab = Lab::new(&["A"]);
    let theirs = EVERYTHING.replace("address_lease off", "");
    let theirs = theirs.replace("    use_vmac\n    no_accept\n", "");
    lab.start_beside("A", "K", Kind::Keepalived, &theirs);
    let routes = |left: &[String]| left.len() == 4;
    until(&lab, "keepalived is master", routes);
    lab.start("A", Kind::Locum, &plain(59));
    lab.await_holders("192.168.0.209", &["A"], SOON);
    assert!(routes(&left(&lab)), "{:?}", left(&lab));
    let log = lab.daemon("A").log();
    assert!(log.contains("another VRRP daemon runs here"), "{log}");
}
