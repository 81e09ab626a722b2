//! A process beside the daemon that runs its scripts.
//!
//! The daemon is confined to files of its own, and whatever it starts would be, too. Scripts have work
//! of their own to do, so a process that was divided off before starts them. It runs what the
//! configuration names, which it reads itself, and nothing else: who gets hold of the daemon can't
//! have other programs run by it. It holds the privileges that scripts need, and ends with the
//! daemon, however that ends, with every script.
//!
//! It is there before the first script is: a reload may bring some. Until then it sleeps, and has
//! next to no memory of its own.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use locum_engine::Outcome;
use locum_engine::config::Config;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, setpgid};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::cli::RunArgs;
use crate::privileges::{self, Part};
use crate::probes::{CantRun, Script};
use crate::scripts::{self, User};
use crate::sys::memory;
use crate::sys::process::{Side, fork};
use crate::{background, load};

/// Its name, so that the daemon is found by its own.
const NAME: &std::ffi::CStr = c"locum-scripts";

/// The other process, for as long as it is there.
static OTHER: OnceLock<Desk> = OnceLock::new();

/// Takes what is to be said to it.
#[derive(Debug)]
struct Desk {
    requests: mpsc::UnboundedSender<(Request, Option<oneshot::Sender<Answer>>)>,
    runs: AtomicU64,
}

/// What the daemon says, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// Run this command line as that user.
    Run {
        run: u64,
        words: Vec<Arc<str>>,
        user: User,
    },
    /// End a run, with its process group.
    Cancel { run: u64 },
    /// Read the configuration again.
    Reread,
}

/// How a run ended.
#[derive(Debug, Serialize, Deserialize)]
struct Ended {
    run: u64,
    /// The exit status, as shells have it.
    answer: Answer,
}

type Answer = Result<u8, CantRun>;

/// The other process, seen from the one that has made it.
#[derive(Debug)]
pub(crate) struct Runner {
    stream: StdStream,
    process: Pid,
}

/// Which of the two processes this is.
pub(crate) enum Process {
    /// The one that there was before; with the other.
    Daemon(Runner),
    /// The other one, which has to [`serve`] here.
    Runner(StdStream),
}

/// Makes the other process.
///
/// # Errors
/// When the system refuses, or when this process has more than one thread.
pub(crate) fn divide() -> io::Result<Process> {
    let (ours, theirs) = StdStream::pair()?;
    match fork()? {
        Side::Parent(process) => Ok(Process::Daemon(Runner {
            stream: ours,
            process,
        })),
        Side::Child => {
            drop(ours);
            Ok(Process::Runner(theirs))
        }
    }
}

impl Runner {
    /// From now on scripts are run by it, for as long as the runtime lives. Must be called inside a
    /// tokio runtime. The result is ready when it has ended.
    pub(crate) fn attend(&self) -> io::Result<oneshot::Receiver<Infallible>> {
        let stream = self.stream.try_clone()?;
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        let (requests, waiting) = mpsc::unbounded_channel();
        let runs = AtomicU64::new(0);
        let (alive, ended) = oneshot::channel();
        if OTHER.set(Desk { requests, runs }).is_ok() {
            tokio::spawn(async move {
                let _alive = alive;
                converse(stream, waiting).await;
            });
        }
        Ok(ended)
    }
}

impl Drop for Runner {
    /// It ends when nobody speaks to it any more.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let _ = waitpid(self.process, None);
    }
}

type Waiting = mpsc::UnboundedReceiver<(Request, Option<oneshot::Sender<Answer>>)>;

/// The daemon's end of the conversation.
async fn converse(stream: UnixStream, mut waiting: Waiting) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut runs = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            Some((request, reply)) = waiting.recv() => {
                if let (Request::Run { run, .. }, Some(reply)) = (&request, reply) {
                    runs.insert(*run, reply);
                }
                if say(&mut write, &request).await.is_err() {
                    break;
                }
            }
            line = lines.next_line() => {
                let Ok(Some(line)) = line else { break };
                let Ok(Ended { run, answer }) = serde_json::from_str(&line) else { break };
                if let Some(reply) = runs.remove(&run) {
                    // Cancelled meanwhile.
                    let _ = reply.send(answer);
                }
            }
        }
    }
}

async fn say(write: &mut OwnedWriteHalf, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    write.write_all(line.as_bytes()).await
}

/// Has it run a command line; `None` when there is no such process, and the caller may do it.
pub(crate) fn run(words: &[Arc<str>], user: &User) -> Option<impl Future<Output = Answer> + use<>> {
    let other = OTHER.get()?;
    let run = other.runs.fetch_add(1, Ordering::Relaxed);
    let (reply, answer) = oneshot::channel();
    let request = Request::Run {
        run,
        words: words.to_vec(),
        user: user.clone(),
    };
    // When nobody takes it the channel is closed, and the answer is that.
    let _ = other.requests.send((request, Some(reply)));
    let cancel = Cancel(Some(run));
    Some(async move {
        let gone = || CantRun::other("the process that runs scripts has ended");
        let answer = answer.await.unwrap_or_else(|_| Err(gone()));
        cancel.not_needed();
        answer
    })
}

/// Ends a run that nobody waits for any more.
struct Cancel(Option<u64>);

impl Cancel {
    fn not_needed(mut self) {
        self.0 = None;
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if let (Some(run), Some(other)) = (self.0, OTHER.get()) {
            let _ = other.requests.send((Request::Cancel { run }, None));
        }
    }
}

/// Whether there was one that ran scripts, and it has ended.
pub(crate) fn has_ended() -> bool {
    OTHER.get().is_some_and(|other| other.requests.is_closed())
}

