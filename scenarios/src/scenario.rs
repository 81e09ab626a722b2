//! A scenario: a network, what goes wrong in it, and what is expected to come of that.

use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeMap;
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
    /// The text of each node's keepalived.conf, by the node's name.
    pub configurations: BTreeMap<Arc<str>, Arc<str>>,
    /// The folder of the file, where configurations' includes are looked for.
    pub folder: Option<Arc<Path>>,
    source: Source,
    /// Where the entries of the timeline stand, in its order.
    places: Vec<Range<usize>>,
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
        let (topology, configs) = read_network(&fields, folder);
        let configurations = configs.texts();
        let timeline = read_timeline(&fields, &topology, (configs, folder), limit);
        let (timeline, places) = timeline.into_iter().unzip();
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
            configurations,
            folder: folder.map(Into::into),
            source: sink.source.clone(),
            places,
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

    /// An error about an entry of the [`timeline`](Self::timeline), by its position, that shows where
    /// it stands in the file.
    pub fn problem(&self, entry: usize, message: &str, help: Option<String>) -> Problem {
        let place = self.places.get(entry).cloned().unwrap_or(0..0);
        let mut problem = self.source.error(place, message);
        problem.help = help;
        problem
    }

    /// An error about a key of the file's top level, as [`problem`](Self::problem) has it.
    pub(crate) fn problem_with(&self, key: &str, message: &str, help: Option<String>) -> Problem {
        let text = &self.source.text;
        let starts = |line: &str| line.trim_start_matches('[').starts_with(key);
        let mut at = 0;
        let found = text.split_inclusive('\n').find_map(|line| {
            let place = at..at + line.trim_end().len();
            at += line.len();
            starts(line).then_some(place)
        });
        let mut problem = self.source.error(found.unwrap_or(0..0), message);
        problem.help = help;
        problem
    }
}

fn stem(name: &str) -> Arc<str> {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    stem.unwrap_or(name).into()
}
