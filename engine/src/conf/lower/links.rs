//! `track_interface`: which links an instance follows.
//!
//! keepalived drops the instance's own interface, which is watched anyway, and weights of an owner,
//! whose priority never moves; this does too, and says so.

use std::collections::BTreeSet;

use super::Lowering;
use crate::conf::schema::instance::InstanceDraft;
use crate::conf::schema::track::{Origin, TrackDraft};
use crate::config::TrackLink;
use crate::ids::{InterfaceId, Priority};

impl Lowering<'_> {
    /// The links that count; `None` when an interface's name is impossible.
    pub(super) fn links(
        &mut self,
        draft: &InstanceDraft,
        own: InterfaceId,
        priority: Priority,
    ) -> Option<Vec<TrackLink>> {
        let mut links = Vec::new();
        let mut seen = BTreeSet::new();
        for line in &draft.links {
            let name = line.name.text.as_str();
            let interface = self.interface(&line.name)?;
            let weight = line.weight.unwrap_or_default().weight;
            if !seen.insert(interface) {
                let message = format!("`{name}` is tracked already: this line is ignored");
                self.report.warning(line.name.span, message);
            } else if line.origin != Origin::Own
                && ((interface == own && !draft.dont_track_primary)
                    || (weight.value != 0 && priority == Priority::OWNER))
            {
                // It counts for others.
            } else if interface == own && !draft.dont_track_primary {
                self.watched_anyway(line);
            } else if weight.value != 0 && priority == Priority::OWNER {
                let message = format!("priority 255 never changes: `{name}` has no effect here");
                self.report
                    .warning(line.name.span, message)
                    .hint("give the instance a priority below 255, or the interface weight 0");
            } else {
                links.push(TrackLink { interface, weight });
            }
        }
        Some(links)
    }

    fn watched_anyway(&mut self, line: &TrackDraft) {
        let weight = line.weight.unwrap_or_default();
        if weight.weight.value == 0 && !weight.weight.reverse {
            let message =
                "the instance's own interface is watched anyway: this line changes nothing";
            self.report.note(line.name.span, message);
        } else {
            let message = "the instance's own interface is watched anyway, without a weight: \
                           its loss is a fault";
            self.report
                .warning(weight.span.unwrap_or(line.name.span), message)
                .hint("`dont_track_primary` makes the weight count instead");
        }
    }
}
