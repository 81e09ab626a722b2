//! The commands for a running daemon, as an operator types them.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{Lab, address};
use crate::process::Kind;
use crate::{SOON, VIP, founding};

/// `locum` with these words, to the daemon of a node.
fn locum(lab: &mut Lab, node: &str, words: &[&str]) -> Output {
    let control = lab.daemon(node).control().to_owned();
    Command::new(env!("CARGO_BIN_EXE_locum"))
        .args(words)
        .arg("--control")
        .arg(control)
        .output()
        .expect("it runs")
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

/// The instance as `locum status --json` has it.
fn instance(lab: &mut Lab, node: &str) -> Value {
    let output = locum(lab, node, &["status", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let mut all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    all["instances"][0].take()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn pair(backup: Kind) -> Lab {
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.start("B", backup, &founding("B"));
    lab.await_holders(VIP, &["A"], SOON);
    lab
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn status_says_on_both_nodes_who_is_master_and_when_it_was_heard() {
    let mut lab = pair(Kind::Locum);
    let a = address("A");
    eventually("B has heard A", || {
        instance(&mut lab, "B")["master"]["address"] == a.as_str()
    });
    let b = instance(&mut lab, "B");
    assert_eq!(
        (&b["state"], &b["master"]["us"]),
        (&"backup".into(), &false.into())
    );
    assert_eq!(b["master"]["priority"], 100);
    assert_eq!(b["peers"][0]["address"], a.as_str());
    let seen = instance(&mut lab, "A");
    assert_eq!(
        (&seen["state"], &seen["master"]["us"]),
        (&"master".into(), &true.into())
    );
    assert_eq!(seen["contested"], Value::Array(vec![]));
    let table = said(&locum(&mut lab, "A", &["status"]));
    for word in ["VI_1", "MASTER", "this node, 192.168.0.11"] {
        assert!(table.contains(word), "{word} in\n{table}");
    }
    let unknown = locum(&mut lab, "A", &["status", "VI_2"]);
    assert_eq!(unknown.status.code(), Some(1));
    lab.cut("A", "B");
    lab.await_holders(VIP, &["A", "B"], SOON);
    lab.heal();
    lab.await_holders(VIP, &["A"], SOON);
    let seen = instance(&mut lab, "B");
    assert_eq!(seen["reason"], "higher_priority", "{seen}");
}

/// Out and back, with a peer of ours and with keepalived. `safe` measures the gap.
fn hands_over(backup: Kind) {
    let mut lab = pair(backup);
    let drained = locum(&mut lab, "A", &["drain"]);
    let text = said(&drained);
    assert!(drained.status.success(), "{text}");
    let by = format!("VI_1: {} has taken over after ", address("B"));
    assert!(text.starts_with(&by), "{text}");
    lab.await_holders(VIP, &["B"], SOON);
    let seen = instance(&mut lab, "A");
    assert_eq!(
        (&seen["priority"], &seen["drain"]["over"]),
        (&1.into(), &true.into())
    );
    assert!(locum(&mut lab, "A", &["resume", "VI_1"]).status.success());
    lab.await_holders(VIP, &["A"], SOON);
    assert_eq!(instance(&mut lab, "A")["drain"], Value::Null);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn drain_hands_over_to_locum_and_resume_takes_back() {
    hands_over(Kind::Locum);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn drain_hands_over_to_keepalived_and_resume_takes_back() {
    hands_over(Kind::Keepalived);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn drain_without_a_peer_says_so_and_serves_on() {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    let drained = locum(&mut lab, "A", &["drain", "--within", "0.5"]);
    let text = said(&drained);
    assert_eq!(drained.status.code(), Some(1), "{text}");
    assert!(text.contains("VI_1: nobody took over"), "{text}");
    lab.await_holders(VIP, &["A"], SOON);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn reload_and_plan_say_the_same_and_a_bad_file_changes_nothing() {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    let file = lab.daemon("A").configuration().to_owned();
    let write = |text: &str| std::fs::write(&file, text).expect("a configuration");
    let changed = founding("A").replace("priority 100", "priority 120");
    write(&changed);
    let plan = locum(&mut lab, "A", &["plan"]);
    let plan = (plan.status.code(), said(&plan));
    assert_eq!(plan.0, Some(0));
    assert!(plan.1.contains("priority 100 -> 120"), "{}", plan.1);
    assert_eq!(instance(&mut lab, "A")["priority"], 100);
    let reload = locum(&mut lab, "A", &["reload"]);
    assert_eq!((reload.status.code(), said(&reload)), plan);
    assert_eq!(instance(&mut lab, "A")["priority"], 120);
    write("vrrp_instance VI_1 {\n  interface eth0\n}\n");
    let refused = locum(&mut lab, "A", &["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("virtual_router_id"),
        "{}",
        said(&refused)
    );
    assert_eq!(instance(&mut lab, "A")["priority"], 120);
    let other = lab.file("other.conf");
    std::fs::write(&other, founding("A")).expect("a file");
    let name = other.display().to_string();
    let text = said(&locum(&mut lab, "A", &["plan", &name]));
    assert!(text.contains("priority 120 -> 100"), "{text}");
    assert!(
        locum(&mut lab, "A", &["log-level", "warn"])
            .status
            .success()
    );
    lab.daemon("A").signal(nix::sys::signal::Signal::SIGHUP);
    assert_eq!(
        locum(&mut lab, "A", &["log-level", "loud"]).status.code(),
        Some(1)
    );
}

/// The socket's mode keeps others out; where it doesn't, they are asked who they are.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn nobody_but_root_and_the_daemon_s_user_controls_it() {
    use std::os::unix::fs::PermissionsExt;
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    let control = lab.daemon("A").control().to_owned();
    // Somebody else can't execute what is in root's folders; they can use a copy.
    let program = std::env::temp_dir().join(format!("locum-other-{}", std::process::id()));
    std::fs::copy(env!("CARGO_BIN_EXE_locum"), &program).expect("a copy");
    let other = |control: &std::path::Path| {
        let output = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&program)
            .args(["drain", "--control"])
            .arg(control)
            .output();
        said(&output.expect("setpriv runs"))
    };
    let refused = other(&control);
    assert!(
        refused.contains("only root and the daemon's own user"),
        "{refused}"
    );
    let open = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(&control, open).expect("ours");
    let refused = other(&control);
    let _ = std::fs::remove_file(&program);
    assert!(
        refused.contains("uid 65534 may not control this daemon"),
        "{refused}"
    );
    assert_eq!(instance(&mut lab, "A")["state"], "master");
}

/// Metrics at the path of a socket: for those who collect them on the machine itself.
#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn metrics_are_served_at_a_unix_socket() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    let mut lab = Lab::new(&["A"]);
    let path = lab.file("metrics");
    let metrics = format!("global_defs {{\n    metrics {}", path.display());
    let configuration = founding("A").replacen("global_defs {", &metrics, 1);
    lab.start("A", Kind::Locum, &configuration);
    lab.await_holders(VIP, &["A"], SOON);
    let get = |what: &str| {
        let mut stream = UnixStream::connect(&path).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        let request = format!("GET {what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    };
    assert!(get("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
    let text = get("/metrics");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    let state = "locum_instance_state{vrrp_instance=\"VI_1\"";
    let master = body.lines().find(|line| line.starts_with(state));
    assert!(master.is_some_and(|line| line.ends_with(" 2")), "{body}");
    lab.daemon("A").signal(nix::sys::signal::Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    assert!(!path.exists(), "it takes its socket away");
}
