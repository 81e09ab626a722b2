//! Two nodes, cables between them, and a daemon on each.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Two namespaces, A and B; removed when dropped.
pub(crate) struct Lab {
    tag: String,
    folder: PathBuf,
    daemons: Vec<(char, Child)>,
}

/// Runs a command of several words; its output.
pub(crate) fn sh(command: &str) -> Result<String, String> {
    let output = Command::new("sh").args(["-c", command]).output();
    let output = output.map_err(|e| format!("sh: {e}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command}: {}", why.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Lab {
    /// Node A is 172.16.I.1 and node B 172.16.I.2 on interface `eI`.
    pub(crate) fn new(name: &str, interfaces: u32) -> Result<Self, String> {
        let tag = format!("scale{}{name}", std::process::id());
        let folder = std::env::temp_dir().join(&tag);
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let lab = Self {
            tag,
            folder,
            daemons: Vec::new(),
        };
        let (a, b) = (lab.node('A'), lab.node('B'));
        for node in [&a, &b] {
            sh(&format!(
                "ip netns add {node} && ip -n {node} link set lo up"
            ))?;
        }
        for i in 0..interfaces {
            sh(&format!(
                "ip -n {a} link add e{i} type veth peer name e{i} netns {b}"
            ))?;
            for (node, last) in [(&a, 1), (&b, 2)] {
                sh(&format!(
                    "ip -n {node} addr add 172.16.{i}.{last}/24 dev e{i} && ip -n {node} link set e{i} up"
                ))?;
            }
        }
        sleep(Duration::from_millis(1500));
        Ok(lab)
    }

    /// The namespace.
    pub(crate) fn node(&self, node: char) -> String {
        format!("{}{node}", self.tag)
    }

    /// A file of this run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts a daemon on a node.
    pub(crate) fn start(&mut self, node: char, daemon: &str, conf: &str) -> Result<(), String> {
        let path = |end: &str| self.file(&format!("{node}.{end}"));
        let failed = |e: std::io::Error| format!("{daemon}: {e}");
        fs::write(path("conf"), conf).map_err(failed)?;
        let log = File::create(path("log")).map_err(failed)?;
        let child = Command::new("ip")
            .args(["netns", "exec", &self.node(node), daemon, "-n", "-l", "-f"])
            .arg(path("conf"))
            .arg("-p")
            .arg(path("pid"))
            .arg("-r")
            .arg(path("vrrp.pid"))
            .arg("-c")
            .arg(path("checkers.pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        self.daemons.push((node, child));
        Ok(())
    }

    /// Everything a daemon has logged.
    pub(crate) fn log(&self, node: char) -> String {
        let log = fs::read(self.file(&format!("{node}.log"))).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The daemon's processes.
    pub(crate) fn processes(&self, node: char) -> Vec<u32> {
        let started = self.daemons.iter().rev().find(|(n, _)| *n == node);
        let mut found: Vec<u32> = started.map(|(_, child)| child.id()).into_iter().collect();
        let mut at = 0;
        while let Some(&process) = found.get(at) {
            let children = format!("/proc/{process}/task/{process}/children");
            let children = fs::read_to_string(children).unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|p| p.parse::<u32>().ok()),
            );
            at += 1;
        }
        found
    }

    /// Sends a signal to the daemon's first process, or to all of them.
    pub(crate) fn signal(&self, node: char, signal: &str, all: bool) -> Result<(), String> {
        let count = if all { usize::MAX } else { 1 };
        for process in self.processes(node).into_iter().take(count) {
            sh(&format!("kill -{signal} {process}"))?;
        }
        Ok(())
    }

    /// How many virtual addresses a node has.
    pub(crate) fn addresses(&self, node: char) -> u32 {
        let command = format!(
            "ip -n {} -4 -o addr show | grep -c 'inet 10[.]'",
            self.node(node)
        );
        // Nothing found is a failure of grep's.
        let count = sh(&format!("{command} || true")).unwrap_or_default();
        count.trim().parse().unwrap_or(0)
    }

    /// Waits until a node has at least so many; the seconds since `since`.
    pub(crate) fn await_addresses(
        &self,
        node: char,
        count: u32,
        since: Instant,
        limit: Duration,
    ) -> Option<f64> {
        while since.elapsed() < limit {
            if self.addresses(node) >= count {
                return Some(since.elapsed().as_secs_f64());
            }
            sleep(Duration::from_millis(20));
        }
        None
    }

    /// Processor time so far, in seconds, of all of a daemon's processes.
    pub(crate) fn processor(&self, node: char) -> f64 {
        /// The unit of /proc/PID/stat, on every Linux.
        const TICKS_PER_SECOND: f64 = 100.0;
        let ticks = |process: u32| -> Option<f64> {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let (_, fields) = stat.rsplit_once(')')?;
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let field = |at: usize| fields.get(at)?.parse::<f64>().ok();
            Some(field(11)? + field(12)?)
        };
        let all = self.processes(node).into_iter().filter_map(ticks);
        all.sum::<f64>() / TICKS_PER_SECOND
    }

    /// Memory in MiB: what is shared among processes is counted once.
    pub(crate) fn memory(&self, node: char) -> f64 {
        let kib = |process: u32| -> Option<f64> {
            let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
            let line = text.lines().find(|line| line.starts_with("Pss:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let all = self.processes(node).into_iter().filter_map(kib);
        all.sum::<f64>() / 1024.0
    }

    /// Ends all daemons.
    pub(crate) fn stop(&mut self) {
        for node in ['A', 'B'] {
            let _ = self.signal(node, "TERM", false);
        }
        for (_, child) in &mut self.daemons {
            let since = Instant::now();
            while child.try_wait().is_ok_and(|ended| ended.is_none())
                && since.elapsed() < Duration::from_secs(20)
            {
                sleep(Duration::from_millis(20));
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for node in ['A', 'B'] {
            let node = self.node(node);
            let _ = sh(&format!("ip netns pids {node} | xargs -r kill -9"));
        }
        for (_, child) in &mut self.daemons {
            let _ = child.wait();
        }
        for node in ['A', 'B'] {
            let _ = sh(&format!("ip netns del {}", self.node(node)));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
