//! Check scripts: a process group of their own, no shell, a clean environment.
//!
//! The group, not only its leader, gets TERM when a run has taken too long, and KILL two seconds
//! later or as soon as the leader is gone. Scripts run as the user the configuration names, else
//! as `keepalived_script` where that user exists, as keepalived has it.

use std::future::Future;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use locum_engine::{NotRun, Outcome};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Gid, Group, Pid, Uid, User};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tracing::{debug, warn};

use super::secure;
use crate::runner;
use crate::scripts;
use crate::sys::process::ends_with_us;

/// From TERM to KILL.
const GRACE: Duration = Duration::from_secs(2);
/// The user that keepalived runs scripts as when it exists.
const DEFAULT_USER: &str = "keepalived_script";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What shells answer for a command that can't be run.
const NOT_RUN: u8 = 126;

/// A configuration names a user or group that this host doesn't have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no user or group {0:?} on this host; a script is to run as that: if it is an argument of the script, put the whole command in double quotes"
)]
pub(crate) struct UnknownUser(Arc<str>);

/// Why a command line wasn't run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub(crate) struct CantRun {
    /// What is wrong with the program; `None` when it isn't the program's fault.
    hindrance: Option<NotRun>,
    why: String,
}

impl CantRun {
    /// Not because of the program.
    pub(crate) fn other(why: &str) -> Self {
        Self {
            hindrance: None,
            why: why.to_owned(),
        }
    }
}

impl CantRun {
    /// There is no such program.
    pub(crate) fn is_missing(&self) -> bool {
        self.hindrance == Some(NotRun::Missing)
    }
}

impl From<NotRun> for CantRun {
    fn from(hindrance: NotRun) -> Self {
        Self {
            hindrance: Some(hindrance),
            why: hindrance.to_string(),
        }
    }
}

impl From<io::Error> for CantRun {
    fn from(error: io::Error) -> Self {
        let hindrance = error.raw_os_error().and_then(|number| match number {
            libc::ENOENT | libc::ENOTDIR => Some(NotRun::Missing),
            // The latter while somebody writes it.
            libc::EACCES | libc::ENOEXEC | libc::ETXTBSY => Some(NotRun::NotExecutable),
            _ => None,
        });
        Self {
            hindrance,
            why: error.to_string(),
        }
    }
}

/// A command line, ready to run.
#[derive(Debug)]
pub(crate) struct Script {
    words: Vec<Arc<str>>,
    /// As the configuration has it.
    named: scripts::User,
    /// `None`: as the daemon itself, because it isn't root.
    user: Option<(Uid, Gid)>,
    /// `enable_script_security`
    security: bool,
    complained: AtomicBool,
}

impl Script {
    pub(crate) fn new(
        words: &[Arc<str>],
        user: Option<&(Arc<str>, Option<Arc<str>>)>,
        security: bool,
    ) -> Result<Self, UnknownUser> {
        Ok(Self {
            words: words.to_vec(),
            named: user.cloned(),
            user: runs_as(user)?,
            security,
            complained: AtomicBool::new(false),
        })
    }

    /// What would keep it from being run now, as far as this process can see.
    pub(crate) fn hindrance(&self) -> Option<CantRun> {
        let program = self.words.first()?;
        if secure::is_missing(program, PATH) {
            return Some(NotRun::Missing.into());
        }
        if let Some(why) = self.refusal() {
            return Some(CantRun {
                hindrance: Some(NotRun::Insecure),
                why,
            });
        }
        match secure::is_executable(program, PATH, self.user) {
            true => None,
            false => {
                let by = self.user.map(|(uid, gid)| format!(" by {uid}:{gid}"));
                Some(CantRun {
                    hindrance: Some(NotRun::NotExecutable),
                    why: format!("{}{}", NotRun::NotExecutable, by.unwrap_or_default()),
                })
            }
        }
    }

    /// Why it isn't run: with `enable_script_security`, a script that runs as root must not be anybody
    /// else's to change.
    fn refusal(&self) -> Option<String> {
        let as_root = match self.user {
            Some((uid, _)) => uid.is_root(),
            None => Uid::effective().is_root(),
        };
        let program = self.words.first().filter(|_| self.security && as_root)?;
        let why = secure::judge(program, PATH).err()?;
        Some(format!("it would run as root, and {why}"))
    }

    /// Runs it to its end, or until `given_up` comes first; by the process that is there for it, if
    /// there is one.
    pub(crate) async fn run(&self, given_up: impl Future<Output = ()>) -> Outcome {
        let ran = match runner::run(&self.words, &self.named) {
            Some(answer) => tokio::select! {
                biased;
                answer = answer => answer.map(from_status),
                () = given_up => return Outcome::TimedOut,
            },
            None => self.here(given_up).await,
        };
        ran.unwrap_or_else(|e| self.not_run(&e))
    }

