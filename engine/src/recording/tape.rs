//! A listener that records.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;

use super::encode::{Encoder, Memory, encode_texts};
use super::head::Head;
use super::packed::Packed;
use super::texts::fingerprint;
use crate::config::Config;
use crate::driver::Tap;
use crate::engine::Engine;
use crate::event::Event;
use crate::input::{Command, Input};
use crate::output::Output;
use crate::time::Instant;

/// Where a recording goes. Nothing here may wait.
pub trait Medium: fmt::Debug {
    /// Whether a segment has to begin before anything else is taken: none has begun, or this one is
    /// nearly full, or something of it was lost. Until one has begun, nothing is recorded.
    fn wants_segment(&mut self) -> bool;

    /// Takes the end of the segment before, which may be empty, and the beginning of a new one. Both
    /// are taken, or neither; `false` if they can't be now.
    fn begin(&mut self, end: &[u8], head: &[u8]) -> bool;

    /// Takes more of the segment. `false` if it is lost, and all that would follow in the segment with
    /// it. `weighty`: somebody changed state; worth being safe from a failure of power.
    fn more(&mut self, bytes: &[u8], weighty: bool) -> bool;

    /// What the wall clock says (UTC, since 1970).
    fn wall(&self) -> Duration;

    /// The texts of a configuration that has just been read.
    fn texts(&mut self, config: &Config) -> Packed;
}

/// Records a run.
#[derive(Debug)]
pub struct Tape<M> {
    medium: M,
    version: &'static str,
    run: u64,
    texts: Packed,
    config: u64,
    /// Some while a segment is being written.
    encoder: Option<Encoder>,
    /// Records that aren't handed over yet, and where the last of them begins.
    buffer: Vec<u8>,
    open: Option<usize>,
    told: u64,
    stopped: bool,
    weighty: bool,
}

impl<M: Medium> Tape<M> {
    /// Begins a recording of an engine that runs on `config`. `version` is that of the program.
    pub fn new(mut medium: M, version: &'static str, config: &Config) -> Self {
        Self {
            texts: medium.texts(config),
            run: crate::time::nanos(medium.wall()),
            config: fingerprint(config),
            medium,
            version,
            encoder: None,
            buffer: Vec::new(),
            open: None,
            told: 0,
            stopped: false,
            weighty: false,
        }
    }

    /// How many bytes a segment of this engine begins with while it runs; more, when its numbers have
    /// become larger.
    pub fn head_size(&self, engine: &Engine) -> usize {
        self.head(engine, Instant::ZERO, None).len()
    }

    fn head(&self, engine: &Engine, now: Instant, fresh: Option<Duration>) -> Vec<u8> {
        let mut state = Vec::new();
        if fresh.is_none() {
            engine.checkpoint(&mut state);
        }
        let head = Head {
            version: Cow::Borrowed(self.version),
            run: self.run,
            wall: self.medium.wall(),
            now,
            earlier: self.told,
            fresh,
            slots: Memory::slots_for(engine.config().instances.len()),
            texts: Cow::Borrowed(&self.texts),
            config: self.config,
            layout: engine.layout(),
            state: Cow::Owned(state),
        };
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        bytes
    }

    /// Begins a segment. `false` if there is nowhere to.
    fn begin(&mut self, engine: &Engine, now: Instant) -> bool {
        let mut end = Vec::new();
        if let Some(encoder) = &self.encoder {
            encoder.end(&mut end);
        }
        let fresh = (self.told == 0).then(|| engine.uptime());
        let head = self.head(engine, now, fresh);
        if !self.medium.begin(&end, &head) {
            self.encoder = None;
            return false;
        }
        let slots = Memory::slots_for(engine.config().instances.len());
        self.encoder = Some(Encoder::new(now, slots));
        true
    }

    fn close_record(&mut self) {
        if let (Some(tag), Some(encoder)) = (self.open.take(), &mut self.encoder) {
            encoder.settle(&mut self.buffer, tag);
        }
    }
}

impl<M: Medium> Tap for Tape<M> {
    fn input(&mut self, engine: &Engine, now: Instant, input: &Input<'_>) {
        self.close_record();
        let between = self.buffer.is_empty();
        let begun = if between && self.medium.wants_segment() {
            self.begin(engine, now)
        } else {
            self.encoder.is_some()
        };
        self.told += 1;
        let mut texts = Vec::new();
        if let Input::Command(Command::Reload(config)) = input {
            self.texts = self.medium.texts(config);
            self.config = fingerprint(config);
            texts = encode_texts(&self.texts, self.config);
        }
        let Some(encoder) = self.encoder.as_mut().filter(|_| begun) else {
            return;
        };
        self.open = Some(self.buffer.len());
        encoder.input(&mut self.buffer, now, input, &texts);
    }

    fn output(&mut self, output: &Output) {
        self.stopped |= *output == Output::Stopped;
        self.weighty |= matches!(output, Output::Event(Event::StateChanged { .. }));
        if let Some(encoder) = self.encoder.as_mut().filter(|_| self.open.is_some()) {
            encoder.output(output);
        }
    }

    fn settled(&mut self, _engine: &Engine) {
        self.close_record();
        if let (true, Some(encoder)) = (self.stopped, &self.encoder) {
            encoder.end(&mut self.buffer);
        }
        let weighty = core::mem::take(&mut self.weighty);
        if !self.buffer.is_empty() && !self.medium.more(&self.buffer, weighty) {
            self.encoder = None;
        }
        self.buffer.clear();
    }
}
