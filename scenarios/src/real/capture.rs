//! Captures: tcpdump on every bridge and every NIC, where the simulation has its taps.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use locum_engine::Instant;
use locum_sim::topology::{HostId, SwitchId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Failure;
use super::lab::Lab;
use super::stage::Clock;
use crate::performance::Frames;

/// tcpdump at one place; ends when dropped.
pub(super) struct Capture {
    /// The switch or the host.
    pub(super) name: String,
    /// The host, unless it is a switch.
    pub(super) host: Option<HostId>,
    child: Child,
    stderr: BufReader<ChildStderr>,
    file: PathBuf,
}

/// Starts one at each place; they are recording when this returns.
pub(super) fn everywhere(lab: &Lab, folder: &Path) -> Result<Vec<Capture>, Failure> {
    let mut captures = Vec::new();
    for (index, switch) in lab.topology.switches.iter().enumerate() {
        let device = Lab::bridge(SwitchId(index as u16));
        let place = (&*switch.name, None);
        captures.push(Capture::start(&lab.switches(), &device, place, folder)?);
    }
    for (index, spec) in lab.topology.hosts.iter().enumerate() {
        let host = HostId(index as u16);
        let place = (&*spec.name, Some(host));
        captures.push(Capture::start(
            &lab.host(host),
            lab.nic(host),
            place,
            folder,
        )?);
    }
    for capture in &mut captures {
        capture.wait()?;
    }
    Ok(captures)
}

impl Capture {
    fn start(
        namespace: &str,
        device: &str,
        (name, host): (&str, Option<HostId>),
        folder: &Path,
    ) -> Result<Self, Failure> {
        let file = folder.join(format!("{name}.tcpdump"));
        let mut child = Lab::command(namespace, "tcpdump")
            .args(["-i", device, "-n", "-U", "-Z", "root", "-B", "4096"])
            .args(["--immediate-mode", "--time-stamp-precision=nano", "-w"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| Failure::Command {
                line: "tcpdump".to_owned(),
                said: error.to_string(),
            })?;
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        Ok(Self {
            name: name.to_owned(),
            host,
            child,
            stderr,
            file,
        })
    }

    /// Until it says that it listens.
    fn wait(&mut self) -> Result<(), Failure> {
        let mut said = String::new();
        while !said.contains("listening on") {
            let read = self.stderr.read_line(&mut said);
            if !read.is_ok_and(|bytes| bytes > 0) {
                return Err(Failure::Command {
                    line: format!("tcpdump at {}", self.name),
                    said,
                });
            }
        }
        Ok(())
    }

    /// Ends it, and gives what it saw of the run, in order.
    pub(super) fn finish(mut self, clock: &Clock, lasts: Duration) -> Result<Frames, Failure> {
        self.stop();
        let frames = locum_captures::read_file(&self.file);
        let frames = frames.map_err(|error| Failure::file(&self.file, &error))?;
        let at = |ns: u64| clock.of(UNIX_EPOCH + Duration::from_nanos(ns));
        let end = Instant::ZERO + lasts;
        let mut frames: Frames = frames
            .into_iter()
            .filter_map(|frame| Some((at(frame.at_ns)?, frame.bytes.into())))
            .filter(|(at, _)| *at < end)
            .collect();
        // Each processor has a queue of its own; tcpdump reads one after the other.
        frames.sort_by_key(|(at, _)| *at);
        let _ = std::fs::remove_file(&self.file);
        Ok(frames)
    }

    fn stop(&mut self) {
        let _ = kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        let _ = self.child.wait();
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.stop();
        }
    }
}
