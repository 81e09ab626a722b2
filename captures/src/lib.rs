//! Recorded packets: reading and writing pcap files.
//!
//! Beside the code lie recordings of real daemons, each with its provenance (`keepalived/*/README.md`).
//! Nothing here knows VRRP: a frame is a time and bytes.

pub mod pcap;

pub use pcap::{Frame, PcapError, read, write};
