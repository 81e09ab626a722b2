//! The engine's state as lines for the control socket, a portion at a time.
//!
//! A reload between two portions changes positions; the answer goes on with what is there then.

mod instance;

use locum_engine::status::{CheckView, FileView, GroupView, LinkView, ProcessView, Verdict};

use super::message::{Check, Daemon, File, Group, Interface, Line, Process};
use crate::desk::{Portion, View};

/// So many instances or others are told of at a time: well below a millisecond.
const AT_ONCE: usize = 16;

/// How far an answer has come.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Only this one, and what it tracks.
    instance: Option<String>,
    stage: Stage,
    /// The next position within the stage.
    next: usize,
    /// What was asked about is there.
    pub(crate) ok: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Daemon,
    Instances,
    Groups,
    Checks,
    Files,
    Processes,
    Interfaces,
    Done,
}

impl Snapshot {
    pub(crate) fn new(instance: Option<String>) -> Self {
        Self {
            instance,
            stage: Stage::Daemon,
            next: 0,
            ok: true,
        }
    }

    /// The next lines.
    pub(crate) fn portion(&mut self, view: &View<'_>) -> Portion {
        let mut text = Vec::new();
        if let Some(name) = self.instance.clone() {
            self.one(view, &name, &mut text);
            self.stage = Stage::Done;
        }
        match self.stage {
            Stage::Daemon => {
                write(&mut text, &Line::Daemon(daemon(view)));
                self.turn(Stage::Instances);
            }
            Stage::Instances => {
                let all = view.status.instances();
                let line = |seen| Line::Instance(Box::new(instance::line(view, seen)));
                self.some(all, line, Stage::Groups, &mut text);
            }
            Stage::Groups => {
                let all = view.status.groups();
                self.some(all, |seen| group(view, seen), Stage::Checks, &mut text);
            }
            Stage::Checks => {
                let all = view.status.checks();
                self.some(all, |seen| check(view, seen), Stage::Files, &mut text);
            }
            Stage::Files => {
                let line = |seen: FileView<'_>| {
                    Line::File(File {
                        name: seen.config().name.to_string(),
                        path: seen.config().path.to_string(),
                        value: seen.value(),
                    })
                };
                self.some(view.status.files(), line, Stage::Processes, &mut text);
            }
            Stage::Processes => {
                let line = |seen: ProcessView<'_>| {
                    Line::Process(Process {
                        name: seen.config().name.to_string(),
                        count: seen.count(),
                        good: seen.verdict(),
                    })
                };
                self.some(view.status.processes(), line, Stage::Interfaces, &mut text);
            }
            Stage::Interfaces => self.some(view.status.links(), link, Stage::Done, &mut text),
            Stage::Done => {}
        }
        let last = self.stage == Stage::Done;
        Portion { text, last }
    }

    fn turn(&mut self, stage: Stage) {
        (self.stage, self.next) = (stage, 0);
    }

    /// No line is made of those that were told of before.
    fn some<T>(
        &mut self,
        all: impl Iterator<Item = T>,
        line: impl Fn(T) -> Line,
        then: Stage,
        text: &mut Vec<u8>,
    ) {
        let mut count = 0;
        for seen in all.skip(self.next).take(AT_ONCE) {
            write(text, &line(seen));
            count += 1;
        }
        self.next += count;
        if count < AT_ONCE {
            self.turn(then);
        }
    }

    /// The daemon, the instance, its group and its checks.
    fn one(&mut self, view: &View<'_>, name: &str, text: &mut Vec<u8>) {
        let config = view.status.config();
        let Some(id) = config.find_instance(name) else {
            self.ok = false;
            return write(text, &Line::Error(super::orders::unknown(name, config)));
        };
        let seen = view.status.instance(id);
        write(text, &Line::Daemon(daemon(view)));
        write(text, &Line::Instance(Box::new(instance::line(view, seen))));
        if let Some(id) = seen.group() {
            write(text, &group(view, view.status.group(id)));
        }
        for track in &seen.config().tracks {
            write(text, &check(view, view.status.check(track.check)));
        }
    }
}

/// Appends one line.
pub(crate) fn write(text: &mut Vec<u8>, line: &Line) {
    serde_json::to_writer(&mut *text, line).expect("plain data, and a Vec that grows");
    text.push(b'\n');
}

fn daemon(view: &View<'_>) -> Daemon {
    let status = view.status;
    let lateness = status.lateness();
    Daemon {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        router_id: status.config().router_id.as_deref().map(str::to_owned),
        config: view.about.config.clone(),
        now: view.utc.as_secs_f64(),
        started: view.about.started.as_secs_f64(),
        running: status.is_running(),
        starts_at: status.starts_at().map(|at| view.date(at)),
        reloads: status.reloads(),
        unknown_vrid: status.strays().unknown,
        truncated: status.strays().truncated,
        lateness_sum: lateness.total().as_secs_f64(),
        deadlines: lateness.count(),
        lateness_most: lateness.most().as_secs_f64(),
    }
}

fn group(view: &View<'_>, seen: GroupView<'_>) -> Line {
    let config = view.status.config();
    let name = |id: &_| config.instance(*id).name.to_string();
    Line::Group(Group {
        name: seen.config().name.to_string(),
        state: seen.state().to_string(),
        since: view.date(seen.since()),
        why: seen.why().map(|why| why.display(config).to_string()),
        members: seen.config().members.iter().map(name).collect(),
    })
}

fn check(view: &View<'_>, seen: CheckView<'_>) -> Line {
    let (config, runs) = (seen.config(), seen.runs());
    let (verdict, contrary, needed) = match seen.verdict() {
        Verdict::Unknown => ("unknown", 0, 1),
        Verdict::Good { failures } => ("good", failures, config.fall),
        Verdict::Failed { successes } => ("failed", successes, config.rise),
        Verdict::NotRun { failures } => ("not run", failures, config.fall),
    };
    let known = runs.last.is_some();
    Line::Check(Check {
        name: config.name.to_string(),
        verdict: verdict.to_owned(),
        since: known.then(|| view.date(runs.changed_at)),
        contrary,
        needed,
        last: runs.last.map(|last| last.to_string()),
        ended: known.then(|| view.date(runs.ended_at)),
        took: runs.took.as_secs_f64(),
        took_all: runs.took_all.as_secs_f64(),
        succeeded: runs.succeeded,
        failed: runs.failed,
        timed_out: runs.timed_out,
        running_since: seen.running_since().map(|at| view.date(at)),
    })
}

fn link(seen: LinkView<'_>) -> Line {
    let state = seen.state();
    Line::Interface(Interface {
        name: seen.name().to_owned(),
        up: state.up,
        known: seen.is_known(),
        address: state.address.map(|a| a.to_string()),
        link_local: state.link_local.map(|a| a.to_string()),
    })
}
