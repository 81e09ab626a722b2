//! How a drain is going: asked of the desk again and again, until every instance has come to an end.

use std::time::Duration;

use locum_engine::Instant;
use locum_engine::event::StateKind;
use locum_engine::ids::Priority;
use locum_engine::status::{DrainState, InstanceView, Master};

use super::message::{Drained, Line, Outcome};
use super::snapshot::write;
use crate::desk::{Portion, View};

/// A drain that has been asked for.
#[derive(Debug)]
pub(crate) struct Handover {
    /// One instance and its group, or all.
    instance: Option<String>,
    within: Duration,
    begun: Option<Instant>,
    /// Those that haven't come to an end, by name: a reload may change positions.
    open: Vec<Leaving>,
    /// Nobody is left without a master.
    pub(crate) ok: bool,
}

#[derive(Debug)]
struct Leaving {
    name: String,
    /// It was master when it was asked to let go.
    master: bool,
    /// When it resigned.
    resigned: Option<Instant>,
}

impl Handover {
    pub(crate) fn new(instance: Option<String>, within: Duration) -> Self {
        Self {
            instance,
            within,
            begun: None,
            open: Vec::new(),
            ok: true,
        }
    }

    /// Who is to be watched; asked before the drain begins.
    fn begin(&mut self, view: &View<'_>) {
        self.begun = Some(view.now);
        let config = view.status.config();
        let named = self.instance.as_deref();
        let named = named.map(|name| config.find_instance(name));
        let concerned = |seen: &InstanceView<'_>| match named {
            None => true,
            Some(None) => false,
            Some(Some(id)) => {
                let group = view.status.instance(id).group();
                seen.id() == id || group.is_some() && seen.group() == group
            }
        };
        let all = view.status.instances().filter(concerned);
        self.open = all
            .map(|seen| Leaving {
                name: seen.config().name.to_string(),
                master: seen.state() == StateKind::Master,
                resigned: None,
            })
            .collect();
    }

    /// Lines about those that have come to an end since the last time. The first call only looks.
    pub(crate) fn portion(&mut self, view: &View<'_>) -> Portion {
        let Some(begun) = self.begun else {
            self.begin(view);
            return Portion::default();
        };
        let mut text = Vec::new();
        let (mut ok, within) = (self.ok, self.within);
        self.open.retain_mut(|leaving| {
            let Some((outcome, by)) = leaving.end(view, begun, within) else {
                return true;
            };
            ok &= outcome != Outcome::Nobody && outcome != Outcome::Interrupted;
            let drained = Drained {
                instance: leaving.name.clone(),
                outcome,
                by,
                after: view.now.saturating_since(begun).as_secs_f64(),
            };
            write(&mut text, &Line::Drained(drained));
            false
        });
        self.ok = ok;
        Portion {
            text,
            last: self.open.is_empty(),
        }
    }
}

impl Leaving {
    /// What became of it and who is master, when that is known.
    fn end(
        &mut self,
        view: &View<'_>,
        begun: Instant,
        within: Duration,
    ) -> Option<(Outcome, Option<String>)> {
        let id = view.status.config().find_instance(&self.name);
        let Some(seen) = id.map(|id| view.status.instance(id)) else {
            return Some((Outcome::Interrupted, None));
        };
        let by = match seen.master() {
            Master::Other(peer) if peer.priority != Priority::RELEASE => {
                Some(peer.source.to_string())
            }
            Master::Other(_) | Master::Us { .. } | Master::Unknown => None,
        };
        if !self.master {
            return Some((Outcome::NotMaster, by));
        }
        match (seen.drain(), seen.state()) {
            (None, _) | (_, StateKind::Init | StateKind::Fault) => Some((Outcome::Interrupted, by)),
            (Some(DrainState::HandingOver { .. }), _) => None,
            // It let go, and took the addresses again because nobody else did.
            (Some(DrainState::Over), StateKind::Master) => Some((Outcome::Nobody, None)),
            (Some(DrainState::Over), StateKind::Backup) => {
                let resigned = *self.resigned.get_or_insert(view.now);
                let in_time = seen.why().is_some_and(|why| why.label() != "drained");
                match by {
                    Some(by) if in_time => Some((Outcome::HandedOver, Some(by))),
                    Some(by) => Some((Outcome::Resigned, Some(by))),
                    // At the latest it is master again itself.
                    None => {
                        let patience = seen.master_down() * 2 + within;
                        let over = view.now > resigned.max(begun) + patience;
                        over.then_some((Outcome::Nobody, None))
                    }
                }
            }
        }
    }
}
