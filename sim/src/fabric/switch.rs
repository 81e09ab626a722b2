//! A learning switch: which station is behind which port.
//!
//! It learns from source addresses, forgets by age and (if so configured) when a port loses
//! carrier, and floods what it doesn't know and everything addressed to a group. No spanning
//! tree: loops are the topology's mistake, and are cut short by [`HOPS_MAX`].

use core::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::MacAddr;

use super::cable::Way;
use crate::topology::{CableId, SwitchSpec};

/// How many cables a frame may cross; more is a loop.
pub(crate) const HOPS_MAX: u8 = 16;

/// Entries of the table; stations beyond that are flooded to.
const TABLE_MAX: usize = 1024;

/// A port, by the cable in it and the way that frames take when they leave through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) cable: CableId,
    pub(crate) out: Way,
}

/// A switch's state.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub(crate) on: bool,
    /// Counts reboots: the end of an earlier one is not the end of this one.
    pub(crate) epoch: u32,
    pub(crate) ports: Vec<Port>,
    pub(crate) flush_on_carrier_loss: bool,
    ageing: Duration,
    table: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    mac: MacAddr,
    port: usize,
    seen: Instant,
}

impl Switch {
    pub(crate) const fn new(spec: &SwitchSpec, ports: Vec<Port>) -> Self {
        Self {
            on: true,
            epoch: 0,
            ports,
            flush_on_carrier_loss: spec.flush_on_carrier_loss,
            ageing: spec.ageing,
            table: Vec::new(),
        }
    }

    /// Takes a frame in through a port; answers with the port it leaves by, or `None` to flood it
    /// through all others.
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        port: usize,
        source: MacAddr,
        destination: MacAddr,
    ) -> Option<usize> {
        self.learn(now, port, source);
        if destination.is_group() {
            return None;
        }
        let entry = self.table.iter().find(|entry| entry.mac == destination)?;
        self.is_fresh(now, entry).then_some(entry.port)
    }

    /// Forgets what was learned on the port of that cable.
    pub(crate) fn flush(&mut self, cable: CableId) {
        let ports = &self.ports;
        self.table.retain(|entry| ports[entry.port].cable != cable);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
    }

    fn learn(&mut self, now: Instant, port: usize, mac: MacAddr) {
        if let Some(entry) = self.table.iter_mut().find(|entry| entry.mac == mac) {
            entry.port = port;
            entry.seen = now;
            return;
        }
        if self.table.len() >= TABLE_MAX {
            let ageing = self.ageing;
            self.table
                .retain(|entry| now.saturating_since(entry.seen) < ageing);
        }
        if self.table.len() < TABLE_MAX {
            self.table.push(Entry {
                mac,
                port,
                seen: now,
            });
        }
    }

    fn is_fresh(&self, now: Instant, entry: &Entry) -> bool {
        now.saturating_since(entry.seen) < self.ageing
    }
}
