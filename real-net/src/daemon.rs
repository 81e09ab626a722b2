//! The daemon: everything put together, run until it is told to stop.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use locum_engine::Engine;
use locum_engine::conf::Diagnostic;
use locum_engine::config::Config;
use locum_engine::driver::{Clock, Driver, Turn, World};
use locum_engine::event::StateKind;
use locum_engine::ids::InterfaceId;
use locum_engine::plan::Plan;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use tokio::sync::oneshot;
use tokio::task::coop::unconstrained;
use tracing::{info, warn};

use crate::background::{self, Foreground, Process};
use crate::cli::RunArgs;
use crate::clock::{self, MonotonicClock};
use crate::confine;
use crate::control::{self, Reread};
use crate::desk::{About, Desk};
use crate::dump::Dumps;
use crate::hooks::{SignalHooks, Signals};
use crate::host::KernelHost;
use crate::links::Links;
use crate::load;
use crate::log;
use crate::namespace;
use crate::network::RawNetwork;
use crate::pidfile::{self, PidFile};
use crate::privileges::{self, Kept, Part};
use crate::probes::TaskProbes;
use crate::runner::{self, Runner};
use crate::scripts;
use crate::serving;
use crate::sys::memory;
use crate::systemd::{Heartbeat, Service};

/// So many inputs are handled in a row before the runtime looks after scripts and signals.
const TURNS_AT_ONCE: u32 = 64;
/// Whoever asks something is served when the loop has nothing else to do, or has waited for so long:
/// thousands of adverts that are due at once come first.
const PATIENCE: Duration = Duration::from_millis(100);
/// After so long the instances have started, or taken over.
const SETTLED: Duration = Duration::from_secs(8);

