//! The file: opened, locked, divided into slots.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use locum_engine::recording::ring::{self, FRAME_HEADER_LEN, HEADER_LEN, Layout, SLOT_HEADER_LEN};
use nix::fcntl::{Flock, FlockArg};

use super::queue::ROOM;

/// Something that bytes are written to, at places. A file; in tests, one that fails.
pub(super) trait Disk: Send + 'static {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Waits until it is safe from a failure of power.
    fn sync(&self) -> io::Result<()>;
}

impl Disk for Flock<File> {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A ring of slots, and where in it the next frame goes.
pub(super) struct RingFile<D = Flock<File>> {
    disk: D,
    layout: Layout,
    segment: u64,
    /// In its slot.
    at: u64,
}

/// Between this many slots and that many. The more, the less is lost when the oldest is written over;
/// each begins with a beginning.
const SLOTS: (u64, u64) = (2, 8);

impl RingFile {
    /// Opens or makes a file of `size` bytes at most, for segments that begin with so many bytes. An
    /// earlier run's segments stay until they are written over.
    pub(super) fn open(path: &Path, size: u64, beginning: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        let layout = divide(size, beginning)?;
        let (mut file, mut content) = open(path)?;
        let known = Layout::read(&content);
        if known.is_ok_and(|known| known != layout) {
            // Of another size: kept beside, once.
            std::fs::rename(path, beside(path))?;
            drop(file);
            (file, content) = open(path)?;
        } else if known.is_err() && !content.is_empty() {
            let message = "there is a file that isn't a recording of this format; remove it";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        if content.is_empty() {
            file.write_at(&layout.header(), 0)?;
        }
        let newest = newest_segment(&file, layout);
        Ok(Self::new(file, layout, newest))
    }
}

impl<D: Disk> RingFile<D> {
    /// `newest` is the segment that was written last, if there is one.
    pub(super) fn new(disk: D, layout: Layout, newest: Option<u64>) -> Self {
        Self {
            disk,
            layout,
            segment: newest.unwrap_or(0),
            at: layout.slot_size,
        }
    }

    /// Goes on in the next slot.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.segment += 1;
        let start = self.layout.offset(self.layout.slot_of(self.segment));
        let header = ring::slot_header(self.segment);
        self.at = self.layout.slot_size;
        self.disk.write_at(&header, start)?;
        self.at = SLOT_HEADER_LEN as u64;
        Ok(())
    }

    /// How many bytes of content the slot still has room for.
    pub(super) fn room(&self) -> u64 {
        let used = self.at + FRAME_HEADER_LEN as u64;
        self.layout.slot_size.saturating_sub(used)
    }

    /// Writes a frame. The content is written before what makes it valid.
    pub(super) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        if content.is_empty() {
            return Ok(());
        }
        if content.len() as u64 > self.room() {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the slot is full",
            ));
        }
        let start = self.layout.offset(self.layout.slot_of(self.segment)) + self.at;
        let header = ring::frame_header(self.segment, self.at, content);
        let mut frame = Vec::with_capacity(FRAME_HEADER_LEN + content.len());
        frame.extend_from_slice(&header);
        frame.extend_from_slice(content);
        self.disk.write_at(&frame, start)?;
        self.at += frame.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.sync()
    }
}

/// The name of a file of another size.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

/// Slots that hold a beginning, and at least as much again, and what waits while they are switched.
fn divide(size: u64, beginning: u64) -> io::Result<Layout> {
    let least = 2 * beginning + 2 * ROOM as u64;
    let slots = (size / least).min(SLOTS.1);
    if slots < SLOTS.0 {
        let needed = (SLOTS.0 * least + HEADER_LEN as u64).div_ceil(1 << 20);
        let message = format!("this configuration needs `recording_size {needed}`");
        return Err(io::Error::new(io::ErrorKind::StorageFull, message));
    }
    Ok(Layout {
        slots: slots as u32,
        slot_size: (size - HEADER_LEN as u64) / slots,
    })
}

/// Opens the file for nobody else, and reads its header.
fn open(path: &Path) -> io::Result<(Flock<File>, Vec<u8>)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    // Whoever may write into the folder shall not have another file written over.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    let file = options.open(path)?;
    let kind = file.metadata()?;
    if !kind.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let file = Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| io::Error::other("another daemon records into it"))?;
    if kind.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    let mut header = vec![0; HEADER_LEN];
    let mut read = 0;
    while read < header.len() {
        match file.read_at(&mut header[read..], read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    header.truncate(read);
    Ok((file, header))
}

fn newest_segment(file: &File, layout: Layout) -> Option<u64> {
    let number = |slot| {
        let mut header = [0; SLOT_HEADER_LEN];
        file.read_exact_at(&mut header, layout.offset(slot)).ok()?;
        ring::segment_number(&header)
    };
    (0..layout.slots).filter_map(number).max()
}
