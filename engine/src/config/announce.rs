//! When addresses are announced.

use core::time::Duration;

use crate::ids::InterfaceId;

/// Gratuitous ARP timing of one instance (keepalived's `garp_master_*`, `garp_lower_prio_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GarpConfig {
    /// `garp_master_delay`: from becoming master to the second burst; zero for none.
    pub delay: Duration,
    /// `garp_master_repeat`: rounds over all addresses in a burst.
    pub repeat: u32,
    /// `garp_master_refresh`: between single announcements while master; zero for none.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`: rounds in a refresh.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`: from a contest to its second burst; zero for none.
    pub contest_delay: Duration,
    /// `garp_lower_prio_repeat`: rounds in a burst after a contest; zero for none.
    pub contest_repeat: u32,
    /// `garp_extra_if all`: between single announcements of the addresses on other interfaces than
    /// the instance's own, where no advert keeps switches informed; zero for none.
    pub elsewhere: Duration,
}

/// A distance between single announcements, so that slow switches and hosts keep up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two gratuitous ARPs (`garp_interval`); zero for none.
    pub garp: Duration,
    /// Between two neighbour advertisements (`gna_interval`); zero for none.
    pub gna: Duration,
    /// The interfaces that share the distance: those of a `garp_group`, or a single one.
    pub interfaces: Vec<InterfaceId>,
}

impl Default for GarpConfig {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            contest_delay: Duration::from_secs(5),
            contest_repeat: 5,
            elsewhere: Duration::ZERO,
        }
    }
}
