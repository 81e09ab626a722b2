//! Captures from files, whichever of the two formats they are in.

use std::path::Path;

use crate::pcap::{Frame, PcapError};
use crate::{pcap, pcapng};

/// Reads a capture: pcapng if it begins like one, classic pcap otherwise.
pub fn read(bytes: &[u8]) -> Result<Vec<Frame>, PcapError> {
    if bytes.starts_with(&pcapng::MAGIC) {
        pcapng::read(bytes)
    } else {
        pcap::read(bytes)
    }
}

/// [`read()`] from a file.
pub fn read_file(path: &Path) -> Result<Vec<Frame>, PcapError> {
    let bytes = std::fs::read(path).map_err(|source| PcapError::Io {
        action: "reading the capture",
        source,
    })?;
    read(&bytes)
}
