//! pcapng files of Ethernet frames, with comments.
//!
//! Written: little endian, one interface, nanoseconds, no option that names the machine, so that one
//! run always gives the same bytes. What happened to the network stands as a comment at the first
//! frame after it. Read: what dumpcap, Wireshark and tshark write, in any resolution.
//!
//! Source of the format: draft-ietf-opsawg-pcapng; the blocks are laid out by the `pcap-file` crate.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use locum_engine::Instant;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{Block, PcapNgParser, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

use crate::pcap::{Frame, PcapError, SNAPLEN, whole, write_failed};

/// The first bytes of a file: the type of its section header.
pub const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Longest comment in bytes: its length has 16 bits.
const COMMENT_MAX: usize = 65_532;

/// A frame to write, with what is to be said about it.
#[derive(Clone, Copy, Debug)]
pub struct Commented<'a> {
    /// When.
    pub at: Instant,
    /// The Ethernet frame.
    pub bytes: &'a [u8],
    /// One comment each, in order.
    pub comments: &'a [String],
}

/// Writes frames in the given order, as seen on `interface`. The same input gives the same bytes.
pub fn write<'a>(
    out: impl Write,
    interface: &str,
    frames: impl IntoIterator<Item = Commented<'a>>,
) -> Result<(), PcapError> {
    let mut writer =
        PcapNgWriter::with_endianness(out, Endianness::Little).map_err(write_failed)?;
    writer
        .write_pcapng_block(InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: SNAPLEN,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Borrowed(interface)),
                InterfaceDescriptionOption::IfTsResol(9),
            ],
        })
        .map_err(write_failed)?;
    for (index, frame) in frames.into_iter().enumerate() {
        let block = packet(index + 1, &frame)?;
        writer.write_pcapng_block(block).map_err(write_failed)?;
    }
    writer.into_inner().flush().map_err(|source| PcapError::Io {
        action: "writing the capture",
        source,
    })
}

/// Puts what happened where it can be seen: each event becomes a comment of the first frame at or
/// after it, or of the last frame. Both lists are in order of time; the result is one list of
/// comments for each of `frames`. Without frames the events have no place.
pub fn beside(frames: &[Instant], events: &[(Instant, String)]) -> Vec<Vec<String>> {
    let mut comments = vec![Vec::new(); frames.len()];
    let Some(last) = frames.len().checked_sub(1) else {
        return comments;
    };
    for (at, event) in events {
        let place = frames.partition_point(|frame| frame < at).min(last);
        comments[place].push(event.clone());
    }
    comments
}

/// Reads a whole capture.
pub fn read(bytes: &[u8]) -> Result<Vec<Frame>, PcapError> {
    let (mut rest, mut parser) = PcapNgParser::new(bytes).map_err(|_| PcapError::NotPcap {
        found: "its section header is not one of pcapng",
    })?;
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let number = frames.len() + 1;
        let (after, block) = match parser.next_block(rest) {
            Ok(next) => next,
            Err(pcap_file::PcapError::IncompleteBuffer) => {
                return Err(PcapError::Truncated { before: frames });
            }
            Err(_) => return Err(malformed(number, "its block contradicts itself")),
        };
        rest = after;
        match block {
            Block::EnhancedPacket(packet) => {
                let interface = parser
                    .packet_interface(&packet)
                    .ok_or_else(|| malformed(number, "its interface was not described"))?;
                frames.push(frame(number, packet, interface)?);
            }
            Block::SimplePacket(_) | Block::Packet(_) => {
                return Err(malformed(number, "its kind of block has no usable time"));
            }
            _ => {}
        }
    }
    Ok(frames)
}

fn packet<'a>(number: usize, frame: &Commented<'a>) -> Result<EnhancedPacketBlock<'a>, PcapError> {
    let unwritable = |problem| PcapError::Unwritable {
        frame: number,
        problem,
    };
    let original_len = u32::try_from(frame.bytes.len())
        .ok()
        .filter(|&length| length <= SNAPLEN)
        .ok_or_else(|| unwritable("it is longer than 262144 bytes"))?;
    if frame.comments.iter().any(|c| c.len() > COMMENT_MAX) {
        return Err(unwritable("a comment is longer than 65532 bytes"));
    }
    let comments = frame.comments.iter();
    Ok(EnhancedPacketBlock {
        interface_id: 0,
        timestamp: Duration::from_nanos(frame.at.as_nanos()),
        original_len,
        data: Cow::Borrowed(frame.bytes),
        options: comments
            .map(|comment| EnhancedPacketOption::Comment(Cow::Borrowed(comment)))
            .collect(),
    })
}

fn frame(
    number: usize,
    packet: EnhancedPacketBlock<'_>,
    interface: &InterfaceDescriptionBlock<'_>,
) -> Result<Frame, PcapError> {
    if interface.linktype != DataLink::ETHERNET {
        return Err(PcapError::NotEthernet(interface.linktype.into()));
    }
    whole(number, &packet.data, packet.original_len)?;
    let comments = packet
        .options
        .into_iter()
        .filter_map(|option| match option {
            EnhancedPacketOption::Comment(comment) => Some(comment.into_owned()),
            _ => None,
        });
    // The crate takes the number for nanoseconds, whatever the interface's resolution is.
    let ticks = u64::try_from(packet.timestamp.as_nanos()).unwrap_or(u64::MAX);
    Ok(Frame {
        at_ns: nanoseconds(ticks, interface)
            .ok_or_else(|| malformed(number, "its time lies beyond what is sensible"))?,
        bytes: packet.data.into_owned(),
        comments: comments.collect(),
    })
}

/// Microseconds when the interface doesn't say otherwise.
fn nanoseconds(ticks: u64, interface: &InterfaceDescriptionBlock<'_>) -> Option<u64> {
    let (mut resolution, mut offset) = (6, 0);
    for option in &interface.options {
        match option {
            InterfaceDescriptionOption::IfTsResol(value) => resolution = *value,
            InterfaceDescriptionOption::IfTsOffset(seconds) => offset = seconds.cast_signed(),
            _ => {}
        }
    }
    let billionths = u128::from(ticks) * 1_000_000_000;
    let since = match resolution & 0x80 {
        0 => billionths / 10u128.checked_pow(u32::from(resolution))?,
        _ => billionths >> (resolution & 0x7f),
    };
    let offset = i128::from(offset) * 1_000_000_000;
    u64::try_from(i128::try_from(since).ok()?.checked_add(offset)?).ok()
}

fn malformed(frame: usize, problem: &'static str) -> PcapError {
    PcapError::Malformed { frame, problem }
}
