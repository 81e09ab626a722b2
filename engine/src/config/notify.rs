//! Who is told when a state changes. The engine reports events; it runs nothing of this itself.

use std::sync::Arc;

/// A command line and who runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Program and arguments; no shell.
    pub words: Vec<Arc<str>>,
    /// User and group; `script_user` or the daemon's default when absent.
    pub user: Option<(Arc<str>, Option<Arc<str>>)>,
}

/// The `notify*` lines of an instance or a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// `notify_master`: run with its own arguments only, as are the next four.
    pub master: Option<Hook>,
    /// `notify_backup`.
    pub backup: Option<Hook>,
    /// `notify_fault`.
    pub fault: Option<Hook>,
    /// `notify_stop`: the daemon stops, and the addresses are gone.
    pub stop: Option<Hook>,
    /// `notify_deleted`: the instance is no longer configured.
    pub deleted: Option<Hook>,
    /// `notify`: for every state, with kind, name, state and priority appended.
    pub any: Option<Hook>,
    /// `notify_master_rx_lower_pri`: a master heard one of lower priority.
    pub contested: Option<Hook>,
    /// `notify_priority_changes`; `vrrp_notify_priority_changes` when absent.
    pub priority_changes: Option<bool>,
    /// `notify_deleted` is given: a removed instance is reported as DELETED, else as FAULT.
    pub tells_deleted: bool,
    /// `smtp_alert`; the global setting when absent.
    pub mail: Option<bool>,
}

/// One `notify_fifo` or `vrrp_notify_fifo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    /// `notify_fifo`, which keepalived shares with its load balancer.
    pub is_global: bool,
    /// Where the pipe is made.
    pub path: Arc<str>,
    /// `notify_fifo_script`: started with the path appended, and kept running.
    pub script: Option<Hook>,
}

/// What is told to programs outside, for all instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// The pipes; each gets every line.
    pub fifos: Vec<Fifo>,
    /// `vrrp_notify_priority_changes`.
    pub priority_changes: bool,
    /// `fifo_write_vrrp_states_on_reload`.
    pub states_on_reload: bool,
    /// The mail settings of `global_defs`, when there is somebody to write to.
    pub mail: Option<Mail>,
}

/// Mail as configured in `global_defs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `notification_email`.
    pub to: Vec<Arc<str>>,
    /// `notification_email_from`.
    pub from: Option<Arc<str>>,
    /// `smtp_server`: a name or an address. 127.0.0.1 by default.
    pub server: Arc<str>,
    /// Its port, 25 by default.
    pub port: u16,
    /// `smtp_connect_timeout`, 30 s by default.
    pub timeout: core::time::Duration,
    /// `smtp_helo_name`.
    pub helo: Option<Arc<str>>,
    /// `smtp_alert` or `smtp_alert_vrrp`: the default of instances and groups.
    pub alert: bool,
    /// Not with `no_email_faults`: faults are reported too.
    pub faults: bool,
}
