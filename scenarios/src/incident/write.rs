//! The story as a scenario file.

use core::fmt::Write;
use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use locum_engine::event::StateKind;
use locum_engine::{Instant, Outcome};

use super::nodes::literal;
use super::peers::{self, Deed, Part};
use super::story::{Fact, Heard, Story};
use crate::format::route;
use crate::units::show_span;
use crate::words;

/// Before the beginning of the recording: time for those who were master then to become it.
const SPARE: Duration = Duration::from_millis(1500);
/// After its end.
const TAIL: Duration = Duration::from_millis(500);

/// One peer.
pub(super) struct Peer<'a> {
    pub(super) name: String,
    interface: &'a str,
    pub(super) address: IpAddr,
    pub(super) heard: &'a [Heard],
    pub(super) part: Part,
}

pub(super) struct Writer<'a> {
    pub(super) story: &'a Story,
    pub(super) peers: Vec<Peer<'a>>,
    /// From the beginning of the scenario to that of the recording.
    pub(super) ahead: Duration,
    /// Times with entries of the timeline.
    entries: Vec<(Duration, String)>,
    remarks: Vec<String>,
    pub(super) text: String,
}

/// Writes it all.
pub(super) fn write(story: &Story) -> String {
    let peers = story
        .heard
        .iter()
        .zip(1..)
        .map(|(((interface, address), heard), n)| Peer {
            name: format!("P{n}"),
            interface,
            address: *address,
            part: peers::part(story, (interface, *address), heard),
            heard,
        });
    let mut writer = Writer {
        story,
        peers: peers.collect(),
        ahead: Duration::ZERO,
        entries: Vec::new(),
        remarks: story.omitted.iter().cloned().collect(),
        text: String::new(),
    };
    writer.ahead = writer.time_ahead();
    writer.own_timeline();
    writer.peers_timeline();
    writer.print()
}

