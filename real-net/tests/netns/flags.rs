//! Flags that change what the daemon does to the machine.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind::{self, Keepalived, Locum};
use crate::table::side_by_side;
use crate::tool::must;
use crate::{SOON, VIP, founding};

/// Runs what follows with one more flag, in the lab's folder.
fn with(flag: &str, lab: &Lab) -> [String; 3] {
    let folder = lab.folder().display();
    let line = format!("cd {folder} && ulimit -S -c 0 && exec \"$0\" \"$@\" {flag}");
    ["sh".to_owned(), "-c".to_owned(), line]
}

fn start(lab: &mut Lab, node: &'static str, kind: Kind, flag: &str, configuration: &str) {
    let under = with(flag, lab);
    let under: Vec<&str> = under.iter().map(|word| &**word).collect();
    lab.start_under(&under, node, kind, configuration);
}

/// Who ceases to be master, or never was, has no address of the configuration, whoever added it. Ours
/// does so without the flag, too, and so does keepalived 2.2.7 in these cases.
#[test]
#[ignore = "needs root, network namespaces, keepalived: run by .ci/run"]
fn addresses_that_somebody_else_has_added_are_released() {
    side_by_side(
        &[(Locum, "-X"), (Locum, "-R"), (Keepalived, "-X")],
        |(kind, flag)| format!("{kind:?} {flag}"),
        |(kind, flag)| released(*kind, flag),
    );
}

fn released(kind: Kind, flag: &str) {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("B", Locum, &founding("B"));
    lab.await_holders(VIP, &["B"], SOON);
    let add = format!(
        "ip -n {} addr replace {VIP}/24 dev eth0",
        lab.namespace("A")
    );
    must(&add);
    let weaker = founding("A").replace("priority 100", "priority 50");
    start(&mut lab, "A", kind, flag, &weaker);
    lab.await_holders(VIP, &["B"], SOON);
    // A becomes master, and ceases to be.
    lab.daemon("B").signal(Signal::SIGTERM);
    lab.await_holders(VIP, &["A"], SOON);
    must(&add);
    lab.start("B", Locum, &founding("B"));
    lab.await_holders(VIP, &["B"], SOON);
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_crash_leaves_a_core_file_when_asked_for() {
    side_by_side(
        &["-m", "-Mcore"],
        |flag| (*flag).to_owned(),
        |flag| crash(flag, true),
    );
    crash("-R", false);
}

fn crash(flag: &str, leaves: bool) {
    let mut lab = Lab::new(&["A"]);
    start(&mut lab, "A", Locum, flag, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    lab.daemon("A").signal(Signal::SIGABRT);
    let end = lab.daemon("A").await_end(SOON);
    assert_eq!(end.signal(), Some(Signal::SIGABRT as i32), "{end}");
    assert_eq!(end.core_dumped(), leaves, "{flag}");
    // Where the machine's pattern says that it is a file here.
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("it is there");
    if pattern.trim() == "core" {
        let found = std::fs::read_dir(lab.folder()).expect("it is there");
        let cores = found.filter(|file| {
            let name = file.as_ref().map(|file| file.file_name());
            name.is_ok_and(|name| name.to_string_lossy().starts_with("core"))
        });
        assert_eq!(cores.count(), usize::from(leaves), "{flag}");
    }
    // The address has nobody, and goes by itself.
    let start = Instant::now();
    while !lab.holders(VIP).is_empty() {
        assert!(start.elapsed() < SOON * 2, "{VIP} stays");
        std::thread::sleep(Duration::from_millis(100));
    }
}
