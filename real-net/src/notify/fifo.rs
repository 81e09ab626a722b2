//! Event pipes: named pipes that get a line for every change, and the programs that read them.
//!
//! A pipe is made with mode 0600, or used as found if it is one and is ours. It is opened for
//! reading too, so that it stays open when a reader goes, and written to without waiting: lines that
//! don't fit because nobody reads are lost, which is said once and counted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use locum_engine::Outcome;
use locum_engine::config::{Fifo, Hook};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, mkfifo};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::probes::Script;

/// What a pipe can hold: some 30,000 lines. Linux has 64 KiB by default and lets root have more.
const CAPACITY: i32 = 1 << 20;
/// Before a reader that has ended is started again.
const PAUSE: Duration = Duration::from_secs(1);

/// All pipes of the configuration.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    pipes: Vec<Pipe>,
}

#[derive(Debug)]
struct Pipe {
    path: PathBuf,
    file: File,
    lost: u64,
    reader: Option<JoinHandle<()>>,
}

impl Pipes {
    /// Makes and opens the pipes, and starts their readers.
    pub(super) fn open(fifos: &[Fifo], security: bool) -> Self {
        let mut pipes = Vec::new();
        for fifo in fifos {
            match open(Path::new(&*fifo.path)) {
                Ok(file) => pipes.push(Pipe {
                    path: PathBuf::from(&*fifo.path),
                    file,
                    lost: 0,
                    reader: fifo
                        .script
                        .as_ref()
                        .map(|hook| start(hook, &fifo.path, security)),
                }),
                Err(e) => warn!(path = &*fifo.path, "no events are written here: {e}"),
            }
        }
        Self { pipes }
    }

    /// Writes a line to each pipe, as a whole or not at all.
    pub(super) fn write(&mut self, line: &str) {
        for pipe in &mut self.pipes {
            pipe.write(line.as_bytes());
        }
    }

    /// Lines that were not written since the last one that was.
    #[cfg(test)]
    pub(super) fn lost(&self) -> u64 {
        self.pipes.iter().map(|pipe| pipe.lost).sum()
    }

    /// Ends the readers and removes the pipes.
    pub(super) fn close(&mut self) {
        for pipe in self.pipes.drain(..) {
            if let Some(reader) = pipe.reader {
                reader.abort();
            }
            if let Err(e) = fs::remove_file(&pipe.path) {
                warn!(path = %pipe.path.display(), "can't remove the pipe: {e}");
            }
        }
    }
}

impl Pipe {
    fn write(&mut self, line: &[u8]) {
        // Up to PIPE_BUF bytes are written as a whole or not at all (pipe(7)).
        match self.file.write_all(line) {
            Ok(_) => {
                if std::mem::take(&mut self.lost) > 0 {
                    info!(path = %self.path.display(), "events are written again");
                }
            }
            Err(e) => {
                if self.lost == 0 {
                    let path = self.path.display();
                    warn!(%path, "an event is lost, and those that follow: {e}");
                }
                self.lost += 1;
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(()) | Err(nix::Error::EEXIST) => {}
        Err(e) => return Err(e.into()),
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.file_type().is_fifo() {
        return Err(io::Error::other("it is there and isn't a pipe"));
    }
    if metadata.uid() != Uid::effective().as_raw() {
        return Err(io::Error::other("it is there and belongs to somebody else"));
    }
    // Without the privilege it keeps its size.
    let _ = fcntl(&file, FcntlArg::F_SETPIPE_SZ(CAPACITY));
    Ok(file)
}

/// Keeps the reader running.
fn start(hook: &Hook, path: &Arc<str>, security: bool) -> JoinHandle<()> {
    let mut words = hook.words.clone();
    words.push(Arc::clone(path));
    let user = hook.user.clone();
    tokio::spawn(async move {
        let command = words.join(" ");
        let script = match Script::new(&words, user.as_ref(), security) {
            Ok(script) => script,
            Err(e) => return warn!(command, "the reader of a pipe is not run: {e}"),
        };
        let mut last = None;
        loop {
            let outcome = script.run(std::future::pending()).await;
            // What can't be run is tried again each second, and said once.
            if last.replace(outcome) != Some(outcome) || !matches!(outcome, Outcome::NotRun(_)) {
                warn!(
                    command,
                    "the reader of a pipe has ended ({outcome}); it is started again"
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}
