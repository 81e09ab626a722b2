//! The engine.

use crate::config::Config;
use crate::event::StateKind;
use crate::ids::{InstanceId, Priority};
use crate::input::Input;
use crate::output::Output;
use crate::time::Instant;

/// All virtual routers and checks of one daemon.
#[derive(Debug)]
pub struct Engine {
    config: Config,
}

/// When the engine wants to be woken, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// At the latest then.
    pub at: Instant,
}

impl Engine {
    /// An engine that has not started.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// The configuration it runs on.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes one input. Drain [`Engine::poll_output`] before the next.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        let _ = (now, input);
    }

    /// The next thing to do, or `None` when all is said.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// The next deadline. May change after every `handle`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Wake> {
        None
    }

    /// State and effective priority of an instance.
    pub fn state(&self, instance: InstanceId) -> (StateKind, Priority) {
        (StateKind::Init, self.config.instance(instance).priority)
    }
}
