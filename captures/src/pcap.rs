//! Classic pcap files of Ethernet frames.
//!
//! Written: little endian, nanosecond magic, link type 1, so that one run always gives the same
//! bytes on every machine. Read: both endiannesses, micro- and nanoseconds, whatever tcpdump and
//! Wireshark write in this format. The newer format is [`pcapng`](crate::pcapng)'s.
//!
//! Source of the format: draft-ietf-opsawg-pcap; the bytes are laid out by the `pcap-file` crate.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use locum_engine::Instant;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapParser, PcapWriter, RawPcapPacket};
use pcap_file::{DataLink, Endianness, TsResolution};

/// Most bytes of one frame that are kept, as tcpdump does by default.
pub const SNAPLEN: u32 = 262_144;

/// One frame of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since the capture's epoch: 1970 in recordings, the run's start in simulations.
    pub at_ns: u64,
    /// The Ethernet frame as it was captured, without its checksum.
    pub bytes: Vec<u8>,
    /// What somebody wrote beside it; only pcapng has room for that.
    pub comments: Vec<String>,
}

/// Why a capture could not be read or written, in either format.
#[derive(Debug, thiserror::Error)]
pub enum PcapError {
    /// The file could not be read or written.
    #[error("{action}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes are not those of a pcap file.
    #[error("not a capture: {found}")]
    NotPcap {
        /// What it looks like instead.
        found: &'static str,
    },
    /// The frames are not Ethernet.
    #[error("link type {0} instead of Ethernet (1){hint}", hint = instead_of_ethernet(*.0))]
    NotEthernet(u32),
    /// Whoever captured a frame left its end away.
    #[error(
        "frame {frame}: only {kept} of its {length} bytes were captured; record whole frames (tcpdump -s 0)"
    )]
    Cut {
        /// Counted from 1.
        frame: usize,
        /// So many bytes are there.
        kept: usize,
        /// So many there were.
        length: u32,
    },
    /// The file ends inside a frame: recording was cut short.
    #[error("the file ends inside frame {}", before.len() + 1)]
    Truncated {
        /// The frames before that one, which are whole.
        before: Vec<Frame>,
    },
    /// A frame's header contradicts itself.
    #[error("frame {frame}: {problem}")]
    Malformed {
        /// Counted from 1, as Wireshark does.
        frame: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A frame that the format cannot hold.
    #[error("frame {frame} cannot be written: {problem}")]
    Unwritable {
        /// Counted from 1.
        frame: usize,
        /// Why.
        problem: &'static str,
    },
}

/// Writes frames in the given order. The same frames give the same bytes.
pub fn write<'a>(
    out: impl Write,
    frames: impl IntoIterator<Item = (Instant, &'a [u8])>,
) -> Result<(), PcapError> {
    let mut writer = PcapWriter::with_header(out, header()).map_err(write_failed)?;
    for (index, (at, bytes)) in frames.into_iter().enumerate() {
        let frame = index + 1;
        let length = u32::try_from(bytes.len())
            .ok()
            .filter(|&length| length <= SNAPLEN)
            .ok_or(PcapError::Unwritable {
                frame,
                problem: "it is longer than 262144 bytes",
            })?;
        let time = Duration::from_nanos(at.as_nanos());
        if u32::try_from(time.as_secs()).is_err() {
            return Err(PcapError::Unwritable {
                frame,
                problem: "its time lies beyond 32 bits of seconds",
            });
        }
        writer
            .write_packet(&PcapPacket::new(time, length, bytes))
            .map_err(write_failed)?;
    }
    writer
        .into_writer()
        .flush()
        .map_err(|source| PcapError::Io {
            action: "writing the capture",
            source,
        })
}

/// [`write()`] into a file, which is created or replaced.
pub fn write_file<'a>(
    path: &Path,
    frames: impl IntoIterator<Item = (Instant, &'a [u8])>,
) -> Result<(), PcapError> {
    let file = std::fs::File::create(path).map_err(|source| PcapError::Io {
        action: "creating the capture",
        source,
    })?;
    write(io::BufWriter::new(file), frames)
}

/// Reads a whole capture.
pub fn read(bytes: &[u8]) -> Result<Vec<Frame>, PcapError> {
    let (mut rest, parser) = PcapParser::new(bytes).map_err(|_| PcapError::NotPcap {
        found: what_is_it(bytes),
    })?;
    let header = parser.header();
    if header.datalink != DataLink::ETHERNET {
        return Err(PcapError::NotEthernet(header.datalink.into()));
    }
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let Ok((after, raw)) = parser.next_raw_packet(rest) else {
            return Err(PcapError::Truncated { before: frames });
        };
        frames.push(frame(frames.len() + 1, raw, header.ts_resolution)?);
        rest = after;
    }
    Ok(frames)
}

fn frame(
    frame: usize,
    raw: RawPcapPacket<'_>,
    resolution: TsResolution,
) -> Result<Frame, PcapError> {
    let (per_second, unit) = match resolution {
        TsResolution::MicroSecond => (1_000_000, 1_000),
        TsResolution::NanoSecond => (1_000_000_000, 1),
    };
    if raw.ts_frac >= per_second {
        return Err(PcapError::Malformed {
            frame,
            problem: "the fraction of its time is a second or more",
        });
    }
    if raw.incl_len > raw.orig_len {
        return Err(PcapError::Malformed {
            frame,
            problem: "more bytes were captured than the frame had",
        });
    }
    whole(frame, &raw.data, raw.orig_len)?;
    Ok(Frame {
        at_ns: u64::from(raw.ts_sec) * 1_000_000_000 + u64::from(raw.ts_frac) * unit,
        bytes: raw.data.into_owned(),
        comments: Vec::new(),
    })
}

/// Nothing can be said of a frame without its end: it isn't that frame.
pub(crate) fn whole(frame: usize, bytes: &[u8], length: u32) -> Result<(), PcapError> {
    let kept = bytes.len();
    match usize::try_from(length) {
        Ok(length) if kept >= length => Ok(()),
        _ => Err(PcapError::Cut {
            frame,
            kept,
            length,
        }),
    }
}

/// What tcpdump makes of the interface `any`, in both its versions.
fn instead_of_ethernet(link_type: u32) -> &'static str {
    match link_type {
        113 | 276 => "; record on an interface, not on `any`",
        _ => "",
    }
}

fn header() -> PcapHeader {
    PcapHeader {
        version_major: 2,
        version_minor: 4,
        ts_correction: 0,
        ts_accuracy: 0,
        snaplen: SNAPLEN,
        datalink: DataLink::ETHERNET,
        ts_resolution: TsResolution::NanoSecond,
        // The crate's default is the machine's own order; a fixed one keeps the bytes the same.
        endianness: Endianness::Little,
    }
}

fn what_is_it(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "it is empty",
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => "it is pcapng",
        [0x1f, 0x8b, ..] => "it is compressed; unpack it with gunzip",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is compressed; unpack it with unxz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed; unpack it with unzstd",
        _ if bytes.len() < 24 => "it is shorter than a pcap header",
        _ => "it starts with neither the micro- nor the nanosecond magic",
    }
}

pub(crate) fn write_failed(error: pcap_file::PcapError) -> PcapError {
    let source = match error {
        pcap_file::PcapError::IoError(source) => source,
        other => io::Error::other(other),
    };
    PcapError::Io {
        action: "writing the capture",
        source,
    }
}
