//! Where segments lie in a file: a header, and slots of one size that are written in turns.
//!
//! A slot begins with the number of its turn, which grows from one to the next, so that a reader knows
//! their order. Frames follow, each with its length and a checksum. Some begin a segment: a slot holds
//! as many as fit, so that a daemon that starts goes on where the one before it ended. A segment has a
//! number in its slot, and the checksum of a frame includes its turn, this number and its own place:
//! what is left of an earlier turn, or behind an end that was torn off, doesn't pass for a frame.

use super::VERSION;

/// What a recording begins with.
pub const MAGIC: [u8; 8] = *b"locumrec";
/// Bytes before the first slot.
pub const HEADER_LEN: usize = 64;
/// Where in the header the program's version stands. What is before its end is the same in every
/// format from 2 on, so that each can say of a later one who made it.
const MADE_BY: core::ops::Range<usize> = 10..32;
/// Bytes before the first frame of a slot.
pub const SLOT_HEADER_LEN: usize = 16;
/// Bytes before the content of a frame.
pub const FRAME_HEADER_LEN: usize = 8;

/// Why a file isn't a recording that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRecording {
    /// It is something else.
    #[error("this is not a recording of locum's")]
    Foreign,
    /// It has another format.
    #[error(
        "this is a recording of format {format}, made by {by}, and format {VERSION} can be read here: \
         use `rehearse` of that version"
    )]
    OtherFormat {
        /// Its format.
        format: u16,
        /// Which program made it.
        by: String,
    },
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

    /// Which slot that turn is.
    pub const fn slot_of(self, turn: u64) -> u32 {
        (turn % self.slots as u64) as u32
    }

    /// The file's header, of a program of that version.
    pub fn header(self, version: &str) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[..8].copy_from_slice(&MAGIC);
        header[8..10].copy_from_slice(&VERSION.to_le_bytes());
        let version = version.as_bytes().iter().take(MADE_BY.len());
        for (to, from) in header[MADE_BY].iter_mut().zip(version) {
            *to = *from;
        }
        header[32..36].copy_from_slice(&self.slots.to_le_bytes());
        header[36..44].copy_from_slice(&self.slot_size.to_le_bytes());
        let sum = crc32(0, &header[..44]);
        header[44..48].copy_from_slice(&sum.to_le_bytes());
        header
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When it isn't one of this format.
    pub fn read(file: &[u8]) -> Result<Self, NoRecording> {
        let known = file.get(..MADE_BY.end).filter(|file| file[..8] == MAGIC);
        let known = known.ok_or(NoRecording::Foreign)?;
        let format = u16::from_le_bytes([known[8], known[9]]);
        if format != VERSION {
            let by = made_by(format, known);
            return Err(NoRecording::OtherFormat { format, by });
        }
        let header = file.get(..HEADER_LEN).ok_or(NoRecording::Damaged)?;
        let layout = Self {
            slots: number(&header[32..36]) as u32,
            slot_size: number(&header[36..44]),
        };
        let sound = number(&header[44..48]) == u64::from(crc32(0, &header[..44]));
        let size = layout.slot_size.checked_mul(layout.slots.into());
        match size.filter(|_| sound && layout.slots > 0 && layout.slot_size >= 64) {
            Some(size) if size < 1 << 40 => Ok(layout),
            Some(_) | None => Err(NoRecording::Damaged),
        }
    }
}

/// Who made a recording of another format, as it says itself.
fn made_by(format: u16, header: &[u8]) -> String {
    let version = header[MADE_BY].iter().take_while(|byte| **byte != 0);
    let version: String = version.map(|byte| char::from(*byte)).collect();
    let readable = |c: char| c.is_ascii_graphic();
    match format > 1 && !version.is_empty() && version.chars().all(readable) {
        true => format!("locum {version}"),
        false => "another version of locum".to_owned(),
    }
}

/// What stands at the beginning of a slot.
pub fn slot_header(turn: u64) -> [u8; SLOT_HEADER_LEN] {
    let mut header = [0; SLOT_HEADER_LEN];
    header[..8].copy_from_slice(&turn.to_le_bytes());
    let sum = crc32(1, &header[..8]);
    header[8..12].copy_from_slice(&sum.to_le_bytes());
    header
}

/// The turn in which a slot was written last, if it was.
pub fn turn(slot: &[u8]) -> Option<u64> {
    let header = slot.get(..SLOT_HEADER_LEN)?;
    let sound = number(&header[8..12]) == u64::from(crc32(1, &header[..8]));
    sound.then(|| number(&header[..8]))
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The turn of the slot.
    pub turn: u64,
    /// Which segment of the slot, from 1; 0 before the first.
    pub segment: u32,
    /// In the slot.
    pub offset: u64,
}

