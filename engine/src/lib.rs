//! VRRP as a pure function of time and input.
//!
//! The engine is told what happened ([`Input`]) and when ([`Instant`]); it answers with what to do
//! ([`Output`]) and when it wants to be woken ([`Engine::poll_timeout`]). It owns no socket, clock,
//! thread or file, draws no random numbers, and iterates nothing whose order isn't fixed. The same
//! engine therefore runs in a simulated network and in the daemon.

mod addressees;
pub mod conf;
pub mod config;
pub mod driver;
pub mod engine;
pub mod event;
mod fixtures;
pub mod fsm;
mod group;
pub mod ids;
pub mod input;
mod lateness;
mod lease;
mod links;
pub mod output;
mod pacing;
pub mod plan;
pub mod probe;
mod rare;
pub mod recording;
pub mod router;
pub mod status;
pub mod time;
mod track;
mod utc;
pub mod wire;

pub use engine::{Engine, Wake};
pub use event::Event;
pub use input::{Command, Datagram, Input, LinkState, NotRun, Outcome};
pub use lateness::Lateness;
pub use output::{Effect, Output, Transmit};
pub use rare::{Blank, Rare};
pub use time::{Centis, Instant};
pub use track::tracked_value;
