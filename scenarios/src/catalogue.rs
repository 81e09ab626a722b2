//! The catalogue: the scenarios that come with Locum, built into the program.

/// One scenario of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it is about, as a heading.
    pub group: &'static str,
    /// The name of its file without the ending.
    pub name: &'static str,
    /// The text of its file.
    pub text: &'static str,
}

macro_rules! catalogue {
    ($($group:literal: $($name:literal),+;)+) => {
        /// Every scenario, in the order of the list.
        pub const ALL: &[Entry] = &[$($(Entry {
            group: $group,
            name: $name,
            text: include_str!(concat!("../catalogue/", $name, ".toml")),
        }),+),+];
    };
}

catalogue! {
    "The founding case":
        "founding-cable-pull",
        "founding-configuration",
        "split-brain-without-arbitration",
        "split-brain-with-arbitration",
        "node-alone";
    "Checks and arbitration":
        "gateway-blip",
        "gateway-lost",
        "web-service-fails",
        "tracked-file",
        "tracked-process",
        "gateway-dead-nobody",
        "gateway-dead-rank-order",
        "isolated-node-rank-order";
    "Daemons and machines":
        "graceful-stop",
        "drain",
        "drain-one",
        "daemon-killed",
        "hang-shorter",
        "hang-between",
        "hang-longer",
        "hang-gives-in",
        "hang-replaced",
        "master-killed-lease",
        "master-hangs-lease",
        "backup-hangs",
        "vm-paused",
        "power-failure",
        "address-removed",
        "source-address-vanishes";
    "Reloads":
        "reload-unchanged",
        "reload-priority",
        "reload-addresses",
        "reload-swapped-numbers",
        "reload-instance-removed",
        "reload-routes",
        "reload-broken-file";
    "Elections":
        "both-start-at-once",
        "startup-delay",
        "delay-after-boot",
        "equal-priorities",
        "address-owner",
        "nopreempt",
        "preempt-delay",
        "priority-flap-fast",
        "priority-flap-slow",
        "three-nodes-cascade",
        "subsecond-takeover",
        "two-missing-adverts",
        "two-checksums",
        "own-interval-as-master",
        "one-resignation",
        "address-lists-differ";
    "Networks":
        "split-that-heals",
        "split-that-heals-last-advert",
        "one-way-loss",
        "dark-cable",
        "link-flaps",
        "switch-reboot",
        "random-loss",
        "duplicated-and-corrupted",
        "clock-drift",
        "unicast",
        "one-id-two-peers",
        "paced-announcements",
        "another-group";
    "Gateways between two networks":
        "gateway-pair",
        "gateway-pair-uplink",
        "gateway-pair-weights";
    "What a master has besides":
        "virtual-mac",
        "no-accept",
        "virtual-routes";
    "IPv6":
        "ipv6-failover",
        "ipv6-unicast",
        "dual-stack",
        "v2-over-ipv6";
    "Neighbours":
        "wrong-password",
        "wrong-password-flood",
        "hmac-key-change",
        "replayed-adverts",
        "wrong-clock",
        "clock-jumps",
        "forged-from-afar";
    "Chance":
        "any-day";
}

/// The scenario of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the catalogue is a folder")
            .map(|file| file.expect("it can be listed").file_name())
            .filter_map(|name| Some(name.to_str()?.strip_suffix(".toml")?.to_owned()))
            .collect();
        files.sort();
        let mut listed: Vec<&str> = ALL.iter().map(|entry| entry.name).collect();
        listed.sort_unstable();
        assert_eq!(listed, files);
    }
}
