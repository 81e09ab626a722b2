//! The programs that do the work: iproute2, nftables, tcpdump, ping.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Failure;

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
/// so that a busy machine disturbs the timing less. It is no failure if that isn't allowed.
pub fn favour() {
    let pid = std::process::id().to_string();
    let _ = Command::new("chrt")
        .args(["-f", "-a", "-p", "10", &pid])
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
    let output = child.wait_with_output();
    let output = output.map_err(|error| failed(error.to_string()))?;
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
