//! Scripts that come, can't be run, vanish, and lose the process that runs them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::Lab;
use crate::privileges::{holds, program, reload, runner, with};
use crate::process::Kind;
use crate::tool::run;
use crate::{SOON, VIP, founding};

const LOCUM: &str = env!("CARGO_BIN_EXE_locum");
/// The daemon's status when it ends for want of the process that runs scripts.
const SCRIPTS_LOST: i32 = 7;

/// The founding pair's A with a check that decides alone.
fn checked(script: &Path, rest: &str) -> String {
    let script = script.display();
    with(
        "script_user root",
        &format!("vrrp_script up {{\n    script {script}\n    interval 1\n    {rest}\n}}\n"),
        "track_script {\n        up\n    }",
    )
}

/// What a client is told of the daemon on A.
fn told(lab: &mut Lab, command: &str) -> String {
    let socket = lab.daemon("A").control().display().to_string();
    let output = run(&format!("{LOCUM} {command} --control {socket}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_check_that_cannot_be_run_puts_nobody_in_fault() {
    let mut lab = Lab::new(&["A"]);
    let script = lab.file("check.sh");
    lab.start("A", Kind::Locum, &checked(&script, "fall 2"));
    lab.await_holders(VIP, &["A"], SOON);
    let log = lab.daemon("A").log();
    let line = "check up is not run: there is no such program; whoever tracks it serves without";
    assert_eq!(log.matches(line).count(), 1, "{log}");
    let status = told(&mut lab, "status");
    let line = "check up: not run: there is no such program; serves without it";
    assert!(status.contains(line), "{status}");
    let json = told(&mut lab, "status --json");
    assert!(json.contains(r#""verdict":"not run""#), "{json}");
    let file = lab.daemon("A").configuration().display().to_string();
    let check = run(&format!("{LOCUM} check {file}"));
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    let place = format!(
        "{file}:13:12: warning: `up` is not run: `{}`: ",
        script.display()
    );
    assert!(text.contains(&place), "{text}");
    assert_eq!(check.status.code(), Some(5), "{text}");
    // It counts from when it can be run, and no more when it can't.
    program(&script, "exit 1");
    lab.await_holders(VIP, &[], SOON);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).expect("ours");
    lab.await_holders(VIP, &["A"], SOON);
    program(&script, "exit 0");
    holds(&mut lab, "A.log", "check up: good");
    fs::remove_file(&script).expect("it is there");
    holds(
        &mut lab,
        "A.log",
        "no such program; it still counts as good",
    );
    lab.stays(VIP, &["A"], Duration::from_secs(3));
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_daemon_that_cannot_run_its_scripts_any_more_hands_over_and_ends() {
    let mut lab = Lab::new(&["A", "B"]);
    let (script, number) = (lab.file("check.sh"), lab.file("number"));
    let slow = format!("echo $$ >{}\nexec sleep 1000", number.display());
    program(&script, &slow);
    // The run under way never ends; the check's first result doesn't matter to a weight.
    lab.start(
        "A",
        Kind::Locum,
        &checked(&script, "timeout 1000\n    weight -1"),
    );
    lab.await_holders(VIP, &["A"], SOON);
    lab.start("B", Kind::Locum, &founding("B"));
    lab.stays(VIP, &["A"], Duration::from_secs(2));
    let other = runner(&mut lab).expect("it has scripts");
    let adjusted = |pid: i32| fs::read_to_string(format!("/proc/{pid}/oom_score_adj"));
    let daemon = lab.daemon("A").pid().as_raw();
    assert_eq!(
        adjusted(other).expect("it runs"),
        adjusted(daemon).expect("it runs")
    );
    let began = Instant::now();
    kill(Pid::from_raw(other), Signal::SIGKILL).expect("it runs");
    lab.await_holders(VIP, &["B"], SOON);
    eprintln!(
        "the peer serves {:?} after the process was killed",
        began.elapsed()
    );
    let status = lab.daemon("A").await_end(SOON);
    assert_eq!(status.code(), Some(SCRIPTS_LOST));
    let log = lab.daemon("A").log();
    let line = "the process that runs scripts has ended: handing over and ending";
    assert_eq!(log.matches(line).count(), 1, "{log}");
    // By its last advert, not by its silence.
    let log = lab.daemon("B").log();
    assert!(log.contains("192.168.0.11 resigned"), "{log}");
    let slow = fs::read_to_string(&number).expect("it ran");
    let slow = format!("/proc/{}", slow.trim());
    let start = Instant::now();
    while Path::new(&slow).exists() {
        assert!(start.elapsed() < SOON, "a run lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_daemon_without_scripts_goes_on_without_who_runs_them() {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    let other = runner(&mut lab).expect("it waits for scripts");
    kill(Pid::from_raw(other), Signal::SIGKILL).expect("it runs");
    holds(
        &mut lab,
        "A.log",
        "a restart is needed before there can be scripts",
    );
    let script = lab.file("check.sh");
    program(&script, "exit 0");
    reload(&mut lab, &checked(&script, ""));
    holds(&mut lab, "A.log", "has ended: restart the daemon");
    lab.stays(VIP, &["A"], Duration::from_millis(500));
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn scripts_come_with_a_reload_and_end_with_the_daemon() {
    let mut lab = Lab::new(&["A"]);
    let (first, second) = (lab.file("first.sh"), lab.file("second.sh"));
    let (told, slow) = (lab.file("told"), lab.file("slow"));
    program(&first, &format!("echo first $3 >>{}", told.display()));
    let text = format!(
        "echo $$ >{}\necho second $3 >>{}\nsleep 1000 &\nwait",
        slow.display(),
        told.display()
    );
    program(&second, &text);
    let notify = |script: &Path| format!("notify {} root", script.display());
    lab.start("A", Kind::Locum, &with("", "", &notify(&first)));
    lab.await_holders(VIP, &["A"], SOON);
    holds(&mut lab, "told", "first MASTER");
    reload(&mut lab, &with("", "", &notify(&second)));
    holds(&mut lab, "A.log", "configuration reloaded");
    lab.pull("A");
    holds(&mut lab, "told", "second FAULT");
    let slow: i32 = fs::read_to_string(&slow)
        .expect("it runs")
        .trim()
        .parse()
        .expect("a number");
    let runner = runner(&mut lab).expect("it has scripts");
    // The group and whoever is between.
    let alive = || [slow, runner].map(|pid| Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(alive(), [true, true]);
    lab.daemon("A").signal(Signal::SIGKILL);
    let start = Instant::now();
    while alive() != [false, false] {
        assert!(start.elapsed() < SOON, "{:?}", alive());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn an_insecure_script_is_refused_with_one_reason() {
    let mut lab = Lab::new(&["A"]);
    let (script, told) = (lab.file("notify.sh"), lab.file("told"));
    program(&script, &format!("echo $3 >>{}", told.display()));
    fs::set_permissions(&script, fs::Permissions::from_mode(0o757)).expect("ours");
    let check = format!(
        "vrrp_script up {{\n    script {}\n    user root\n    interval 1\n}}\n",
        script.display()
    );
    let inside = format!(
        "notify {} root\n    track_script {{\n        up\n    }}",
        script.display()
    );
    let configuration = with("enable_script_security", &check, &inside);
    lab.start("A", Kind::Locum, &configuration);
    lab.await_holders(VIP, &["A"], SOON);
    holds(
        &mut lab,
        "A.log",
        "check up is not run: it would run as root, and others",
    );
    lab.stays(VIP, &["A"], Duration::from_secs(3));
    let log = lab.daemon("A").log();
    let reason = "it would run as root, and";
    assert_eq!(
        log.matches("will not be run: it would run").count(),
        1,
        "{log}"
    );
    // At the start, of the check however often it is due, and of each notification.
    let warnings = log
        .lines()
        .filter(|line| line.contains(" WARN ") && line.contains(reason));
    assert_eq!(warnings.count(), 4, "{log}");
    assert_eq!(log.matches("check up is not run").count(), 1, "{log}");
    assert!(log.contains("can be written by everybody"), "{log}");
    assert!(!told.exists(), "it was run");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("ours");
    // It is judged at each run.
    holds(&mut lab, "A.log", "check up: good");
}

/// A check and a notify script as somebody else and as a group of his, and no second run of the check
/// before the first has ended, however late.
#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn scripts_run_as_configured_and_never_twice_at_once() {
    let mut lab = Lab::new(&["A"]);
    let (check, notify, told) = (
        lab.file("check.sh"),
        lab.file("notify.sh"),
        lab.file("told"),
    );
    let lock = lab.folder().join("lock");
    let whose = "$(id -un) $(id -gn) $(id -G | wc -w)";
    let (told, lock) = (told.display(), lock.display());
    let text = format!(
        "mkdir {lock} || echo overlap >>{told}\necho check {whose} >>{told}\nsleep 2.3\nrmdir {lock}"
    );
    program(&check, &text);
    program(&notify, &format!("echo notify $3 {whose} >>{told}"));
    // Whoever runs them writes there.
    fs::set_permissions(lab.folder(), fs::Permissions::from_mode(0o777)).expect("ours");
    fs::write(lab.file("told"), "").expect("written");
    fs::set_permissions(lab.file("told"), fs::Permissions::from_mode(0o666)).expect("ours");
    let block = format!(
        "vrrp_script slow {{\n    script {}\n    interval 1\n    timeout 20\n    weight 1\n    user nobody daemon\n}}\n",
        check.display()
    );
    let inside = format!(
        "notify {} daemon nogroup\n    track_script {{\n        slow\n    }}",
        notify.display()
    );
    lab.start("A", Kind::Locum, &with("script_user root", &block, &inside));
    lab.await_holders(VIP, &["A"], SOON);
    holds(&mut lab, "told", "notify MASTER daemon nogroup 1\n");
    let start = Instant::now();
    let runs = |lab: &Lab| {
        let text = fs::read_to_string(lab.file("told")).expect("it is ours");
        assert!(!text.contains("overlap"), "{text}");
        text.matches("check nobody daemon 1\n").count()
    };
    while runs(&lab) < 3 {
        assert!(start.elapsed() < SOON, "{}", lab.daemon("A").log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
