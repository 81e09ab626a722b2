//! The simulated network: plain data, its own event queue, nothing real.

pub mod capture;
mod client;
pub mod clock;
pub mod fabric;
pub mod fault;
mod forge;
pub mod kernel;
pub mod oracle;
mod probe;
pub mod record;
pub mod run;
pub mod shadow;
pub mod topology;
pub mod trace;

pub use fabric::Fabric;
pub use kernel::{Delivery, Packet, Payload};
