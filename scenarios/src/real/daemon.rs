//! A daemon's processes: started with keepalived's flags, signalled, ended.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Failure;
use super::lab::Lab;
use super::tool::is_keepalived;

/// The most of a log that is shown.
const LAST_WORDS: usize = 15;

/// A running daemon, killed when dropped.
pub(super) struct Daemon {
    child: Child,
    log: PathBuf,
    /// It was told to end.
    pub(super) dismissed: bool,
}

impl Daemon {
    /// Starts a node's daemon in its namespace. The log goes on where an earlier one ended.
    pub(super) fn start(
        namespace: &str,
        program: &Path,
        folder: &Path,
        node: &str,
    ) -> Result<Self, Failure> {
        let file = |end: &str| folder.join(format!("{node}.{end}"));
        let log = file("log");
        let open = || File::options().append(true).create(true).open(&log);
        let failed = |error| Failure::file(&log, &error);
        let mut command = Lab::command(namespace, program);
        if !is_keepalived(program) {
            // Beside the node's other files, since several nodes share this machine's.
            command.env("STATE_DIRECTORY", file("state"));
            command.arg("--control").arg(file("control"));
        }
        let child = command
            .args(["-n", "-l", "-D", "-i", node, "-f"])
            .arg(file("conf"))
            .arg("-p")
            .arg(file("pid"))
            .arg("-r")
            .arg(file("vrrp.pid"))
            .arg("-c")
            .arg(file("checkers.pid"))
            .arg("-b")
            .arg(file("bfd.pid"))
            .stdin(Stdio::null())
            .stdout(open().map_err(failed)?)
            .stderr(open().map_err(failed)?)
            // A Ctrl-C at the terminal is ours alone to act on.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Self {
            child,
            log,
            dismissed: false,
        })
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends a signal to the main process. One that has ended has no use for it.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = kill(self.pid(), signal);
    }

    /// Sends a signal to all of its processes.
    pub(super) fn signal_all(&self, signal: Signal) {
        for pid in family(self.pid()) {
            let _ = kill(pid, signal);
        }
    }

    /// Kills it, at once.
    pub(super) fn kill(&mut self) {
        self.signal_all(Signal::SIGKILL);
        let _ = self.child.wait();
    }

    /// Its exit status once it has ended.
    pub(super) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(status.to_string())
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(LAST_WORDS);
        lines[from..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process and everything below it.
fn family(of: Pid) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return vec![of];
    };
    let names = entries.flatten();
    let names = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pairs: Vec<(Pid, Pid)> = names
        .filter_map(|pid| Some((Pid::from_raw(pid), parent(pid)?)))
        .collect();
    let mut family = vec![of];
    let mut next = 0;
    while let Some(&pid) = family.get(next) {
        family.extend(
            pairs
                .iter()
                .filter(|(_, p)| *p == pid)
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    family
}

/// `pid (name) state parent ...`; the name may contain anything.
fn parent(pid: i32) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
    Some(Pid::from_raw(parent))
}
