//! Tracked files and processes: those that an instance follows, and with what weight.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lowering, MOST_SUGGESTED};
use crate::conf::lexer::Word;
use crate::conf::schema::instance::InstanceDraft;
use crate::conf::schema::track::{Origin, TrackDraft, WeightDraft};
use crate::conf::schema::watch::{FileDraft, ProcessDraft};
use crate::conf::source::Report;
use crate::conf::suggest::nearest;
use crate::config::{
    FileConfig, ParameterMatch, ProcessConfig, ProcessPattern, TrackFile, TrackProcess, Weight,
};
use crate::ids::{FileId, Priority, ProcessId};

/// The blocks of one kind by name: the own weight, and the number if it can be followed.
pub(super) type Blocks<'a> = BTreeMap<&'a str, (WeightDraft, Option<u16>)>;

impl<'a> Lowering<'a> {
    /// The files that some instance follows.
    pub(super) fn watched_files(&mut self) -> Vec<FileConfig> {
        let drafts = self.drafts;
        let followed = followed(drafts.instances.iter().map(|i| &i.files));
        let mut files = Vec::new();
        for draft in &drafts.files {
            let id = match &draft.path {
                None => {
                    let message = format!("`{}` has no file and is left out", draft.name.text);
                    self.report
                        .error(draft.name.span, message)
                        .hint("add a line such as `file /run/load`");
                    None
                }
                Some(path) => {
                    let id = admit(&draft.name, &followed, files.len(), "file", self.report);
                    if id.is_some() {
                        files.push(file(draft, path));
                    }
                    id
                }
            };
            self.files.insert(&draft.name.text, (draft.weight, id));
        }
        files
    }

    /// The processes that some instance follows.
    pub(super) fn watched_processes(&mut self) -> Vec<ProcessConfig> {
        let drafts = self.drafts;
        let followed = followed(drafts.instances.iter().map(|i| &i.processes));
        let mut processes = Vec::new();
        for draft in &drafts.processes {
            let id = if draft.words.is_empty() {
                let message = format!("`{}` names no process and is left out", draft.name.text);
                self.report
                    .error(draft.name.span, message)
                    .hint("add a line such as `process nginx`");
                None
            } else {
                admit(
                    &draft.name,
                    &followed,
                    processes.len(),
                    "process",
                    self.report,
                )
            };
            if id.is_some() {
                processes.push(process(draft, self.report));
            }
            self.processes.insert(&draft.name.text, (draft.weight, id));
        }
        processes
    }

    pub(super) fn track_files(
        &mut self,
        draft: &InstanceDraft,
        priority: Priority,
    ) -> Vec<TrackFile> {
        let lines = resolve(&draft.files, &self.files, priority, "file", self.report);
        let track = |(id, weight)| TrackFile {
            file: FileId(id),
            weight,
        };
        lines.into_iter().map(track).collect()
    }

    pub(super) fn track_processes(
        &mut self,
        draft: &InstanceDraft,
        priority: Priority,
    ) -> Vec<TrackProcess> {
        let blocks = &self.processes;
        let lines = resolve(&draft.processes, blocks, priority, "process", self.report);
        let track = |(id, weight)| TrackProcess {
            process: ProcessId(id),
            weight,
        };
        lines.into_iter().map(track).collect()
    }
}

fn followed<'a>(lists: impl Iterator<Item = &'a Vec<TrackDraft>>) -> BTreeSet<&'a str> {
    let lines = lists.flatten();
    lines.map(|line| line.name.text.as_str()).collect()
}

/// The number of a block that is followed.
fn admit(
    name: &Word,
    followed: &BTreeSet<&str>,
    count: usize,
    what: &str,
    report: &mut Report,
) -> Option<u16> {
    let text = &name.text;
    if !followed.contains(text.as_str()) {
        let message = format!("no instance tracks `{text}`: it is not watched");
        report.warning(name.span, message).hint(format!(
            "add `track_{what} {{ {text} }}` to the instance it is for, or to its sync group"
        ));
        return None;
    }
    let id = u16::try_from(count).ok();
    if id.is_none() {
        report.fatal(name.span, "there are too many to track");
    }
    id
}

fn file(draft: &FileDraft, path: &Word) -> FileConfig {
    FileConfig {
        name: draft.name.text.as_str().into(),
        path: path.text.as_str().into(),
        init: draft.init,
    }
}

fn process(draft: &ProcessDraft, report: &mut Report) -> ProcessConfig {
    let parameter_match = match draft.parameters {
        Some(given) => given,
        None if draft.words.len() > 1 => ParameterMatch::Exact,
        None => ParameterMatch::Any,
    };
    let mut words = draft.words.iter().map(|word| word.as_str().into());
    let pattern = ProcessPattern {
        command: words.next().expect("it has words"),
        parameters: words.collect(),
        parameter_match,
        full_command: draft.full_command,
    };
    // A limit of none means that it must not run at all.
    let none_wanted = draft.quorum_max.is_some_and(|(most, _)| most == 0);
    let quorum = draft.quorum.unwrap_or_else(|| u32::from(!none_wanted));
    let mut quorum_max = u32::MAX;
    if let Some((most, span)) = draft.quorum_max {
        if most < quorum {
            let message = format!(
                "`quorum_max` {most} is below the quorum of {quorum}: no number of processes would do, so that it is ignored"
            );
            report.error(span, message);
        } else {
            quorum_max = most;
        }
    }
    ProcessConfig {
        name: draft.name.text.as_str().into(),
        pattern,
        quorum,
        quorum_max,
        fork_delay: draft.fork_delay,
        terminate_delay: draft.terminate_delay,
    }
}

/// The lines of one instance that count: the block's number and the weight.
fn resolve(
    lines: &[TrackDraft],
    blocks: &Blocks<'_>,
    priority: Priority,
    what: &str,
    report: &mut Report,
) -> Vec<(u16, Weight)> {
    let mut seen = BTreeSet::new();
    let mut resolved = Vec::new();
    for line in lines {
        let (name, span) = (line.name.text.as_str(), line.name.span);
        let heard = line.origin == Origin::GroupAgain;
        let Some(&(own, id)) = blocks.get(name) else {
            if !heard {
                unknown(line, blocks, what, report);
            }
            continue;
        };
        let weight = line.weight.unwrap_or(own).weight;
        let Some(id) = id else { continue }; // What is wrong with the block is said there.
        if !seen.insert(id) {
            let message = format!("`{name}` is tracked already: this line is ignored");
            report.warning(span, message);
        } else if weight.value != 0 && priority == Priority::OWNER {
            if line.origin == Origin::Own {
                let message = format!("priority 255 never changes: `{name}` has no effect here");
                report.warning(span, message).hint(format!(
                    "give the instance a priority below 255, or the {what} weight 0"
                ));
            }
        } else {
            resolved.push((id, weight));
        }
    }
    resolved
}

fn unknown(line: &TrackDraft, blocks: &Blocks<'_>, what: &str, report: &mut Report) {
    let (name, span) = (line.name.text.as_str(), line.name.span);
    let message = format!("there is no `track_{what} {name}`: NOTHING is tracked by this line");
    let names = blocks.keys().copied().take(MOST_SUGGESTED);
    let help = match nearest(name, names.filter(|_| !report.is_heard(span))) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("write a block `track_{what} {name} {{ ... }}` outside all instances"),
    };
    report.warning(span, message).hint(help);
}
