//! The recording of the run: on by default, in a file of bounded size, and never in the way.
//!
//! What goes into the engine and comes out of it is encoded on the daemon's thread, some tens of bytes
//! an input, and handed to a thread that writes it: the daemon never waits for the disk. When the disk
//! is too slow, or full, a gap is recorded instead, and recording goes on from a new beginning. What
//! was handed over survives the daemon; the thread gathers for `GATHER` at most.

mod file;
mod queue;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use locum_engine::Engine;
use locum_engine::config::{Config, Recording};
use locum_engine::driver::Tap;
use locum_engine::recording::Tape;
use tracing::{info, warn};

use file::RingFile;
use queue::Queue;

/// The folder it goes to unless the configuration or systemd (`StateDirectory=`) says otherwise.
const DEFAULT_FOLDER: &str = "/var/lib/locum";
/// How large the file gets, unless the configuration says otherwise and as long as that is room for
/// enough beginnings.
const DEFAULT_SIZE: u64 = 8 << 20;
/// How long records wait for more, so that a busy daemon doesn't wake the writer each time.
const GATHER: Duration = Duration::from_millis(50);

/// A listener that records the run of an engine that has just been made, if that is wanted and
/// possible; what it isn't is said in the log, and the daemon runs without.
pub fn start(engine: &Engine) -> Option<Box<dyn Tap>> {
    let config = engine.config();
    let Recording { on, file, size } = &config.recording;
    if !on {
        return None;
    }
    let path = &place(file.as_deref());
    match open(path, *size, config, engine) {
        Ok((tape, size)) => {
            info!(
                "recording into {} ({} MiB at most)",
                path.display(),
                size >> 20
            );
            Some(Box::new(tape))
        }
        Err(e) => {
            warn!("this run is not recorded: {}: {e}", path.display());
            None
        }
    }
}

/// Where a recording goes: to the file that is configured, or into the service's own folder.
pub(crate) fn place(configured: Option<&str>) -> PathBuf {
    let service = || {
        let folders = std::env::var_os("STATE_DIRECTORY")?;
        let first = std::env::split_paths(&folders).next();
        first.filter(|folder| folder.is_absolute())
    };
    let file = || {
        let folder = service().unwrap_or_else(|| DEFAULT_FOLDER.into());
        folder.join("recording")
    };
    configured.map_or_else(file, PathBuf::from)
}

fn open(
    path: &Path,
    size: Option<u16>,
    config: &Config,
    engine: &Engine,
) -> std::io::Result<(Tape<Queue>, u64)> {
    let (queue, feed) = Queue::new();
    let tape = Tape::new(queue, env!("CARGO_PKG_VERSION"), config);
    let beginning = tape.head_size(engine) as u64;
    let size = match size {
        Some(mib) => u64::from(mib) << 20,
        None => DEFAULT_SIZE.max((16 * beginning).next_multiple_of(1 << 20)),
    };
    let ring = match RingFile::open(path, size, beginning) {
        Ok(ring) => ring,
        Err(e) => {
            // The queue would wait for a writer that never begins, and the daemon for the queue.
            drop(feed);
            return Err(e);
        }
    };
    writer::spawn(ring, feed)?;
    Ok((tape, size))
}
