//! A look at checks, files, processes and interfaces, and at what they mean to an instance.

use super::{Runs, Standing, Status, Verdict};
use crate::config::{CheckConfig, FileConfig, InstanceConfig, ProcessConfig, Weight};
use crate::ids::{CheckId, FileId, InterfaceId, ProcessId};
use crate::input::LinkState;
use crate::time::Instant;
use crate::track::link_standing;

/// Something that an instance tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracker {
    /// What.
    pub what: Tracked,
    /// Its weight for this instance.
    pub weight: Weight,
    /// What it means for the instance now.
    pub standing: Standing,
}

/// What can be tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracked {
    /// `track_script`.
    Check(CheckId),
    /// `track_interface`.
    Link(InterfaceId),
    /// `track_file`.
    File(FileId),
    /// `track_process`.
    Process(ProcessId),
}

pub(super) fn of<'a>(
    status: Status<'a>,
    config: &'a InstanceConfig,
) -> impl Iterator<Item = Tracker> + 'a {
    let known = &status.engine.checks;
    let tracker = |what, weight, standing| Tracker {
        what,
        weight,
        standing,
    };
    let checks = config.tracks.iter().map(move |t| {
        let standing = known.standing(t.check, t.weight);
        tracker(Tracked::Check(t.check), t.weight, standing)
    });
    let links = config.links.iter().map(move |t| {
        let up = status.link(t.interface).state().up;
        let standing = link_standing(up, t.weight);
        tracker(Tracked::Link(t.interface), t.weight, standing)
    });
    let files = known.files(config).zip(&config.files);
    let files =
        files.map(move |((id, standing), t)| tracker(Tracked::File(id), t.weight, standing));
    let processes = known.processes(config).zip(&config.processes);
    let processes =
        processes.map(move |((id, standing), t)| tracker(Tracked::Process(id), t.weight, standing));
    checks.chain(links).chain(files).chain(processes)
}

/// A health check.
#[derive(Clone, Copy, Debug)]
pub struct CheckView<'a> {
    pub(super) status: Status<'a>,
    pub(super) id: CheckId,
}

impl<'a> CheckView<'a> {
    /// Its position.
    pub fn id(self) -> CheckId {
        self.id
    }

    /// Its configuration.
    pub fn config(self) -> &'a CheckConfig {
        self.status.config().check(self.id)
    }

    /// Good or failed, with the run of contrary results since.
    pub fn verdict(self) -> Verdict {
        self.status.engine.checks.check(self.id).verdict()
    }

    /// Its runs so far.
    pub fn runs(self) -> &'a Runs {
        self.status.engine.checks.check(self.id).runs()
    }

    /// When the run under way began.
    pub fn running_since(self) -> Option<Instant> {
        self.status.engine.checks.check(self.id).running_since()
    }
}

/// A tracked file.
#[derive(Clone, Copy, Debug)]
pub struct FileView<'a> {
    pub(super) status: Status<'a>,
    pub(super) id: FileId,
}

impl<'a> FileView<'a> {
    /// Its position.
    pub fn id(self) -> FileId {
        self.id
    }

    /// Its configuration.
    pub fn config(self) -> &'a FileConfig {
        self.status.config().file(self.id)
    }

    /// The number in it; `None` until it has been read.
    pub fn value(self) -> Option<i32> {
        self.status.engine.checks.file(self.id)
    }
}

/// A tracked process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessView<'a> {
    pub(super) status: Status<'a>,
    pub(super) id: ProcessId,
}

impl<'a> ProcessView<'a> {
    /// Its position.
    pub fn id(self) -> ProcessId {
        self.id
    }

    /// Its configuration.
    pub fn config(self) -> &'a ProcessConfig {
        self.status.config().process(self.id)
    }

    /// How many there are; 0 until they have been counted.
    pub fn count(self) -> u32 {
        self.status.engine.checks.process(self.id).count()
    }

    /// Whether that is as many as wanted, once it counts; `None` until they have been counted.
    pub fn verdict(self) -> Option<bool> {
        self.status.engine.checks.process(self.id).verdict()
    }
}

/// An interface that the configuration names.
#[derive(Clone, Copy, Debug)]
pub struct LinkView<'a> {
    pub(super) status: Status<'a>,
    pub(super) id: InterfaceId,
}

impl<'a> LinkView<'a> {
    /// Its position.
    pub fn id(self) -> InterfaceId {
        self.id
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        self.status.config().interface_name(self.id)
    }

    /// Its state, as far as it is known and counts (`interface_up_down_delays`).
    pub fn state(self) -> &'a LinkState {
        &self.status.engine.links.all()[self.id.index()]
    }

    /// Whether that is known, or merely assumed.
    pub fn is_known(self) -> bool {
        self.status.engine.links.knows(self.id)
    }
}
