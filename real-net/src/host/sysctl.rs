//! Settings of interfaces under `/proc/sys/net`, and how they were before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use tracing::{debug, warn};

/// What is set on the interface below a device: it must not answer for what is on the device. The
/// last because answers leave through this interface, and its questions about their receiver would
/// say that the virtual address is at this MAC address. keepalived lets them.
const OF_BASES: [(&str, &str); 3] = [
    ("arp_ignore", "1"),
    ("arp_filter", "1"),
    ("arp_announce", "2"),
];

/// What was changed, to be changed back.
#[derive(Debug, Default)]
pub(crate) struct Sysctls {
    /// By interface and setting.
    before: BTreeMap<(String, &'static str), String>,
}

impl Sysctls {
    /// Prepares a device with a virtual MAC address, as keepalived does: it answers for its own
    /// addresses only, and takes packets whose way back is through the interface below. Over IPv6 it
    /// is silent until it gets an address of ours, and makes none of its own.
    pub(crate) fn prepare_device(name: &str) {
        // The stricter of this and the setting for all interfaces counts; 2 is the loose check.
        let all = read("ipv4", "all", "rp_filter").unwrap_or_default();
        let rp_filter = if all == "0" { "0" } else { "2" };
        let settings = [
            ("ipv6", "disable_ipv6", "1"),
            // No link-local address by itself, and nothing because of router advertisements.
            ("ipv6", "addr_gen_mode", "1"),
            ("ipv6", "accept_ra", "0"),
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

    /// Whether a device speaks IPv6. One that doesn't joins no group, so that no switch learns the
    /// virtual MAC address from the reports of a backup, and its reports that are under way are
    /// dropped with its addresses. (keepalived sends such reports with another sender.)
    pub(crate) fn speak_ipv6(name: &str, speak: bool) {
        let disabled = if speak { "0" } else { "1" };
        if let Err(e) = write("ipv6", name, "disable_ipv6", disabled) {
            warn!(interface = name, "can't set disable_ipv6: {e}");
        }
    }

    /// Whether a device forwards over IPv6.
    pub(crate) fn forwards_ipv6(name: &str) -> bool {
        read("ipv6", name, "forwarding").is_some_and(|value| value != "0")
    }

    /// Remembers how the interface below is, before it is prepared. Once.
    pub(crate) fn remember_base(&mut self, name: &str) {
        for (what, _) in OF_BASES {
            if let Some(before) = read("ipv4", name, what).filter(|before| before == "0") {
                let key = (name.to_owned(), what);
                self.before.entry(key).or_insert(before);
            }
        }
    }

    /// Prepares the interface below, as far as it was remembered.
    pub(crate) fn prepare_base(&self, name: &str) {
        for (what, value) in OF_BASES {
            if self.before.contains_key(&(name.to_owned(), what))
                && let Err(e) = write("ipv4", name, what, value)
            {
                warn!(interface = name, "can't set {what}: {e}");
            }
        }
    }

    /// What was changed on an interface, for who comes after a crash: its name and how things were.
    pub(crate) fn note(&self, name: &str) -> String {
        let mut note = name.to_owned();
        for ((_, what), value) in self.before.iter().filter(|((of, _), _)| of == name) {
            note += &format!(" {what}={value}");
        }
        note
    }

    /// Takes over what an earlier run has noted, unless somebody has changed it since.
    pub(crate) fn inherit(&mut self, note: &str) {
        let mut words = note.split(' ');
        let Some(name) = words.next() else { return };
        for word in words {
            let Some((what, before)) = word.split_once('=') else {
                continue;
            };
            let ours = OF_BASES.iter().find(|(setting, _)| *setting == what);
            if let Some((what, set)) = ours
                && read("ipv4", name, what).is_some_and(|now| now == *set)
            {
                let key = (name.to_owned(), *what);
                self.before.insert(key, before.to_owned());
            }
        }
    }

    /// The interfaces on which something was changed.
    pub(crate) fn changed(&self) -> BTreeSet<String> {
        self.before.keys().map(|(name, _)| name.clone()).collect()
    }

    /// Puts back what was set on an interface. keepalived 2.2.7 leaves the settings behind.
    pub(crate) fn restore(&mut self, name: &str) {
        for ((_, what), value) in self.before.extract_if(.., |(of, _), _| of == name) {
            if let Err(e) = write("ipv4", name, what, &value) {
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
