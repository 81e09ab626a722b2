//! What the node was told, sorted by what it is about.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use locum_engine::config::{Config, InstanceConfig};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{CheckId, InstanceId, Priority};
use locum_engine::recording::{Packet, Replay, Step, Texts, Told};
use locum_engine::wire::{self, Family};
use locum_engine::{Command, Effect, Engine, Event, Input, Instant, LinkState, Outcome, Output};

use crate::format::route;
use crate::playback::Run;

/// A daemon that acts later than this was held up.
const STALL: Duration = Duration::from_millis(150);

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When, by the daemon's clock.
    pub at: Instant,
    /// The name of the instance.
    pub instance: Arc<str>,
    /// From.
    pub from: StateKind,
    /// To.
    pub to: StateKind,
    /// Why.
    pub why: Reason,
}

/// Something that happened to the node, other than a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Link(Arc<str>, bool),
    /// The run that ended so began, and the one before it ended, then.
    Check(Arc<str>, Outcome, Instant, Option<Instant>),
    File(Arc<str>, i32),
    Process(Arc<str>, u32),
    Drain(Option<Arc<str>>, Duration),
    Resume(Option<Arc<str>>),
    Priority(Arc<str>, Option<Priority>),
    Reload(Box<Texts>),
    AddressRemoved(IpAddr),
    /// A route or a rule, in the words of the log.
    ObjectRemoved(String),
    /// An address of the node's own, which adverts are sent from, is there or isn't.
    Source(IpAddr, bool),
    Stall(Instant),
    Stop,
}

/// An advert that the node could believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) instance: InstanceId,
    pub(super) priority: Priority,
    pub(super) interval: Duration,
}

/// A stretch of a run in which nothing is missing.
#[derive(Debug)]
pub struct Story {
    pub(super) texts: Texts,
    /// At the beginning.
    pub(super) config: Arc<Config>,
    /// The first input, and the last one.
    pub(super) span: (Instant, Instant),
    /// The daemon took part from here on; earlier than the stretch, it is its beginning.
    pub(super) started: Instant,
    /// States at the beginning, when the daemon ran already.
    pub(super) before: Option<Vec<StateKind>>,
    /// What was first known of each interface.
    pub(super) links: BTreeMap<Arc<str>, LinkState>,
    pub(super) facts: Vec<(Instant, Fact)>,
    /// By interface and source.
    pub(super) heard: BTreeMap<(Arc<str>, IpAddr), Vec<Heard>>,
    /// In order.
    pub transitions: Vec<Transition>,
    /// What isn't carried over.
    pub(super) omitted: BTreeSet<String>,
    last_run: BTreeMap<CheckId, (Instant, Option<Instant>)>,
    last_input: Instant,
    running: bool,
}

impl Story {
    /// Plays a run and takes down its last stretch without a gap.
    ///
    /// # Errors
    /// When there is none, in words.
    pub fn of(run: &Run) -> Result<Self, String> {
        let mut story: Option<Self> = None;
        let mut expected = None;
        for bytes in &run.segments {
            let mut replay = Replay::new(bytes).map_err(|e| e.to_string())?;
            let head = replay.beginning();
            if expected != Some(head.earlier) {
                story = None;
            }
            let mut number = head.earlier;
            let texts = head.texts.unpack().map_err(|e| e.to_string())?;
            let (fresh, begin) = (head.fresh.is_some(), head.now);
            let story =
                story.get_or_insert_with(|| Self::begin(replay.engine(), texts, fresh, begin));
            loop {
                let due = replay.engine().poll_timeout().map(|wake| wake.at);
                let before = discarded(replay.engine());
                let Some(step) = replay.step().map_err(|e| e.to_string())? else {
                    break;
                };
                number = step.number;
                let believed = discarded(replay.engine()) == before;
                story.take(&step, due, believed);
            }
            expected = Some(number);
        }
        let story = story.ok_or("nothing was recorded yet")?;
        if !story.running {
            return Err("the daemon didn't take part in it".to_owned());
        }
        Ok(story)
    }

