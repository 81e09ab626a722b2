//! What the daemon may do once it runs, and the process that runs its scripts, and that everything
//! still works with that.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP, founding};

const LOCUM: &str = env!("CARGO_BIN_EXE_locum");

const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const KILL: u64 = 1 << 5;
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;

/// A line of `/proc/PID/status` of the daemon, as a number.
fn field(lab: &mut Lab, node: &str, name: &str) -> u64 {
    let pid = lab.daemon(node).pid();
    number(&format!("/proc/{pid}/status"), name)
}

fn number(status: &str, name: &str) -> u64 {
    let status = fs::read_to_string(status).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.expect("the kernel tells").trim_matches([':', '\t']);
    let radix = if name.starts_with("Cap") || name.starts_with("Sig") {
        16
    } else {
        10
    };
    u64::from_str_radix(value, radix).expect("a number")
}

/// So many files a process may have open.
fn open_files(pid: i32) -> u64 {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs");
    let mut lines = limits.lines();
    let numbers = lines.find_map(|line| line.strip_prefix("Max open files"));
    let soft = numbers.and_then(|numbers| numbers.split_whitespace().next());
    soft.expect("the kernel tells").parse().expect("a number")
}

/// The process that runs A's scripts.
pub(crate) fn runner(lab: &mut Lab) -> Option<i32> {
    let pid = lab.daemon("A").pid();
    let children = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    let mut children = children.split(' ').filter_map(|pid| pid.parse().ok());
    children.find(|pid: &i32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name == "locum-scripts\n")
    })
}

/// A folder that isn't the daemon's; gone when dropped.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn new(lab: &Lab) -> Self {
        let folder = PathBuf::from("/var/tmp").join(lab.namespace("elsewhere"));
        fs::create_dir(&folder).expect("there is room");
        Self(folder)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that root may run.
pub(crate) fn program(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("ours");
}

/// The founding node with something more in its instance, and before it.
pub(crate) fn with(global: &str, before: &str, inside: &str) -> String {
    founding("A")
        .replace("global_defs {", &format!("global_defs {{\n    {global}"))
        .replace("vrrp_instance", &format!("{before}\nvrrp_instance"))
        .replace(
            "    advert_int 1",
            &format!("    advert_int 1\n    {inside}"),
        )
}

pub(crate) fn reload(lab: &mut Lab, configuration: &str) {
    fs::write(lab.daemon("A").configuration(), configuration).expect("written");
    lab.daemon("A").signal(Signal::SIGHUP);
}

