//! One seed, one run: in every process, and in every build of the program, to the byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Scenarios in which chance has a say.
const CHANCY: [&str; 3] = ["random-loss", "duplicated-and-corrupted", "any-day"];

const REHEARSE: &str = env!("CARGO_BIN_EXE_rehearse");

/// What a process of the program leaves behind: its output, its trace, its captures.
fn leave_behind(
    program: &str,
    scenario: &str,
    runner: &str,
    seed: u32,
) -> BTreeMap<String, Vec<u8>> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder: PathBuf =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rehearse-{process}-{count}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    let trace = folder.join("trace.txt");
    let output = Command::new(program)
        .args(["run", scenario, "--runner", runner])
        .args(["--seed", &seed.to_string()])
        .arg("--trace")
        .arg(&trace)
        .arg("--pcap")
        .arg(&folder)
        .output()
        .expect("the program can be started");
    let mut left: BTreeMap<String, Vec<u8>> = std::fs::read_dir(&folder)
        .expect("it was created")
        .map(|file| {
            let path = file.expect("it can be listed").path();
            let name = path.file_name().expect("it is a file").to_string_lossy();
            let bytes = std::fs::read(&path).expect("it can be read");
            (name.into_owned(), bytes)
        })
        .collect();
    assert!(left.len() > 4, "{scenario}: a trace and captures are left");
    left.insert("output".to_owned(), output.stdout);
    std::fs::remove_dir_all(&folder).expect("it is ours");
    left
}

fn compare(one: &str, other: &str, runner: &str) {
    for scenario in CHANCY {
        for seed in 0..3 {
            let one = leave_behind(one, scenario, runner, seed);
            let other = leave_behind(other, scenario, runner, seed);
            for (name, bytes) in &one {
                let same = other.get(name) == Some(bytes);
                assert!(same, "{scenario}, seed {seed}: {name} differs");
            }
            assert_eq!(one.len(), other.len());
        }
    }
}

#[test]
fn two_processes_leave_the_same_bytes() {
    compare(REHEARSE, REHEARSE, "event");
}

#[test]
fn another_seed_is_another_run() {
    for scenario in CHANCY {
        let trace = |seed| leave_behind(REHEARSE, scenario, "event", seed).remove("sw1.pcap");
        assert_ne!(trace(0), trace(1), "{scenario}");
    }
}

#[test]
#[ignore = "needs the program built in another profile, named by REHEARSE_OTHER; .ci/run has it"]
fn two_profiles_leave_the_same_bytes() {
    let other = std::env::var("REHEARSE_OTHER").expect("REHEARSE_OTHER names the other program");
    compare(REHEARSE, &other, "event");
    compare(REHEARSE, &other, "turmoil");
}
