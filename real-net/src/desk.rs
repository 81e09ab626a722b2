//! The desk: everybody who asks the running daemon something is served here, between two turns of
//! the engine's loop.
//!
//! The loop polls the desk before each turn and hands it the engine to look at. Whoever is served
//! keeps their own sockets and files, wakes the loop through `cx` when something has arrived, and
//! returns at once: adverts are due behind it. Nothing here changes the engine; what is asked of it
//! goes through [`Hooks::poll_command`](locum_engine::driver::Hooks::poll_command), like a signal.

use std::task::Context;

use locum_engine::Engine;

/// Whoever is served.
#[derive(Debug, Default)]
pub struct Desk {}

impl Desk {
    /// Serves everybody who has asked for something, without waiting for anybody.
    pub fn poll(&mut self, _cx: &mut Context<'_>, _engine: &Engine) {}
}
