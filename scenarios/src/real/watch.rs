//! Sees addresses come and go on the nodes: `ip monitor`, one for each.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::SystemTime;

use locum_sim::topology::HostId;

use super::Failure;
use super::lab::Lab;

/// An address has come or gone.
pub(super) struct Change {
    pub(super) at: SystemTime,
    pub(super) host: HostId,
    pub(super) address: IpAddr,
    pub(super) there: bool,
}

/// Every watcher; they end when dropped.
pub(super) struct Watch {
    children: Vec<Child>,
    changes: Receiver<Change>,
}

impl Watch {
    /// Watches the nodes.
    pub(super) fn new(lab: &Lab) -> Result<Self, Failure> {
        let (sender, changes) = channel();
        let mut watch = Self {
            children: Vec::new(),
            changes,
        };
        for (host, _) in lab.topology.routers() {
            let child = follow(&lab.host(host), host, sender.clone())?;
            watch.children.push(child);
        }
        Ok(watch)
    }

    /// What was seen so far.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> + '_ {
        self.changes.try_iter()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn follow(namespace: &str, host: HostId, sender: Sender<Change>) -> Result<Child, Failure> {
    let mut child = Command::new("ip")
        .args(["-n", namespace, "-o", "monitor", "address"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::Command {
            line: "ip monitor".to_owned(),
            said: error.to_string(),
        })?;
    let stdout = child.stdout.take().expect("it is piped");
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { return };
            let at = SystemTime::now();
            let Some((address, there)) = read(&line) else {
                continue;
            };
            let change = Change {
                at,
                host,
                address,
                there,
            };
            if sender.send(change).is_err() {
                return;
            }
        }
    });
    Ok(child)
}

/// `Deleted 2: eth0    inet 192.168.0.200/24 scope global secondary eth0\ ...`
fn read(line: &str) -> Option<(IpAddr, bool)> {
    let there = !line.starts_with("Deleted");
    let mut words = line.split_whitespace();
    words.find(|word| *word == "inet" || *word == "inet6")?;
    let address = words.next()?;
    let (address, _) = address.split_once('/').unwrap_or((address, ""));
    Some((address.parse().ok()?, there))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ip_monitor_are_read() {
        let line = "2: eth0    inet 192.168.0.200/24 scope global secondary eth0\\       valid_lft forever";
        let address: IpAddr = [192, 168, 0, 200].into();
        assert_eq!(read(line), Some((address, true)));
        assert_eq!(read(&format!("Deleted {line}")), Some((address, false)));
        let line =
            "2: eth0    inet6 fe80::1/64 scope link proto kernel_ll \\       valid_lft forever";
        assert_eq!(read(line).map(|(a, _)| a.is_ipv6()), Some(true));
        assert_eq!(read("2: eth0: <BROADCAST> mtu 1500"), None);
    }
}
