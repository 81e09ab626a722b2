//! The recording of a daemon under faults, of one that is killed in the end: it is replayed to the
//! bit, and every decision is in it with its reason.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use locum_engine::event::{Reason, StateKind};
use locum_engine::recording::{Replay, Step, ring};
use locum_engine::{Event, Output};
use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::{must, run};
use crate::{SOON, VIP, founding};

/// A folder of this test's own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("locum-recording-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A's configuration: recorded, and in fault as long as a file is there.
fn recorded(folder: &Folder, priority: u8) -> String {
    let (recording, broken) = (folder.file("recording"), folder.file("broken"));
    let script = format!(
        "vrrp_script chk {{\n script \"/usr/bin/test ! -e {broken}\"\n interval 1\n fall 2\n rise 1\n}}\n"
    );
    founding("A")
        .replace(
            "    router_id",
            &format!("    script_user root\n    recording {recording}\n    router_id"),
        )
        .replace("vrrp_instance", &format!("{script}vrrp_instance"))
        .replace("priority 100", &format!("priority {priority}"))
        .replace(
            "advert_int 1\n",
            "advert_int 1\n track_script {\n chk\n }\n",
        )
}

/// Plays the recording, and gives back every step of it.
fn replayed(folder: &Folder) -> Vec<Step> {
    let file = fs::read(folder.file("recording")).expect("the daemon has written it");
    let mut steps = Vec::new();
    for segment in ring::segments(&file).expect("it is a recording") {
        let mut replay = Replay::new(&segment.bytes).expect("this version wrote it");
        assert!(!replay.config_differs(), "the configuration is read again");
        while let Some(step) = replay.step().expect("it is sound") {
            assert_eq!(step.difference, None, "input {}", step.number);
            assert_eq!(step.number, steps.len() as u64 + 1, "nothing is missing");
            steps.push(step);
        }
        assert!(!replay.is_closed(), "it was killed");
    }
    steps
}

#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_killed_daemon_s_recording_is_replayed_to_the_bit() {
    let folder = Folder::new();
    let mut lab = Lab::new(&["A", "B"]);
    lab.start("A", Kind::Locum, &recorded(&folder, 100));
    lab.await_holders(VIP, &["A"], SOON);
    lab.start("B", Kind::Locum, &founding("B"));
    // The cable.
    lab.pull("A");
    lab.await_holders(VIP, &["B"], SOON);
    lab.plug("A");
    lab.await_holders(VIP, &["A"], SOON);
    // The check.
    fs::write(folder.file("broken"), "").expect("a file");
    lab.await_holders(VIP, &["B"], SOON);
    fs::remove_file(folder.file("broken")).expect("it was there");
    lab.await_holders(VIP, &["A"], SOON);
    // A reload to a lower priority, and the peer is killed.
    let changed = recorded(&folder, 50);
    fs::write(lab.daemon("A").configuration(), changed).expect("a configuration");
    lab.daemon("A").signal(Signal::SIGHUP);
    lab.await_holders(VIP, &["B"], SOON);
    lab.daemon("B").signal(Signal::SIGKILL);
    lab.await_holders(VIP, &["A"], SOON);
    // A hangs, and is killed in the end.
    lab.daemon("A").signal(Signal::SIGSTOP);
    std::thread::sleep(Duration::from_secs(2));
    lab.daemon("A").signal(Signal::SIGCONT);
    std::thread::sleep(Duration::from_secs(2));
    lab.daemon("A").signal(Signal::SIGKILL);
    lab.daemon("A").await_end(SOON);

    let steps = replayed(&folder);
    let outputs = steps.iter().flat_map(|step| &step.outputs);
    let events = outputs.filter_map(|output| match output {
        Output::Event(event) => Some(event),
        _ => None,
    });
    let became: Vec<(StateKind, Reason)> = events
        .filter_map(|event| match event {
            Event::StateChanged { to, why, .. } => Some((*to, *why)),
            _ => None,
        })
        .collect();
    let says = |to: StateKind, why: fn(&Reason) -> bool| {
        let found = became
            .iter()
            .any(|(state, reason)| *state == to && why(reason));
        assert!(found, "{to}: {became:?}");
    };
    says(StateKind::Fault, |why| *why == Reason::LinkDown);
    says(StateKind::Backup, |why| *why == Reason::Recovered);
    says(StateKind::Fault, |why| {
        matches!(why, Reason::CheckFailed { .. })
    });
    says(StateKind::Backup, |why| {
        matches!(why, Reason::HigherPriority { .. })
    });
    says(StateKind::Master, |why| {
        matches!(
            why,
            Reason::MasterSilent {
                master: Some(_),
                ..
            }
        )
    });
    // Its check and its adverts wake it each second.
    let pauses = steps.windows(2);
    let pauses = pauses.map(|pair| pair[1].entry.now.saturating_since(pair[0].entry.now));
    let longest = pauses.max().expect("it was told something");
    assert!(
        longest > Duration::from_millis(1900),
        "it hung: {longest:?}"
    );
    let reloads = steps.iter().flat_map(|step| &step.outputs);
    let reloads = reloads.filter(|output| matches!(output, Output::Reloaded(_)));
    assert_eq!(reloads.count(), 1);
}

