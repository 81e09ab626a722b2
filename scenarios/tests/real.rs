//! Three ways to the same frames: each recorded scenario simulated, run with real `locum`, and run with
//! real keepalived, at the same time; what the daemons sent is compared to the byte.
//!
//! Needs root, network namespaces, keepalived, tcpdump, and `locum` built beside `rehearse`
//! (`cargo build -p locum`), so a plain `cargo test` shows it as ignored. Real time is disturbed by
//! whatever else the machine does: a run may be repeated, but has to come out in the end.

#![allow(
    clippy::print_stdout,
    reason = "what was compared is of interest in a run of some minutes"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use locum_captures::recordings::{REPRODUCED, Recording};
use locum_captures::{Deviation, Frame, Listing, Options, compare, read_file, signed};
use locum_scenarios::Scenario;
use locum_sim::capture::TapPoint;
use locum_sim::run::{self, Runner, Setup};
use locum_sim::topology::SwitchId;

/// How far real time may be from virtual time, at each frame, as seen from its cause.
const TOLERANCE_NS: u64 = 20_000_000;
/// Runs at the same time: most of each is waiting.
const AT_ONCE: usize = 10;
/// So often a run is made before it counts as different.
const ATTEMPTS: usize = 8;
/// The grid on which simulated hosts act.
const GRID: Duration = Duration::from_micros(100);

