//! Virtual routers that change state together.

use std::sync::Arc;

use super::Notify;
use crate::ids::InstanceId;

/// One `vrrp_sync_group` block. What the group tracks stands with each of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// The block's name.
    pub name: Arc<str>,
    /// `group`, in order: the order in which its members act.
    pub members: Vec<InstanceId>,
    /// `notify*`, if there is any. The engine doesn't look at it.
    pub notify: Option<Arc<Notify>>,
}
