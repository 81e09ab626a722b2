//! A scenario in real time: real daemons in network namespaces, joined by bridges.
//!
//! What a simulation does with plain data is done here to the kernel that this program runs on:
//! each host is a namespace with one NIC, each switch a bridge, each cable a pair of veths. Faults come at
//! the scenario's times, by the wall clock; captures begin at the same zero and sit at the same
//! places as the simulation's, so that two of them can be compared. It needs root, and takes
//! as long as the scenario says. Nothing of it is left behind, whatever happens.
//!
//! What it isn't: repeatable to the byte. Chance isn't seeded, and a busy machine is late.

mod act;
mod capture;
mod checks;
mod client;
mod conf;
mod daemon;
mod impossible;
mod judge;
mod lab;
mod rules;
mod stage;
mod tool;
mod tracked;
mod watch;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locum_sim::record::Record;

use crate::check::Outcome;
use crate::format::Problem;
use crate::performance::Frames;
use crate::scenario::Scenario;

pub use tool::favour;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The daemon's program: `locum`, or `keepalived`, or a path to one of them.
    pub daemon: PathBuf,
    /// Where configurations, logs and whatever else the daemons need is put. It has to exist.
    pub folder: PathBuf,
    /// Decides what `[chaos]` does.
    pub seed: u64,
    /// Leaves the clients' pings and their answers out of the captures.
    pub without_pings: bool,
    /// How far the world may be from what is expected.
    pub tolerance: Duration,
    /// Ends the run early, with [`Failure::Interrupted`], once it is true.
    pub interrupted: Arc<AtomicBool>,
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// What happened, in order. What goes on inside a daemon can't be seen from outside.
    pub records: Vec<Record>,
    /// In the order of [`Scenario::expectations`]; `None` for what can't be judged from outside.
    pub outcomes: Vec<Option<Outcome>>,
    /// What passed each switch and each host's NIC, by its name.
    pub captures: Vec<(String, Frames)>,
}

impl Seen {
    /// Whether all that could be judged came as expected.
    pub fn is_good(&self) -> bool {
        self.outcomes.iter().flatten().all(|outcome| outcome.met)
    }
}

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Namespaces are root's.
    #[error("network namespaces need root: run it as root, or with sudo")]
    NotRoot,
    /// A program isn't installed.
    #[error("`{tool}` is missing: install the package {package}")]
    Missing {
        /// Its name.
        tool: String,
        /// Where Debian has it.
        package: &'static str,
    },
    /// The scenario asks for what only a simulation can do.
    #[error("{}", lines(.0))]
    Impossible(Vec<Problem>),
    /// A command didn't work.
    #[error("`{line}`: {said}")]
    Command {
        /// The command.
        line: String,
        /// What it said.
        said: String,
    },
    /// A daemon ended that nobody had told to.
    #[error("the daemon of {node} ended by itself ({how}); its last words:\n{log}")]
    Ended {
        /// Whose.
        node: String,
        /// Its exit status.
        how: String,
        /// The end of its log.
        log: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system or the format says.
        why: String,
    },
    /// Somebody wanted it to end.
    #[error("interrupted; everything is taken down")]
    Interrupted,
}

impl Failure {
    fn file(path: &Path, why: &dyn std::error::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    let mut text = String::new();
    for (index, problem) in problems.iter().enumerate() {
        // Writing to a String can't fail.
        let _ = write!(text, "{}{problem}", if index > 0 { "\n" } else { "" });
    }
    text
}

/// Runs a scenario, and takes everything down again.
pub fn run(scenario: &Scenario, options: &Options) -> Result<Seen, Failure> {
    let plan = impossible::plan(scenario, options)?;
    tool::require(&options.daemon)?;
    let (records, captures) = stage::run(scenario, options, plan)?;
    let outcomes = judge::judge(scenario, &records, options.tolerance);
    Ok(Seen {
        records,
        outcomes,
        captures,
    })
}
