//! How the daemon is started and stopped: in the background, under systemd, by its flags.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP, founding};

/// Runs `locum` with these arguments in a node's namespace, to the end of the process started.
fn locum(namespace: &str, arguments: &str) -> Output {
    let child = Command::new("ip")
        .args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_locum")])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .output();
    child.expect("`ip` runs")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits for a condition.
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_gone(pid: Pid) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.is_empty() || state.contains(") Z ")
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn without_n_the_daemon_goes_to_the_background_when_it_is_ready() {
    let lab = Lab::new(&["A"]);
    let namespace = lab.namespace("A");
    let (conf, pid, log) = (lab.file("a.conf"), lab.file("a.pid"), lab.file("a.log"));
    fs::write(&conf, founding("A")).expect("written");
    let (conf, pid_name, log) = (conf.display(), pid.display(), log.display());
    let flags = format!("-f {conf} -p {pid_name} -D -G -g{log}");
    let output = locum(&namespace, &flags);
    assert!(output.status.success(), "{output:?}");
    let number = text(&pid);
    let number: i32 = number
        .trim()
        .parse()
        .expect("the pid file is there already");
    let daemon = Pid::from_raw(number);
    let stat = text(Path::new(&format!("/proc/{number}/stat")));
    let fields: Vec<&str> = stat.split_whitespace().collect();
    assert_eq!(fields[5], number.to_string(), "it leads its own session");
    let folder = fs::read_link(format!("/proc/{number}/cwd")).expect("it runs");
    assert_eq!(folder, Path::new("/"));
    lab.await_holders(VIP, &["A"], SOON);
    let second = locum(&namespace, &flags);
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("held by another process"), "{said}");
    kill(daemon, Signal::SIGINT).expect("it runs");
    wait("it ends", || is_gone(daemon));
    assert!(!pid.exists());
    lab.await_holders(VIP, &[], SOON);
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_namespace_can_be_named_and_interrupts_ignored() {
    let lab = Lab::new(&["A"]);
    let namespace = lab.namespace("A");
    let (conf, pid) = (lab.file("a.conf"), lab.file("a.pid"));
    // The flag counts, not the file.
    let named = format!("net_namespace nowhere\n{}", founding("A"));
    fs::write(&conf, named).expect("written");
    let flags = format!("-f {} -p {} -G", conf.display(), pid.display());
    let started = |more: &str| {
        let words = format!("{flags} {more}");
        let output = Command::new(env!("CARGO_BIN_EXE_locum"))
            .args(words.split_whitespace())
            .output();
        output.expect("it was built")
    };
    let refused = started("");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("network namespace nowhere"), "{said}");
    let output = started(&format!("-s {namespace} --ignore-sigint -V"));
    assert!(output.status.success(), "{output:?}");
    let number: i32 = text(&pid).trim().parse().expect("a number");
    let daemon = Pid::from_raw(number);
    lab.await_holders(VIP, &["A"], SOON);
    kill(daemon, Signal::SIGINT).expect("it runs");
    lab.stays(VIP, &["A"], Duration::from_millis(300));
    let capture = lab.capture();
    kill(daemon, Signal::SIGTERM).expect("it runs");
    wait("it ends", || is_gone(daemon));
    // -V: the address stays, for good, and nobody resigned.
    let address = must(&format!("ip -n {namespace} addr show dev eth0 to {VIP}"));
    assert!(address.contains("valid_lft forever"), "{address}");
    let adverts = capture.adverts();
    assert!(adverts.iter().all(|a| a.priority == 100), "{adverts:?}");
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn systemd_hears_of_every_stage() {
    let mut lab = Lab::new(&["A"]);
    let path = lab.file("notify.sock");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager
        .set_read_timeout(Some(SOON))
        .expect("it has a timeout");
    let name = format!("NOTIFY_SOCKET={}", path.display());
    let under = ["env", &name, "WATCHDOG_USEC=400000"];
    lab.start_under(&under, "A", Kind::Locum, &founding("A"));
    let mut said = Vec::new();
    let mut hear = |wanted: &str| {
        let mut buffer = [0; 512];
        loop {
            let length = manager.recv(&mut buffer);
            let length = length.unwrap_or_else(|e| panic!("no {wanted} after {said:?}: {e}"));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            said.push(message.clone());
            if message.starts_with(wanted) {
                return message;
            }
        }
    };
    hear("READY=1\n");
    hear("WATCHDOG=1\n");
    hear("STATUS=1 of 1 instances are master\n");
    lab.daemon("A").signal(Signal::SIGHUP);
    let reloading = hear("RELOADING=1\n");
    assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
    hear("READY=1\n");
    // A daemon that doesn't turn shows no sign of life.
    lab.daemon("A").signal(Signal::SIGSTOP);
    manager
        .set_read_timeout(Some(Duration::from_millis(800)))
        .expect("it has a timeout");
    let mut buffer = [0; 512];
    while manager.recv(&mut buffer).is_ok() {}
    lab.daemon("A").signal(Signal::SIGCONT);
    manager
        .set_read_timeout(Some(SOON))
        .expect("it has a timeout");
    let mut hear = |wanted: &str| loop {
        let length = manager.recv(&mut buffer).expect("it goes on");
        if buffer[..length].starts_with(wanted.as_bytes()) {
            break;
        }
    };
    hear("WATCHDOG=1\n");
    lab.daemon("A").signal(Signal::SIGTERM);
    hear("STOPPING=1\n");
    assert!(lab.daemon("A").await_end(SOON).success());
}
