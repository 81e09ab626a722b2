//! The operator's side: signals in, the log out. The engine's [`Hooks`].

use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use locum_engine::config::Config;
use locum_engine::driver::Hooks;
use locum_engine::plan::Reloaded;
use locum_engine::{Command, Event, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::links::Links;
use crate::log;
use crate::notify::Notifier;

/// Start, and then what signals ask for.
pub struct SignalHooks {
    config: Arc<Config>,
    links: Rc<Links>,
    notifier: Notifier,
    started: bool,
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    read: Box<Reader>,
}

/// Reads and judges the configuration anew; `None`, with the reasons in the log, if it can't be used.
pub type Reader = dyn FnMut(&Config) -> Option<Config>;

impl SignalHooks {
    /// Catches SIGTERM, SIGINT and SIGHUP from now on; `read` is called for the last. Must be called
    /// inside a tokio runtime.
    pub fn new(config: Arc<Config>, links: Rc<Links>, read: Box<Reader>) -> io::Result<Self> {
        Ok(Self {
            notifier: Notifier::new(Arc::clone(&config)),
            config,
            links,
            started: false,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            read,
        })
    }
}

impl SignalHooks {
    /// The daemon has let go of everything: whoever is told of it gets some time to act.
    pub async fn finish(self) {
        self.notifier.finish().await;
    }
}

impl Hooks for SignalHooks {
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Command> {
        for signal in [&mut self.terminate, &mut self.interrupt] {
            if let Poll::Ready(Some(())) = signal.poll_recv(cx) {
                info!("asked to stop");
                return Poll::Ready(Command::Stop);
            }
        }
        while let Poll::Ready(Some(())) = self.hang_up.poll_recv(cx) {
            if let Some(config) = (self.read)(&self.config) {
                return Poll::Ready(Command::Reload(Box::new(config)));
            }
        }
        // Instances whose link isn't known yet would start in fault. The loop comes back here
        // after every link it is told of.
        if !self.started && self.links.all_told() {
            self.started = true;
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
    }

    fn event(&mut self, _now: Instant, event: Event) {
        log::event(&self.config, &event);
        self.notifier.event(&event);
    }
}

impl fmt::Debug for SignalHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalHooks")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}
