//! The operator's side: signals in, the log out. The engine's [`Hooks`].

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use locum_engine::config::Config;
use locum_engine::driver::Hooks;
use locum_engine::event::StateKind;
use locum_engine::plan::Reloaded;
use locum_engine::{Command, Event, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::cli::RunArgs;
use crate::control::{Orders, Reread};
use crate::daemon::DaemonError;
use crate::links::Links;
use crate::log;
use crate::notify::Notifier;
use crate::runner;
use crate::scripts;
use crate::systemd::Service;

/// Start, and then what signals ask for.
pub struct SignalHooks {
    config: Arc<Config>,
    links: Rc<Links>,
    notifier: Notifier,
    service: Rc<Service>,
    started: bool,
    /// What comes of the start, until all of it is there; `None` before and after.
    beginning: Option<Vec<Event>>,
    signals: Signals,
    read: Box<Reader>,
    orders: Orders,
    /// Ready when the process that runs scripts has ended. `None` when there is none, or no more.
    runner: Option<oneshot::Receiver<Infallible>>,
    scripts_lost: bool,
}

/// The signals that are commands.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    /// Caught and, with `--ignore-sigint`, left at that.
    interrupt: Signal,
    ignore_interrupt: bool,
    hang_up: Signal,
    /// `-V`: everything stays as it is when the daemon stops.
    keep_all: bool,
}

impl Signals {
    /// Catches SIGTERM, SIGINT and SIGHUP from now on. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn catch(args: &RunArgs) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            ignore_interrupt: args.ignore_sigint,
            hang_up: signal(SignalKind::hangup())?,
            keep_all: args.dont_release_vrrp,
        })
    }

    /// SIGTERM or SIGINT.
    fn poll_stop(&mut self, cx: &mut Context<'_>) -> bool {
        let terminated = matches!(self.terminate.poll_recv(cx), Poll::Ready(Some(())));
        let mut interrupted = false;
        while let Poll::Ready(Some(())) = self.interrupt.poll_recv(cx) {
            interrupted = true;
        }
        terminated || interrupted && !self.ignore_interrupt
    }
}

/// Reads and judges the configuration anew, or another file, and compares it with what runs.
pub type Reader = dyn FnMut(&Config, Option<&Path>) -> Reread;

impl SignalHooks {
    /// `read` is called for each SIGHUP, and for what comes over the control socket. Must be called inside a tokio runtime.
    pub fn new(
        config: Arc<Config>,
        links: Rc<Links>,
        signals: Signals,
        service: Rc<Service>,
        read: Box<Reader>,
        orders: Orders,
        runner: Option<oneshot::Receiver<Infallible>>,
    ) -> Self {
        Self {
            notifier: Notifier::new(Arc::clone(&config)),
            config,
            links,
            service,
            started: false,
            beginning: None,
            signals,
            read,
            orders,
            runner,
            scripts_lost: false,
        }
    }

    /// The daemon has let go of everything: whoever is told of it gets some time to act.
    ///
    /// # Errors
    /// When that was because scripts can't be run any more.
    pub async fn finish(mut self) -> Result<(), DaemonError> {
        self.tell_beginning();
        self.notifier.finish().await;
        match self.scripts_lost {
            true => Err(DaemonError::ScriptsLost),
            false => Ok(()),
        }
    }

    /// Tells of the start, in keepalived's order: groups that nothing is in the way of, instances in the
    /// order of the file, other groups.
    fn tell_beginning(&mut self) {
        let Some(mut events) = self.beginning.take() else {
            return;
        };
        events.sort_by_key(|event| match event {
            Event::GroupChanged {
                to: StateKind::Backup,
                ..
            } => (0, None),
            Event::GroupChanged { .. } => (2, None),
            _ => (1, event.instance()),
        });
        for event in &events {
            self.notifier.event(event);
        }
    }

    /// Signals and orders.
    fn poll_operator(&mut self, cx: &mut Context<'_>) -> Poll<Command> {
        if self.signals.poll_stop(cx) {
            info!("asked to stop");
            return Poll::Ready(self.stop());
        }
        while let Poll::Ready(Some(())) = self.signals.hang_up.poll_recv(cx) {
            self.service.reloading();
            let reread = (self.read)(&self.config, None);
            reread.log();
            if let Ok((config, _)) = reread.outcome {
                return Poll::Ready(Command::Reload(config));
            }
            self.service.ready();
        }
        self.orders.poll(cx, &self.config, &mut *self.read)
    }

    fn stop(&mut self) -> Command {
        self.runner = None;
        self.service.stopping();
        if self.signals.keep_all {
            info!("everything stays as it is (-V)");
            self.links.keep_all();
        }
        Command::Stop
    }

    /// Who can't run scripts can't know the checks: somebody has to start the daemon anew.
    fn poll_runner(&mut self, cx: &mut Context<'_>) -> Poll<Command> {
        let Some(runner) = &mut self.runner else {
            return Poll::Pending;
        };
        let Err(_ended) = ready!(Pin::new(runner).poll(cx));
        self.runner = None;
        let what = "the process that runs scripts has ended";
        if scripts::of(&self.config).next().is_none() {
            error!("{what}: a restart is needed before there can be scripts");
            return Poll::Pending;
        }
        error!("{what}: handing over and ending, to be started again");
        self.scripts_lost = true;
        Poll::Ready(self.stop())
    }
}

impl Hooks for SignalHooks {
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Command> {
        // The loop is here again when it has told all that came of the last command.
        self.tell_beginning();
        if let Poll::Ready(command) = self.poll_operator(cx) {
            if let Command::Reload(config) = &command {
                runner::reread(config);
            }
            return Poll::Ready(command);
        }
        if let Poll::Ready(stop) = self.poll_runner(cx) {
            return Poll::Ready(stop);
        }
        // Instances whose link isn't known yet would start in fault. The loop comes back here
        // after every link it is told of.
        if !self.started && self.links.all_told() {
            self.started = true;
            self.beginning = Some(Vec::new());
            self.service.ready();
            return Poll::Ready(Command::Start);
        }
        Poll::Pending
    }

    fn reload(&mut self, _now: Instant, reloaded: &Reloaded) {
        self.config = Arc::clone(&reloaded.config);
        let moves = &reloaded.plan.moves;
        let config = Arc::clone(&reloaded.config);
        self.notifier.reload(config, |id| moves.instance(id));
        info!(
            instances = self.config.instances.len(),
            "configuration reloaded"
        );
        self.service.ready();
    }

    fn event(&mut self, _now: Instant, event: Event) {
        log::event(&self.config, &event);
        match &mut self.beginning {
            Some(events) => events.push(event),
            None => self.notifier.event(&event),
        }
    }
}

impl fmt::Debug for SignalHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalHooks")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}
