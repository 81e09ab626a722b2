//! A second process of this program, and the end of others with it.
#![expect(unsafe_code, reason = "see the argument at each block")]

use std::fs;
use std::io;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid};
use tokio::process::Command;

/// Which of the two processes the caller is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that was there before; this is the other.
    Parent(Pid),
    /// The new one.
    Child,
}

/// Divides this process in two.
///
/// # Errors
/// When the system refuses, or when there is more than one thread.
pub(crate) fn fork() -> io::Result<Side> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("a process with threads can't fork"));
    }
    // SAFETY: after the fork of a process with threads, the child may find locks held for ever by
    // threads that it doesn't have (of the allocator, say). This process has one thread, as the
    // kernel has just said, and a second one could only be made by this one.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Side::Parent(child)),
        ForkResult::Child => Ok(Side::Child),
    }
}

/// Has the kernel kill what the command starts when the thread that starts it ends, however it does.
pub(crate) fn ends_with_us(command: &mut Command) {
    let ask = || prctl::set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from);
    // SAFETY: between fork and exec only what is safe in a signal handler may be called. `prctl` is a
    // plain system call; it allocates nothing and takes no lock, and nor does making an `io::Error` of
    // a number.
    unsafe { command.pre_exec(ask) };
}
