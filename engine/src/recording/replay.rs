//! A segment played again: the same inputs to the same engine, compared with what the daemon did.

use core::fmt;
use std::sync::Arc;

use super::bytes::Reader;
use super::decode::{Decoder, Entry, Garbled, Proof, Told};
use super::digest::Digest;
use super::head::Head;
use super::texts::fingerprint;
use crate::config::{Config, ObjectId};
use crate::engine::{Engine, Unrestorable};
use crate::event::{Event, StateKind};
use crate::ids::{InstanceId, InterfaceId};
use crate::input::{Command, Input};
use crate::output::Output;

/// Why a segment can't be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The bytes aren't a segment.
    #[error(transparent)]
    Garbled(#[from] Garbled),
    /// The configuration in it can't be read any more.
    #[error("this version can't use the configuration in the recording")]
    Configuration,
    /// The engine's state can't be restored.
    #[error("{why}: locum {by} recorded it, use the `rehearse` that belongs to that")]
    State {
        /// What is the matter with it.
        why: Unrestorable,
        /// The version that recorded it.
        by: String,
    },
    /// The state has other parts than this version's engine.
    #[error(
        "the engine's state has another layout in this version: locum {by} recorded it, use the \
         `rehearse` that belongs to that"
    )]
    Layout {
        /// The version that recorded it.
        by: String,
    },
    /// An input speaks of an instance, an interface or a check that the configuration doesn't have.
    #[error("an input speaks of something that the configuration doesn't have")]
    Position,
}

/// How what came of an input isn't what the daemon made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What the daemon did.
    pub expected: Proof,
    /// What this engine does.
    pub got: Proof,
}

/// One input, played.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number in the run, from 1.
    pub number: u64,
    /// What was told and when.
    pub entry: Entry,
    /// What came of it.
    pub outputs: Vec<Output>,
    /// The configuration that was in force before it.
    pub config: Arc<Config>,
    /// `None`: the same as the daemon.
    pub difference: Option<Difference>,
}

/// A segment being played.
#[derive(Debug)]
pub struct Replay<'a> {
    head: Head<'static>,
    engine: Engine,
    decoder: Decoder<'a>,
    digest: Digest,
    number: u64,
    config_differs: bool,
    closed: bool,
}

impl<'a> Replay<'a> {
    /// The beginning of a segment and the bytes behind it.
    ///
    /// # Errors
    /// When the bytes don't begin a segment.
    pub fn head(segment: &'a [u8]) -> Result<(Head<'static>, &'a [u8]), Garbled> {
        let mut reader = Reader(segment);
        let head = Head::decode(reader.bytes()?)?;
        Ok((head, reader.0))
    }

    /// An engine in the state in which the segment begins.
    ///
    /// # Errors
    /// When it can't be made by this version.
    pub fn new(segment: &'a [u8]) -> Result<Self, ReplayError> {
        let (head, records) = Self::head(segment)?;
        let config = head.texts.unpack()?.read().config;
        let config = config.ok_or(ReplayError::Configuration)?;
        let config_differs = fingerprint(&config) != head.config;
        let engine = match head.fresh {
            Some(uptime) => Engine::new(config).with_uptime(uptime),
            None => restored(config, &head)?,
        };
        Ok(Self {
            decoder: Decoder::new(records, head.now, head.slots),
            number: head.earlier,
            head,
            engine,
            digest: Digest::default(),
            config_differs,
            closed: false,
        })
    }

