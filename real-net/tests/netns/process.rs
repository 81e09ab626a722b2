//! A daemon on a node: `locum`, or keepalived with the same arguments.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Whose daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Locum,
    Keepalived,
}

/// One running daemon. Killed when dropped.
pub(crate) struct Process {
    node: &'static str,
    child: Child,
    log: PathBuf,
    pid_file: PathBuf,
    configuration: PathBuf,
    control: PathBuf,
}

impl Process {
    /// `under` is a command line that the daemon's is appended to, empty as a rule.
    pub(crate) fn start(
        folder: &Path,
        namespace: &str,
        node: &'static str,
        kind: Kind,
        configuration: &str,
        under: &[&str],
    ) -> Self {
        let file = |end: &str| folder.join(format!("{node}.{end}"));
        fs::write(file("conf"), configuration).expect("a configuration");
        let program = match kind {
            Kind::Locum => env!("CARGO_BIN_EXE_locum"),
            Kind::Keepalived => "keepalived",
        };
        let log = File::options()
            .append(true)
            .create(true)
            .open(file("log"))
            .expect("a log");
        // `ip netns exec` becomes the daemon: signals go to it directly.
        let child = Command::new("ip")
            .args(["netns", "exec", namespace])
            .env("STATE_DIRECTORY", file("state"))
            .args(under)
            .args([program, "-n", "-l", "-D", "-f"])
            .arg(file("conf"))
            .arg("-p")
            .arg(file("pid"))
            .arg("-r")
            .arg(file("vrrp.pid"))
            .arg("-c")
            .arg(file("checkers.pid"))
            .args(match kind {
                Kind::Locum => vec!["--control".into(), file("control")],
                Kind::Keepalived => vec![],
            })
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{program}: {e}"));
        Self {
            node,
            child,
            log: file("log"),
            pid_file: file("pid"),
            configuration: file("conf"),
            control: file("control"),
        }
    }

    pub(crate) const fn node(&self) -> &'static str {
        self.node
    }

    /// Everything it has logged on this node.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn pid_file(&self) -> &Path {
        &self.pid_file
    }

    pub(crate) fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// Where `locum status` and the other commands reach it.
    pub(crate) fn control(&self) -> &Path {
        &self.control
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs");
    }

    /// Waits for its end; fails after `limit`.
    pub(crate) fn await_end(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            assert!(start.elapsed() < limit, "{} doesn't end", self.node);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
