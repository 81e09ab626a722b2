//! `kill -9` at every step of a takeover and of a reload.
//!
//! A step is something that the kernel is asked to do: strace kills the daemon when it enters its
//! n-th `sendto`, which carries adverts, announcements and every netlink request. Whatever is left
//! behind then, the peer soon holds the addresses alone, and the next start brings everything in
//! order.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind::Locum;
use crate::table::side_by_side;
use crate::tool::{Strace, must};
use crate::{SOON, VIP};

const SECOND_VIP: &str = "192.168.0.201";
const EXCLUDED: &str = "192.168.0.202";
const NEW_VIP: &str = "192.168.0.203";

/// The shortest that is chosen by itself.
const LEASE: Duration = Duration::from_secs(3);
/// The kernel looks once a second (`lease`), and a busy machine later.
const MARGIN: Duration = Duration::from_secs(2);

/// Start and takeover: two questions about what is there, five removals of what isn't, the first
/// advert at 8, three addresses, a route and a rule at 9 to 13, then announcements. Steps are taken
/// until one isn't reached.
const TAKEOVER: [u32; 18] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 30,
];
/// A reload: an address goes, another one and a route come, and it is announced. An advert or a
/// refresh of the lease may come in between.
const RELOAD: [u32; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn configuration(node: &str, lines: &str) -> String {
    let priority = if node == "A" { 150 } else { 100 };
    format!(
        "vrrp_instance VI_1 {{
    interface eth0
    version 3
    virtual_router_id 51
    priority {priority}
    advert_int 0.2
{lines}
}}
"
    )
}

/// Everything that a master can have.
fn everything(node: &str) -> String {
    configuration(
        node,
        &format!(
            "    no_accept
    virtual_ipaddress {{
        {VIP}/24
        {SECOND_VIP}/24
    }}
    virtual_ipaddress_excluded {{
        {EXCLUDED}/24
    }}
    virtual_routes {{
        10.9.0.0/16 via 192.168.0.1 dev eth0
    }}
    virtual_rules {{
        from 10.1.0.0/16 table 100 priority 1000
    }}"
        ),
    )
}

fn with_addresses(node: &str, addresses: [&str; 2]) -> String {
    let [one, two] = addresses;
    let mut lines = format!("    virtual_ipaddress {{\n        {one}/24\n        {two}/24\n    }}");
    if two == NEW_VIP {
        lines += "\n    virtual_routes {\n        10.9.0.0/16 via 192.168.0.1 dev eth0\n    }";
    }
    configuration(node, &lines)
}

/// What a daemon may leave behind.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    held: String,
    filters: String,
    settings: String,
}

/// What is changed for a virtual MAC address, and put back.
const SETTINGS: [&str; 3] = [
    "net.ipv4.conf.eth0.arp_ignore",
    "net.ipv4.conf.eth0.arp_filter",
    "net.ipv4.conf.eth0.arp_announce",
];

fn traces(lab: &Lab) -> Traces {
    let here = lab.namespace("A");
    Traces {
        held: held(lab),
        filters: must(&format!("ip netns exec {here} nft list ruleset")),
        settings: must(&format!(
            "ip netns exec {here} sysctl {}",
            SETTINGS.join(" ")
        )),
    }
}

/// What only a master has, but for lifetimes, which go down.
fn held(lab: &Lab) -> String {
    let here = lab.namespace("A");
    let addresses = must(&format!("ip -n {here} -4 -br addr"));
    let routes = must(&format!("ip -n {here} route show table all proto 18"));
    let rules = must(&format!("ip -n {here} rule"));
    format!("{addresses}\n{routes}\n{rules}")
}

