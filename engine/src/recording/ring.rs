//! Where segments lie in a file: a header, and slots of one size that are written in turns.
//!
//! A slot begins with the number of its segment, which grows from one to the next, so that a reader
//! knows their order. Frames follow, each with its length and a checksum that includes the segment's
//! number and its own place: what is left of an earlier turn doesn't pass for a frame of this one,
//! and a frame that was cut off ends the segment.

use super::VERSION;

/// What a recording begins with.
pub const MAGIC: [u8; 8] = *b"locumrec";
/// Bytes before the first slot.
pub const HEADER_LEN: usize = 32;
/// Bytes before the first frame of a slot.
pub const SLOT_HEADER_LEN: usize = 16;
/// Bytes before the content of a frame.
pub const FRAME_HEADER_LEN: usize = 8;

/// Why a file isn't a recording that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRecording {
    /// It is something else.
    #[error("this is not a recording of locum's")]
    Foreign,
    /// It has another format.
    #[error("this recording has format {0}; format {VERSION} can be read here")]
    OtherFormat(u16),
    /// Its header is damaged.
    #[error("the header of the recording is damaged")]
    Damaged,
}

/// How a file is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Slots.
    pub slots: u32,
    /// Bytes of each.
    pub slot_size: u64,
}

impl Layout {
    /// Where a slot begins.
    pub const fn offset(self, slot: u32) -> u64 {
        HEADER_LEN as u64 + self.slot_size * slot as u64
    }

    /// Where segments of that number go.
    pub const fn slot_of(self, segment: u64) -> u32 {
        (segment % self.slots as u64) as u32
    }

    /// The file's header.
    pub fn header(self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[..8].copy_from_slice(&MAGIC);
        header[8..10].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&self.slots.to_le_bytes());
        header[16..24].copy_from_slice(&self.slot_size.to_le_bytes());
        let sum = crc32(0, &header[..24]);
        header[24..28].copy_from_slice(&sum.to_le_bytes());
        header
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When it isn't one of this format.
    pub fn read(file: &[u8]) -> Result<Self, NoRecording> {
        let (header, _) = file
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(NoRecording::Foreign)?;
        if header[..8] != MAGIC {
            return Err(NoRecording::Foreign);
        }
        let version = u16::from_le_bytes([header[8], header[9]]);
        if version != VERSION {
            return Err(NoRecording::OtherFormat(version));
        }
        let layout = Self {
            slots: number(&header[12..16]) as u32,
            slot_size: number(&header[16..24]),
        };
        let sound = number(&header[24..28]) == u64::from(crc32(0, &header[..24]));
        let size = layout.slot_size.checked_mul(layout.slots.into());
        match size.filter(|_| sound && layout.slots > 0 && layout.slot_size >= 64) {
            Some(size) if size < 1 << 40 => Ok(layout),
            Some(_) | None => Err(NoRecording::Damaged),
        }
    }
}

/// What stands at the beginning of a slot.
pub fn slot_header(segment: u64) -> [u8; SLOT_HEADER_LEN] {
    let mut header = [0; SLOT_HEADER_LEN];
    header[..8].copy_from_slice(&segment.to_le_bytes());
    let sum = crc32(1, &header[..8]);
    header[8..12].copy_from_slice(&sum.to_le_bytes());
    header
}

/// The number of the segment in a slot, if there is one.
pub fn segment_number(slot: &[u8]) -> Option<u64> {
    let header = slot.get(..SLOT_HEADER_LEN)?;
    let sound = number(&header[8..12]) == u64::from(crc32(1, &header[..8]));
    sound.then(|| number(&header[..8]))
}

/// What stands before a frame's content, at `offset` of the slot.
pub fn frame_header(segment: u64, offset: u64, content: &[u8]) -> [u8; FRAME_HEADER_LEN] {
    let mut header = [0; FRAME_HEADER_LEN];
    let len = u32::try_from(content.len()).expect("slots are smaller");
    header[..4].copy_from_slice(&len.to_le_bytes());
    header[4..].copy_from_slice(&frame_sum(segment, offset, content).to_le_bytes());
    header
}

fn frame_sum(segment: u64, offset: u64, content: &[u8]) -> u32 {
    let place = crc32(2, &segment.to_le_bytes());
    let place = crc32(place, &offset.to_le_bytes());
    crc32(place, content)
}

/// The segments of a file, the oldest first: each with its number and the contents of its frames, as
/// far as they are whole.
///
/// # Errors
/// When the file isn't a recording. A file that ends too early has fewer segments.
pub fn segments(file: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, NoRecording> {
    let layout = Layout::read(file)?;
    let body = &file[HEADER_LEN..];
    let size = usize::try_from(layout.slot_size).unwrap_or(usize::MAX);
    let mut segments: Vec<(u64, Vec<u8>)> = body
        .chunks(size)
        .take(layout.slots as usize)
        .filter_map(|slot| Some((segment_number(slot)?, contents(slot)?)))
        .collect();
    segments.sort_unstable_by_key(|(number, _)| *number);
    Ok(segments)
}

/// What the whole frames of a slot contain.
fn contents(slot: &[u8]) -> Option<Vec<u8>> {
    let segment = segment_number(slot)?;
    let mut all = Vec::new();
    let mut at = SLOT_HEADER_LEN;
    while let Some((header, rest)) = slot
        .get(at..)
        .and_then(|rest| rest.split_first_chunk::<FRAME_HEADER_LEN>())
    {
        let len = number(&header[..4]) as usize;
        let sum = number(&header[4..]);
        let Some(content) = rest.get(..len).filter(|_| len > 0) else {
            break;
        };
        if u64::from(frame_sum(segment, at as u64, content)) != sum {
            break;
        }
        all.extend_from_slice(content);
        at += FRAME_HEADER_LEN + len;
    }
    Some(all)
}

/// Little-endian, at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// CRC-32 (IEEE 802.3), going on from `sum`.
pub fn crc32(sum: u32, bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| TABLE[(sum as u8 ^ byte) as usize] ^ (sum >> 8);
    !bytes.iter().fold(!sum, step)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut sum = n as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = match sum & 1 {
                1 => sum >> 1 ^ 0xedb8_8320,
                _ => sum >> 1,
            };
            bit += 1;
        }
        table[n] = sum;
        n += 1;
    }
    table
};