    /// The same, by this process.
    pub(crate) async fn here(
        &self,
        given_up: impl Future<Output = ()>,
    ) -> Result<Outcome, CantRun> {
        let mut process = self.spawn()?;
        Ok(tokio::select! {
            biased;
            status = process.leader.wait() => {
                process.reaped = true;
                status.map_or(Outcome::Failure(NOT_RUN), outcome)
            }
            () = given_up => {
                // Its death is nobody's business any more.
                tokio::spawn(process.terminate());
                Outcome::TimedOut
            }
        })
    }

    fn spawn(&self) -> Result<Process, CantRun> {
        if let Some(why) = self.refusal() {
            return Err(CantRun {
                hindrance: Some(NotRun::Insecure),
                why,
            });
        }
        let (program, arguments) = self.words.split_first().ok_or(NotRun::Missing)?;
        let mut command = Command::new(&**program);
        command
            .args(arguments.iter().map(|a| &**a))
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        if let Some((uid, gid)) = self.user {
            // Also drops the supplementary groups.
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        ends_with_us(&mut command);
        Ok(Process::new(command.spawn()?)?)
    }

    fn not_run(&self, error: &CantRun) -> Outcome {
        let first = !self.complained.swap(true, Ordering::Relaxed);
        let command = || self.words.join(" ");
        match error.hindrance {
            Some(why) => {
                // Whoever wants it run says so.
                if first {
                    debug!(command = command(), "not run: {error}");
                }
                Outcome::NotRun(why)
            }
            None => {
                if first {
                    warn!(command = command(), "can't run a script: {error}");
                }
                Outcome::Failure(NOT_RUN)
            }
        }
    }
}

/// A process group and its leader. Dropped before its end is known, the group is killed.
#[derive(Debug)]
struct Process {
    leader: Child,
    group: Pid,
    reaped: bool,
}

impl Process {
    fn new(leader: Child) -> io::Result<Self> {
        let id = leader.id().and_then(|id| i32::try_from(id).ok());
        let group = Pid::from_raw(id.ok_or(io::ErrorKind::NotFound)?);
        Ok(Self {
            leader,
            group,
            reaped: false,
        })
    }

    async fn terminate(mut self) {
        // A group that is gone already is what is wanted.
        let _ = killpg(self.group, Signal::SIGTERM);
        let _ = tokio::time::timeout(GRACE, self.leader.wait()).await;
        let _ = killpg(self.group, Signal::SIGKILL);
        let _ = self.leader.wait().await;
        self.reaped = true;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

/// Who runs a script; `None` when that is the daemon's own user.
fn runs_as(user: Option<&(Arc<str>, Option<Arc<str>>)>) -> Result<Option<(Uid, Gid)>, UnknownUser> {
    Ok(match user {
        _ if !Uid::effective().is_root() => None,
        Some((user, group)) => Some(look_up(user, group.as_ref())?),
        None => User::from_name(DEFAULT_USER)
            .ok()
            .flatten()
            .map(|user| (user.uid, user.gid)),
    })
}

/// The numbers of whoever runs a script of that user; the daemon's own when there is no such user.
pub(crate) fn runs_as_ids(user: &Option<(Arc<str>, Option<Arc<str>>)>) -> (u32, u32) {
    let own = (Uid::effective(), Gid::effective());
    let (uid, gid) = runs_as(user.as_ref()).ok().flatten().unwrap_or(own);
    (uid.as_raw(), gid.as_raw())
}

/// Whether a script of that user is run by root, as far as it is run at all.
pub(crate) fn runs_as_root(user: &Option<(Arc<str>, Option<Arc<str>>)>) -> bool {
    match runs_as(user.as_ref()) {
        Ok(Some((uid, _))) => uid.is_root(),
        Ok(None) => Uid::effective().is_root(),
        Err(_) => false,
    }
}

fn look_up(user: &Arc<str>, group: Option<&Arc<str>>) -> Result<(Uid, Gid), UnknownUser> {
    let unknown = |name: &Arc<str>| UnknownUser(Arc::clone(name));
    let found = User::from_name(user).ok().flatten();
    let found = found.ok_or_else(|| unknown(user))?;
    let Some(name) = group else {
        return Ok((found.uid, found.gid));
    };
    let group = Group::from_name(name).ok().flatten();
    let group = group.ok_or_else(|| unknown(name))?;
    Ok((found.uid, group.gid))
}

/// Death by signal counts as 128 and the signal's number, as shells have it.
fn outcome(status: ExitStatus) -> Outcome {
    let by_signal = || 128 + status.signal().unwrap_or_default();
    let code = status.code().unwrap_or_else(by_signal);
    from_status(u8::try_from(code).unwrap_or(u8::MAX))
}

/// What an exit status means.
const fn from_status(code: u8) -> Outcome {
    match code {
        0 => Outcome::Success,
        code => Outcome::Failure(code),
    }
}