/// Why the daemon could not run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration file can't be read.
    #[error("can't read {0}: {1}")]
    Unreadable(String, #[source] io::Error),
    /// Its diagnostics are printed already.
    #[error("{0} can't be used; see above")]
    Unusable(String),
    /// No instance, or only the load balancer's half was asked for.
    #[error("nothing to run: {0}")]
    NothingToRun(&'static str),
    /// There is no network namespace of that name, or it can't be entered.
    #[error("network namespace {0}: {1}")]
    Namespace(String, #[source] io::Error),
    /// The pid file is held by another daemon, or can't be written.
    #[error("pid file {0}: {1}")]
    PidFile(String, #[source] io::Error),
    /// The control socket or the metrics' is somebody else's, or can't be made.
    #[error(transparent)]
    Serving(#[from] serving::ServingError),
    /// It has handed over, and has to be started again.
    #[error("the process that runs scripts has ended, and checks can't be known without it")]
    ScriptsLost,
    /// Sockets need privileges.
    #[error("{0}: needs CAP_NET_RAW and CAP_NET_ADMIN, which root has")]
    Privileges(#[source] io::Error),
    /// The system refused something else.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl DaemonError {
    /// keepalived's numbers, where it has one for the case.
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Unreadable(..) | Self::Unusable(_) => 2,
            Self::Privileges(_) => 4,
            Self::NothingToRun(_) => 6,
            Self::ScriptsLost => 7,
            Self::PidFile(..) | Self::Serving(_) | Self::Namespace(..) | Self::System(_) => 1,
        }
    }
}

/// How long a deadline of the engine may be overdue while the watchdog is still told of life.
const STUCK: Duration = Duration::from_secs(2);

/// Runs until SIGTERM or SIGINT; then everything is let go of. Without `-n` the daemon is another
/// process, and the result is whether it got ready.
///
/// # Errors
/// When it could not start. Nothing has been changed on the host then.
pub fn run(args: &RunArgs) -> Result<ExitCode, DaemonError> {
    if args.check && !args.vrrp && !args.all {
        return Err(DaemonError::NothingToRun("-C without -P asks for no VRRP"));
    }
    memory::prepare();
    let mut args = args.clone();
    let config = read(&args)?;
    if let Some(mask) = args.umask.or(config.operation.umask) {
        umask(Mode::from_bits_truncate(mask));
    }
    if args.core_dump || args.core_dump_pattern.is_some() {
        setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY).map_err(io::Error::from)?;
    }
    let named = args
        .namespace
        .as_deref()
        .or(config.operation.net_namespace.as_deref());
    if let Some(name) = named {
        namespace::enter(name).map_err(|e| DaemonError::Namespace(name.to_owned(), e))?;
    }
    let mut foreground = Foreground::attached();
    if !background::stays(&args) {
        match background::fork_off(&mut args)? {
            Process::Daemon(attached) => foreground = attached,
            Process::Starter(status) => return Ok(status),
        }
    }
    let mut runner = None;
    if confined(&args) {
        match runner::divide()? {
            runner::Process::Daemon(other) => runner = Some(other),
            runner::Process::Runner(stream) => {
                drop(foreground);
                return Ok(runner::serve(stream, config, &args));
            }
        }
        raise_files();
    }
    let pid_files = pid_files(&args)?;
    let part = runner.as_ref().map_or(Part::Scripts, |_| Part::Daemon);
    let mut kept = privileges::reduce(&config, &args, part).map_err(privileges_missing)?;
    if confined(&args) {
        kept = kept.within(confine::confine(&config, &args)?);
    }
    let _log = log::start(&args)?;
    for sentence in args.without_effect() {
        info!("{sentence}");
    }
    info!("{}", kept.describe());
    for sentence in scripts::remarks(&config) {
        warn!("{sentence}");
    }
    if args.dump_conf {
        info!("{config:#?}");
    }
    let runtime = crate::runtime()?;
    let result = runtime.block_on(async {
        let runner = runner.as_ref().map(Runner::attend).transpose()?;
        drive(config, &args, kept, foreground, runner).await
    });
    // Runs of checks that are under way end here, with their process groups.
    drop(runtime);
    drop(runner);
    drop(pid_files);
    result.map(|()| ExitCode::SUCCESS)
}

/// Lets it have as many files as it may raise the limit to: each virtual MAC address needs two sockets. Scripts,
/// some of which count on the lower limit, are the other process's.
fn raise_files() {
    // What can't be had, is missed when it is needed, and said then.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Whether the daemon confines itself to its own files. A core file may be written anywhere.
const fn confined(args: &RunArgs) -> bool {
    !args.keep_privileges && !args.core_dump && args.core_dump_pattern.is_none()
}

/// Reads the configuration and says on standard error what is odd about it.
fn read(args: &RunArgs) -> Result<Config, DaemonError> {
    let name = || args.use_file.display().to_string();
    let reading = load::load_for(args).map_err(|e| DaemonError::Unreadable(name(), e))?;
    print(&mut io::stderr(), &reading.diagnostics);
    let config = reading
        .config
        .ok_or_else(|| DaemonError::Unusable(name()))?;
    if config.instances.is_empty() {
        return Err(DaemonError::NothingToRun("no vrrp_instance is configured"));
    }
    Ok(config.compacted())
}

/// Prints diagnostics, one after the other. There is nobody to tell when that fails.
pub fn print(out: &mut impl Write, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let _ = writeln!(out, "{diagnostic}");
    }
}

/// `-p` and `-r`: one process, two names for it.
fn pid_files(args: &RunArgs) -> Result<Vec<PidFile>, DaemonError> {
    let refused = |(path, e): (String, io::Error)| {
        let held = e.kind() == io::ErrorKind::WouldBlock;
        let other = || io::Error::other("held by another process");
        DaemonError::PidFile(path, if held { other() } else { e })
    };
    pidfile::create_all(args.pid.as_deref(), args.vrrp_pid.as_deref()).map_err(refused)
}

async fn drive(
    config: Config,
    args: &RunArgs,
    kept: Kept,
    mut foreground: Foreground,
    runner: Option<oneshot::Receiver<Infallible>>,
) -> Result<(), DaemonError> {
    let config = Arc::new(config);
    let service = Rc::new(Service::from_environment());
    let links = Rc::new(Links::new(&config.interfaces));
    let network = RawNetwork::new(&config, Rc::clone(&links)).map_err(privileges_missing)?;
    let again = args.clone();
    let read =
        Box::new(move |running: &Config, file: Option<&Path>| reread(&again, &kept, file, running));
    let (orders, ordered) = control::orders();
    let mut desk = Desk::new(About {
        config: args.use_file.display().to_string(),
        started: clock::wall(),
    });
    serving::start(&args.serving, &config, &desk, orders)?;
    let world = World {
        clock: MonotonicClock::new()?,
        network,
        host: KernelHost::new(&config, Rc::clone(&links))?,
        probes: TaskProbes::new(&config),
        hooks: SignalHooks::new(
            Arc::clone(&config),
            Rc::clone(&links),
            Signals::catch(args)?,
            Rc::clone(&service),
            read,
            ordered,
            runner,
        ),
    };
    let awaited = |id: &InterfaceId| links.index(*id).is_none() && config.device(*id).is_none();
    for id in links.ids().filter(awaited) {
        warn!(
            interface = &*links.name(id),
            "no such interface yet; waiting for it"
        );
    }
    let version = env!("CARGO_PKG_VERSION");
    info!(instances = config.instances.len(), "locum {version} starts");
    let engine = Engine::new(config).with_uptime(clock::uptime());
    let tap = crate::recording::start(&engine);
    let mut driver = Driver::new(engine, world);
    if let Some(tap) = tap {
        driver = driver.with_tap(tap);
    }
    foreground.ready()?;
    let mut dumps = Dumps::catch()?;
    let mut heart = Heartbeat::new(&service);
    let clock = MonotonicClock::new()?;
    let mut served = Instant::now();
    let turn = |cx: &mut Context<'_>| {
        let turn = driver.poll_turn(cx);
        if turn.is_pending() || served.elapsed() > PATIENCE {
            desk.poll(cx, driver.engine());
            dumps.poll(cx, driver.engine());
            served = Instant::now();
        }
        let engine = driver.engine();
        heart.poll(
            cx,
            &service,
            || keeps_deadlines(engine, &clock),
            || summary(engine),
        );
        turn
    };
    unconstrained(turns(turn)).await;
    // The addresses are gone; scripts that are told so still run for a moment.
    let ended = driver.into_world().hooks.finish().await;
    info!("stopped");
    ended
}

/// Takes turn after turn, until the engine has stopped.
///
/// Deadlines are honoured when nothing else is there, so nothing may seem not to be there because
/// others are to have their turn: the runtime's budget for cooperation doesn't apply, and they have it
/// after so many turns instead.
async fn turns(mut poll_turn: impl FnMut(&mut Context<'_>) -> Poll<Turn>) {
    memory::give_back();
    let mut settling = Some(Instant::now());
    loop {
        for _ in 0..TURNS_AT_ONCE {
            if poll_fn(&mut poll_turn).await == Turn::Stopped {
                return;
            }
            // With one instance, so many turns may take a minute.
            if settling.is_some_and(|since| since.elapsed() > SETTLED) {
                settling = None;
                memory::give_back();
                memory::give_back_code();
            }
        }
        tokio::task::yield_now().await;
    }
}

fn privileges_missing(error: io::Error) -> DaemonError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => DaemonError::Privileges(error),
        _ => DaemonError::System(error),
    }
}

