//! A scenario: a network, what goes wrong in it, and what is expected to come of that.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use locum_sim::fault::{Plan, TimedFault};
use locum_sim::topology::Topology;
use toml::de::DeTable;

use crate::chaos::Chaos;
use crate::expect::Expectation;
use crate::format::{
    Fields, Problem, Sink, Source, read_chaos, read_expectations, read_network, read_timeline,
};

/// A scenario file, read and found good.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of the file without its ending.
    pub name: Arc<str>,
    /// What it shows, in one line.
    pub idea: Arc<str>,
    /// The network.
    pub topology: Arc<Topology>,
    /// How long a run lasts.
    pub lasts: Duration,
    /// What goes wrong, in order of time.
    pub timeline: Vec<TimedFault>,
    /// What goes wrong besides, as the seed has it.
    pub chaos: Option<Chaos>,
    /// What has to come of it.
    pub expectations: Vec<Expectation>,
    /// Notes and warnings about the file; nothing that stands in the way of running it.
    pub remarks: Vec<Problem>,
}

impl Scenario {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read(&name, &text, path.parent()),
            Err(error) => {
                let message = format!("the file can't be read: {error}");
                Err(vec![Source::new(&name, "").error(0..0, message)])
            }
        }
    }

    /// Reads a text. Configuration files that it names are looked for in `folder`.
    pub fn read(name: &str, text: &str, folder: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let source = Source::new(name, text);
        let sink = Sink::new(&source);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let message = error.message().trim().replace('\n', "; ");
            sink.error::<()>(error.span().unwrap_or(0..0), message, None);
        }
        // In a text that isn't TOML much may seem to be missing that is merely unread.
        let scenario = match sink.is_fatal() {
            false => Self::read_table(&sink, table.get_ref(), folder),
            true => None,
        };
        let fatal = sink.is_fatal();
        let problems = sink.finish();
        match scenario {
            Some(scenario) if !fatal => Ok(Self {
                name: stem(name),
                remarks: problems,
                ..scenario
            }),
            _ => Err(problems),
        }
    }

    fn read_table(sink: &Sink<'_>, table: &DeTable<'_>, folder: Option<&Path>) -> Option<Self> {
        // An error about the file as a whole points at its first line.
        let fields = Fields::new(sink, table, 0..0);
        let idea = fields.required("idea", r#"write idea = "what this scenario shows""#);
        let lasts = match fields.has("lasts") {
            true => fields.span_of_time("lasts"),
            false => fields.missing("lasts", r#"write lasts = "24s""#),
        };
        let limit = lasts.unwrap_or(Duration::MAX);
        let topology = read_network(&fields, folder);
        let timeline = read_timeline(&fields, &topology, limit);
        let expectations = read_expectations(&fields, &topology, limit);
        let chaos = read_chaos(&fields, &topology, limit);
        fields.finish();
        Some(Self {
            name: "".into(),
            idea: idea?.text.into(),
            topology: Arc::new(topology),
            lasts: lasts?,
            timeline,
            chaos,
            expectations,
            remarks: Vec::new(),
        })
    }

    /// What a run with this seed does. Without `[chaos]` the seed only keys the noise of frames.
    pub fn plan(&self, seed: u64) -> Plan {
        let mut faults = self.timeline.clone();
        if let Some(chaos) = &self.chaos {
            faults.extend(chaos.expand(seed, &self.topology));
            faults.sort_by_key(|fault| fault.at);
        }
        Plan {
            seed,
            duration: self.lasts,
            faults,
        }
    }
}

fn stem(name: &str) -> Arc<str> {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    stem.unwrap_or(name).into()
}