/// Waits until a file holds this.
pub(crate) fn holds(lab: &mut Lab, file: &str, wanted: &str) {
    let path = lab.file(file);
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.contains(wanted) {
            return;
        }
        assert!(start.elapsed() < SOON, "{file} is {text:?}, not {wanted:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn everything_works_with_what_is_kept() {
    let mut lab = Lab::new(&["A"]);
    // The script runs as nobody and writes where nobody may.
    let told = lab.file("told");
    fs::write(&told, "").expect("written");
    fs::set_permissions(&told, fs::Permissions::from_mode(0o666)).expect("ours");
    let script = lab.file("notify.sh");
    let text = format!("#!/bin/sh\necho \"$3 $(id -un)\" >>{}\n", told.display());
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("ours");
    let more = format!(
        "notify {} nobody nogroup\n    virtual_routes {{\n        10.9.0.0/16 via 192.168.0.1\n    }}\n\
         \x20   track_script {{\n        up\n    }}\n    use_vmac\n    no_accept\n    advert_int 1\n",
        script.display()
    );
    let check = "vrrp_script up {\n    script \"/bin/true\"\n    user nobody\n}\n";
    let conf = founding("A").replace("    advert_int 1\n", &more);
    let conf = conf.replace("vrrp_instance", &format!("{check}\nvrrp_instance"));
    let under = ["prlimit", "--nofile=512:2048"];
    lab.start_under(&under, "A", Kind::Locum, &conf);
    lab.await_holders(VIP, &["A"], SOON);
    let daemon = lab.daemon("A").pid().as_raw();
    let scripts = runner(&mut lab).expect("it has scripts");
    assert_eq!([daemon, scripts].map(open_files), [2048, 512]);
    let kept = NET_ADMIN | NET_RAW | KILL | SETGID | SETUID;
    let runner = format!("/proc/{scripts}/status");
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(field(&mut lab, "A", set), NET_ADMIN | NET_RAW, "{set}");
        assert_eq!(number(&runner, set), kept, "{set}");
    }
    assert_eq!(number(&runner, "NoNewPrivs"), 1);
    assert_eq!(field(&mut lab, "A", "CapAmb"), 0);
    assert_eq!(field(&mut lab, "A", "NoNewPrivs"), 1);
    holds(&mut lab, "told", "MASTER nobody");
    let namespace = lab.namespace("A");
    let routes = must(&format!("ip -n {namespace} route show 10.9.0.0/16"));
    assert!(routes.contains("via 192.168.0.1"), "{routes}");
    let address = must(&format!("ip -n {namespace} addr show to {VIP}"));
    assert!(
        address.contains("vrrp.51") && !address.contains("forever"),
        "{address}"
    );
    let table = must(&format!(
        "ip netns exec {namespace} nft list table inet locum"
    ));
    assert!(table.contains(VIP), "{table}");
    lab.daemon("A").signal(Signal::SIGTERM);
    assert!(lab.daemon("A").await_end(SOON).success());
    holds(&mut lab, "told", "STOP nobody");
    let links = must(&format!("ip -n {namespace} link show"));
    assert!(!links.contains("vrrp.51"), "{links}");
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn a_reload_brings_the_first_script_but_not_what_was_given_up() {
    let mut lab = Lab::new(&["A"]);
    let (script, told) = (lab.file("notify.sh"), lab.file("told"));
    program(&script, &format!("echo $3 $(id -un) >>{}", told.display()));
    fs::write(&told, "").expect("written");
    fs::set_permissions(&told, fs::Permissions::from_mode(0o666)).expect("ours");
    let of_others = "script_user nobody nogroup";
    lab.start("A", Kind::Locum, &with(of_others, "", ""));
    lab.await_holders(VIP, &["A"], SOON);
    assert_eq!(field(&mut lab, "A", "CapPrm"), NET_ADMIN | NET_RAW);
    let runner = runner(&mut lab).expect("it waits for scripts");
    let kept = NET_ADMIN | NET_RAW | KILL | SETGID | SETUID;
    assert_eq!(number(&format!("/proc/{runner}/status"), "CapPrm"), kept);
    // Whoever signals all of them doesn't mean this one.
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        kill(Pid::from_raw(runner), signal).expect("it is there");
    }
    let notify = format!("notify {}", script.display());
    let file = lab.daemon("A").configuration().to_owned();
    fs::write(&file, with(of_others, "", &notify)).expect("written");
    let socket = lab.daemon("A").control().display().to_string();
    must(&format!(
        "{LOCUM} plan --control {socket} {}",
        file.display()
    ));
    must(&format!("{LOCUM} plan --control {socket}"));
    // It blocks signals until it has something to do.
    let sleeps = || number(&format!("/proc/{runner}/status"), "SigBlk") != 0;
    assert!(sleeps(), "a plan has no effect");
    reload(&mut lab, &with(of_others, "", &notify));
    holds(&mut lab, "A.log", "configuration reloaded");
    lab.pull("A");
    holds(&mut lab, "told", "FAULT nobody");
    assert!(!sleeps(), "it has run a script");
    lab.plug("A");
    let of_root = format!("notify {} root", script.display());
    reload(&mut lab, &with(of_others, "", &of_root));
    holds(&mut lab, "A.log", "a script runs as root now");
    let second = founding("A").replace(
        &format!("        {VIP}/24\n"),
        &format!("        {VIP}/24\n        192.168.0.201/24\n"),
    );
    reload(&mut lab, &second);
    lab.await_holders("192.168.0.201", &["A"], SOON);
}

/// As in a container with `--cap-drop ALL --cap-add NET_ADMIN --cap-add NET_RAW`.
#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn root_with_two_capabilities_is_enough() {
    let mut lab = Lab::new(&["A"]);
    let under = "setpriv --bounding-set=-all,+net_admin,+net_raw --inh-caps=-all --no-new-privs";
    let under: Vec<&str> = under.split(' ').collect();
    let check = "vrrp_script up {\n    script /bin/true\n    user root\n}\n";
    let inside = "use_vmac\n    no_accept\n    track_script {\n        up\n    }";
    lab.start_under(&under, "A", Kind::Locum, &with("", check, inside));
    holds(&mut lab, "A.log", "check up: good");
    lab.await_holders(VIP, &["A"], SOON);
    assert_eq!(field(&mut lab, "A", "CapPrm"), NET_ADMIN | NET_RAW);
    lab.daemon("A").signal(Signal::SIGTERM);
    assert!(lab.daemon("A").await_end(SOON).success());
    lab.await_holders(VIP, &[], SOON);
}

