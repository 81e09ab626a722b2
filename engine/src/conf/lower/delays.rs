//! `interface_up_down_delays`: for which interfaces, and for how long at most.

use core::time::Duration;
use std::collections::BTreeSet;

use super::Lowering;
use crate::conf::schema::delays::DelayDraft;
use crate::config::{InstanceConfig, LinkDelay};
use crate::ids::InterfaceId;
use crate::time::Seconds;

impl Lowering<'_> {
    /// The delays of all interfaces in use; a device with a virtual MAC address has those of the
    /// interface below it. Called when all instances are known.
    pub(super) fn delays(&mut self, instances: &[InstanceConfig]) -> Vec<LinkDelay> {
        let drafts = self.drafts;
        let (mut delays, mut seen) = (Vec::new(), BTreeSet::new());
        for draft in &drafts.delays {
            let name = draft.interface.text.as_str();
            let Some(&interface) = self.interfaces.ids.get(name) else {
                let message = format!("no instance uses `{name}`: this line has no effect");
                self.report.note(draft.interface.span, message);
                continue;
            };
            if !seen.insert(interface) {
                let message = format!("`{name}` has its delays already: this line is ignored");
                self.report.warning(draft.interface.span, message);
                continue;
            }
            let (down, up) = (self.patience(draft, interface, instances), draft.up);
            if down.is_zero() && up.is_zero() {
                continue;
            }
            let over = self.devices.iter().filter(|d| d.base == interface);
            let all = core::iter::once(interface).chain(over.map(|d| d.interface));
            delays.extend(all.map(|interface| LinkDelay {
                interface,
                down,
                up,
            }));
        }
        delays
    }

    /// A loss has to count before a peer takes over because of it.
    fn patience(
        &mut self,
        draft: &DelayDraft,
        interface: InterfaceId,
        instances: &[InstanceConfig],
    ) -> Duration {
        let on_it = instances.iter().filter(|i| i.interface == interface);
        let limit = |i: &InstanceConfig| {
            let adverts = u32::from(i.tuning.down_timer_adverts).saturating_sub(1);
            i.advert_interval.duration() * adverts
        };
        let Some(first) = on_it.min_by_key(|i| limit(i)) else {
            return draft.down;
        };
        let limit = limit(first);
        if draft.down > limit {
            let message = format!(
                "a peer of `{}` may take over {} after the link is lost, its skew time added: the \
                 loss counts after {}",
                first.name,
                Seconds(limit),
                Seconds(limit)
            );
            self.report.warning(draft.span, message).hint(
                "the delay can't be longer than (down_timer_adverts - 1) x advert_int; keepalived \
                 shortens it, too",
            );
        }
        draft.down.min(limit)
    }
}
