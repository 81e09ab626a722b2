//! The commands that the tests lean on.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// No command takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What has to be installed, and the package it comes in.
const TOOLS: [(&str, &str); 7] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("tcpdump", "tcpdump"),
    ("ping", "iputils-ping"),
    ("keepalived", "keepalived"),
    ("strace", "strace"),
    ("curl", "curl"),
];

/// Fails the test when it can't work here.
pub(crate) fn require() {
    assert!(
        nix::unistd::Uid::effective().is_root(),
        "these tests build network namespaces: run them as root"
    );
    for (tool, package) in TOOLS {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
        });
        assert!(found, "`{tool}` is missing: apt-get install {package}");
    }
}

/// Runs a command line, split at blanks. A kernel whose network configuration is stuck fails the test,
/// instead of holding it up for ever.
pub(crate) fn run(line: &str) -> Output {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a command");
    let child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("`{line}`: {e}"));
    let pid = Pid::from_raw(child.id().cast_signed());
    let (ended, end) = channel::<()>();
    let watch = std::thread::spawn(move || {
        let late = end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if late {
            // It hasn't been waited for, so that the number is still its own.
            let _ = kill(pid, Signal::SIGKILL);
        }
        late
    });
    let output = child.wait_with_output();
    drop(ended);
    let late = watch.join().expect("it only waits");
    assert!(!late, "`{line}` hadn't ended after {PATIENCE:?}");
    output.unwrap_or_else(|e| panic!("`{line}`: {e}"))
}

/// Runs a command line that must succeed; gives what it printed.
pub(crate) fn must(line: &str) -> String {
    let output = run(line);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{line}`: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// strace at work on a process that runs.
pub(crate) struct Strace(Child);

impl Strace {
    /// Returns when it watches. `injection` is strace's `inject=...`.
    pub(crate) fn attach(pid: Pid, injection: &str) -> Self {
        let pid = pid.to_string();
        let mut strace = Command::new("strace")
            .args(["-o", "/dev/null", "-e", injection, "-p", &pid])
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts");
        let mut lines = BufReader::new(strace.stderr.take().expect("it is piped"));
        let mut line = String::new();
        while !line.contains("attached") {
            line.clear();
            let read = lines.read_line(&mut line).expect("strace speaks");
            assert!(read > 0, "strace ended");
        }
        // It goes on speaking at its end.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self(strace)
    }

    /// Lets the process go on by itself.
    pub(crate) fn detach(mut self) {
        let id = i32::try_from(self.0.id()).expect("a process number");
        kill(Pid::from_raw(id), Signal::SIGINT).expect("it runs");
        let _ = self.0.wait();
    }

    /// Waits until the process has ended, and strace with it.
    pub(crate) fn outlive(mut self) {
        let _ = self.0.wait();
    }
}
