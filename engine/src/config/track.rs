//! What is tracked, and what it does to an instance.

use core::time::Duration;
use std::sync::Arc;

use crate::ids::{CheckId, InterfaceId};
use crate::probe::Probe;

/// One entry of `track_script`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    /// The check.
    pub check: CheckId,
    /// Its weight for this instance.
    pub weight: Weight,
}

/// One entry of `track_interface`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackLink {
    /// The interface; one that isn't there is down.
    pub interface: InterfaceId,
    /// What its state does to the instance: up is success, down is failure.
    pub weight: Weight,
}

/// How long a link's change must last before it counts (`interface_up_down_delays`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDelay {
    /// The interface.
    pub interface: InterfaceId,
    /// From losing the link.
    pub down: Duration,
    /// From getting it back.
    pub up: Duration,
}

/// What a check's result does to an instance (keepalived's `weight`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// -253 to 253. Zero: a failure puts the instance in fault.
    pub value: i16,
    /// `reverse`: success and failure change places.
    pub reverse: bool,
}

/// One `vrrp_script` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckConfig {
    /// The block's name.
    pub name: Arc<str>,
    /// What is run.
    pub command: CheckCommand,
    /// `interval`: from the start of one run to the start of the next.
    pub interval: Duration,
    /// `timeout`: a run that takes longer has failed. The interval by default.
    pub timeout: Duration,
    /// `rise`: successes in a row before a failed check counts as good again.
    pub rise: u32,
    /// `fall`: failures in a row before a good check counts as failed.
    pub fall: u32,
    /// `init_fail`: failed until `rise` successes; otherwise the first result decides.
    pub init_fail: bool,
    /// `user`: user and group the script runs as.
    pub user: Option<(Arc<str>, Option<Arc<str>>)>,
}

/// What a check runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckCommand {
    /// A command line, split as keepalived splits it; no shell. Exit 0 is success.
    Script(Vec<Arc<str>>),
    /// `script "locum probe ..."`: run in process, without a fork.
    Probe(Probe),
}
