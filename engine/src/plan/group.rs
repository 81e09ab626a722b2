//! Which groups are the same, and who joins and leaves them.

use std::sync::Arc;

use super::{Change, Fate, Step};
use crate::config::{Config, GroupConfig};
use crate::ids::GroupId;

pub(super) fn steps(old: &Config, new: &Config) -> Vec<Step<GroupId>> {
    let before = |name: &str| old.groups().find(|(_, group)| &*group.name == name);
    let kept = new.groups().map(|(to, group)| {
        let from = before(&group.name);
        let changes = from.map(|(_, from)| changes((old, from), (new, group)));
        Step {
            name: Arc::clone(&group.name),
            from: from.map(|(id, _)| id),
            to: Some(to),
            fate: changes.map_or(Fate::Added, Fate::of),
        }
    });
    let stays = |name: &str| new.groups.iter().any(|group| &*group.name == name);
    let gone = old.groups().filter(|(_, group)| !stays(&group.name));
    let gone = gone.map(|(from, group)| Step {
        name: Arc::clone(&group.name),
        from: Some(from),
        to: None,
        fate: Fate::Removed,
    });
    kept.chain(gone).collect()
}

/// Every field is named: a new one must not compile before somebody has decided.
fn changes(old: (&Config, &GroupConfig), new: (&Config, &GroupConfig)) -> Vec<Change> {
    let words = |(config, group): (&Config, &GroupConfig)| -> Vec<String> {
        let GroupConfig {
            name: _,
            members,
            notify: _,
        } = group;
        let name = |id: &crate::ids::InstanceId| config.instance(*id).name.to_string();
        members.iter().map(name).collect()
    };
    let members = Change::of_lists("group", &words(old), &words(new));
    let notify = Change::between("notify", &old.1.notify, &new.1.notify, |_| {
        "changed".to_owned()
    });
    members.into_iter().chain(notify).collect()
}
