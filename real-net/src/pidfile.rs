//! Pid files: written at start, locked while the daemon lives, removed at its end.
//!
//! The lock, not the number inside, tells whether another daemon runs: in a container the number
//! of a dead daemon is soon some other process.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// Where keepalived writes its number unless told otherwise, and where exporters look for it.
pub(crate) const DEFAULT: &str = "/run/keepalived.pid";

/// A command that a daemon is about to start has its lock, too, until it becomes that command: a daemon
/// that is killed meanwhile seems to live on for a moment.
const LINGERS: Duration = Duration::from_secs(1);

/// One pid file of this process.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    _locked: Flock<File>,
}

impl PidFile {
    /// Writes this process's number, and a line end, to `path`. Waits a second for whoever holds it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process holds the file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?;
        let mut locked = lock(file)?;
        locked.set_len(0)?;
        writeln!(locked, "{}", std::process::id())?;
        Ok(Self {
            path: path.to_owned(),
            _locked: locked,
        })
    }
}

fn lock(mut file: File) -> io::Result<Flock<File>> {
    let start = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(locked),
            Err((again, Errno::EWOULDBLOCK)) if start.elapsed() < LINGERS => file = again,
            Err((_, errno)) => return Err(errno.into()),
        }
        sleep(Duration::from_millis(10));
    }
}

/// The files that were asked for; without `pid`, the default one if it can be written and names no
/// other process that lives.
///
/// # Errors
/// With the path. [`io::ErrorKind::WouldBlock`] when another process holds it.
pub fn create_all(
    pid: Option<&Path>,
    other: Option<&Path>,
) -> Result<Vec<PidFile>, (String, io::Error)> {
    let mut paths: Vec<&Path> = [pid, other].into_iter().flatten().collect();
    paths.dedup();
    let create = |path: &Path| PidFile::create(path).map_err(|e| (path.display().to_string(), e));
    let mut files = paths
        .into_iter()
        .map(create)
        .collect::<Result<Vec<_>, _>>()?;
    if pid.is_none() && !somebody_lives(Path::new(DEFAULT)) {
        files.extend(PidFile::create(Path::new(DEFAULT)));
    }
    Ok(files)
}

/// Whether the file has the number of a process that is there. keepalived doesn't lock its file.
fn somebody_lives(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let number = text.trim().parse().ok().filter(|n: &i32| *n > 0);
    number.is_some_and(|n| kill(Pid::from_raw(n), None) != Err(nix::Error::ESRCH))
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_held_while_it_lives_and_gone_afterwards() {
        let path = std::env::temp_dir().join(format!("locum-test-{}.pid", std::process::id()));
        fs::write(&path, "4194304 and more\n").expect("a leftover");
        let held = PidFile::create(&path).expect("nobody holds it");
        let text = fs::read_to_string(&path).expect("it is there");
        assert_eq!(text, format!("{}\n", std::process::id()));
        let second = PidFile::create(&path).expect_err("it is held");
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn is_waited_for_when_it_is_about_to_be_let_go_of() {
        let path = std::env::temp_dir().join(format!("locum-test-{}.lock", std::process::id()));
        let file = File::create(&path).expect("a file");
        let held = Flock::lock(file, FlockArg::LockExclusive).expect("nobody holds it");
        let holder = std::thread::spawn(move || {
            sleep(LINGERS / 10);
            drop(held);
        });
        let ours = PidFile::create(&path);
        holder.join().expect("it only waits");
        ours.expect("it is free in time");
    }
}
