//! Leased addresses: a master that is killed or hangs loses its address by the kernel's own clock.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP, founding, ipv6};

/// What the founding configuration's timers suggest: 3.6 s until a takeover, and a second.
const LEASE: Duration = Duration::from_secs(5);
/// The kernel's own inaccuracy, and a loaded machine's.
const MARGIN: Duration = Duration::from_secs(1);

fn pair(change: impl Fn(String) -> String) -> Lab {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", Kind::Locum, &change(founding("A")));
    lab.await_holders(VIP, &["A"], Duration::from_secs(6));
    lab.start("B", Kind::Locum, &change(founding("B")));
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    lab
}

fn without_lease(configuration: String) -> String {
    configuration.replacen(
        "vrrp_instance VI_1 {",
        "vrrp_instance VI_1 {\n address_lease off",
        1,
    )
}

fn shown(lab: &Lab, node: &str) -> String {
    must(&format!(
        "ip -n {} -d addr show dev eth0",
        lab.namespace(node)
    ))
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_killed_master_loses_its_address() {
    let mut lab = pair(|c| c);
    let shows = shown(&lab, "A");
    let line = shows.lines().skip_while(|l| !l.contains(VIP));
    let line = line.take(2).collect::<Vec<_>>().join(" ");
    assert!(
        line.contains("valid_lft") && !line.contains("forever"),
        "{line}"
    );
    lab.daemon("A").signal(Signal::SIGKILL);
    let start = Instant::now();
    lab.await_holders(VIP, &["B"], LEASE + MARGIN);
    eprintln!(
        "B holds it alone {:.2?} after the kill; the lease is {LEASE:?}",
        start.elapsed()
    );
    lab.stays(VIP, &["B"], Duration::from_secs(3));
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_master_that_hangs_loses_its_address_and_returns_in_order() {
    let mut lab = pair(|c| c);
    lab.daemon("A").signal(Signal::SIGSTOP);
    lab.await_holders(VIP, &["B"], LEASE + MARGIN);
    lab.stays(VIP, &["B"], Duration::from_secs(3));
    lab.daemon("A").signal(Signal::SIGCONT);
    // A is better, and master in its own eyes: it hears B, says so, and takes its address back.
    lab.await_holders(VIP, &["A"], Duration::from_millis(500) + MARGIN);
    lab.stays(VIP, &["A"], Duration::from_secs(3));
}

/// Nothing in its place: the peer is better, and what it has said meanwhile is read first.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_master_that_was_replaced_asleep_puts_nothing_back() {
    let mut lab = pair(|c| c);
    let better = founding("B").replace("priority 99", "priority 120\n nopreempt");
    assert_ne!(better, founding("B"));
    lab.daemon("B").signal(Signal::SIGTERM);
    lab.daemon("B").await_end(Duration::from_secs(5));
    lab.start("B", Kind::Locum, &better);
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    lab.daemon("A").signal(Signal::SIGSTOP);
    lab.await_holders(VIP, &["B"], LEASE + MARGIN);
    lab.daemon("A").signal(Signal::SIGCONT);
    lab.stays(VIP, &["B"], Duration::from_secs(4));
    let log = lab.daemon("A").log();
    assert!(!log.contains("put back"), "{log}");
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_healthy_master_keeps_its_address() {
    let mut lab = pair(|c| c);
    lab.stays(VIP, &["A"], LEASE * 3);
    let log = lab.daemon("A").log();
    assert!(!log.contains("put back"), "{log}");
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn without_a_lease_a_killed_master_keeps_its_address() {
    let mut lab = pair(without_lease);
    assert!(shown(&lab, "A").contains("valid_lft forever"));
    lab.daemon("A").signal(Signal::SIGKILL);
    lab.await_holders(VIP, &["A", "B"], Duration::from_secs(6));
    lab.stays(VIP, &["A", "B"], LEASE + MARGIN);
}

/// An address that an earlier configuration had is ours to remove; one of the operator's isn't.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn leftovers_are_removed_at_start() {
    let mut lab = Lab::new(&["A"]);
    let earlier = without_lease(founding("A")).replace(VIP, "192.168.0.222");
    lab.start("A", Kind::Locum, &earlier);
    lab.await_holders("192.168.0.222", &["A"], Duration::from_secs(6));
    lab.daemon("A").signal(Signal::SIGKILL);
    lab.daemon("A").await_end(Duration::from_secs(5));
    let here = lab.namespace("A");
    must(&format!("ip -n {here} addr add 192.168.0.223/24 dev eth0"));
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders("192.168.0.222", &[], Duration::from_secs(3));
    lab.await_holders(VIP, &["A"], Duration::from_secs(6));
    lab.await_holders("192.168.0.223", &["A"], Duration::from_secs(1));
}

/// The owner's address is the operator's: it stays for ever, whatever the daemon does.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn an_address_that_was_there_before_is_not_leased() {
    let mut lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    must(&format!("ip -n {here} addr add {VIP}/24 dev eth0"));
    let owner = founding("A").replace("priority 100", "priority 255");
    lab.start("A", Kind::Locum, &owner);
    lab.stays(VIP, &["A"], Duration::from_secs(3));
    assert!(shown(&lab, "A").contains("valid_lft forever"));
    lab.daemon("A").signal(Signal::SIGKILL);
    lab.stays(VIP, &["A"], LEASE + MARGIN);
}

/// The own address has the same prefix: its route must outlive the lease.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn over_ipv6_too() {
    let mut lab = ipv6::lab();
    lab.start("A", Kind::Locum, &ipv6::instance("A", 3, ""));
    lab.await_holders(ipv6::VIP, &["A"], Duration::from_secs(8));
    lab.stays(ipv6::VIP, &["A"], LEASE * 2);
    lab.daemon("A").signal(Signal::SIGKILL);
    lab.await_holders(ipv6::VIP, &[], LEASE + MARGIN);
    let routes = must(&format!("ip -6 -n {} route", lab.namespace("A")));
    let route = routes.lines().find(|l| l.starts_with("2001:db8::/64"));
    assert!(route.is_some_and(|l| !l.contains("expires")), "{routes}");
}