#[test]
#[ignore = "needs root, network namespaces: run by .ci/run"]
fn another_user_with_two_capabilities_is_enough() {
    let mut lab = Lab::new(&["A"]);
    let folder = lab.file("");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("ours");
    let under = "setpriv --reuid 65534 --regid 65534 --clear-groups \
                 --inh-caps +net_admin,+net_raw --ambient-caps +net_admin,+net_raw";
    let under: Vec<&str> = under.split_whitespace().collect();
    // The namespace's own files below /proc/sys are root's: its capabilities open them.
    let conf = founding("A").replace("advert_int 1", "use_vmac\n    no_accept\n    advert_int 1");
    lab.start_under(&under, "A", Kind::Locum, &conf);
    lab.await_holders(VIP, &["A"], SOON);
    assert_eq!(field(&mut lab, "A", "CapEff"), NET_ADMIN | NET_RAW);
    assert_eq!(field(&mut lab, "A", "CapAmb"), 0);
    let namespace = lab.namespace("A");
    let table = must(&format!(
        "ip netns exec {namespace} nft list table inet locum"
    ));
    assert!(table.contains(VIP), "{table}");
    lab.daemon("A").signal(Signal::SIGTERM);
    assert!(lab.daemon("A").await_end(SOON).success());
    lab.await_holders(VIP, &[], SOON);
    // Without them it says what is missing.
    let without: Vec<&str> = under.iter().copied().take(6).collect();
    lab.start_under(&without, "A", Kind::Locum, &conf);
    assert_eq!(lab.daemon("A").await_end(SOON).code(), Some(4));
    assert!(
        lab.daemon("A").log().contains("CAP_NET_ADMIN"),
        "it says so"
    );
}

/// As if somebody had got hold of the daemon, or of a folder on its way: it is led elsewhere, and its
/// privileges would let it.
#[test]
#[ignore = "needs root, network namespaces, Landlock: run by .ci/run"]
fn files_that_are_not_its_own_stay_as_they_are() {
    let mut lab = Lab::new(&["A"]);
    let elsewhere = Elsewhere::new(&lab);
    let told = elsewhere.0.join("told");
    let script = lab.file("notify.sh");
    program(&script, &format!("echo $3 >>{}", told.display()));
    let own = lab.file("own");
    fs::create_dir(&own).expect("there is room");
    let dump = format!("state_dump_file {}/data", own.display());
    let notify = format!("notify {} root", script.display());
    lab.start("A", Kind::Locum, &with(&dump, "", &notify));
    lab.await_holders(VIP, &["A"], SOON);
    lab.daemon("A").signal(Signal::SIGUSR1);
    holds(&mut lab, "own/data", "State = MASTER");
    // A script of root's does there what it likes.
    holds(&mut lab, &told.display().to_string(), "MASTER");
    fs::rename(&own, lab.file("before")).expect("ours");
    symlink(&elsewhere.0, &own).expect("a link");
    lab.daemon("A").signal(Signal::SIGUSR1);
    holds(&mut lab, "A.log", "can't write");
    holds(&mut lab, "A.log", "Permission denied");
    assert!(!elsewhere.0.join("data").exists(), "it has written there");
    fs::remove_file(&own).expect("ours");
    fs::rename(lab.file("before"), &own).expect("ours");
    // Nor does it believe that it could.
    let pipe = |folder: &Path| format!("{dump}\n    vrrp_notify_fifo {}/pipe", folder.display());
    reload(&mut lab, &with(&pipe(&elsewhere.0), "", &notify));
    holds(&mut lab, "A.log", "has given up changing files");
    reload(&mut lab, &with(&pipe(&own), "", &notify));
    holds(&mut lab, "A.log", "configuration reloaded");
    assert!(own.join("pipe").exists(), "the pipe");
}
