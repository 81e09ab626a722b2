//! One virtual router around its state machine.

pub mod accept;
