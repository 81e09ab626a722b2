//! The control socket: made at start, locked while the daemon lives, removed at its end.
//!
//! A lock beside it, not the socket, tells whether another daemon listens there: a daemon that was
//! killed leaves its socket behind, and two that start together must not take it from each other.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use tokio::net::{UnixListener, UnixStream};

/// A socket that is listened on.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    _locked: Flock<File>,
}

impl Socket {
    /// Listens at `path`, with mode 0600; its folder is made if it isn't there. Must be called inside
    /// a tokio runtime.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another daemon listens there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(folder)?;
        }
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(lock)?;
        let locked = Flock::lock(lock, FlockArg::LockExclusiveNonblock);
        let locked = locked.map_err(|(_, errno)| io::Error::from(errno))?;
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        // Whoever slips in before this is still asked who they are.
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            _locked: locked,
        })
    }

    /// The next client.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.listener.accept().await?;
        Ok(stream)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
