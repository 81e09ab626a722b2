//! The file: opened, locked, divided into slots.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use locum_engine::recording::ring::{
    self, FRAME_HEADER_LEN, HEADER_LEN, Layout, NoRecording, Place, SLOT_HEADER_LEN,
};
use nix::fcntl::{Flock, FlockArg};
use tracing::info;

use super::queue::ROOM;

/// Something that bytes are written to, at places. A file; in tests, one that fails.
pub(super) trait Disk: Send + 'static {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// What is there, which is less than `len` where the file ends.
    fn read_at(&self, offset: u64, len: u64) -> io::Result<Vec<u8>>;
    /// Waits until it is safe from a failure of power.
    fn sync(&self) -> io::Result<()>;
}

impl Disk for Flock<File> {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut all = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        let mut read = 0;
        while read < all.len() {
            match FileExt::read_at(&**self, &mut all[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        all.truncate(read);
        Ok(all)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A ring of slots, and where in it the next frame goes.
pub(super) struct RingFile<D = Flock<File>> {
    disk: D,
    layout: Layout,
    /// Where the next frame goes, which begins a segment or doesn't; `None` as long as nobody has
    /// looked where the last run ended.
    place: Option<Place>,
    begins: bool,
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
        let (mut file, mut header) = open(path)?;
        let old = match Layout::read(&header) {
            Ok(known) => (known != layout).then(|| "of another size".to_owned()),
            Err(e @ NoRecording::OtherFormat { .. }) => Some(e.to_string()),
            Err(_) if header.is_empty() => None,
            Err(e) => {
                let message = format!("there is a file, and {e}: remove it");
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
        };
        if let Some(why) = old {
            let beside = beside(path);
            std::fs::rename(path, &beside)?;
            info!("{} is kept as {}: {why}", path.display(), beside.display());
            drop(file);
            (file, header) = open(path)?;
        }
        // Whoever can't read the file is told the version that wrote last.
        let own = layout.header(env!("CARGO_PKG_VERSION"));
        if header != own {
            file.write_at(&own, 0)?;
        }
        Ok(Self::new(file, layout))
    }
}

impl<D: Disk> RingFile<D> {
    pub(super) fn new(disk: D, layout: Layout) -> Self {
        Self {
            disk,
            layout,
            place: None,
            begins: false,
        }
    }

    /// Begins a segment of `len` bytes at first, with room for `more` behind them: in this slot if
    /// they fit, else in the next.
    pub(super) fn begin(&mut self, len: usize, more: usize) -> io::Result<()> {
        let place = match self.place {
            Some(place) => place,
            None => self.end()?,
        };
        self.place = Some(place);
        self.begins = true;
        if self.room() >= (len + more) as u64 {
            return Ok(());
        }
        let next = Place::first(place.turn + 1);
        let start = self.layout.offset(self.layout.slot_of(next.turn));
        self.disk.write_at(&ring::slot_header(next.turn), start)?;
        self.place = Some(next);
        Ok(())
    }

    /// Where what was written last ends.
    fn end(&self) -> io::Result<Place> {
        let mut newest = None;
        for slot in 0..self.layout.slots {
            let start = self.layout.offset(slot);
            let header = self.disk.read_at(start, SLOT_HEADER_LEN as u64)?;
            newest = newest.max(ring::turn(&header).map(|turn| (turn, start)));
        }
        // Without any, as if the slot before the first were full.
        let full = Place {
            offset: self.layout.slot_size,
            ..Place::first(0)
        };
        let Some((_, start)) = newest else {
            return Ok(full);
        };
        let slot = self.disk.read_at(start, self.layout.slot_size)?;
        Ok(ring::read_slot(&slot).map_or(full, |(_, end)| end))
    }

    /// How many bytes of content the slot still has room for.
    pub(super) fn room(&self) -> u64 {
        let used = |place: Place| place.offset + FRAME_HEADER_LEN as u64;
        let used = self.place.map_or(self.layout.slot_size, used);
        self.layout.slot_size.saturating_sub(used)
    }

    /// Writes a frame. What is cut off of it isn't one.
    pub(super) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        if content.is_empty() {
            return Ok(());
        }
        let full = || io::Error::new(io::ErrorKind::FileTooLarge, "the slot is full");
        let place = self.place.ok_or_else(full)?;
        let (frame, next) = place.frame(content, self.begins);
        if next.offset > self.layout.slot_size {
            return Err(full());
        }
        let start = self.layout.offset(self.layout.slot_of(place.turn));
        self.disk.write_at(&frame, start + place.offset)?;
        (self.place, self.begins) = (Some(next), false);
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.disk.sync()
    }
}

/// The name of a file that is kept once, of another size or format.
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
    let header = Disk::read_at(&file, 0, HEADER_LEN as u64)?;
    Ok((file, header))
}