/// A frame, read.
#[derive(Clone, Copy, Debug)]
struct Frame<'a> {
    /// Where the next one lies.
    next: Place,
    begins: bool,
    content: &'a [u8],
}

/// In the length of a frame: it begins a segment, and its content with the segment's number.
const BEGINS: u32 = 1 << 31;

impl Place {
    /// Before the first frame of a slot.
    pub const fn first(turn: u64) -> Self {
        Self {
            turn,
            segment: 0,
            offset: SLOT_HEADER_LEN as u64,
        }
    }

    /// A frame that lies here: its bytes, and the place behind it. One that `begins` is the first of
    /// the next segment.
    pub fn frame(self, content: &[u8], begins: bool) -> (Vec<u8>, Self) {
        let mut next = self;
        let mut frame = vec![0; FRAME_HEADER_LEN];
        if begins {
            next.segment += 1;
            frame.extend_from_slice(&next.segment.to_le_bytes());
        }
        frame.extend_from_slice(content);
        let len = u32::try_from(frame.len() - FRAME_HEADER_LEN).expect("slots are smaller");
        let flag = if begins { BEGINS } else { 0 };
        let sum = next.sum(&frame[FRAME_HEADER_LEN..]);
        frame[..4].copy_from_slice(&(len | flag).to_le_bytes());
        frame[4..FRAME_HEADER_LEN].copy_from_slice(&sum.to_le_bytes());
        next.offset += frame.len() as u64;
        (frame, next)
    }

    /// The frame that lies here, if one does.
    fn read(self, slot: &[u8]) -> Option<Frame<'_>> {
        let rest = slot.get(usize::try_from(self.offset).ok()?..)?;
        let (header, rest) = rest.split_first_chunk::<FRAME_HEADER_LEN>()?;
        let len = number(&header[..4]) as u32;
        let begins = len & BEGINS != 0;
        let content = rest.get(..(len & !BEGINS) as usize)?;
        let (segment, inner) = match begins {
            true => content
                .split_first_chunk()
                .map(|(n, inner)| (u32::from_le_bytes(*n), inner))?,
            false => (self.segment, content),
        };
        let mut next = Self { segment, ..self };
        let sound = u64::from(next.sum(content)) == number(&header[4..]);
        next.offset += (FRAME_HEADER_LEN + content.len()) as u64;
        let frame = Frame {
            next,
            begins,
            content: inner,
        };
        (sound && !content.is_empty()).then_some(frame)
    }

    /// The checksum of what lies here.
    fn sum(self, content: &[u8]) -> u32 {
        let mut sum = crc32(2, &self.turn.to_le_bytes());
        sum = crc32(sum, &self.segment.to_le_bytes());
        sum = crc32(sum, &self.offset.to_le_bytes());
        crc32(sum, content)
    }
}

/// A segment of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where its first frame lies, with the number of the segment before.
    pub place: Place,
    /// What its frames contain.
    pub bytes: Vec<u8>,
}

/// The segments of a slot as far as they are whole, and the place behind them; `None` for a slot that
/// was never written.
pub fn read_slot(slot: &[u8]) -> Option<(Vec<Segment>, Place)> {
    let mut place = Place::first(turn(slot)?);
    let mut segments: Vec<Segment> = Vec::new();
    while let Some(frame) = place.read(slot) {
        match segments.last_mut().filter(|_| !frame.begins) {
            Some(segment) => segment.bytes.extend_from_slice(frame.content),
            None if frame.begins => segments.push(Segment {
                place,
                bytes: frame.content.to_vec(),
            }),
            None => break,
        }
        place = frame.next;
    }
    Some((segments, place))
}

/// The segments of a file, the oldest first: the contents of their frames, as far as they are whole.
///
/// # Errors
/// When the file isn't a recording. A file that ends too early has fewer segments.
pub fn segments(file: &[u8]) -> Result<Vec<Segment>, NoRecording> {
    let layout = Layout::read(file)?;
    let body = &file[HEADER_LEN..];
    let size = usize::try_from(layout.slot_size).unwrap_or(usize::MAX);
    let slots = body.chunks(size).take(layout.slots as usize);
    let mut slots: Vec<_> = slots.filter_map(read_slot).collect();
    slots.sort_unstable_by_key(|(_, end)| end.turn);
    Ok(slots.into_iter().flat_map(|(all, _)| all).collect())
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