    fn begin(engine: &Engine, texts: Texts, fresh: bool, now: Instant) -> Self {
        let config = Arc::new(engine.config().clone());
        let status = engine.status();
        let known = status.links().filter(|link| link.is_known());
        let links = known.map(|link| (link.name().into(), *link.state()));
        let states = (0..config.instances.len()).map(|i| engine.state(InstanceId(i as u16)).0);
        Self {
            before: (!fresh).then(|| states.collect()),
            links: links.collect(),
            texts,
            config,
            span: (now, now),
            started: now,
            facts: Vec::new(),
            heard: BTreeMap::new(),
            transitions: Vec::new(),
            omitted: BTreeSet::new(),
            last_run: BTreeMap::new(),
            last_input: now,
            running: status.is_running(),
        }
    }

    fn take(&mut self, step: &Step, due: Option<Instant>, believed: bool) {
        let (now, config) = (step.entry.now, &step.config);
        if let Some(due) = due.filter(|due| now > *due + STALL && self.running) {
            // Some time before it should have acted, and after it last did.
            let asleep = due.saturating_sub(Duration::from_millis(100));
            let asleep = asleep.max(self.last_input + Duration::from_millis(1));
            self.facts.push((asleep.min(due), Fact::Stall(now)));
        }
        self.last_input = now;
        self.span.1 = now;
        match &step.entry.told {
            Told::Packet(packet) => self.packet(config, now, packet, believed),
            Told::Plain(input) => self.input(config, now, input),
            Told::Reload { texts, .. } => {
                // It was played, so that it can be read.
                let texts = texts.unpack().unwrap_or_default();
                self.facts.push((now, Fact::Reload(Box::new(texts))));
            }
            Told::End(_) => {}
        }
        let mut config = config;
        for output in &step.outputs {
            match output {
                Output::Effect(Effect::StartCheck { check, .. }) => {
                    let before = self.last_run.get(check).map(|(at, _)| *at);
                    self.last_run.insert(*check, (now, before));
                }
                Output::Event(Event::StateChanged {
                    instance,
                    from,
                    to,
                    why,
                }) => self.transitions.push(Transition {
                    at: now,
                    instance: Arc::clone(&config.instance(*instance).name),
                    from: *from,
                    to: *to,
                    why: *why,
                }),
                Output::Reloaded(reloaded) => config = &reloaded.config,
                _ => {}
            }
        }
    }

    fn packet(&mut self, config: &Config, now: Instant, packet: &Packet, believed: bool) {
        let message = wire::message(packet.protocol, &packet.payload).unwrap_or_default();
        let vrid = message.get(1).copied().unwrap_or_default();
        let family = Family::of(packet.source);
        // Several may have one number: then group or peer tell them apart.
        let meant = |instance: &InstanceConfig| match &instance.unicast {
            Some(unicast) => unicast.peer(packet.source).is_some(),
            None => instance.group() == packet.destination,
        };
        let numbered = config.instances.iter().enumerate().filter(|(_, instance)| {
            instance.vrid.get() == vrid
                && instance.interface == packet.interface
                && instance.family == family
        });
        let found = numbered.max_by_key(|(n, instance)| (meant(instance), usize::MAX - n));
        let found = found.map(|(n, _)| n);
        let source = packet.source;
        let (Some(instance), [first, _, priority, _, high, low, ..], true) =
            (found, message, believed)
        else {
            let line = format!("packets from {source} that were discarded or meant for others");
            self.omitted.insert(line);
            return;
        };
        let interval = match first >> 4 {
            2 => Duration::from_secs((*low).into()),
            _ => Duration::from_millis(10 * u64::from(u16::from_be_bytes([high & 0xf, *low]))),
        };
        let interface = config.interface_name(packet.interface).into();
        self.heard
            .entry((interface, source))
            .or_default()
            .push(Heard {
                at: now,
                instance: InstanceId(instance as u16),
                priority: Priority(*priority),
                interval: interval.max(Duration::from_millis(10)),
            });
    }

