//! How announcements are timed: defaults, and which interfaces share a distance.
//!
//! An interface is in the first `garp_group` that names it; the others keep the distance of
//! `global_defs` each for itself, or the longest that an instance on them asks for.

use core::time::Duration;
use std::collections::BTreeMap;

use super::Lowering;
use crate::conf::schema::garp::{GarpDraft, PaceDraft};
use crate::conf::schema::instance::InstanceDraft;
use crate::config::{GarpConfig, Pace, VirtualAddress};
use crate::ids::InterfaceId;

/// The values given, with keepalived's defaults: a contest is answered as `global` has it for a
/// takeover, whatever the instance says of its own takeovers.
pub(super) fn garp(
    draft: GarpDraft,
    global: &GarpDraft,
    min: bool,
    elsewhere: Duration,
) -> GarpConfig {
    let mut default = GarpConfig::default();
    if min {
        // `vrrp_min_garp`: what isn't given is one announcement, once.
        default.delay = Duration::ZERO;
        default.repeat = 1;
    }
    let contest_delay = draft.contest_delay.or(global.delay);
    let contest_repeat = draft.contest_repeat.or(global.repeat);
    GarpConfig {
        delay: draft.delay.unwrap_or(default.delay),
        repeat: draft.repeat.unwrap_or(default.repeat),
        refresh: draft.refresh.unwrap_or(default.refresh),
        refresh_repeat: draft.refresh_repeat.unwrap_or(default.refresh_repeat),
        contest_delay: contest_delay.unwrap_or(default.delay),
        contest_repeat: contest_repeat.unwrap_or(default.repeat),
        elsewhere,
    }
}

impl Lowering<'_> {
    /// When an instance that holds those addresses announces them.
    pub(super) fn garp(
        &mut self,
        draft: &InstanceDraft,
        interface: InterfaceId,
        held: &[&[VirtualAddress]],
    ) -> GarpConfig {
        let global = &self.drafts.global;
        let given = draft.garp.or(global.garp);
        let any = held
            .iter()
            .copied()
            .flatten()
            .any(|a| a.interface != interface);
        let wanted = given.elsewhere.filter(|e| any && !e.every.is_zero());
        let elsewhere = match wanted {
            Some(wanted) if wanted.all => wanted.every,
            Some(wanted) => {
                let message = "without `all` this concerns addresses with a virtual MAC only: none \
                               are announced because of it";
                self.report.note(wanted.span, message);
                Duration::ZERO
            }
            None => Duration::ZERO,
        };
        garp(given, &global.garp, global.min_garp, elsewhere)
    }

    /// The distances of all interfaces that have one. Called when all instances are known.
    pub(super) fn pacing(&mut self) -> Vec<Pace> {
        let mut grouped = BTreeMap::new();
        let mut paces = Vec::new();
        for (number, group) in self.drafts.garp_groups.iter().enumerate() {
            let pace = Pace {
                garp: group.pace.garp.unwrap_or_default(),
                gna: group.pace.gna.unwrap_or_default(),
                interfaces: self.members(number, &mut grouped),
            };
            if pace.garp.is_zero() && pace.gna.is_zero() {
                let message = "this group sets no interval: its announcements leave without a gap";
                self.report
                    .warning(group.span, message)
                    .hint("add a line such as `garp_interval 0.01`");
            } else if group.interfaces.is_empty() {
                let message = "this group has no interfaces: it changes nothing";
                self.report
                    .warning(group.span, message)
                    .hint("add `interface NAME`, or `interfaces` with one name a line");
            } else if !pace.interfaces.is_empty() {
                paces.push(pace);
            }
        }
        paces.extend(self.single_paces(&grouped));
        paces
    }

    /// The interfaces of a group that some instance uses, each in the first group that names it.
    fn members(
        &mut self,
        number: usize,
        grouped: &mut BTreeMap<InterfaceId, usize>,
    ) -> Vec<InterfaceId> {
        let mut members = Vec::new();
        for word in &self.drafts.garp_groups[number].interfaces {
            let name = word.text.as_str();
            let Some(&id) = self.interfaces.ids.get(name) else {
                let message = format!("no instance uses `{name}`: nothing is announced there");
                self.report.warning(word.span, message);
                continue;
            };
            if *grouped.entry(id).or_insert(number) != number {
                let message =
                    format!("`{name}` is in a `garp_group` already: this one leaves it out");
                self.report.warning(word.span, message);
            } else if !members.contains(&id) {
                members.push(id);
            }
        }
        members
    }

    /// The interfaces that are in no group, each with a distance of its own.
    fn single_paces(&self, grouped: &BTreeMap<InterfaceId, usize>) -> Vec<Pace> {
        let global = self.drafts.global.garp.pace;
        let ids = self.interfaces.ids.values().copied();
        let mut ids: Vec<InterfaceId> = ids.filter(|id| !grouped.contains_key(id)).collect();
        ids.sort_unstable();
        let mut paces = Vec::new();
        for id in ids {
            let on_it = |draft: &&InstanceDraft| {
                let interface = draft.interface.as_ref();
                interface.is_some_and(|word| self.interfaces.ids.get(&*word.text) == Some(&id))
            };
            let own = self.drafts.instances.iter().filter(on_it);
            let own = own.fold(PaceDraft::default(), |sum, draft| PaceDraft {
                garp: sum.garp.max(draft.garp.pace.garp),
                gna: sum.gna.max(draft.garp.pace.gna),
            });
            let given = own.or(global);
            let pace = Pace {
                garp: given.garp.unwrap_or_default(),
                gna: given.gna.unwrap_or_default(),
                interfaces: vec![id],
            };
            if !(pace.garp.is_zero() && pace.gna.is_zero()) {
                paces.push(pace);
            }
        }
        paces
    }
}
