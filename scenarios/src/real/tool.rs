//! The programs that do the work: iproute2, nftables, tcpdump, ping.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Failure;

/// No tool takes longer, unless the kernel's network configuration is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// What has to be installed, and the Debian package it comes in.
const TOOLS: [(&str, &str); 5] = [
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("nft", "nftables"),
    ("tcpdump", "tcpdump"),
    ("ping", "iputils-ping"),
];

/// Fails when the machine can't do it.
pub(super) fn require(daemon: &Path) -> Result<(), Failure> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err(Failure::NotRoot);
    }
    for (tool, package) in TOOLS {
        if find(Path::new(tool)).is_none() {
            let tool = tool.to_owned();
            return Err(Failure::Missing { tool, package });
        }
    }
    if find(daemon).is_none() {
        return Err(Failure::Missing {
            tool: daemon.display().to_string(),
            package: if is_keepalived(daemon) {
                "keepalived"
            } else {
                "locum (cargo build --release -p locum)"
            },
        });
    }
    Ok(())
}

/// Whether a program is keepalived, by its name.
pub(super) fn is_keepalived(daemon: &Path) -> bool {
    let name = daemon.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.contains("keepalived"))
}

/// Where a program is: as the shell would find it.
pub(super) fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return std::fs::canonicalize(program).ok();
    }
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path);
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Lets this process, and whatever it starts from now on, go before everything else on the machine,
/// so that a busy machine disturbs the timing less. It is no failure if that isn't allowed. Not with a
/// real-time policy: a tool that waits for the processor in the kernel, holding the lock on all
/// network configuration, was seen to stop every other process there for an hour.
pub fn favour() {
    let pid = std::process::id().to_string();
    let _ = Command::new("renice")
        .args(["-n", "-20", "-p", &pid])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Runs a command that has to succeed; gives what it printed.
pub(super) fn must(words: &[&str]) -> Result<String, Failure> {
    feed(words, "")
}

/// The same with an input.
pub(super) fn feed(words: &[&str], input: &str) -> Result<String, Failure> {
    let failed = |said: String| Failure::Command {
        line: words.join(" "),
        said: said.trim().to_owned(),
    };
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has seen enough closes its end; it says itself what is wrong.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = within(PATIENCE, child).map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            let status = output.status;
            Err(failed(match said.trim() {
                "" => status.to_string(),
                said => said.to_owned(),
            }))
        }
    }
}

/// Waits for a child's end, and kills it when that takes too long.
fn within(patience: Duration, child: Child) -> std::io::Result<Output> {
    let pid = Pid::from_raw(child.id().cast_signed());
    let (ended, end) = channel::<()>();
    let watch = std::thread::spawn(move || {
        let late = end.recv_timeout(patience) == Err(RecvTimeoutError::Timeout);
        if late {
            // It hasn't been waited for, so that the number is still its own.
            let _ = kill(pid, Signal::SIGKILL);
        }
        late
    });
    let output = child.wait_with_output();
    drop(ended);
    match watch.join() {
        Ok(true) => Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!(
                "killed, because it hadn't ended after {} s",
                patience.as_secs()
            ),
        )),
        _ => output,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeps(seconds: &str) -> Child {
        let mut command = Command::new("sleep");
        command.arg(seconds).stdout(Stdio::piped());
        command.spawn().expect("sleep is everywhere")
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let error = within(Duration::from_millis(10), sleeps("600")).expect_err("it was killed");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_ends_in_time_is_left_alone() {
        let output = within(Duration::from_secs(600), sleeps("0")).expect("it ended");
        assert!(output.status.success());
    }
}
