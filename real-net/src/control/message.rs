//! What goes over the control socket: requests and the lines of their answers.
//!
//! Each is one JSON object on a line of its own. `docs/control.md` describes them for others; a test
//! holds it against what is here. Points in time are seconds since 1970 (UTC), spans are seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The longest request, with its line end.
pub const REQUEST_MAX: usize = 4096;

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The state of everything, or of one instance and what it tracks.
    Status {
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
    },
    /// Hand over, and say what came of it.
    Drain {
        /// One instance and its group, or all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
        /// Seconds until a master resigns although nobody has taken over.
        #[serde(default = "drain_within")]
        within: f64,
    },
    /// Undo a drain.
    Resume {
        /// One instance and its group, or all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instance: Option<String>,
    },
    /// Read the configuration anew, and go on with it if it can be used.
    Reload {},
    /// What a reload would change.
    Plan {
        /// Another file than the one the daemon was started with; an absolute path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// What is logged from now on.
    LogLevel {
        /// `error`, `warn`, `info`, `debug` or `trace`.
        level: String,
    },
}

/// `within` when it isn't said: longer than a peer with an advert interval of 2 s needs.
pub fn drain_within() -> f64 {
    10.0
}

/// One line of an answer. The last is always [`Line::End`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The daemon as a whole.
    Daemon(Daemon),
    /// An instance.
    Instance(Box<Instance>),
    /// A sync group.
    Group(Group),
    /// A check.
    Check(Check),
    /// A tracked file.
    File(File),
    /// A tracked process.
    Process(Process),
    /// An interface that the configuration names.
    Interface(Interface),
    /// What came of a drain, for one instance.
    Drained(Drained),
    /// Something to say about a configuration: as `locum check` prints it.
    Diagnostic(String),
    /// One line of what a reload changes.
    Plan(String),
    /// Why it was not done.
    Error(String),
    /// The answer is complete.
    End(End),
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// What was asked for has been done.
    pub ok: bool,
}

/// The daemon as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Daemon {
    /// Its version.
    pub version: String,
    /// Its process number.
    pub pid: u32,
    /// The host's name, or `router_id`.
    pub router_id: Option<String>,
    /// The configuration's file.
    pub config: String,
    /// The time now.
    pub now: f64,
    /// When it started.
    pub started: f64,
    /// The instances take part.
    pub running: bool,
    /// They will from then on (`vrrp_startup_delay`).
    pub starts_at: Option<f64>,
    /// How often it went on with another configuration.
    pub reloads: u64,
    /// Adverts of virtual routers that aren't configured.
    pub unknown_vrid: u64,
    /// Packets too short to belong to anybody.
    pub truncated: u64,
    /// How late deadlines were honoured, in seconds: all together.
    pub lateness_sum: f64,
    /// How many there were.
    pub deadlines: u64,
    /// The latest of them.
    pub lateness_most: f64,
}

/// One virtual router.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// Its virtual router id.
    pub vrid: u8,
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// 2 or 3.
    pub version: u8,
    /// Its sync group.
    pub group: Option<String>,
    /// `init`, `backup`, `master` or `fault`.
    pub state: String,
    /// The state it would be in but for its partners.
    pub wanted: String,
    /// When it came into its state.
    pub since: f64,
    /// Why, in words.
    pub why: Option<String>,
    /// Why, as one word that doesn't change from version to version.
    pub reason: Option<String>,
    /// What stands in its own way now, in words.
    pub obstacle: Option<String>,
    /// The priority it advertises.
    pub priority: u8,
    /// The same before tracking.
    pub base_priority: u8,
    /// Who holds the addresses.
    pub master: Option<Master>,
    /// Other routers that act as master while it does.
    pub contested: Vec<Rival>,
    /// The routers that were heard, the latest first.
    pub peers: Vec<Peer>,
    /// Configured peers that were not.
    pub silent_peers: Vec<String>,
    /// Where its adverts come from.
    pub source: Option<String>,
    /// `virtual_ipaddress` with prefix and interface.
    pub addresses: Vec<String>,
    /// `virtual_ipaddress_excluded`, likewise.
    pub excluded: Vec<String>,
    /// What it tracks.
    pub trackers: Vec<Tracker>,
    /// The hand-over that was asked for.
    pub drain: Option<Drain>,
    /// The advert interval in force, in seconds.
    pub advert_interval: f64,
    /// When a backup takes over if it hears nothing; when a master advertises next.
    pub timer: Option<f64>,
    /// When a master announces its addresses next.
    pub announces_at: Option<f64>,
    /// When a master refreshes its leases next.
    pub refreshes_at: Option<f64>,
    /// What it has counted.
    pub counters: Counters,
}