impl Writer<'_> {
    /// Long enough for a master of the beginning to have become it.
    fn time_ahead(&self) -> Duration {
        let was_master = self.story.before.iter().flatten();
        let ours = was_master
            .zip(&self.story.config.instances)
            .map(|(state, instance)| {
                let listens = 4 * instance.advert_interval.duration();
                if *state == StateKind::Init {
                    Duration::ZERO
                } else {
                    listens
                }
            });
        let early = self.peers.iter().filter_map(|peer| peer.part.starts);
        let origin = self.story.span.0;
        let theirs = early.map(|at| origin.saturating_since(at));
        // An instant can't be before the clock's origin: what was cut off is added.
        let reigned = self.peers.iter().filter(|peer| peer.part.reigned);
        let reigned = reigned.map(|peer| 4 * peer.heard[0].interval);
        let longest = ours.chain(theirs).chain(reigned).max().unwrap_or_default();
        if longest.is_zero() {
            longest
        } else {
            longest + SPARE
        }
    }

    /// A time of the recording in the scenario.
    pub(super) fn time(&self, at: Instant) -> Duration {
        let origin = self.story.span.0;
        let after = self.ahead + at.saturating_since(origin);
        after.saturating_sub(origin.saturating_since(at))
    }

    fn say(&mut self, at: Duration, entry: String) {
        self.entries.push((at, entry));
    }

    fn cable(&self, interface: &str) -> String {
        match self.position(interface) {
            0 => "A - sw1".to_owned(),
            n => format!("A:{interface} - sw{}", n + 1),
        }
    }

    fn position(&self, interface: &str) -> usize {
        let mut known = self.interfaces().into_iter();
        known.position(|name| &*name == interface).unwrap_or(0)
    }

    /// The real ones, in the order of the configuration.
    pub(super) fn interfaces(&self) -> Vec<Arc<str>> {
        let config = &self.story.config;
        let real = config.interfaces.iter().zip(0..).filter(|(_, n)| {
            let id = locum_engine::ids::InterfaceId(*n);
            config.device(id).is_none()
        });
        real.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// What happened to the node itself.
    fn own_timeline(&mut self) {
        let mut says: BTreeMap<&str, Outcome> = BTreeMap::new();
        let story = self.story;
        for (at, fact) in &story.facts {
            let at = self.time(*at);
            match fact {
                Fact::Link(name, up) => {
                    let verb = if *up { "plug" } else { "pull" };
                    let cable = self.cable(name);
                    self.say(at, format!("{verb} = {cable:?}"));
                }
                Fact::Check(name, outcome, began, before) => {
                    let same = says.insert(name, *outcome) == Some(*outcome);
                    if !same {
                        let at = self.between(*began, *before);
                        let says = match outcome {
                            // As good as that, for those who track it.
                            Outcome::Success | Outcome::NotRun(_) => "success",
                            Outcome::Failure(_) => "failure",
                            Outcome::TimedOut => "timeout",
                        };
                        self.say(
                            at,
                            format!("check = {:?}, node = \"A\", says = {says:?}", &**name),
                        );
                    }
                }
                Fact::File(name, value) => {
                    self.say(
                        at,
                        format!("file = {:?}, node = \"A\", says = {value}", &**name),
                    );
                }
                Fact::Process(name, count) => {
                    self.say(
                        at,
                        format!("process = {:?}, node = \"A\", runs = {count}", &**name),
                    );
                }
                Fact::Drain(of, within) => {
                    let within = show_span(*within);
                    if let Some(of) = self.one_or_all(of.as_ref(), "a drain") {
                        self.say(at, format!("drain = \"A\"{of}, within = {within:?}"));
                    }
                }
                Fact::Resume(of) => {
                    if let Some(of) = self.one_or_all(of.as_ref(), "the end of a drain") {
                        self.say(at, format!("undrain = \"A\"{of}"));
                    }
                }
                Fact::Priority(name, priority) => {
                    let to = priority.map_or("\"configured\"".to_owned(), |p| p.to_string());
                    if let Some(of) = self.one_or_all(Some(name), "a priority") {
                        self.say(at, format!("priority = {to}, node = \"A\"{of}"));
                    }
                }
                Fact::Reload(texts) => {
                    let config = literal(&texts.flattened());
                    self.say(at, format!("reload = \"A\", config = {config}"));
                }
                Fact::AddressRemoved(address) => {
                    if !self.is_asleep_before(at) {
                        self.say(at, format!("remove = \"{address}\", node = \"A\""));
                    }
                }
                Fact::ObjectRemoved(words) => match route::in_words(&story.config, words) {
                    Some(object) => {
                        let name = route::name(&story.config, object);
                        self.say(at, format!("remove_route = {name:?}, node = \"A\""));
                    }
                    None => {
                        let what = "which a reload has brought: it isn't carried over";
                        let remark = format!("somebody removed {words}, {what}");
                        self.remarks.push(remark);
                    }
                },
                Fact::Source(address, present) => {
                    let verb = if *present { "add" } else { "remove" };
                    self.say(at, format!("{verb} = \"{address}\", node = \"A\""));
                }
                Fact::Stall(until) => {
                    let lasts = show_span(self.time(*until).saturating_sub(at));
                    self.say(at, format!("hang = \"A\", for = {lasts:?}"));
                }
                Fact::Stop => self.say(at, "stop = \"A\"".to_owned()),
            }
        }
    }

    /// Before a run of a check began, and after the one before it had.
    fn between(&self, began: Instant, before: Option<Instant>) -> Duration {
        match before {
            Some(before) => {
                let gap = began.saturating_since(before) / 2;
                self.time(began.saturating_sub(gap.min(Duration::from_millis(500))))
            }
            None => self.time(began).saturating_sub(Duration::from_millis(1)),
        }
    }

    /// A leased address goes while its daemon is held up: that needs no help.
    fn is_asleep_before(&self, at: Duration) -> bool {
        let story = self.story;
        story.facts.iter().any(|(begin, fact)| {
            let Fact::Stall(until) = fact else {
                return false;
            };
            let (begin, until) = (self.time(*begin), self.time(*until));
            begin <= at && at <= until + Duration::from_millis(100)
        })
    }

    /// Which instance an entry is about, if not all. The timeline knows those of the first
    /// configuration; `None` for what speaks of another one.
    fn one_or_all(&mut self, of: Option<&Arc<str>>, what: &str) -> Option<String> {
        let Some(name) = of else {
            return Some(String::new());
        };
        if self.story.config.find_instance(name).is_none() {
            let remark =
                format!("{what} of {name}, which a reload has brought, isn't carried over");
            self.remarks.push(remark);
            return None;
        }
        Some(format!(", instance = {:?}", &**name))
    }

    fn peers_timeline(&mut self) {
        let mut said = Vec::new();
        for peer in &self.peers {
            let name = &peer.name;
            let mut absent = Vec::new();
            for (at, deed) in &peer.part.deeds {
                let entry = match deed {
                    Deed::Without(id) | Deed::With(id) => {
                        absent.retain(|absent| absent != id);
                        absent.extend((*deed == Deed::Without(*id)).then_some(*id));
                        let config = literal(&self.peer_conf(peer, &absent));
                        format!("reload = {name:?}, config = {config}")
                    }
                    Deed::Start => format!("start = {name:?}"),
                    Deed::Stop => format!("stop = {name:?}"),
                    Deed::Kill => format!("kill = {name:?}"),
                    Deed::Dark(until) => {
                        let lasts = show_span(until.saturating_since(*at));
                        let switch = self.position(peer.interface) + 1;
                        format!("dark = \"{name} - sw{switch}\", for = {lasts:?}")
                    }
                    Deed::Priority(id, priority) => {
                        let instance = &self.story.config.instance(*id).name;
                        format!(
                            "priority = {priority}, node = {name:?}, instance = {:?}",
                            &**instance
                        )
                    }
                };
                if matches!(deed, Deed::Kill | Deed::Dark(_)) {
                    let remark = format!(
                        "{} fell silent at {}: killed, hung or cut off, which can't be told apart",
                        peer.address,
                        show_span(self.time(*at))
                    );
                    self.remarks.push(remark);
                }
                said.push((self.time(*at), entry));
            }
        }
        self.entries.extend(said);
    }

    fn print(mut self) -> String {
        self.entries.sort_by_key(|(at, _)| *at);
        self.top();
        self.timeline();
        self.expectations();
        self.own_node();
        for n in 0..self.peers.len() {
            self.peer(n);
        }
        self.text
    }

    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn top(&mut self) {
        self.line("# Made from a recording by `rehearse replay --as-scenario`. A is the node that recorded. What it heard of others");
        self.line("# is carried over, what happened where it couldn't hear is invented.");
        let mut remarks = core::mem::take(&mut self.remarks);
        remarks.dedup();
        if !remarks.is_empty() {
            self.line("#");
            self.line("# Not as it was, or not known:");
        }
        for remark in remarks {
            self.line(format!("# - {remark}"));
        }
        if self.story.before.is_some() {
            self.line("# The recording begins while the daemon runs; here it starts, and becomes what it was.");
        }
        self.line("");
        let name = self.story.config.router_id.as_deref().unwrap_or("a node");
        let idea = format!("What {name} was told, retold");
        self.line(format!("idea = {idea:?}"));
        let lasts = self.time(self.story.span.1) + TAIL;
        self.line(format!("lasts = {:?}", show_span(lasts)));
        let interfaces = self.interfaces();
        let switches: Vec<String> = (1..=interfaces.len())
            .map(|n| format!("\"sw{n}\""))
            .collect();
        self.line(format!("switches = [{}]", switches.join(", ")));
        let own = interfaces.iter().map(|name| self.cable(name));
        let theirs = self.peers.iter().map(|peer| {
            let switch = self.position(peer.interface) + 1;
            format!("{} - sw{switch}", peer.name)
        });
        let cables: Vec<String> = own
            .chain(theirs)
            .map(|cable| format!("{cable:?}"))
            .collect();
        self.line(format!("cables = [{}]", cables.join(", ")));
        self.line("");
    }

    fn timeline(&mut self) {
        let lasts = self.time(self.story.span.1) + TAIL;
        self.line("timeline = [");
        for (at, entry) in core::mem::take(&mut self.entries) {
            if at < lasts {
                self.line(format!("    {{ at = {:?}, {entry} }},", show_span(at)));
            }
        }
        self.line("]");
    }

    /// What the node became, so many times for each reason.
    fn expectations(&mut self) {
        let config = &self.story.config;
        let several = config.instances.len() > 1;
        let mut times: BTreeMap<(Arc<str>, StateKind, &str), usize> = BTreeMap::new();
        for change in &self.story.transitions {
            // Of those that a reload has brought nothing can be expected.
            if config.find_instance(&change.instance).is_some() {
                let why = words::reason(change.why);
                let what = (Arc::clone(&change.instance), change.to, why);
                *times.entry(what).or_default() += 1;
            }
        }
        // How it becomes what it was before the beginning isn't part of the story.
        let exact = self.story.before.is_none();
        self.line("expect = [");
        for ((instance, to, why), times) in times {
            let mut more = match several {
                true => format!(", instance = {:?}", &*instance),
                false => String::new(),
            };
            if exact {
                let _ = write!(more, ", times = {times}");
            }
            self.line(format!(
                "    {{ node = \"A\", becomes = \"{to}\", because = {why:?}{more} }},"
            ));
        }
        self.line("]");
        self.line("");
    }
}
