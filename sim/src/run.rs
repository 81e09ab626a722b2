//! Runs: a network and a plan go in, everything that was seen comes out.
//!
//! Two runners carry out the same run. [`turmoil`] makes each router a turmoil host that awaits the
//! production driver loop; [`event`] jumps from event to event and polls that loop by hand. Both
//! share the fabric, the plan, the order of things within one instant, and the oracles; on every
//! scenario they must write the same records.
//!
//! Hosts act on a grid of one quantum (1 ms; turmoil's tick). At each point of it: first every
//! event of the fabric up to and including that time, then the plan, then the routers in order of
//! id, each until it has nothing left to do.

pub mod event;
mod net;
mod sabotage;
mod seat;
pub mod turmoil;

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::config::Config;
use locum_engine::driver::Tap;

use crate::capture::{Bytes, TapPoint};
use crate::fault::Plan;
use crate::oracle;
use crate::record::Record;
use crate::topology::{HostId, Topology};

pub use sabotage::Bug;

/// One run, fully determined.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The network.
    pub topology: Arc<Topology>,
    /// What happens to it.
    pub plan: Plan,
}

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The grid on which hosts act. The turmoil runner has 1 ms, whatever stands here.
    pub quantum: Duration,
    /// Keep the records; off for runs so long that they would fill the memory.
    pub keep_records: bool,
    /// Let the oracles watch.
    pub oracles: bool,
    /// Where frames are written down.
    pub taps: Vec<TapPoint>,
    /// A planted bug, to see an oracle catch it.
    pub bug: Option<(HostId, Bug)>,
    /// Who listens to the daemons; nobody by default.
    pub listeners: Listeners,
}

/// Is asked, whenever a daemon begins, whether somebody listens to it. What it hears and does must
/// not matter to the run.
#[derive(Clone, Default)]
pub struct Listeners(Option<Rc<Listener>>);

type Listener = dyn Fn(HostId, &Config) -> Option<Box<dyn Tap>>;

impl Listeners {
    /// `each` makes the listener of a daemon on that host, which begins with that configuration.
    pub fn new(each: impl Fn(HostId, &Config) -> Option<Box<dyn Tap>> + 'static) -> Self {
        Self(Some(Rc::new(each)))
    }

    fn of(&self, host: HostId, config: &Config) -> Option<Box<dyn Tap>> {
        self.0.as_ref().and_then(|each| each(host, config))
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "some" } else { "none" })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            quantum: Duration::from_millis(1),
            keep_records: true,
            oracles: true,
            taps: Vec::new(),
            bug: None,
            listeners: Listeners::default(),
        }
    }
}

/// Everything that was seen.
#[derive(Debug)]
pub struct Run {
    /// The records in order, when they were kept.
    pub records: Vec<Record>,
    /// What the oracles say, when they watched.
    pub report: Option<oracle::Report>,
    /// The frames of each tap, in the order of [`Options::taps`].
    pub captures: Vec<Vec<(Instant, Bytes)>>,
}

/// Which runner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runner {
    /// Discrete events: fast.
    #[default]
    Event,
    /// turmoil: every router a host with its own async runtime.
    Turmoil,
}

impl Runner {
    /// Carries out a run.
    pub fn run(self, setup: &Setup, options: &Options) -> Run {
        match self {
            Self::Event => event::run(setup, options),
            Self::Turmoil => turmoil::run(setup, options),
        }
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Event => "event",
            Self::Turmoil => "turmoil",
        })
    }
}

impl FromStr for Runner {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "event" => Ok(Self::Event),
            "turmoil" => Ok(Self::Turmoil),
            other => Err(format!(
                "there is no runner `{other}`: write `event` or `turmoil`"
            )),
        }
    }
}

/// Takes the records out of the fabric as a run goes on, shows them to the oracles and keeps them.
struct Watch {
    jury: Option<oracle::Jury>,
    records: Vec<Record>,
    keep: bool,
}

impl Watch {
    fn new(setup: &Setup, options: &Options, quantum: Duration) -> Self {
        let jury = options.oracles.then(|| {
            oracle::Jury::new(oracle::Setup {
                topology: &setup.topology,
                faults: &setup.plan.faults,
                quantum,
                until: Instant::ZERO + setup.plan.duration,
            })
        });
        Self {
            jury,
            records: Vec::new(),
            keep: options.keep_records,
        }
    }

    fn take(&mut self, net: &mut net::Net) {
        for record in net.fabric.take_records() {
            if let Some(jury) = &mut self.jury {
                jury.observe(&record);
            }
            if self.keep {
                self.records.push(record);
            }
        }
    }

    fn finish(mut self, net: &mut net::Net) -> Run {
        net.fabric.finish();
        self.take(net);
        Run {
            records: self.records,
            report: self.jury.map(oracle::Jury::finish),
            captures: net.captures(),
        }
    }
}
