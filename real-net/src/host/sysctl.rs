//! Settings of interfaces under `/proc/sys/net`, and how they were before.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use tracing::{debug, warn};

/// What was changed, to be changed back.
#[derive(Debug, Default)]
pub(crate) struct Sysctls {
    before: BTreeMap<String, String>,
}

impl Sysctls {
    /// Prepares a device with a virtual MAC address, as keepalived does: it answers for its own
    /// addresses only, takes packets whose way back is through the interface below, and has no
    /// IPv6 of its own.
    pub(crate) fn prepare_device(&self, name: &str) {
        // The stricter of this and the setting for all interfaces counts; 2 is the loose check.
        let all = read("ipv4", "all", "rp_filter").unwrap_or_default();
        let rp_filter = if all == "0" { "0" } else { "2" };
        let settings = [
            ("ipv6", "disable_ipv6", "1"),
            ("ipv4", "arp_ignore", "1"),
            ("ipv4", "accept_local", "1"),
            ("ipv4", "promote_secondaries", "1"),
            ("ipv4", "rp_filter", rp_filter),
        ];
        for (family, what, value) in settings {
            if let Err(e) = write(family, name, what, value) {
                // A kernel without IPv6 has nothing to switch off.
                debug!(interface = name, "can't set {what}: {e}");
            }
        }
    }

    /// Prepares the interface below: it must not answer for what is on the device. Once.
    pub(crate) fn prepare_base(&mut self, name: &str) {
        // The last: answers leave through this interface, and its questions about their receiver
        // would say that the virtual address is at this MAC address. keepalived lets them.
        for (what, value) in [
            ("arp_ignore", "1"),
            ("arp_filter", "1"),
            ("arp_announce", "2"),
        ] {
            let key = format!("{name}/{what}");
            if self.before.contains_key(&key) {
                continue;
            }
            match read("ipv4", name, what) {
                Some(before) if before == "0" => {
                    if let Err(e) = write("ipv4", name, what, value) {
                        warn!(interface = name, "can't set {what}: {e}");
                        continue;
                    }
                    self.before.insert(key, before);
                }
                Some(_) | None => {}
            }
        }
    }

    /// Puts everything back. keepalived 2.2.7 leaves the settings behind.
    pub(crate) fn restore(&mut self) {
        for (key, value) in std::mem::take(&mut self.before) {
            if let Some((name, what)) = key.rsplit_once('/')
                && let Err(e) = write("ipv4", name, what, &value)
            {
                debug!(interface = name, "can't set {what} back: {e}");
            }
        }
    }
}

fn path(family: &str, name: &str, what: &str) -> String {
    format!("/proc/sys/net/{family}/conf/{name}/{what}")
}

fn read(family: &str, name: &str, what: &str) -> Option<String> {
    let text = fs::read_to_string(path(family, name, what)).ok()?;
    Some(text.trim().to_owned())
}

fn write(family: &str, name: &str, what: &str, value: &str) -> io::Result<()> {
    fs::write(path(family, name, what), value)
}
