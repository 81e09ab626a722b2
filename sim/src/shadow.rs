//! A listener that doesn't trust checkpoints: again and again it makes an engine of one, tells that
//! the same as the daemon's engine is told, and compares what the two say.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use locum_engine::driver::Tap;
use locum_engine::{Engine, Input, Instant, Output};

/// What all shadows of a run have seen. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Findings(Rc<RefCell<Found>>);

#[derive(Debug, Default)]
struct Found {
    restored: u64,
    first: Option<String>,
}

impl Findings {
    /// How many engines were made of checkpoints.
    pub fn restored(&self) -> u64 {
        self.0.borrow().restored
    }

    /// The first difference, if there was one.
    pub fn difference(&self) -> Option<String> {
        self.0.borrow().first.clone()
    }

    fn note(&self, difference: impl FnOnce() -> String) {
        self.0.borrow_mut().first.get_or_insert_with(difference);
    }
}

/// The listener.
#[derive(Debug)]
pub struct Shadow {
    findings: Findings,
    every: u64,
    inputs: u64,
    other: Option<Engine>,
    said: VecDeque<Output>,
}

impl Shadow {
    /// A new engine is restored after `every` so many inputs.
    pub fn new(findings: &Findings, every: u64) -> Self {
        Self {
            findings: findings.clone(),
            every: every.max(1),
            inputs: 0,
            other: None,
            said: VecDeque::new(),
        }
    }

    fn restore(&mut self, engine: &Engine) {
        let mut bytes = Vec::new();
        engine.checkpoint(&mut bytes);
        match Engine::restore(engine.config().clone(), &bytes) {
            Ok(other) => {
                if other.layout() != engine.layout() {
                    self.findings.note(|| "the state isn't the same".to_owned());
                }
                self.other = Some(other);
                self.findings.0.borrow_mut().restored += 1;
            }
            Err(e) => self.findings.note(|| e.to_string()),
        }
    }
}

impl Tap for Shadow {
    fn input(&mut self, engine: &Engine, now: Instant, input: &Input<'_>) {
        if self.inputs.is_multiple_of(self.every) {
            self.restore(engine);
        }
        self.inputs += 1;
        if let Some(other) = &mut self.other {
            other.handle(now, input.clone());
            self.said
                .extend(core::iter::from_fn(|| other.poll_output()));
        }
    }

    fn output(&mut self, output: &Output) {
        let other = self.said.pop_front();
        if other.as_ref() != Some(output) {
            self.findings
                .note(|| format!("input {}: {output:?}, restored: {other:?}", self.inputs));
        }
    }

    fn settled(&mut self, engine: &Engine) {
        let wakes = self.other.as_ref().map(Engine::poll_timeout);
        if let Some(more) = self.said.pop_front() {
            self.findings
                .note(|| format!("input {}: restored: {more:?}", self.inputs));
        }
        if wakes.is_some_and(|at| at != engine.poll_timeout()) {
            self.findings
                .note(|| format!("input {}: another deadline", self.inputs));
        }
    }
}
