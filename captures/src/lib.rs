//! Recorded packets: reading and writing captures, and comparing two of them as protocols.
//!
//! Beside the code lie recordings of real daemons, each with its provenance (`keepalived/`), and tests
//! that carry the same scenarios out by simulation. [`Listing`] says what the frames of a capture
//! mean, [`compare()`] where two captures differ, [`deviation`] what may differ on purpose.

pub mod compare;
pub mod deviation;
pub mod fields;
pub mod file;
pub mod listing;
pub mod pcap;
pub mod pcapng;
pub mod recordings;
pub mod signed;
pub mod timing;

pub use compare::{Comparison, Difference, Options, compare};
pub use deviation::Deviation;
pub use file::{read, read_file};
pub use listing::{Entry, Kind, Listing};
pub use pcap::{Frame, PcapError, write, write_file};
