//! The network namespace the daemon works in: `-s`, or `net_namespace` in the configuration.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use nix::sched::{CloneFlags, setns};

/// Where `ip netns` keeps the names.
const FOLDER: &str = "/run/netns";

/// Moves this process into the namespace that `ip netns` calls `name`.
///
/// # Errors
/// When there is none of that name, or without CAP_SYS_ADMIN.
pub fn enter(name: &str) -> io::Result<()> {
    if name.is_empty() || name.contains('/') {
        return Err(io::Error::other("it is no name that `ip netns` gives"));
    }
    let file = File::open(PathBuf::from(FOLDER).join(name))?;
    setns(file, CloneFlags::CLONE_NEWNET)?;
    Ok(())
}