/// How accurately this kernel ends a lifetime, with its routes, in both families.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn the_kernel_ends_lifetimes_in_time() {
    let lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    let mut late = Duration::ZERO;
    for (address, route, show) in [
        ("10.9.0.1/24", "10.9.0.0/24", "ip"),
        ("fd00:9::1/64", "fd00:9::/64", "ip -6"),
    ] {
        for lifetime in [1, 2, 3] {
            let times = format!("valid_lft {lifetime} preferred_lft {lifetime}");
            must(&format!(
                "ip -n {here} addr add {address} dev eth0 nodad {times}"
            ));
            let start = Instant::now();
            let bare = address.split('/').next().expect("an address");
            lab.await_holders(bare, &["A"], Duration::from_secs(1));
            assert!(must(&format!("{show} -n {here} route")).contains(route));
            let bound = Duration::from_secs(lifetime);
            lab.await_holders(bare, &[], bound + MARGIN);
            let lasted = start.elapsed();
            eprintln!("{bare}: {lasted:.2?} of {bound:?}");
            assert!(lasted + Duration::from_millis(300) > bound, "{lasted:?}");
            late = late.max(lasted.saturating_sub(bound));
            // An IPv6 route that is over is collected later; it carries nothing.
            let routes = must(&format!("{show} -n {here} route"));
            let mut left = routes.lines().filter(|line| line.contains(route));
            assert!(left.all(|line| line.contains("expires")), "{routes}");
        }
    }
    eprintln!("latest: {late:.2?} after its time");
}

/// So many at once, of both families.
const MANY: usize = 50;
/// They begin within a second, so that the kernel's own rhythm meets each at another time.
const APART: Duration = Duration::from_millis(20);
/// The kernel looks at most once a second: where lifetimes end one after the other, each may last so
/// much longer. Measured are up to 0.98 s, evenly spread; a lifetime alone is over within 0.03 s.
const ROUND: Duration = Duration::from_secs(1);

/// Fifty lifetimes in one go: how long after its end each address is still there.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn fifty_lifetimes_end_in_time() {
    let lab = Lab::new(&["A"]);
    let here = lab.namespace("A");
    let lifetime = Duration::from_secs(3);
    // Each in a network of its own, for the first one's end is the end of the others in a network.
    let address = |n: usize| match n % 2 {
        0 => (format!("10.9.{n}.1"), 32),
        _ => (format!("fd00:{n}::1"), 64),
    };
    let mut open: Vec<(IpAddr, Instant)> = Vec::new();
    for n in 0..MANY {
        let (address, length) = address(n);
        must(&format!(
            "ip -n {here} addr add {address}/{length} dev eth0 nodad valid_lft 3 preferred_lft 3"
        ));
        open.push((address.parse().expect("it is one"), Instant::now()));
        std::thread::sleep(APART);
    }
    let mut late = Vec::new();
    while !open.is_empty() {
        let there = lab.addresses("A");
        open.retain(|(address, start)| {
            let (lasted, stays) = (start.elapsed(), there.contains(address));
            // Every change of any network on the machine holds the kernel up; half of them tell.
            assert!(lasted < lifetime + ROUND + SOON, "{address} stays");
            if !stays {
                late.push(lasted.saturating_sub(lifetime));
                let early = lifetime.saturating_sub(lasted);
                assert!(early < Duration::from_millis(300), "{address}: {early:?}");
            }
            stays
        });
        std::thread::sleep(Duration::from_millis(5));
    }
    late.sort();
    let [half, most, all] = [MANY / 2, MANY * 9 / 10, MANY - 1].map(|at| late[at]);
    eprintln!("late: half at most {half:.2?}, 90 % at most {most:.2?}, all at most {all:.2?}");
    assert!(half < ROUND, "{late:?}");
}