/// Another configuration is about to be in force: it has to know its scripts.
pub(crate) fn reread(config: &Config) {
    if let Some(other) = OTHER.get()
        && scripts::of(config).next().is_some()
    {
        let _ = other.requests.send((Request::Reread, None));
    }
}

/// What may be run: command lines of a configuration, to which words are appended.
#[derive(Debug)]
struct Known {
    commands: Vec<(Vec<Arc<str>>, User)>,
    /// `enable_script_security`
    security: bool,
}

impl Known {
    fn of(config: &Config) -> Self {
        Self {
            commands: scripts::of(config)
                .map(|(words, user)| (words.to_vec(), user.clone()))
                .collect(),
            security: config.operation.script_security,
        }
    }

    /// What a later configuration has besides. What the earlier one had may still be told of its end.
    fn learn(&mut self, config: &Config) {
        let later = Self::of(config);
        self.security = later.security;
        for command in later.commands {
            if !self.commands.contains(&command) {
                self.commands.push(command);
            }
        }
    }

    fn script(&self, words: &[Arc<str>], user: &User) -> Result<Script, CantRun> {
        let known = |(command, as_user): &(Vec<Arc<str>>, User)| {
            as_user == user && !command.is_empty() && words.starts_with(command)
        };
        if !self.commands.iter().any(known) {
            return Err(CantRun::other("the configuration doesn't name it"));
        }
        Script::new(words, user.as_ref(), self.security).map_err(|e| CantRun::other(&e.to_string()))
    }
}

/// The daemon decides when it is over, not who sends a signal to all of its processes.
const NOT_FOR_US: [Signal; 5] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// The other process's life.
pub(crate) fn serve(stream: StdStream, config: Config, args: &RunArgs) -> ExitCode {
    // Its own group: what a terminal interrupts is the daemon.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    let _ = prctl::set_name(NAME);
    // What fails here the daemon is told by its own attempt.
    match live(stream, config, args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn live(stream: StdStream, config: Config, args: &RunArgs) -> io::Result<()> {
    let signals = SigSet::from_iter(NOT_FOR_US);
    signals.thread_block()?;
    background::detach()?;
    privileges::reduce(&config, args, Part::Scripts)?;
    let known = Known::of(&config);
    // Of thousands of instances there would be two copies.
    drop(config);
    memory::give_back();
    memory::give_back_code();
    let mut waiting = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    // A process that was stopped and goes on is told so.
    while poll(&mut waiting, PollTimeout::NONE) == Err(Errno::EINTR) {}
    let runtime = crate::runtime()?;
    runtime.block_on(async {
        let kinds = NOT_FOR_US.map(|one| SignalKind::from_raw(one as i32));
        let _caught = kinds.map(signal);
        signals.thread_unblock()?;
        answer(stream, known, args).await
    })
}

async fn answer(stream: StdStream, mut known: Known, args: &RunArgs) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let (read, mut write) = UnixStream::from_std(stream)?.into_split();
    let mut lines = BufReader::new(read).lines();
    let (ended, mut answers) = mpsc::unbounded_channel::<Ended>();
    // Apart from reading, so that neither end ever waits for the other.
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(ended) = answers.recv().await {
            if say(&mut write, &ended).await.is_err() {
                return;
            }
        }
    });
    let mut runs: BTreeMap<u64, oneshot::Sender<()>> = BTreeMap::new();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Request::Run { run, words, user } => {
                runs.retain(|_, cancel| !cancel.is_closed());
                let (cancel, cancelled) = oneshot::channel::<()>();
                runs.insert(run, cancel);
                let (script, ended) = (known.script(&words, &user), ended.clone());
                tasks.spawn(async move {
                    let given_up = async { drop(cancelled.await) };
                    let answer = match script {
                        Ok(script) => script.here(given_up).await.map(status),
                        Err(e) => Err(e),
                    };
                    let _ = ended.send(Ended { run, answer });
                });
                while tasks.try_join_next().is_some() {}
            }
            Request::Cancel { run } => drop(runs.remove(&run)),
            Request::Reread => {
                let reading = load::load_again(args);
                if let Some(config) = reading.ok().and_then(|reading| reading.config) {
                    known.learn(&config);
                }
            }
        }
    }
    Ok(())
}

/// As a number for the way. A run that was given up has nobody who waits for it.
const fn status(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Success => 0,
        Outcome::Failure(code) => code,
        Outcome::TimedOut | Outcome::NotRun(_) => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Arc<str>> {
        line.split(' ').map(Arc::from).collect()
    }

    #[test]
    fn only_what_a_configuration_names_is_run() {
        let mut known = Known {
            commands: vec![(words("/bin/check it"), None), (Vec::new(), None)],
            security: false,
        };
        let runs =
            |known: &Known, line: &str, user: &User| known.script(&words(line), user).is_ok();
        assert!(runs(&known, "/bin/check it", &None));
        assert!(runs(
            &known,
            "/bin/check it INSTANCE VI_1 MASTER 100",
            &None
        ));
        assert!(!runs(&known, "/bin/check", &None));
        assert!(!runs(&known, "/bin/sh -c it", &None));
        let root = Some((Arc::from("root"), None));
        assert!(!runs(&known, "/bin/check it", &root));
        let text = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nnotify \"/bin/tell\" root\n\
                    virtual_ipaddress {\n192.0.2.1\n}\n}\n";
        let mut none = locum_engine::conf::NoIncludes;
        let reading = locum_engine::conf::read("x", text, &mut none);
        known.learn(&reading.config.expect("it can be used"));
        assert!(runs(&known, "/bin/tell INSTANCE V MASTER 100", &root));
        assert!(
            runs(&known, "/bin/check it", &None),
            "may still be under way"
        );
    }
}
