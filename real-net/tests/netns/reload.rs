//! SIGHUP: what is the same isn't touched, what isn't changes without a gap.

use std::net::Ipv4Addr;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::lab::{Lab, address};
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP, founding};

const SECOND_VIP: &str = "192.168.0.201";

fn pair() -> Lab {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.start("B", Kind::Locum, &founding("B"));
    lab.await_holders(VIP, &["A"], SOON);
    lab
}

fn reload(lab: &mut Lab, node: &str, configuration: &str) {
    let daemon = lab.daemon(node);
    std::fs::write(daemon.configuration(), configuration).expect("a configuration");
    daemon.signal(Signal::SIGHUP);
}

/// Times between A's adverts, in seconds.
fn gaps(adverts: &[crate::capture::Advert]) -> Vec<f64> {
    let a: Ipv4Addr = address("A").parse().expect("it is one");
    let times: Vec<_> = adverts
        .iter()
        .filter(|x| x.source == a)
        .map(|x| x.at)
        .collect();
    times
        .windows(2)
        .map(|w| (w[1] - w[0]).as_secs_f64())
        .collect()
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_hang_up_with_the_same_file_sends_nothing() {
    let mut lab = pair();
    let capture = lab.capture();
    for _ in 0..20 {
        lab.daemon("A").signal(Signal::SIGHUP);
        std::thread::sleep(Duration::from_millis(170));
    }
    lab.stays(VIP, &["A"], Duration::from_secs(1));
    let adverts = capture.adverts();
    assert!(adverts.iter().all(|a| a.priority == 100), "nobody resigned");
    let gaps = gaps(&adverts);
    assert!(
        gaps.len() >= 3 && gaps.iter().all(|gap| *gap > 0.5),
        "{gaps:?}"
    );
    let log = lab.daemon("A").log();
    assert!(log.contains("reload: nothing changes"), "{log}");
    assert_eq!(log.matches("-> master").count(), 1, "{log}");
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn addresses_and_priorities_change_while_it_runs() {
    let mut lab = pair();
    let more = founding("A").replace(
        &format!("{VIP}/24"),
        &format!("{VIP}/24\n        {SECOND_VIP}/24"),
    );
    reload(&mut lab, "A", &more);
    lab.await_holders(SECOND_VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(1));
    reload(&mut lab, "A", &founding("A"));
    lab.await_holders(SECOND_VIP, &[], SOON);
    reload(
        &mut lab,
        "A",
        &founding("A").replace("priority 100", "priority 50"),
    );
    lab.await_holders(VIP, &["B"], SOON);
    let log = lab.daemon("A").log();
    assert!(log.contains("reload:     priority 100 -> 50"), "{log}");
    assert!(!log.contains("put back"), "{log}");
}

/// An instance moves to an interface that wasn't used before, and is heard there.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_new_interface_gets_its_sockets_and_an_old_one_loses_them() {
    let mut lab = pair();
    let namespace = lab.namespace("A");
    must(&format!(
        "ip -n {namespace} link add more0 type veth peer name more1"
    ));
    must(&format!("ip -n {namespace} addr add 10.9.0.1/24 dev more0"));
    must(&format!("ip -n {namespace} link set more1 up"));
    must(&format!("ip -n {namespace} link set more0 up"));
    reload(&mut lab, "A", &founding("A").replace("eth0", "more0"));
    // It resigned on the one and begins on the other.
    lab.await_holders(VIP, &["A", "B"], SOON);
    let addresses = must(&format!("ip -n {namespace} -o addr show dev more0"));
    assert!(addresses.contains(VIP), "{addresses}");
    reload(&mut lab, "A", &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
}
