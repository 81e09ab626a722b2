//! A master's addresses are leased: refreshed while it is alive and well, and gone by the kernel's
//! own clock when it isn't.

use super::{Router, Surroundings};
use crate::config::refresh_period;
use crate::lease;
use crate::output::{Effect, Output};
use crate::time::Instant;

impl Router {
    /// When [`Router::refresh`] is due; `None` unless it holds leased addresses.
    pub(crate) fn refresh_at(&self) -> Option<Instant> {
        self.refresh_at
    }

    /// The addresses have just been added.
    pub(super) fn lease_begins(&mut self, s: &Surroundings<'_>) {
        let config = s.config.instance(self.id);
        let lease = config
            .lease
            .filter(|_| config.held_addresses().next().is_some());
        self.refresh_at = lease.map(|l| lease::first(self.id, s.now, refresh_period(l)));
    }

    /// Prolongs the lease of every address. Only on a deadline of its own, when everything that has
    /// arrived is known: whoever has been replaced prolongs nothing.
    pub(crate) fn refresh(&mut self, s: &mut Surroundings<'_>) {
        let config = s.config.instance(self.id);
        let Some(lifetime) = config.lease else {
            self.refresh_at = None;
            return;
        };
        self.refresh_at = Some(lease::next(s.now, refresh_period(lifetime)));
        let gone = |address| self.put_back.is_gone(address);
        for address in config.held_addresses() {
            if !gone(address.address) {
                self.stats.refreshed += 1;
                s.out.push_back(Output::Effect(Effect::RefreshAddress {
                    instance: self.id,
                    address: address.clone(),
                    lifetime,
                }));
            }
        }
    }

    /// Lets go of them all.
    pub(super) fn remove_addresses(&self, s: &mut Surroundings<'_>) {
        for address in s.config.instance(self.id).held_addresses() {
            let effect = Effect::RemoveAddress {
                instance: self.id,
                address: address.clone(),
            };
            s.out.push_back(Output::Effect(effect));
        }
    }
}
