//! `vrrp_sync_group`: who belongs to it, and what its trackers mean for them.
//!
//! What a group tracks is written into each member's own lists, so that a failure stands in the way
//! of all of them and a weight moves all their priorities by the same. As in keepalived the members'
//! own weights would break that and don't count, unless `sync_group_tracking_weight` says so: a
//! script with a weight isn't followed, an interface is, without its weight.

use std::collections::BTreeMap;

use super::MOST_SUGGESTED;
use crate::conf::lexer::Word;
use crate::conf::schema::Drafts;
use crate::conf::schema::group::GroupDraft;
use crate::conf::schema::instance::InstanceDraft;
use crate::conf::schema::track::{Origin, TrackDraft, WeightDraft};
use crate::conf::source::Report;
use crate::conf::suggest;
use crate::config::{GroupConfig, InstanceConfig};
use crate::ids::InstanceId;

/// Leaves in each group the members that it really has, and gives them what it tracks.
pub(in crate::conf) fn share(drafts: &mut Drafts, report: &mut Report) {
    let Drafts {
        groups,
        instances,
        scripts,
        files,
        processes,
        ..
    } = drafts;
    let names: BTreeMap<String, usize> = (0..)
        .zip(instances.iter())
        .map(|(i, instance)| (instance.name.text.clone(), i))
        .collect();
    let own = OwnWeights {
        scripts: weights(scripts.iter().map(|script| (&script.name, script.weight))),
        files: weights(files.iter().map(|file| (&file.name, file.weight))),
        processes: weights(processes.iter().map(|one| (&one.name, one.weight))),
    };
    let mut taken: BTreeMap<usize, String> = BTreeMap::new();
    for group in groups {
        keep_members(group, &names, &mut taken, report);
        let mut origin = Origin::Group;
        for name in &group.members {
            let member = &mut instances[names[&name.text]];
            if !group.weights {
                drop_weights(member, &own, report);
            }
            inherit(&mut member.tracks, &group.tracks, origin);
            inherit(&mut member.links, &group.links, origin);
            inherit(&mut member.files, &group.files, origin);
            inherit(&mut member.processes, &group.processes, origin);
            origin = Origin::GroupAgain;
        }
    }
}

fn keep_members(
    group: &mut GroupDraft,
    names: &BTreeMap<String, usize>,
    taken: &mut BTreeMap<usize, String>,
    report: &mut Report,
) {
    let group_name = &group.name.text;
    let named = !group.members.is_empty();
    group.members.retain(|member| {
        let name = &member.text;
        let Some(&instance) = names.get(name) else {
            let message = format!("there is no `vrrp_instance {name}`: the group goes without it");
            let known = names.keys().map(String::as_str).take(MOST_SUGGESTED);
            let known = known.filter(|_| !report.is_heard(member.span));
            let nearest = suggest::nearest(name, known);
            let diagnostic = report.error(member.span, message);
            if let Some(nearest) = nearest {
                diagnostic.hint(format!("did you mean `{nearest}`?"));
            }
            return false;
        };
        match taken.get(&instance) {
            None => {
                taken.insert(instance, group_name.clone());
                true
            }
            Some(first) if first == group_name => {
                let message = format!("`{name}` is in this group already");
                report.warning(member.span, message);
                false
            }
            Some(first) => {
                let message =
                    format!("`{name}` is in the group `{first}` already, and stays there");
                report.error(member.span, message).hint(
                    "an instance changes state with one group: make one group of the two, or \
                     take it out of one",
                );
                false
            }
        }
    });
    let (span, name) = (group.name.span, group_name);
    match group.members.len() {
        0 if named => {
            let message = format!("the group `{name}` has no member left and does nothing");
            report.error(span, message);
        }
        0 => {
            let message = format!("the group `{name}` has no members and does nothing");
            report
                .error(span, message)
                .hint("name them in a block: `group {`, an instance on each line, `}`");
        }
        1 => {
            let message =
                format!("the group `{name}` has one member: there is nothing to keep in step");
            report.warning(span, message);
        }
        _ => {}
    }
}

/// The weights that stand in the blocks of what is tracked.
struct OwnWeights<'a> {
    scripts: BTreeMap<&'a str, WeightDraft>,
    files: BTreeMap<&'a str, WeightDraft>,
    processes: BTreeMap<&'a str, WeightDraft>,
}

fn weights<'a>(
    blocks: impl Iterator<Item = (&'a Word, WeightDraft)>,
) -> BTreeMap<&'a str, WeightDraft> {
    blocks
        .map(|(name, weight)| (name.text.as_str(), weight))
        .collect()
}

/// A weight of a single member's would move it away from its partners.
fn drop_weights(member: &mut InstanceDraft, own: &OwnWeights<'_>, report: &mut Report) {
    const HELP: &str = "track it in the group, so that all members move together, or write \
                        `sync_group_tracking_weight` into the group";
    let mut counts = |line: &TrackDraft, own: &BTreeMap<&str, WeightDraft>| {
        let own = own.get(line.name.text.as_str()).copied();
        let weighs = line.weight.or(own).unwrap_or_default().weight.value != 0;
        if weighs {
            let message = format!(
                "in a sync group a member's own weights don't count: `{}` is not tracked here",
                line.name.text
            );
            report.warning(line.name.span, message).hint(HELP);
        }
        !weighs
    };
    member.tracks.retain(|line| counts(line, &own.scripts));
    member.files.retain(|line| counts(line, &own.files));
    member.processes.retain(|line| counts(line, &own.processes));
    for line in &mut member.links {
        if line.weight.unwrap_or_default().weight.value != 0 {
            let message = format!(
                "in a sync group a member's own weights don't count: the loss of `{}` is a fault",
                line.name.text
            );
            report.warning(line.name.span, message).hint(HELP);
            line.weight = Some(WeightDraft::default());
        }
    }
}

/// A member's own line counts before the group's line about the same.
fn inherit(own: &mut Vec<TrackDraft>, shared: &[TrackDraft], origin: Origin) {
    for line in shared {
        if own.iter().all(|known| known.name.text != line.name.text) {
            own.push(TrackDraft {
                origin,
                ..line.clone()
            });
        }
    }
}

/// The groups that have members, by the positions of those in `instances`.
pub(super) fn groups(drafts: &Drafts, instances: &[InstanceConfig]) -> Vec<GroupConfig> {
    let ids: BTreeMap<&str, InstanceId> = instances
        .iter()
        .map(|instance| &*instance.name)
        .zip((0..=u16::MAX).map(InstanceId))
        .collect();
    let groups = drafts.groups.iter().map(|group| {
        let members = group.members.iter();
        GroupConfig {
            name: group.name.text.as_str().into(),
            notify: super::reports::notify(&group.notify, &drafts.global.script_user),
            members: members
                .filter_map(|name| ids.get(name.text.as_str()).copied())
                .collect(),
        }
    });
    groups.filter(|group| !group.members.is_empty()).collect()
}
