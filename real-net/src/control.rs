//! Control over a unix socket: status, drain, resume, reload, plan, the level of the log.
//!
//! Connections are tasks of their own and wait for their clients as long as they please; the
//! engine's loop never waits for them. What they want to see they ask of the [`Desk`](crate::desk::Desk),
//! a portion at a time, so that four thousand instances don't hold up an advert; what they want done
//! goes through [`Orders`] into the loop, like a signal. Several clients are served at once, up to a
//! bound, and each is cut off when it neither asks nor reads for too long.

pub mod cli;
pub mod client;
mod connection;
mod handover;
pub mod message;
mod orders;
mod reading;
pub mod show;
mod snapshot;
mod socket;

pub use connection::Control;
pub(crate) use handover::Handover;
pub use orders::{Order, Orders, orders};
pub use reading::Reread;
pub(crate) use snapshot::Snapshot;
pub use socket::Socket;

/// Where the daemon listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/locum/control.sock";
