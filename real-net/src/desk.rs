//! The desk: everybody who asks the running daemon something is served here, between two turns of
//! the engine's loop.
//!
//! The loop polls the desk when nothing else is due, or hasn't been for a while, and hands it the
//! engine to look at. Whoever is served keeps their own sockets and files, wakes the loop through `cx`
//! when something has arrived, and returns at once: adverts are due behind it. Nothing here changes the engine; what is asked of it
//! goes through [`Hooks::poll_command`](locum_engine::driver::Hooks::poll_command), like a signal.
//!
//! Answers that grow with the configuration are made in portions. An `Ask` travels to the desk with
//! how far it has come, and back with the next portion; whoever asks slowly holds up nobody.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use locum_engine::status::Status;
use locum_engine::{Engine, Instant};
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::control::{Handover, Snapshot};
use crate::metrics::{Exposition, health};

/// At most so many portions before the loop goes on; the others wait for its next turn.
const PORTIONS_A_TURN: usize = 2;
/// So many askers may wait at once; more wait until there is room.
const WAITING_MAX: usize = 64;

/// Whoever is served.
#[derive(Debug)]
pub struct Desk {
    about: Arc<About>,
    asks: mpsc::Receiver<Ask>,
    counter: Counter,
}

/// What doesn't change while the daemon runs.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The file it was started with.
    pub config: String,
    /// When it started, since 1970.
    pub started: Duration,
}

/// Where to ask.
#[derive(Clone, Debug)]
pub struct Counter(mpsc::Sender<Ask>);

/// One portion of something, please.
#[derive(Debug)]
pub(crate) struct Ask {
    job: Job,
    reply: oneshot::Sender<(Job, Portion)>,
}

/// What can be asked for, and how far it has come.
#[derive(Debug)]
pub(crate) enum Job {
    /// Lines for the control socket.
    Snapshot(Snapshot),
    /// How a drain is going.
    Handover(Handover),
    /// Metrics.
    Exposition(Exposition),
    /// Whether the loop turns.
    Health,
}

/// A part of an answer.
#[derive(Debug, Default)]
pub(crate) struct Portion {
    pub(crate) text: Vec<u8>,
    /// There is no more.
    pub(crate) last: bool,
}

/// What a portion is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) status: Status<'a>,
    pub(crate) about: &'a About,
    pub(crate) now: Instant,
    /// Since 1970.
    pub(crate) utc: Duration,
}

impl View<'_> {
    /// An instant as seconds since 1970.
    pub(crate) fn date(&self, at: Instant) -> f64 {
        let now = self.utc.as_secs_f64();
        if at <= self.now {
            now - self.now.saturating_since(at).as_secs_f64()
        } else {
            now + at.saturating_since(self.now).as_secs_f64()
        }
    }
}

impl Desk {
    /// A desk nobody has come to yet.
    pub fn new(about: About) -> Self {
        let (sender, asks) = mpsc::channel(WAITING_MAX);
        Self {
            about: Arc::new(about),
            asks,
            counter: Counter(sender),
        }
    }

    /// Where to ask.
    pub fn counter(&self) -> Counter {
        self.counter.clone()
    }

    /// Serves everybody who has asked for something, without waiting for anybody.
    pub fn poll(&mut self, cx: &mut Context<'_>, engine: &Engine) {
        for _ in 0..PORTIONS_A_TURN {
            let Poll::Ready(Some(Ask { mut job, reply })) = self.asks.poll_recv(cx) else {
                return;
            };
            let view = View {
                status: engine.status(),
                about: &self.about,
                now: clock::monotonic(),
                utc: clock::wall(),
            };
            let portion = match &mut job {
                Job::Snapshot(snapshot) => snapshot.portion(&view),
                Job::Handover(handover) => handover.portion(&view),
                Job::Exposition(exposition) => exposition.portion(&view),
                Job::Health => health(&view),
            };
            // Who has gone away meanwhile needs no answer.
            let _ = reply.send((job, portion));
        }
        // There may be more; the loop comes back after its turn.
        cx.waker().wake_by_ref();
    }
}

impl Counter {
    /// The next portion. `None` when the daemon is about to end.
    pub(crate) async fn ask(&self, job: Job) -> Option<(Job, Portion)> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Ask { job, reply }).await.ok()?;
        answer.await.ok()
    }
}
