//! What a machine does to a daemon: garbage in its configuration, a disk that is full, interfaces that
//! go and come, a kernel that refuses. It goes on, says what is wrong, and recovers by itself.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::lab::Lab;
use crate::process::Kind::Locum;
use crate::table::side_by_side;
use crate::tool::{Strace, must, run};
use crate::{SOON, VIP, founding};

/// The founding pair, quicker: version 3, five adverts a second.
fn quick(node: &str) -> String {
    let authentication =
        "    authentication {\n        auth_type PASS\n        auth_pass 1111\n    }\n";
    founding(node)
        .replace(authentication, "")
        .replace("advert_int 1", "version 3\n    advert_int 0.2")
}

fn pair() -> Lab {
    let mut lab = Lab::new(&["A", "B"]);
    start(&mut lab);
    lab
}

fn start(lab: &mut Lab) {
    lab.start("A", Locum, &quick("A"));
    lab.start("B", Locum, &quick("B"));
    lab.await_holders(VIP, &["A"], SOON);
}

/// Waits until a node's log has `times` lines with these words.
fn await_log(lab: &mut Lab, node: &str, words: &str, times: usize) {
    let start = Instant::now();
    loop {
        let log = lab.daemon(node).log();
        if log.matches(words).count() >= times {
            return;
        }
        assert!(start.elapsed() < SOON, "no {times} x `{words}`: {log}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn garbage_in_place_of_the_configuration_changes_nothing() {
    let mut lab = pair();
    let file = lab.daemon("A").configuration().to_owned();
    let noise: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(n) / 7) as u8)
        .collect();
    let cut = quick("A").len() - 20;
    type Spoil<'a> = &'a dyn Fn(&Path);
    let ways: [(&str, Spoil<'_>); 8] = [
        ("nothing", &|file| fs::write(file, "").expect("it is ours")),
        ("noise", &|file| {
            fs::write(file, &noise).expect("it is ours")
        }),
        ("zeros", &|file| {
            fs::write(file, [0; 5000]).expect("it is ours")
        }),
        ("half of it", &|file| {
            fs::write(file, &quick("A")[..cut]).expect("it is ours");
        }),
        ("no file", &|_| {}),
        ("a folder", &|file| {
            fs::create_dir(file).expect("there is room")
        }),
        ("a pipe", &|file| {
            mkfifo(file, Mode::S_IRWXU).expect("there is room")
        }),
        ("no end", &|file| {
            symlink("/dev/zero", file).expect("there is room")
        }),
    ];
    for (number, (what, spoil)) in ways.iter().enumerate() {
        let _ = fs::remove_file(&file);
        spoil(&file);
        lab.daemon("A").signal(Signal::SIGHUP);
        eprintln!("{what}");
        await_log(&mut lab, "A", "the old configuration stays", number + 1);
        assert_eq!(lab.holders(VIP), ["A"], "{what}");
        let _ = fs::remove_dir(&file);
    }
    let _ = fs::remove_file(&file);
    fs::write(&file, quick("A").replace("priority 100", "priority 50")).expect("it is ours");
    lab.daemon("A").signal(Signal::SIGHUP);
    lab.await_holders(VIP, &["B"], SOON);
    let log = lab.daemon("A").log();
    assert_eq!(log.matches("-> master").count(), 1, "{log}");
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn an_interface_is_renamed_deleted_and_flaps() {
    let lab = pair();
    let here = lab.namespace("A");
    let rename = |from: &str, to: &str| {
        must(&format!("ip -n {here} link set {from} down"));
        must(&format!("ip -n {here} link set {from} name {to}"));
        must(&format!("ip -n {here} link set {to} up"));
    };
    rename("eth0", "eth7");
    // What was on it is taken away, whatever its name is now.
    lab.await_holders(VIP, &["B"], SOON);
    lab.stays(VIP, &["B"], Duration::from_secs(2));
    rename("eth7", "eth0");
    lab.await_holders(VIP, &["A"], SOON);
    for _ in 0..2 {
        must(&format!("ip -n {here} link del eth0"));
        lab.await_holders(VIP, &["B"], SOON);
        lab.connect("A");
        lab.await_holders(VIP, &["A"], SOON);
    }
    for round in 0..40 {
        lab.pull("A");
        std::thread::sleep(Duration::from_millis(round * 7 % 60));
        lab.plug("A");
        std::thread::sleep(Duration::from_millis(round * 11 % 90));
    }
    lab.await_holders(VIP, &["A"], SOON);
    lab.stays(VIP, &["A"], Duration::from_secs(1));
}

/// Logs, pid files, dumps and everything else are on it.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_disk_that_is_full_stops_nobody() {
    let mut lab = Lab::new(&["A", "B"]);
    let folder = lab.folder().display().to_string();
    must(&format!("mount -t tmpfs -o size=64k tmpfs {folder}"));
    let unmount = Unmount(folder.clone());
    let dump = lab.folder().join("data");
    let dumps = format!("global_defs {{\n    state_dump_file {}", dump.display());
    let configuration = quick("A").replacen("global_defs {", &dumps, 1);
    lab.start("A", Locum, &configuration);
    lab.start("B", Locum, &quick("B"));
    lab.await_holders(VIP, &["A"], SOON);
    let rest = lab.folder().join("rest");
    let full = fs::write(&rest, [1; 200_000]).expect_err("it is smaller");
    assert_eq!(full.raw_os_error(), Some(libc::ENOSPC));
    lab.daemon("A").signal(Signal::SIGUSR1);
    for _ in 0..3 {
        lab.pull("A");
        lab.await_holders(VIP, &["B"], SOON);
        lab.plug("A");
        lab.await_holders(VIP, &["A"], SOON);
    }
    lab.daemon("A").signal(Signal::SIGHUP);
    lab.stays(VIP, &["A"], Duration::from_secs(1));
    // With room again, it writes again.
    fs::remove_file(&rest).expect("it is ours");
    lab.daemon("A").signal(Signal::SIGUSR1);
    let start = Instant::now();
    while !fs::read_to_string(&dump).is_ok_and(|text| text.contains("State = MASTER")) {
        assert!(start.elapsed() < SOON, "{:?}", fs::read_to_string(&dump));
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.daemon("A").signal(Signal::SIGTERM);
    let end = lab.daemon("A").await_end(SOON);
    assert!(end.success(), "{end}");
    lab.await_holders(VIP, &["B"], SOON);
    assert!(!lab.daemon("A").pid_file().exists(), "the pid file");
    drop(lab);
    drop(unmount);
}

struct Unmount(String);

impl Drop for Unmount {
    fn drop(&mut self) {
        run(&format!("umount -l {}", self.0));
    }
}

/// So many of the kernel's answers are false: which call, which error, which of the calls.
const REFUSALS: [(&str, &str, &str); 8] = [
    ("sendto", "ENOBUFS", "1+2"),
    ("sendto", "ENOMEM", "1+3"),
    ("sendto", "EPERM", "1+1"),
    ("sendto", "ENETDOWN", "1+1"),
    ("recvfrom", "ENOBUFS", "1+2"),
    ("recvfrom", "ENOMEM", "1+1"),
    ("recvfrom", "EINTR", "1+2"),
    ("epoll_wait", "EINTR", "1+2"),
];

#[test]
#[ignore = "needs root, network namespaces, strace: run by .ci/run"]
fn a_kernel_that_refuses_is_asked_again() {
    side_by_side(
        &REFUSALS,
        |(call, error, when)| format!("{call}, {error}, {when}"),
        |(call, error, when)| refused(&format!("inject={call}:error={error}:when={when}")),
    );
}

fn refused(injection: &str) {
    let mut lab = pair();
    let pid = lab.daemon("A").pid();
    let strace = Strace::attach(pid, injection);
    std::thread::sleep(Duration::from_millis(700));
    lab.pull("A");
    std::thread::sleep(Duration::from_millis(1500));
    lab.plug("A");
    std::thread::sleep(Duration::from_millis(1500));
    let busy = processor_time(pid);
    std::thread::sleep(Duration::from_secs(1));
    let busy = processor_time(pid) - busy;
    strace.detach();
    // It doesn't ask as fast as it can.
    assert!(busy < Duration::from_millis(500), "{busy:?} in a second");
    // An address that was refused is tried again after ten seconds.
    lab.await_holders(VIP, &["A"], SOON * 2);
    lab.stays(VIP, &["A"], Duration::from_secs(1));
    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);
}

/// What a process has used so far.
fn processor_time(pid: Pid) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    // Of proc_pid_stat(5) the 14th and 15th, in hundredths of a second; the third is at 1.
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    Duration::from_millis((ticks(12) + ticks(13)) * 10)
}

