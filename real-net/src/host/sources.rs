//! Addresses that adverts are sent from: whether this host has them, for `track_src_ip`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use locum_engine::config::Config;
use locum_engine::driver::HostChange;

use super::KernelHost;

/// What the engine was told of each, once it was.
pub(super) type Sources = BTreeMap<IpAddr, Option<bool>>;

impl KernelHost {
    /// Watches those of a configuration; what is known of the old one's goes along.
    pub(super) fn watch_sources(&mut self, config: &Config) {
        let told = std::mem::take(&mut self.sources);
        let known = |address: &IpAddr| told.get(address).copied().flatten();
        let wanted = config.watched_sources().into_iter();
        self.sources = wanted.map(|address| (address, known(&address))).collect();
        self.report_sources();
    }

    /// Tells of those that have come or gone.
    pub(super) fn report_sources(&mut self) {
        for (address, told) in &mut self.sources {
            let present = self.devices.hold(*address);
            if told.replace(present) != Some(present) {
                let change = HostChange::Source(*address, present);
                self.changes.push_back(change);
            }
        }
    }
}
