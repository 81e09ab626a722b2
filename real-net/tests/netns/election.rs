//! Two `locum`: the founding test, and an orderly stop.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::lab::{Lab, address};
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP, founding};

fn pair() -> Lab {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.start("B", Kind::Locum, &founding("B"));
    lab.await_holders(VIP, &["A"], SOON);
    lab
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn the_cable_is_pulled_and_plugged_in_again() {
    let lab = pair();
    lab.stays(VIP, &["A"], Duration::from_secs(3));
    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    lab.stays(VIP, &["B"], Duration::from_secs(2));
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(2));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_node_alone_takes_the_address() {
    let mut lab = Lab::new(&["B"]);
    lab.start("B", Kind::Locum, &founding("B"));
    lab.await_holders(VIP, &["B"], SOON);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn term_removes_the_address_says_priority_zero_and_exits_with_zero() {
    let mut lab = pair();
    let pid = std::fs::read_to_string(lab.daemon("A").pid_file()).expect("a pid file");
    assert_eq!(pid.trim(), lab.daemon("A").pid().to_string());
    let capture = lab.capture();
    lab.daemon("A").signal(Signal::SIGTERM);
    let status = lab.daemon("A").await_end(SOON);
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(!lab.holders(VIP).contains(&"A"), "it let go");
    assert!(!lab.daemon("A").pid_file().exists(), "the pid file is gone");
    lab.await_holders(VIP, &["B"], SOON);
    // B needs its skew, 0.613 s, and not the three seconds of a master that vanished.
    let adverts = capture.adverts();
    let from = |node: &str| -> Vec<_> {
        let source = address(node)
            .parse::<std::net::Ipv4Addr>()
            .expect("it is one");
        adverts.iter().filter(|a| a.source == source).collect()
    };
    let resigned = from("A").into_iter().next_back().expect("A said something");
    assert_eq!(resigned.priority, 0);
    let taken = from("B").into_iter().next().expect("B took over");
    assert!(taken.at - resigned.at < Duration::from_secs(1));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn an_interface_may_come_later_and_come_back() {
    let mut lab = Lab::new(&["A"]);
    let moved = founding("A").replace("eth0", "late0");
    lab.start("A", Kind::Locum, &moved);
    std::thread::sleep(Duration::from_millis(500));
    let namespace = lab.namespace("A");
    for round in 0..2 {
        must(&format!(
            "ip -n {namespace} link add late0 type veth peer name late1"
        ));
        must(&format!(
            "ip -n {namespace} addr add 192.168.0.99/24 dev late0"
        ));
        must(&format!("ip -n {namespace} link set late1 up"));
        must(&format!("ip -n {namespace} link set late0 up"));
        lab.await_holders(VIP, &["A"], SOON);
        must(&format!("ip -n {namespace} link del late0"));
        lab.await_holders(VIP, &[], SOON);
        let log = lab.daemon("A").log();
        assert_eq!(log.matches("-> master").count(), round + 1, "{log}");
    }
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn an_address_that_someone_removes_is_put_back() {
    let mut lab = pair();
    let namespace = lab.namespace("A");
    must(&format!("ip -n {namespace} addr del {VIP}/24 dev eth0"));
    lab.await_holders(VIP, &["A"], Duration::from_secs(3));
    assert!(lab.daemon("A").log().contains("put back"));
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn changes_lost_in_an_overflow_are_found_again() {
    let mut lab = pair();
    let namespace = lab.namespace("A");
    // Asleep, the daemon doesn't read; the kernel's queue for it holds some five thousand changes.
    lab.daemon("A").signal(Signal::SIGSTOP);
    must(&format!("ip -n {namespace} addr del {VIP}/24 dev eth0"));
    let churn = "addr add 10.9.9.9/32 dev lo\naddr del 10.9.9.9/32 dev lo\n".repeat(6000);
    let file = std::env::temp_dir().join(&namespace);
    std::fs::write(&file, churn).expect("a batch");
    must(&format!("ip -n {namespace} -batch {}", file.display()));
    let _ = std::fs::remove_file(&file);
    lab.daemon("A").signal(Signal::SIGCONT);
    lab.await_holders(VIP, &["A"], Duration::from_secs(3));
    let log = lab.daemon("A").log();
    assert!(
        log.contains("overflowed") && log.contains("put back"),
        "{log}"
    );
    // It still listens.
    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn a_hang_up_with_a_broken_file_changes_nothing() {
    let mut lab = pair();
    let broken = founding("A").replace("eth0", "");
    std::fs::write(lab.daemon("A").configuration(), broken).expect("a configuration");
    lab.daemon("A").signal(Signal::SIGHUP);
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    let log = lab.daemon("A").log();
    assert!(log.contains("has no interface"), "{log}");
    assert!(log.contains("the old configuration stays"), "{log}");
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn an_address_left_by_a_killed_daemon_is_removed_at_the_next_start() {
    let mut lab = pair();
    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    lab.daemon("B").signal(Signal::SIGKILL);
    lab.daemon("B").await_end(SOON);
    lab.plug("A");
    // Both hold it: nobody has told B's kernel to let go.
    lab.await_holders(VIP, &["A", "B"], SOON);
    lab.start("B", Kind::Locum, &founding("B"));
    lab.await_holders(VIP, &["A"], Duration::from_secs(2));
}