/// The daemon's own file, or another, is read and judged, and compared with what runs.
fn reread(args: &RunArgs, kept: &Kept, file: Option<&Path>, running: &Config) -> Reread {
    let file = file.unwrap_or(&args.use_file);
    let mut diagnostics = Vec::new();
    let from = RunArgs {
        use_file: file.to_owned(),
        ..args.clone()
    };
    let config = match load::load_again(&from) {
        Ok(reading) => {
            diagnostics.extend(reading.diagnostics.iter().map(ToString::to_string));
            let unusable = || "it can't be used; see above".to_owned();
            reading.config.ok_or_else(unusable)
        }
        Err(e) => Err(format!("it can't be read: {e}")),
    };
    let config = config.and_then(|config| match config.instances.is_empty() {
        true => Err("no vrrp_instance is configured".to_owned()),
        false if runner::has_ended() && scripts::of(&config).next().is_some() => {
            Err("the process that runs scripts has ended: restart the daemon".to_owned())
        }
        false => kept.suffices(&config, args).map(|()| config),
    });
    Reread {
        file: file.display().to_string(),
        diagnostics,
        outcome: config.map(|config| {
            let plan = Plan::new(running, &config);
            (Box::new(config), plan)
        }),
    }
}

/// Whether the engine does its work: what was due long ago isn't due any more.
fn keeps_deadlines(engine: &Engine, clock: &MonotonicClock) -> bool {
    let due = engine.status().deadline();
    due.is_none_or(|at| clock.now() < at + STUCK)
}

/// What `systemctl status` shows.
fn summary(engine: &Engine) -> String {
    let instances = engine.status().instances();
    let count = instances.len();
    let (mut masters, mut faulty) = (0, 0);
    for instance in instances {
        match instance.state() {
            StateKind::Master => masters += 1,
            StateKind::Fault => faulty += 1,
            StateKind::Init | StateKind::Backup => {}
        }
    }
    let faults = match faulty {
        0 => String::new(),
        _ => format!(", {faulty} in fault"),
    };
    format!("{masters} of {count} instances are master{faults}")
}
