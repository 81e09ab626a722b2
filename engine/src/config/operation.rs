//! How the daemon itself is run: nothing of it concerns the protocol, and the engine doesn't look
//! at it.

use std::sync::Arc;

/// Settings of `global_defs` and of the root for the daemon as a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// `net_namespace`: the network namespace that the daemon is to work in, fixed at its start.
    pub net_namespace: Option<Arc<str>>,
    /// `enable_script_security`: no script runs as root whose path somebody else may change.
    pub script_security: bool,
    /// `script_user`: who runs the scripts that name nobody. They have it already; those of a later
    /// configuration may come.
    pub script_user: Option<(Arc<str>, Option<Arc<str>>)>,
    /// `umask`: what nobody may do with files that are made. The command line's counts first.
    pub umask: Option<u32>,
    /// `state_dump_file`: where SIGUSR1 is answered.
    pub state_dump: Option<Arc<str>>,
    /// `stats_dump_file`: where SIGUSR2 is answered.
    pub stats_dump: Option<Arc<str>>,
    /// `json_dump_file`.
    pub json_dump: Option<Arc<str>>,
    /// `json_version`: 1 or 2.
    pub json_version: u8,
    /// `event_stream`: a socket where every change is told as a line of JSON.
    pub event_stream: Option<Arc<str>>,
    /// `control_socket`: where `locum status` and the other commands find the daemon; a path or `off`.
    /// The command line's counts first.
    pub control: Option<Arc<str>>,
    /// `metrics`: where metrics are served; `ADDRESS:PORT`, a path or `off`. The command line's counts
    /// first.
    pub metrics: Option<Arc<str>>,
}

impl Default for Operation {
    fn default() -> Self {
        Self {
            net_namespace: None,
            script_security: false,
            script_user: None,
            umask: None,
            state_dump: None,
            stats_dump: None,
            json_dump: None,
            json_version: 1,
            event_stream: None,
            control: None,
            metrics: None,
        }
    }
}