/// A is dead: B soon holds everything alone. A starts again as a backup, and nothing of what it had
/// left behind is there any more. It starts again as before, and holds everything alone. It ends, and
/// nothing of it is left.
fn recovers(lab: &mut Lab, configuration: &str, addresses: &[&str], before: &Traces) {
    let start = Instant::now();
    for address in addresses {
        let limit = (LEASE + MARGIN).saturating_sub(start.elapsed());
        lab.await_holders(address, &["B"], limit);
    }
    lab.start(
        "A",
        Locum,
        &configuration.replace("priority 150", "priority 50"),
    );
    let start = Instant::now();
    while held(lab) != before.held {
        let late = start.elapsed() > SOON;
        assert!(!late, "{}\ninstead of\n{}", held(lab), before.held);
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    lab.start("A", Locum, configuration);
    for address in addresses {
        lab.await_holders(address, &["A"], SOON);
    }
    lab.daemon("A").signal(Signal::SIGTERM);
    let status = lab.daemon("A").await_end(SOON);
    assert!(status.success(), "{status}");
    for address in addresses {
        lab.await_holders(address, &["B"], SOON);
    }
    assert_eq!(traces(lab), *before);
    assert!(!lab.daemon("A").pid_file().exists(), "the pid file");
}

fn in_a_takeover(step: u32) {
    in_a_takeover_of(step, everything);
}

/// At a virtual MAC address: a device is made and set up, and settings of the interface below change.
fn in_a_takeover_with_device(step: u32) {
    in_a_takeover_of(step, |node| {
        everything(node).replacen("interface eth0", "interface eth0\n    use_vmac", 1)
    });
}

fn in_a_takeover_of(step: u32, configuration: fn(&str) -> String) {
    let mut lab = Lab::new(&["A", "B"]);
    let all = [VIP, SECOND_VIP, EXCLUDED];
    lab.start("B", Locum, &configuration("B"));
    for address in all {
        lab.await_holders(address, &["B"], SOON);
    }
    let before = traces(&lab);
    let at = at(step);
    let under = ["strace", "-qq", "-o", "/dev/null", "-e", &at];
    lab.start_under(&under, "A", Locum, &configuration("A"));
    let end = lab.daemon("A").await_end(SOON);
    assert_eq!(end.signal(), Some(9), "{end}");
    recovers(&mut lab, &configuration("A"), &all, &before);
}

/// What strace does at this step.
fn at(step: u32) -> String {
    format!("inject=sendto:signal=KILL:when={step}")
}

fn in_a_reload(step: u32) {
    let mut lab = Lab::new(&["A", "B"]);
    let (old, new) = ([VIP, SECOND_VIP], [VIP, NEW_VIP]);
    // The peer has been reloaded before; what it doesn't know it can't take.
    lab.start("B", Locum, &with_addresses("B", new));
    lab.await_holders(VIP, &["B"], SOON);
    let before = traces(&lab);
    lab.start("A", Locum, &with_addresses("A", old));
    lab.await_holders(VIP, &["A"], SOON);
    let strace = Strace::attach(lab.daemon("A").pid(), &at(step));
    let file = lab.daemon("A").configuration().to_owned();
    std::fs::write(file, with_addresses("A", new)).expect("a configuration");
    lab.daemon("A").signal(Signal::SIGHUP);
    let end = lab.daemon("A").await_end(SOON);
    assert_eq!(end.signal(), Some(9), "{end}");
    strace.outlive();
    // The old address isn't anybody's any more.
    lab.await_holders(SECOND_VIP, &[], LEASE + MARGIN);
    recovers(&mut lab, &with_addresses("A", new), &new, &before);
}

/// Steps in so many namespaces at once: each starts three daemons.
const AT_ONCE: usize = 6;

fn each(steps: &[u32], run: fn(u32)) {
    for some in steps.chunks(AT_ONCE) {
        side_by_side(some, |step| format!("step {step}"), |step| run(*step));
    }
}

#[test]
#[ignore = "needs root, network namespaces, strace: run by .ci/run"]
fn killed_at_any_step_of_a_takeover() {
    each(&TAKEOVER, in_a_takeover);
}

#[test]
#[ignore = "needs root, network namespaces, strace: run by .ci/run"]
fn killed_at_any_step_of_a_takeover_with_a_device() {
    each(&TAKEOVER, in_a_takeover_with_device);
}

#[test]
#[ignore = "needs root, network namespaces, strace: run by .ci/run"]
fn killed_at_any_step_of_a_reload() {
    each(&RELOAD, in_a_reload);
}
