//! What operators and the host do to a running router: another priority, a drain, an address that
//! is refused or taken away.
//!
//! Not the election: a drain lowers the priority and lets the state machine decide. keepalived
//! leaves the virtual router when an address disappears; this one puts it back.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::announce::Burst;
use super::{Router, Surroundings};
use crate::event::{Announcement, Event};
use crate::ids::Priority;
use crate::output::{Effect, Output};
use crate::rare::Blank;
use crate::time::Instant;

/// How long a router stays out of the way after the kernel refused one of its addresses.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// An address that others keep removing is put back at most this often.
const PUT_BACK_PAUSE: Duration = Duration::from_secs(1);

/// A planned hand-over.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Drain {
    /// Resigns then, if still master.
    pub(crate) until: Instant,
    /// It has resigned, or was relieved.
    pub(crate) over: bool,
}

/// Addresses removed by others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct PutBack {
    pub(super) missing: Vec<IpAddr>,
    pub(super) not_before: Option<Instant>,
    /// Those among them that aren't put back (`no_track`).
    left: BTreeSet<IpAddr>,
}

impl Blank for PutBack {
    fn blank() -> &'static Self {
        static BLANK: PutBack = PutBack {
            missing: Vec::new(),
            not_before: None,
            left: BTreeSet::new(),
        };
        &BLANK
    }
}

impl PutBack {
    /// Whether somebody has removed it, and it isn't there yet.
    pub(super) fn is_gone(&self, address: IpAddr) -> bool {
        self.missing.contains(&address) || self.left.contains(&address)
    }
}

impl Router {
    /// The next moment at which a drain ends, a refused address is tried again or a missing one put
    /// back.
    pub(super) fn maintenance_deadline(&self) -> Option<Instant> {
        let drain = self
            .drain
            .filter(|d| !d.over && self.is_master())
            .map(|d| d.until);
        let refused = self.refused.map(|(_, until)| until);
        let put_back = self
            .put_back
            .not_before
            .filter(|_| !self.put_back.missing.is_empty());
        [drain, refused, put_back, self.missing.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// A crash may have left addresses behind, which somebody else may hold now: they go before
    /// this router takes part.
    pub(crate) fn clean_up(&mut self, s: &mut Surroundings<'_>) {
        self.remove_everything(s);
    }

    pub(crate) fn set_priority(&mut self, s: &mut Surroundings<'_>, priority: Option<Priority>) {
        self.override_priority = priority.map(|p| p.max(Priority::LOWEST));
        self.reconsider(s);
    }

    pub(crate) fn drain(&mut self, s: &mut Surroundings<'_>, within: Duration) {
        self.drain = Some(Drain {
            until: s.now + within,
            over: !self.is_master(),
        });
        self.reconsider(s);
    }

    pub(crate) fn resume(&mut self, s: &mut Surroundings<'_>) {
        self.drain = None;
        self.reconsider(s);
    }

    /// The kernel refused an address: whoever can't hold it must not claim it.
    pub(crate) fn address_refused(&mut self, s: &mut Surroundings<'_>, address: IpAddr) {
        if self.is_master() {
            self.refused = Some((address, s.now + REFUSED_PAUSE));
            self.reconsider(s);
        }
    }

    /// Somebody removed an address: it is put back, at once if that isn't a habit.
    pub(crate) fn address_removed(&mut self, s: &mut Surroundings<'_>, address: IpAddr) {
        let mut held = s.config.instance(self.id).held_addresses();
        let ours = held.find(|a| a.address == address);
        if ours.is_some_and(|a| a.options.untracked) {
            self.put_back.left.insert(address);
        } else if self.is_master() && ours.is_some() && !self.put_back.missing.contains(&address) {
            self.put_back.missing.push(address);
            if s.config.instance(self.id).lease.is_some() {
                // Its lifetime may be over because this router was asleep: what has arrived
                // meanwhile is read first, as before every deadline.
                self.put_back.not_before.get_or_insert(s.now);
            } else {
                self.put_back_missing(s);
            }
        }
    }

    pub(super) fn put_back_missing(&mut self, s: &mut Surroundings<'_>) {
        let waits = self.put_back.not_before.is_some_and(|at| s.now < at);
        if self.put_back.missing.is_empty() || waits || !self.is_master() {
            return;
        }
        self.put_back.not_before = Some(s.now + PUT_BACK_PAUSE);
        let missing = core::mem::take(&mut self.put_back.missing);
        let config = s.config.instance(self.id);
        for address in config.held_addresses() {
            if missing.contains(&address.address) {
                let effect = Effect::AddAddress {
                    instance: self.id,
                    address: address.clone(),
                    lifetime: config.lease,
                };
                s.out.push_back(Output::Effect(effect));
                let event = Event::AddressPutBack {
                    instance: self.id,
                    address: address.address,
                };
                s.out.push_back(Output::Event(event));
            }
        }
        self.announce(
            s,
            Burst {
                why: Announcement::PutBack,
                rounds: 1,
            },
        );
    }
}
