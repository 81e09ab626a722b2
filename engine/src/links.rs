//! What is known of the interfaces, and what of it counts.
//!
//! With `interface_up_down_delays` a change of a link counts only once it has lasted for a while. What
//! goes with a lost link (its addresses, when it was set down or deleted) counts as lost when the loss
//! does; an address that is taken from a link which stays up is gone at once.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Config, LinkDelay};
use crate::ids::{InterfaceId, MacAddr};
use crate::input::LinkState;
use crate::plan::Moves;
use crate::time::Instant;

/// The links of all configured interfaces.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Links {
    /// By [`InterfaceId`]: what routers go by.
    counted: Vec<LinkState>,
    /// Whether that is known, or merely assumed.
    told: Vec<bool>,
    /// Changes that don't count yet.
    pending: BTreeMap<InterfaceId, Pending>,
    sources: Sources,
}

/// Which of the addresses that adverts are sent from are on this host, as far as that is known.
pub(crate) type Sources = BTreeMap<IpAddr, bool>;

/// A change that doesn't count yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Pending {
    /// How it really is.
    state: LinkState,
    /// It counts from then on, unless it is undone.
    until: Instant,
}

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It counts.
    Counts {
        /// What counted before.
        before: LinkState,
    },
    /// The link changed; that counts after a while. What else was told counts now.
    Waits {
        /// What counted before.
        before: LinkState,
        /// How long it has to last.
        by: Duration,
    },
    /// The change that waited is undone, and won't have happened.
    Undone {
        /// What counted before.
        before: LinkState,
    },
}

impl Links {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            counted: interfaces(config).map(|id| assumed(config, id)).collect(),
            told: vec![false; config.interfaces.len()],
            pending: BTreeMap::new(),
            sources: Sources::new(),
        }
    }

    /// An address is there or not. True when that is news.
    pub(crate) fn tell_source(&mut self, address: IpAddr, present: bool) -> bool {
        self.sources.insert(address, present) != Some(present)
    }

    /// What is known of the addresses that adverts are sent from.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Whether they can be those of that configuration.
    pub(crate) fn fit(&self, config: &Config) -> bool {
        [self.counted.len(), self.told.len()] == [config.interfaces.len(); 2]
            && self.pending.keys().all(|id| id.index() < self.told.len())
    }

    /// What counts, by [`InterfaceId`].
    pub(crate) fn all(&self) -> &[LinkState] {
        &self.counted
    }

    /// Whether something has been told of it.
    pub(crate) fn knows(&self, interface: InterfaceId) -> bool {
        self.told[interface.index()]
    }

    /// The next moment at which [`Links::due`] has something.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pending.values().map(|p| p.until).min()
    }

    /// Something is told of an interface. A loss waits for `patience` at most. What is told first
    /// counts at once.
    pub(crate) fn tell(
        &mut self,
        config: &Config,
        now: Instant,
        (interface, state): (InterfaceId, LinkState),
        patience: Option<Duration>,
    ) -> Told {
        let at = interface.index();
        let before = self.counted[at];
        let first = !core::mem::replace(&mut self.told[at], true);
        let delay = config.link_delays.iter().find(|d| d.interface == interface);
        let waiting = self.pending.get(&interface).map(|p| p.until);
        let waits = match (delay, waiting) {
            _ if first => None,
            (_, Some(until)) if !is_whole(&state, &before) => Some((until, false)),
            (Some(delay), None) if state.up != before.up => {
                Some((now + length(delay, state.up, patience), true))
            }
            _ => None,
        };
        match waits {
            Some((until, begins)) if now < until => {
                self.counted[at] = meanwhile(state, before);
                self.pending.insert(interface, Pending { state, until });
                match begins {
                    true => Told::Waits {
                        before,
                        by: until.saturating_since(now),
                    },
                    false => Told::Counts { before },
                }
            }
            _ => {
                self.counted[at] = state;
                self.pending.remove(&interface);
                match waiting {
                    Some(_) if state.up == before.up => Told::Undone { before },
                    _ => Told::Counts { before },
                }
            }
        }
    }

    /// The next change that has lasted long enough: which interface, and what counted before.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(InterfaceId, LinkState)> {
        let mut pending = self.pending.iter();
        let (&interface, &Pending { state, .. }) = pending.find(|(_, p)| p.until <= now)?;
        self.pending.remove(&interface);
        let counted = &mut self.counted[interface.index()];
        Some((interface, core::mem::replace(counted, state)))
    }

    /// The configuration is another. A change that waits goes on waiting, unless nothing says so any
    /// more; then it counts at the next deadline, which is now.
    pub(crate) fn move_in(&mut self, moves: &Moves, config: &Config, now: Instant) {
        let mut moved = Self::new(config);
        moved.sources = core::mem::take(&mut self.sources);
        let wanted = config.watched_sources();
        moved.sources.retain(|address, _| wanted.contains(address));
        for id in interfaces(config) {
            let Some(old) = moves.interface_before(id) else {
                moved.told[id.index()] = config.device(id).is_some();
                continue;
            };
            moved.counted[id.index()] = self.counted[old.index()];
            moved.told[id.index()] = self.told[old.index()];
            if let Some(mut pending) = self.pending.remove(&old) {
                let delay = config.link_delays.iter().find(|d| d.interface == id);
                let longest = delay.map_or(Duration::ZERO, |d| length(d, pending.state.up, None));
                pending.until = pending.until.min(now + longest);
                moved.pending.insert(id, pending);
            }
        }
        for device in &config.devices {
            // A new one is taken for a router where the interface below is one, until it is told of.
            if moves.interface_before(device.interface).is_none() {
                let forwards_ipv6 = moved.counted[device.base.index()].forwards_ipv6;
                moved.counted[device.interface.index()].forwards_ipv6 = forwards_ipv6;
            }
        }
        *self = moved;
    }
}

/// How long a change has to last.
fn length(delay: &LinkDelay, up: bool, patience: Option<Duration>) -> Duration {
    match (up, patience) {
        (true, _) => delay.up,
        (false, Some(patience)) => delay.down.min(patience),
        (false, None) => delay.down,
    }
}

/// Whether everything is as it counts: the link, and for one that is up the addresses that it had.
/// An IPv6 address comes back later than the link it was lost with.
fn is_whole(state: &LinkState, counted: &LinkState) -> bool {
    let has = |now: bool, before: bool| now || !before;
    state.up == counted.up
        && (!state.up
            || (has(state.address.is_some(), counted.address.is_some())
                && has(state.link_local.is_some(), counted.link_local.is_some())))
}

/// What counts while a change waits: of a link that is lost, what it had.
fn meanwhile(state: LinkState, before: LinkState) -> LinkState {
    if !before.up {
        return LinkState { up: false, ..state };
    }
    let gone = state.mac == MacAddr::default();
    LinkState {
        up: true,
        mac: if gone { before.mac } else { state.mac },
        address: state.address.or(before.address),
        link_local: state.link_local.or(before.link_local),
        forwards_ipv6: before.forwards_ipv6,
    }
}

/// What is assumed of an interface before anything is said of it. Devices are ours to make: there
/// until we hear otherwise.
fn assumed(config: &Config, id: InterfaceId) -> LinkState {
    let mut link = LinkState::default();
    if let Some(device) = config.device(id) {
        (link.up, link.mac) = (true, device.mac);
    }
    link
}

fn interfaces(config: &Config) -> impl Iterator<Item = InterfaceId> + use<> {
    (0..config.interfaces.len()).map(|i| InterfaceId(i as u16))
}
