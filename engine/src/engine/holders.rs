//! Who may hold an address: found without asking everybody.

use core::net::IpAddr;

use crate::config::Config;
use crate::ids::InstanceId;

/// Every address of every instance, sorted.
#[derive(Debug)]
pub(super) struct Holders(Box<[(IpAddr, InstanceId)]>);

impl Holders {
    pub(super) fn new(config: &Config) -> Self {
        let each = super::ids(config).flat_map(|id| {
            let held = config.instance(id).held_addresses();
            held.map(move |held| (held.address, id))
        });
        let mut list: Vec<_> = each.collect();
        list.sort_unstable();
        list.dedup();
        Self(list.into())
    }

    /// The instances that have the address, in the order of the configuration.
    pub(super) fn of(&self, address: IpAddr) -> Vec<InstanceId> {
        let start = self.0.partition_point(|(held, _)| *held < address);
        let these = self.0[start..].iter();
        let these = these.take_while(|(held, _)| *held == address);
        these.map(|(_, id)| *id).collect()
    }
}