/// Who holds the addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Master {
    /// This router does.
    pub us: bool,
    /// Its address.
    pub address: Option<String>,
    /// Its priority.
    pub priority: u8,
    /// When it was last heard, unless it is this router.
    pub heard: Option<f64>,
}

/// Another router.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Peer {
    /// Its address.
    pub address: String,
    /// Its priority; 0 when it resigned.
    pub priority: u8,
    /// When it was last heard.
    pub heard: f64,
}

/// Another router that acts as master.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rival {
    /// Its address.
    pub by: String,
    /// Its priority.
    pub priority: u8,
    /// The contest is over then, if it isn't heard again.
    pub until: f64,
}

/// What an instance tracks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracker {
    /// `check`, `interface`, `file` or `process`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its state in words.
    pub result: String,
    /// `fine`, `pending`, `fault` or `shift`.
    pub standing: String,
    /// By how much it moves the priority.
    pub shift: i16,
}

/// A hand-over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drain {
    /// It is over: not master any more, and at the lowest priority until `resume`.
    pub over: bool,
    /// It resigns then, if it isn't.
    pub until: Option<f64>,
}

/// What an instance has counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Adverts sent.
    pub sent: u64,
    /// Of these with priority 0.
    pub sent_priority_zero: u64,
    /// Packets for it.
    pub received: u64,
    /// Of these used.
    pub accepted: u64,
    /// Of these with priority 0.
    pub received_priority_zero: u64,
    /// Times it became master.
    pub became_master: u64,
    /// Times it stopped being master.
    pub released_master: u64,
    /// What was not used, by reason.
    pub discarded: BTreeMap<String, u64>,
    /// Bursts of announcements, by occasion.
    pub announced: BTreeMap<String, u64>,
    /// Single announcements.
    pub announcements: u64,
    /// Prolonged leases.
    pub lease_refreshes: u64,
    /// Changes of state.
    pub transitions: Vec<Transition>,
    /// How late its last deadline was honoured, in seconds.
    pub lateness_last: f64,
    /// The latest.
    pub lateness_most: f64,
}

/// How often it changed to a state for a reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transition {
    /// The state.
    pub to: String,
    /// The reason, as one word.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A sync group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The state of all its members.
    pub state: String,
    /// Since when.
    pub since: f64,
    /// Why.
    pub why: Option<String>,
    /// Their names.
    pub members: Vec<String>,
}

/// A check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// `unknown`, `good` or `failed`.
    pub verdict: String,
    /// When the verdict changed.
    pub since: Option<f64>,
    /// Contrary results in a row since.
    pub contrary: u32,
    /// How many of them change the verdict: `fall` or `rise`.
    pub needed: u32,
    /// How the last run ended, in words.
    pub last: Option<String>,
    /// When.
    pub ended: Option<f64>,
    /// How long it took, in seconds.
    pub took: f64,
    /// How long all runs took.
    pub took_all: f64,
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that took too long.
    pub timed_out: u64,
    /// When the run under way began.
    pub running_since: Option<f64>,
}

/// A tracked file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// The number in it.
    pub value: Option<i32>,
}

/// A tracked process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// How many there are.
    pub count: u32,
    /// As many as wanted.
    pub good: Option<bool>,
}

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Up and with carrier.
    pub up: bool,
    /// Its state is known.
    pub known: bool,
    /// Its primary address over IPv4.
    pub address: Option<String>,
    /// Its link-local address.
    pub link_local: Option<String>,
}

/// What came of a drain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drained {
    /// The instance.
    pub instance: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Who is master now.
    pub by: Option<String>,
    /// After how many seconds.
    pub after: f64,
}

/// What became of an instance that is drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It wasn't master.
    #[default]
    NotMaster,
    /// Another router took over while it still served: no gap.
    HandedOver,
    /// It resigned when its time was up, and another router took over.
    Resigned,
    /// Nobody took over: it serves on, at the lowest priority.
    Nobody,
    /// It came into fault, was resumed, or was taken out of the configuration meanwhile.
    Interrupted,
}