    /// Where it begins.
    pub fn beginning(&self) -> &Head<'static> {
        &self.head
    }

    /// The engine as it is now.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether this version reads another configuration out of the same text.
    pub fn config_differs(&self) -> bool {
        self.config_differs
    }

    /// Whether the segment was closed in order: it is full, or the daemon stopped. Otherwise the
    /// daemon was killed, or something was lost, or it still runs.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether this engine's state is the one in which another segment begins.
    pub fn arrives_at(&self, next: &Head<'_>) -> bool {
        let mut state = Vec::new();
        self.engine.checkpoint(&mut state);
        state == *next.state
    }

    /// Plays the next input; `None` at the end.
    ///
    /// # Errors
    /// When the bytes aren't a record, or say something impossible. Nothing can be played after that.
    pub fn step(&mut self) -> Result<Option<Step>, ReplayError> {
        let Some(entry) = self.decoder.next_entry()? else {
            return Ok(None);
        };
        if let Told::End(_) = entry.told {
            self.closed = true;
            return Ok(None);
        }
        let config = self.engine.shared_config();
        if !is_possible(&config, &entry.told) {
            return Err(ReplayError::Position);
        }
        self.tell(&entry)?;
        let outputs: Vec<Output> = core::iter::from_fn(|| self.engine.poll_output()).collect();
        let got = self.proof(&outputs);
        let same = got.count == entry.proof.count
            && (got.count == 0 || got.digest == entry.proof.digest)
            && got.changes == entry.proof.changes;
        self.number += 1;
        Ok(Some(Step {
            number: self.number,
            difference: (!same).then(|| Difference {
                expected: entry.proof.clone(),
                got,
            }),
            entry,
            outputs,
            config,
        }))
    }

    fn tell(&mut self, entry: &Entry) -> Result<(), ReplayError> {
        match &entry.told {
            Told::Plain(input) => self.engine.handle(entry.now, input.clone()),
            Told::Packet(packet) => {
                let input = Input::Receive(packet.datagram());
                self.engine.handle(entry.now, input);
            }
            Told::Reload { texts, config } => {
                let new = texts
                    .unpack()?
                    .read()
                    .config
                    .ok_or(ReplayError::Configuration)?;
                self.config_differs |= fingerprint(&new) != *config;
                let command = Command::Reload(Box::new(new));
                self.engine.handle(entry.now, Input::Command(command));
            }
            Told::End(_) => {}
        }
        Ok(())
    }

    fn proof(&mut self, outputs: &[Output]) -> Proof {
        let mut changes = Vec::new();
        for output in outputs {
            self.digest.add(output);
            if let Output::Event(Event::StateChanged {
                instance, from, to, ..
            }) = output
            {
                changes.push((*instance, *from, *to));
            }
        }
        Proof {
            count: outputs.len() as u64,
            digest: self.digest.short(),
            changes,
        }
    }
}

/// The engine in the state in which a segment begins.
fn restored(config: Config, head: &Head<'_>) -> Result<Engine, ReplayError> {
    let by = || head.version.clone().into_owned();
    match Engine::restore(config, &head.state) {
        Ok(engine) if engine.layout() == head.layout => Ok(engine),
        Ok(_) => Err(ReplayError::Layout { by: by() }),
        Err(why) => Err(ReplayError::State { why, by: by() }),
    }
}

/// Whether everything an input speaks of is in the configuration.
fn is_possible(config: &Config, told: &Told) -> bool {
    let interface = |id: InterfaceId| id.index() < config.interfaces.len();
    let instance = |id: InstanceId| id.index() < config.instances.len();
    let object = |id: ObjectId| {
        let objects = match id.owner {
            Some(owner) => config.instances.get(owner.index()).map(|i| i.objects.len()),
            None => Some(config.statics.objects.len()),
        };
        objects.is_some_and(|len| usize::from(id.index) < len)
    };
    let input = match told {
        Told::Packet(packet) => return interface(packet.interface),
        Told::Reload { .. } | Told::End(_) => return true,
        Told::Plain(input) => input,
    };
    match input {
        Input::Link { interface: id, .. } | Input::AddressRemoved { interface: id, .. } => {
            interface(*id)
        }
        Input::AddressRefused { instance: id, .. } => instance(*id),
        Input::ObjectRemoved(id) | Input::ObjectRefused(id) => object(*id),
        Input::StaticAddressRefused(n) => usize::from(*n) < config.statics.addresses.len(),
        Input::CheckDone { check, .. } => check.index() < config.checks.len(),
        Input::FileValue { file, .. } => file.index() < config.files.len(),
        Input::ProcessCount { process, .. } => process.index() < config.processes.len(),
        Input::Command(Command::Drain { instance: id, .. } | Command::Resume { instance: id }) => {
            id.is_none_or(instance)
        }
        Input::Command(Command::SetPriority { instance: id, .. }) => instance(*id),
        Input::Command(Command::Start | Command::Stop | Command::Reload(_))
        | Input::Timeout
        | Input::Utc(_)
        | Input::Source { .. }
        | Input::Receive(_) => true,
    }
}

impl Proof {
    /// In words, with the names of the configuration.
    pub fn display<'a>(&'a self, config: &'a Config) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            let plural = if self.count == 1 { "" } else { "s" };
            write!(f, "{} output{plural}", self.count)?;
            if self.count > 0 {
                write!(f, ", hash {:04x}", self.digest)?;
            }
            for (id, from, to) in &self.changes {
                let named = config.instances.get(id.index());
                let name = named.map_or("?", |instance| &*instance.name);
                write_change(f, name, *from, *to)?;
            }
            Ok(())
        })
    }
}

fn write_change(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    from: StateKind,
    to: StateKind,
) -> fmt::Result {
    write!(f, "; {name}: {from} -> {to}")
}
