//! The simulated network: plain data, its own event queue, nothing real.

pub mod fault;
pub mod record;
pub mod topology;