/// With an advert each 100 ms the start of a process, some 30 ms, decides how many there are before the
/// cable is pulled. In real time it is pulled so much later that there are 94 ms for it.
const FAST: (&str, &str, &str) = ("v3-centiseconds", r#"at = "4s""#, r#"at = "4.055s""#);
/// keepalived knows it from 2.4 on; Debian's, which runs here, is older and wouldn't sign.
const SIGNED: &str = "auth-hmac";

#[derive(Clone, Copy, Debug)]
enum Daemon {
    Locum,
    Keepalived,
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run real"]
fn simulated_locum_and_keepalived_send_the_same() {
    let locum = Path::new(env!("CARGO_BIN_EXE_rehearse")).with_file_name("locum");
    assert!(locum.is_file(), "build it first: cargo build -p locum");
    let mut work: Vec<(&Recording, Daemon)> = REPRODUCED
        .iter()
        .flat_map(|r| [(r, Daemon::Locum), (r, Daemon::Keepalived)])
        .filter(|(r, daemon)| !r.name.starts_with(SIGNED) || matches!(daemon, Daemon::Locum))
        .collect();
    // The longest first, so that none is left over at the end.
    work.sort_by_key(|(recording, _)| std::cmp::Reverse(scenario(recording).lasts));
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((recording, daemon)) = work.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    if let Err(why) = agree(recording, *daemon) {
                        failures.lock().expect("no panic").push(why);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("the same in real time: {}", work.len());
}

/// Interrupted, it leaves nothing behind.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run real"]
fn what_is_interrupted_is_taken_down() {
    let scenario = folder("graceful-stop").join("scenario.toml");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rehearse"))
        .arg("real")
        .arg(scenario)
        .args(["--daemon", "keepalived", "--out"])
        .arg(out("interrupted"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it can be started");
    let ours = format!("rehearse{}.", child.id());
    let there = || {
        let names = std::fs::read_dir("/run/netns").into_iter().flatten();
        let names = names.flatten().map(|entry| entry.file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with(&ours))
            .count()
    };
    let begun = Instant::now();
    while there() < 5 {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "{} namespaces instead of one for each host, and one for the switch",
            there()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    // Into the run.
    std::thread::sleep(Duration::from_secs(2));
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it runs");
    let status = child.wait().expect("it was started");
    assert_eq!(status.code(), Some(2));
    assert_eq!(there(), 0);
}

/// A daemon that doesn't start is said, with its words.
#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run real"]
fn a_daemon_that_ends_by_itself_fails_the_run() {
    let output = Command::new(env!("CARGO_BIN_EXE_rehearse"))
        .args(["real", "graceful-stop", "--daemon", "/bin/false", "--out"])
        .arg(out("ended"))
        .output()
        .expect("it can be started");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("ended by itself (exit status: 1)"), "{text}");
}

fn agree(recording: &Recording, daemon: Daemon) -> Result<(), String> {
    let simulated = Listing::new(unstamped(recording, simulate(recording))?);
    let mut why = String::new();
    for attempt in 1..=ATTEMPTS {
        let expected = match for_real(recording, daemon, attempt) {
            Ok(frames) => Listing::new(unstamped(recording, frames)?),
            Err(error) => {
                why = error;
                continue;
            }
        };
        let options = Options {
            tolerance_ns: TOLERANCE_NS,
            start_ns: [Some(0), Some(0)],
        };
        let comparison = compare(&expected, &simulated, &options);
        if comparison.is_same() {
            println!("{}: {daemon:?}, attempt {attempt}", recording.name);
            return Ok(());
        }
        why = format!(
            "{}: a is real {daemon:?}, b the simulation\n{}{}",
            recording.name,
            comparison.differences_in_words(&expected, &simulated, 6),
            comparison.table(&options),
        );
    }
    Err(why)
}

/// What a real daemon sends; keepalived's with what is otherwise on purpose.
fn for_real(recording: &Recording, daemon: Daemon, attempt: usize) -> Result<Vec<Frame>, String> {
    let out = out(&format!("{}-{daemon:?}-{attempt}", recording.name));
    let command = match daemon {
        Daemon::Locum => "locum",
        Daemon::Keepalived => "keepalived",
    };
    let output = Command::new(env!("CARGO_BIN_EXE_rehearse"))
        .arg("real")
        .arg(file(recording))
        .args(["--daemon", command, "--without-pings", "--out"])
        .arg(&out)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.code() == Some(2) {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}, {daemon:?}: {said}", recording.name));
    }
    let frames = read_file(&out.join("sw1.pcap")).map_err(|error| error.to_string())?;
    let _ = std::fs::remove_dir_all(&out);
    // Whether an advert that waits for a MAC address is overtaken by the announcements behind it is a
    // race in our kernel, too.
    let ours = |deviation| deviation == Deviation::AdvertWaitsForArp;
    let deviations = recording.deviations.iter().map(|(deviation, _)| *deviation);
    let apply = |frames, deviation: Deviation| deviation.apply(frames).0;
    Ok(match daemon {
        Daemon::Locum => deviations.filter(|d| ours(*d)).fold(frames, apply),
        Daemon::Keepalived => deviations.fold(frames, apply),
    })
}

/// Without the time of day in signed adverts; each is verified.
fn unstamped(recording: &Recording, frames: Vec<Frame>) -> Result<Vec<Frame>, String> {
    let scenario = scenario(recording);
    let mut routers = scenario.topology.routers();
    let hmac = routers.find_map(|(_, router)| router.config.instances[0].hmac.clone());
    let keys = hmac.as_ref().map_or(&[][..], |hmac| &hmac.keys);
    let unstamped = signed::unstamped(frames, keys);
    let (frames, _) = unstamped.map_err(|wrong| format!("{}: {wrong}", recording.name))?;
    Ok(frames)
}

/// The scenario's file; a copy where real time needs another one.
fn file(recording: &Recording) -> PathBuf {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    match recording.name == FAST.0 {
        true => COPY.get_or_init(slower).clone(),
        false => folder(recording.name).join("scenario.toml"),
    }
}

fn slower() -> PathBuf {
    let (name, from, to) = FAST;
    let (there, here) = (folder(name), out(&format!("{name}-file")));
    std::fs::create_dir_all(&here).expect("a folder of our own");
    for conf in ["A.conf", "B.conf"] {
        std::fs::copy(there.join(conf), here.join(conf)).expect("it is there");
    }
    let text = std::fs::read_to_string(there.join("scenario.toml")).expect("it is there");
    assert_eq!(text.matches(from).count(), 1, "{text}");
    let file = here.join("scenario.toml");
    std::fs::write(&file, text.replace(from, to)).expect("a file of our own");
    file
}

fn scenario(recording: &Recording) -> Scenario {
    Scenario::load(&file(recording)).expect("it is a good one")
}

fn simulate(recording: &Recording) -> Vec<Frame> {
    let scenario = scenario(recording);
    let setup = Setup {
        topology: scenario.topology.clone(),
        plan: scenario.plan(0),
    };
    let options = run::Options {
        taps: vec![TapPoint::Segment(SwitchId(0))],
        quantum: GRID,
        ..run::Options::default()
    };
    let run = Runner::Event.run(&setup, &options);
    let frames = run.captures[0].iter().map(|(at, bytes)| Frame {
        at_ns: at.as_nanos(),
        bytes: bytes.to_vec(),
        comments: Vec::new(),
    });
    frames.collect()
}

fn folder(name: &str) -> PathBuf {
    locum_captures::recordings::folder().join(name)
}

fn out(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("real")
        .join(name)
}
