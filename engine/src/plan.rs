//! What a reload changes: the difference of two configurations, known before anything is done.
//!
//! A virtual router is who it is on the wire: interface, VRID and address family. Its name may change
//! (keepalived sees it the same way). What it has in common with its former self isn't touched, and
//! what isn't on the list of its changes isn't either. Carrying the plan out is
//! [`Engine`](crate::Engine)'s part, on [`Command::Reload`](crate::Command::Reload).

mod change;
mod check;
mod fixed;
mod group;
mod instance;
mod moves;
mod show;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::config::Config;
use crate::ids::{CheckId, GroupId, InstanceId};
use crate::time::Seconds;

pub use change::Change;
pub use moves::Moves;

/// The difference of two configurations. Printable: a line for each thing, and one for each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What concerns the daemon as a whole.
    pub daemon: Vec<Change>,
    /// Virtual routers: the new configuration's, in its order, then those that go.
    pub instances: Vec<Step<InstanceId>>,
    /// Checks, in the same order.
    pub checks: Vec<Step<CheckId>>,
    /// Groups, in the same order.
    pub groups: Vec<Step<GroupId>>,
    /// Where everything went.
    pub moves: Moves,
}

/// What happens to one instance or check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<Id> {
    /// Its name, the new one if it has two.
    pub name: Arc<str>,
    /// Its position in the old configuration.
    pub from: Option<Id>,
    /// Its position in the new one.
    pub to: Option<Id>,
    /// What happens to it.
    pub fate: Fate,
}

/// What a reload does to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It isn't touched: no packet, no timer, no change to the host.
    Unchanged,
    /// It goes on, and these settings change while it does.
    Changed(Vec<Change>),
    /// It can't go on with these changes: the old one ends and a new one begins. A check's verdict
    /// stays until the new command has had its say.
    Restarted(Vec<Change>),
    /// It is new.
    Added,
    /// It goes: a master resigns and lets go of its addresses.
    Removed,
}

impl Fate {
    fn of(changes: Vec<Change>) -> Self {
        if changes.is_empty() {
            Self::Unchanged
        } else {
            Self::Changed(changes)
        }
    }
}

impl Plan {
    /// What has to be done to get from one configuration to the other.
    pub fn new(old: &Config, new: &Config) -> Self {
        // A new field must not compile before somebody has decided what a reload does about it.
        let Config {
            router_id: _,
            startup_delay: _,
            delay_after_boot: _,
            log_unknown_vrids: _,
            interfaces: _,
            devices: _,
            statics: _,
            pacing: _,
            checks: _,
            files: _,
            processes: _,
            link_delays: _,
            instances: _,
            groups: _,
            reports: _,
            operation: _,
            recording: _,
            defaults: _,
        } = old;
        let mut moves = Moves::new(old, new);
        let checks = check::steps(old, new, &moves);
        moves.checks = went(&checks, old.checks.len(), |id| id.index());
        let instances = instance::steps(old, new, &moves);
        moves.instances = went(&instances, old.instances.len(), |id| id.index());
        Self {
            daemon: daemon(old, new, &moves),
            groups: group::steps(old, new),
            instances,
            checks,
            moves,
        }
    }

    /// Where an instance that goes on was.
    pub(crate) fn came_from(&self, step: &Step<InstanceId>) -> Option<InstanceId> {
        let from = step.from?;
        (self.moves.instance(from) == step.to).then_some(from)
    }

    /// Both configurations say the same.
    pub fn is_empty(&self) -> bool {
        let quiet = |fate: &Fate| *fate == Fate::Unchanged;
        self.daemon.is_empty()
            && self.instances.iter().all(|step| quiet(&step.fate))
            && self.groups.iter().all(|step| quiet(&step.fate))
            && self.checks.iter().all(|step| quiet(&step.fate))
    }
}

/// By position in the old list, where those are that go on.
fn went<Id: Copy>(
    steps: &[Step<Id>],
    count: usize,
    index: impl Fn(Id) -> usize,
) -> Vec<Option<Id>> {
    let mut table = vec![None; count];
    for step in steps {
        let goes_on = matches!(step.fate, Fate::Unchanged | Fate::Changed(_));
        if let Some(from) = step.from.filter(|_| goes_on) {
            table[index(from)] = step.to;
        }
    }
    table
}

fn daemon(old: &Config, new: &Config, moves: &Moves) -> Vec<Change> {
    let mut changes = Vec::new();
    let name = |id: &Option<Arc<str>>| id.as_deref().unwrap_or("the host's name").to_owned();
    changes.extend(Change::between(
        "router_id",
        &old.router_id,
        &new.router_id,
        name,
    ));
    changes.extend(Change::between(
        "vrrp_startup_delay (at the next start)",
        &old.startup_delay,
        &new.startup_delay,
        |by| Seconds(*by).to_string(),
    ));
    changes.extend(Change::between(
        "vrrp_delay_after_boot (at the next start)",
        &old.delay_after_boot,
        &new.delay_after_boot,
        |by| Seconds(*by).to_string(),
    ));
    changes.extend(Change::between(
        "log_unknown_vrids",
        &old.log_unknown_vrids,
        &new.log_unknown_vrids,
        bool::to_string,
    ));
    changes.extend(fixed::changes(old, new, moves));
    changes
}

/// The answer to [`Command::Reload`](crate::Command::Reload). What was put out before it speaks of
/// the old configuration, what comes after of the new one: ids are positions, and may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// In force from now on.
    pub config: Arc<Config>,
    /// In force until now.
    pub before: Arc<Config>,
    /// What is different.
    pub plan: Arc<Plan>,
}
