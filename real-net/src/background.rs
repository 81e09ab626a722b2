//! Going to the background, as keepalived does without `-n`.
//!
//! The process that was started waits until the daemon is ready and ends with status 0, or with the
//! daemon's own status when that fails: an init script, and a unit of `Type=forking`, learn what
//! became of it. keepalived's ends at once, with 0.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::fcntl::OFlag;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, setsid};

use crate::cli::RunArgs;
use crate::sys::process::{Side, fork};

/// In which of the two processes the caller is now.
#[derive(Debug)]
pub enum Process {
    /// The one that goes on.
    Daemon(Foreground),
    /// The one that was started, at its end.
    Starter(ExitCode),
}

/// How the daemon is attached to whoever started it.
#[derive(Debug)]
pub struct Foreground {
    /// Written to when the daemon is ready. `None`: nobody waits.
    starter: Option<File>,
    keep_console: bool,
}

/// Whether the process stays where it is: asked for by a flag, supervised by systemd, which was told
/// to expect messages from this very process, or the first process of a container, whose end is the
/// container's.
pub fn stays(args: &RunArgs) -> bool {
    args.dont_fork || std::env::var_os("NOTIFY_SOCKET").is_some() || std::process::id() == 1
}

impl Foreground {
    /// For a daemon that [`stays`].
    pub const fn attached() -> Self {
        Self {
            starter: None,
            keep_console: true,
        }
    }

    /// Tells the starter that the daemon runs, and lets go of its terminal unless the log goes
    /// there.
    ///
    /// # Errors
    /// When `/dev/null` can't be opened.
    pub fn ready(&mut self) -> io::Result<()> {
        let Some(mut starter) = self.starter.take() else {
            return Ok(());
        };
        let null = null()?;
        dup2_stdout(&null)?;
        if !self.keep_console {
            dup2_stderr(&null)?;
        }
        // Without a starter there is nobody to tell.
        let _ = starter.write_all(&[1]);
        Ok(())
    }
}

/// Makes a second process, which is the leader of its own session, works in `/` and isn't ready yet.
/// Relative paths in `args` become absolute first.
///
/// # Errors
/// When the system refuses, or when this process has more than one thread.
pub fn fork_off(args: &mut RunArgs) -> io::Result<Process> {
    let paths = [
        Some(&mut args.use_file),
        args.pid.as_mut(),
        args.vrrp_pid.as_mut(),
        args.log_file.as_mut(),
    ];
    for path in paths.into_iter().flatten() {
        *path = absolute(path)?;
    }
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    match fork()? {
        Side::Parent(child) => {
            drop(writer);
            Ok(Process::Starter(wait(File::from(reader), child)))
        }
        Side::Child => {
            drop(reader);
            setsid()?;
            std::env::set_current_dir("/")?;
            dup2_stdin(null()?.as_fd())?;
            Ok(Process::Daemon(Foreground {
                starter: Some(File::from(writer)),
                keep_console: args.log_console,
            }))
        }
    }
}

/// Until the daemon is ready or has ended.
fn wait(mut ready: File, child: Pid) -> ExitCode {
    if matches!(ready.read(&mut [0]), Ok(1)) {
        return ExitCode::SUCCESS;
    }
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, status)) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        _ => ExitCode::FAILURE,
    }
}

fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// Nothing comes from this process any more, and nothing goes to it.
///
/// # Errors
/// When the system refuses.
pub(crate) fn detach() -> io::Result<()> {
    let null = null()?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

fn null() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/null")
}
