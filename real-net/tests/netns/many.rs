//! Some hundred instances: both nodes start at once and nobody becomes master in vain, also while the
//! addresses are added and announced, twice.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;

const INSTANCES: usize = 200;
/// A machine that stands still for a second makes anybody become master.
const ATTEMPTS: usize = 3;
const SETTLED: Duration = Duration::from_secs(30);
/// Second bursts of announcements come after five seconds.
const WATCHED: Duration = Duration::from_secs(7);

/// The priorities as far apart as they can be: so are the times of the takeovers, by a second.
fn configuration(node: &str) -> String {
    let priority = if node == "A" { 254 } else { 1 };
    let mut text = String::new();
    for vrid in 1..=INSTANCES {
        writeln!(
            text,
            "vrrp_instance VI_{vrid} {{\n interface eth0\n virtual_router_id {vrid}\n \
             priority {priority}\n advert_int 1\n virtual_ipaddress {{\n  10.9.9.{vrid}/32\n }}\n}}"
        )
        .expect("a String takes everything");
    }
    text
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_cold_start_of_both_needs_no_second_master() {
    let mut failures = Vec::new();
    for _ in 0..ATTEMPTS {
        match attempt() {
            Ok(()) => return,
            Err(why) => failures.push(why),
        }
    }
    panic!("each time another way: {failures:?}");
}

fn attempt() -> Result<(), String> {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("B", Kind::Locum, &configuration("B"));
    lab.start("A", Kind::Locum, &configuration("A"));
    let start = Instant::now();
    while held(&lab, "A") < INSTANCES {
        if start.elapsed() > SETTLED {
            return Err(format!("A has {} after {SETTLED:?}", held(&lab, "A")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(WATCHED);
    for (node, expected) in [("A", INSTANCES), ("B", 0)] {
        let log = lab.daemon(node).log();
        let became = log.matches("-> master").count();
        if (became, held(&lab, node)) != (expected, expected) {
            return Err(format!("{node} became master {became} times"));
        }
    }
    Ok(())
}

fn held(lab: &Lab, node: &str) -> usize {
    let shown = must(&format!("ip -n {} -4 -o addr show", lab.namespace(node)));
    shown.matches("inet 10.9.9.").count()
}
