//! What pipes and notify scripts are told, beside keepalived: the same lines and the same arguments,
//! in the same order. And a reader that stalls.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::{SOON, VIP, founding};

/// A pipe, and scripts that write down their arguments, each into a file of its own.
fn told(lab: &Lab) -> String {
    let file = |name: &str| lab.file(name).display().to_string();
    for name in ["any", "master", "stop", "group"] {
        let (script, to) = (lab.file(&format!("{name}.sh")), file(name));
        fs::write(&script, format!("#!/bin/sh\necho \"$@\" >> {to}\n")).expect("a script");
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&script, mode).expect("it is ours");
    }
    fs::write(lab.file("weight"), "0\n").expect("a file");
    let (pipe, weight) = (file("pipe"), file("weight"));
    let globals = format!(
        "global_defs {{\n script_user root\n vrrp_notify_fifo {pipe}\n vrrp_notify_priority_changes"
    );
    let tracked = format!(
        "track_file weight {{\n file {weight}\n weight 1\n}}\n\
         vrrp_sync_group G {{\n group {{\n VI_1\n }}\n notify {}\n sync_group_tracking_weight\n}}\n\
         vrrp_instance",
        file("group.sh")
    );
    let notify = format!(
        "    track_file {{\n weight\n }}\n notify {}\n notify_master \"{} became master\"\n notify_stop {}\n    virtual_ipaddress",
        file("any.sh"),
        file("master.sh"),
        file("stop.sh")
    );
    founding("A")
        .replacen("global_defs {", &globals, 1)
        .replacen("vrrp_instance", &tracked, 1)
        .replacen("    virtual_ipaddress", &notify, 1)
}

/// Waits until a file has so many lines.
fn await_lines(path: &Path, lines: usize) {
    let start = Instant::now();
    while fs::read_to_string(path).map_or(0, |text| text.lines().count()) < lines {
        assert!(start.elapsed() < SOON, "{}", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A failover of that daemon, a priority that changes, its end: everything that was told of it.
fn story(kind: Kind) -> String {
    let mut lab = Lab::new(&["A", "B"]);
    let configuration = told(&lab);
    lab.start("A", kind, &configuration);
    lab.await_holders(VIP, &["A"], SOON);
    let mut pipe = File::open(lab.file("pipe")).expect("the daemon made it");
    lab.start("B", Kind::Locum, &founding("B"));
    await_lines(&lab.file("any"), 2);
    fs::write(lab.file("weight"), "-1\n").expect("it is ours");
    std::thread::sleep(Duration::from_secs(1));
    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    await_lines(&lab.file("any"), 3);
    fs::write(lab.file("weight"), "0\n").expect("it is ours");
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);
    await_lines(&lab.file("any"), 5);
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    let mut text = String::new();
    pipe.read_to_string(&mut text).expect("lines");
    // Whether B's last advert comes just before A's first is chance.
    let crossed = |line: &&str| !line.contains("MASTER_RX_LOWER_PRI");
    let lines: Vec<&str> = text.lines().filter(crossed).collect();
    let mut text = format!("pipe:\n{}\n", lines.join("\n"));
    for name in ["any", "master", "stop", "group"] {
        let told = fs::read_to_string(lab.file(name)).unwrap_or_default();
        text += &format!("{name}:\n{told}");
    }
    let folder = lab.folder().display().to_string();
    text.replace(&folder, "")
}

/// A reader that opens the pipe and takes nothing: the daemon serves on, and says so once.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_reader_that_stalls_holds_nothing_up() {
    let mut lab = Lab::new(&["A"]);
    let configuration = told(&lab);
    lab.start("A", Kind::Locum, &configuration);
    lab.await_holders(VIP, &["A"], SOON);
    let path = lab.file("pipe");
    // Nothing here waits, or the test would be the one that stalls.
    let mut options = File::options();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK);
    let stalled = options.open(&path).expect("it is made");
    while (&stalled).write(&[b'x'; 4096]).is_ok() {}
    let lost = "an event is lost, and those that follow";
    for _ in 0..3 {
        lab.pull("A");
        lab.await_holders(VIP, &[], SOON);
        lab.plug("A");
        lab.await_holders(VIP, &["A"], SOON);
    }
    let log = lab.daemon("A").log();
    assert_eq!(log.matches(lost).count(), 1, "{log}");
    // It is read again.
    while (&stalled).read(&mut [0; 4096]).is_ok() {}
    lab.pull("A");
    lab.await_holders(VIP, &[], SOON);
    let start = Instant::now();
    while !lab.daemon("A").log().contains("events are written again") {
        assert!(start.elapsed() < SOON, "{}", lab.daemon("A").log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root, network namespaces, keepalived: run by .ci/run"]
fn pipes_and_scripts_are_told_what_keepalived_tells() {
    let kinds = [Kind::Keepalived, Kind::Locum];
    let stories = std::thread::scope(|scope| {
        let running = kinds.map(|kind| scope.spawn(move || story(kind)));
        running.map(|story| story.join().expect("it was told"))
    });
    let [theirs, ours] = &stories;
    assert!(
        theirs.contains("INSTANCE \"VI_1\" MASTER 100\n"),
        "{theirs}"
    );
    assert_eq!(theirs, ours);
}