#[test]
#[ignore = "needs root, network namespaces, keepalived, tcpdump: run by .ci/run"]
fn without_a_file_of_its_own_it_goes_into_the_service_s_folder() {
    let mut lab = Lab::new(&["A"]);
    lab.start("A", Kind::Locum, &founding("A"));
    lab.await_holders(VIP, &["A"], SOON);
    let file = lab.file("A.state").join("recording");
    assert!(file.exists(), "{}", lab.daemon("A").log());
}

/// Where the recording is, there is no room for a while: the daemon serves on and says so once; what
/// isn't recorded is counted.
#[test]
#[ignore = "needs root and network namespaces: run by .ci/run"]
fn a_full_disk_makes_a_gap_and_is_said_once() {
    let mut lab = Lab::new(&["A"]);
    let disk = lab.file("disk");
    fs::create_dir(&disk).expect("there is room");
    must(&format!(
        "mount -t tmpfs -o size=64k tmpfs {}",
        disk.display()
    ));
    let _unmount = Unmount(disk.display().to_string());
    let recording = disk.join("recording");
    let option = format!("    recording {}\n    router_id", recording.display());
    lab.start(
        "A",
        Kind::Locum,
        &founding("A").replace("    router_id", &option),
    );
    lab.await_holders(VIP, &["A"], SOON);
    let rest = disk.join("rest");
    fs::write(&rest, [1; 200_000]).expect_err("it is smaller");
    let times = |lab: &mut Lab, words: &str| lab.daemon("A").log().matches(words).count();
    let await_line = |lab: &mut Lab, words: &str| {
        let start = Instant::now();
        while times(lab, words) == 0 {
            assert!(
                start.elapsed() < 3 * SOON,
                "no `{words}`: {}",
                lab.daemon("A").log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // What is left of the page that it writes into has to be filled, too.
    let gap = "the recording has a gap from here on";
    let start = Instant::now();
    while times(&mut lab, gap) == 0 {
        assert!(start.elapsed() < 3 * SOON, "{}", lab.daemon("A").log());
        lab.daemon("A").signal(Signal::SIGHUP);
        std::thread::sleep(Duration::from_millis(20));
    }
    // Some attempts later.
    lab.stays(VIP, &["A"], Duration::from_secs(5));
    assert_eq!(times(&mut lab, gap), 1);
    fs::remove_file(&rest).expect("it is ours");
    await_line(&mut lab, "recording again");
    std::thread::sleep(Duration::from_secs(2));
    lab.daemon("A").signal(Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    let file = fs::read(&recording).expect("it is there");
    let (mut last, mut missing, mut closed) = (0, 0, false);
    for segment in ring::segments(&file).expect("it is a recording") {
        let mut replay = Replay::new(&segment.bytes).expect("this version wrote it");
        missing += replay.beginning().earlier - last;
        last = replay.beginning().earlier;
        while let Some(step) = replay.step().expect("it is sound") {
            assert_eq!(step.difference, None, "input {}", step.number);
            last = step.number;
        }
        closed = replay.is_closed();
    }
    assert!(missing > 0 && closed, "{missing} of {last} are missing");
}

struct Unmount(String);

impl Drop for Unmount {
    fn drop(&mut self) {
        run(&format!("umount -l {}", self.0));
    }
}