    fn input(&mut self, config: &Config, now: Instant, input: &Input<'_>) {
        let name = |id: InstanceId| Arc::clone(&config.instance(id).name);
        let fact = match input {
            Input::Link { interface, state } => {
                let name: Arc<str> = config.interface_name(*interface).into();
                let before = self.links.entry(Arc::clone(&name)).or_insert(*state);
                let (was, is) = (before.up, state.up);
                // An address that comes later is as good as one that was there.
                before.address = before.address.or(state.address);
                let lost = before.address.filter(|_| state.address.is_none());
                let own = state.address.or(lost);
                before.up = is;
                if let Some(own) = own {
                    self.source(now, own, lost.is_none());
                }
                if was == is {
                    return;
                }
                Fact::Link(name, is)
            }
            Input::Source { address, present } => return self.source(now, *address, *present),
            Input::CheckDone { check, outcome } => {
                let (began, before) = self.last_run.get(check).copied().unwrap_or((now, None));
                let name = Arc::clone(&config.check(*check).name);
                Fact::Check(name, *outcome, began, before)
            }
            Input::FileValue { file, value } => {
                Fact::File(Arc::clone(&config.file(*file).name), *value)
            }
            Input::ProcessCount { process, count } => {
                Fact::Process(Arc::clone(&config.process(*process).name), *count)
            }
            Input::Command(Command::Start) => {
                (self.running, self.started) = (true, now);
                return;
            }
            Input::Command(Command::Stop) => Fact::Stop,
            Input::Command(Command::Drain { instance, within }) => {
                Fact::Drain(instance.map(name), *within)
            }
            Input::Command(Command::Resume { instance }) => Fact::Resume(instance.map(name)),
            Input::Command(Command::SetPriority { instance, priority }) => {
                Fact::Priority(name(*instance), *priority)
            }
            Input::AddressRemoved { address, .. } => {
                let state = self.state_of(*address, config);
                if state != Some(StateKind::Master) {
                    return;
                }
                Fact::AddressRemoved(*address)
            }
            Input::AddressRefused { address, .. } => {
                self.omitted.insert(format!("the kernel refused {address}"));
                return;
            }
            Input::ObjectRemoved(object) => {
                let owner = object.owner.map(name);
                let state = owner.map(|owner| self.last_state(&owner));
                if state.is_some_and(|state| state != Some(StateKind::Master)) {
                    return;
                }
                Fact::ObjectRemoved(route::words(config, *object))
            }
            Input::ObjectRefused(object) => {
                let words = route::words(config, *object);
                self.omitted.insert(format!("the kernel refused {words}"));
                return;
            }
            Input::StaticAddressRefused(n) => {
                let address = config.statics.addresses[usize::from(*n)].address;
                self.omitted.insert(format!("the kernel refused {address}"));
                return;
            }
            _ => return,
        };
        self.facts.push((now, fact));
    }

    /// The machine says it of an interface's primary address and of watched ones: once is enough.
    fn source(&mut self, now: Instant, address: IpAddr, present: bool) {
        let known = self.facts.iter().rev().find_map(|(_, fact)| match fact {
            Fact::Source(known, present) if *known == address => Some(*present),
            _ => None,
        });
        // One that was missing from the start on can't be told from one that was never there.
        if known.unwrap_or(true) != present {
            self.facts.push((now, Fact::Source(address, present)));
        }
    }

    /// In which state the instance is that holds an address, as far as it has said.
    fn state_of(&self, address: IpAddr, config: &Config) -> Option<StateKind> {
        let holds = |instance: &&InstanceConfig| {
            let mut held = instance.held_addresses();
            held.any(|held| held.address == address)
        };
        let instance = config.instances.iter().find(holds)?;
        self.last_state(&instance.name)
    }

    pub(super) fn last_state(&self, name: &str) -> Option<StateKind> {
        let mut changes = self.transitions.iter().rev();
        let last = changes.find(|change| &*change.instance == name);
        last.map(|change| change.to).or_else(|| {
            let id = self.config.find_instance(name)?;
            self.before.as_ref()?.get(id.index()).copied()
        })
    }
}

/// Packets that weren't believed, by all instances. That one is in fault isn't the packet's fault.
fn discarded(engine: &Engine) -> u64 {
    use locum_engine::event::Discard;
    let ours = [Discard::NotListening, Discard::Own, Discard::OwnerIgnores];
    let ids = (0..engine.config().instances.len()).map(|i| InstanceId(i as u16));
    let of = |id| {
        let counts = &engine.stats(id).discarded;
        let theirs = counts
            .iter()
            .filter(|(why, _)| ours.iter().all(|o| o.index() != *why));
        theirs.map(|(_, count)| count).sum::<u64>()
    };
    ids.map(of).sum()
}