/// The kernel itself refuses: no IPv6 on this interface. The peer serves until it may.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn who_is_refused_an_address_lets_the_other_one_serve() {
    let mut lab = Lab::new(&["A", "B"]);
    let both = |node: &str| {
        let more = "    }\n    virtual_ipaddress_excluded {\n        2001:db8::200/64\n    }\n}\n";
        let text = quick(node);
        let end = text.rfind("    }\n}").expect("its end");
        format!("{}{more}", &text[..end])
    };
    let ipv6 = |lab: &Lab, on: u8| {
        let here = lab.namespace("A");
        let setting = format!("net.ipv6.conf.eth0.disable_ipv6={}", 1 - on);
        must(&format!("ip netns exec {here} sysctl -q -w {setting}"));
    };
    ipv6(&lab, 0);
    lab.start("B", Locum, &both("B"));
    lab.await_holders(VIP, &["B"], SOON);
    lab.start("A", Locum, &both("A"));
    await_log(&mut lab, "A", "the kernel refused", 1);
    lab.await_holders(VIP, &["B"], SOON);
    lab.stays(VIP, &["B"], Duration::from_secs(3));
    ipv6(&lab, 1);
    lab.await_holders(VIP, &["A"], SOON * 2);
    lab.await_holders("2001:db8::200", &["A"], SOON);
}
