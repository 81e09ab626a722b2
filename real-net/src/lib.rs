//! Locum on Linux: sockets, netlink, timers, scripts.
//!
//! Each of the engine's five injected traits has its implementation here; the engine's own loop
//! runs on them. No protocol decision is made in this crate, and nothing of the simulator is in it.

pub mod background;
pub mod cli;
pub mod clock;
mod confine;
pub mod control;
pub mod daemon;
pub mod desk;
pub mod dump;
pub mod hooks;
pub mod host;
pub mod links;
pub mod load;
pub mod log;
pub mod metrics;
pub mod namespace;
pub mod network;
pub mod notify;
pub mod pidfile;
pub mod privileges;
pub mod probes;
pub mod recording;
mod runner;
pub mod scripts;
pub mod serving;
mod sys;
pub mod systemd;
pub mod watch;

use std::io;

/// The runtime everything runs on: one thread.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
