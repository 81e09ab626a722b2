//! A look at one sync group.

use super::Status;
use crate::config::GroupConfig;
use crate::event::{Reason, StateKind};
use crate::ids::GroupId;
use crate::time::Instant;

/// One sync group.
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a> {
    pub(super) status: Status<'a>,
    pub(super) id: GroupId,
}

impl<'a> GroupView<'a> {
    /// Its position.
    pub fn id(self) -> GroupId {
        self.id
    }

    /// Its configuration.
    pub fn config(self) -> &'a GroupConfig {
        self.status.config().group(self.id)
    }

    /// The state of all its members.
    pub fn state(self) -> StateKind {
        self.status.engine.group_state(self.id)
    }

    /// Since when it is in that state.
    pub fn since(self) -> Instant {
        self.status.engine.groups.entered(self.id).at
    }

    /// Why, as the member that began it has it; `None` before the first transition.
    pub fn why(self) -> Option<Reason> {
        self.status.engine.groups.entered(self.id).why
    }
}
