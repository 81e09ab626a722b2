//! From the daemon's thread to the writer's: bounded, and never waited for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError, mpsc};
use std::thread::Thread;
use std::time::{Duration, Instant, SystemTime};

use locum_engine::config::Config;
use locum_engine::recording::{Medium, Packed};

use crate::load;

/// Bytes of records that may wait. A slot is called full while it has room for this much.
pub(super) const ROOM: usize = 128 << 10;
/// Between two attempts to begin anew after something was lost.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the daemon's end waits for the writer's.
const PATIENCE: Duration = Duration::from_secs(1);

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) bytes: Vec<u8>,
    /// Where in it segments begin, and which.
    pub(super) begins: Vec<(usize, u64)>,
    /// How many of the bytes are beginnings, which may be longer than everything else together.
    pub(super) beginnings: usize,
    /// Worth a sync.
    pub(super) weighty: bool,
}

/// What the two threads share. Segments are counted from 1 as the daemon's thread begins them.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) waiting: Mutex<Waiting>,
    pub(super) writer: OnceLock<Thread>,
    pub(super) stop: AtomicBool,
    /// Up to this segment they are nearly full.
    pub(super) full: AtomicU64,
    /// Up to this segment something of them couldn't be written.
    pub(super) broken: AtomicU64,
}

impl Shared {
    /// What waits, whoever has panicked meanwhile.
    pub(super) fn take(&self) -> Waiting {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::take(&mut *waiting)
    }
}

/// The writer's end.
pub(super) struct Feed {
    pub(super) shared: Arc<Shared>,
    /// Dropped when the writer ends.
    pub(super) ended: mpsc::Sender<()>,
}

/// The daemon's end.
#[derive(Debug)]
pub(super) struct Queue {
    shared: Arc<Shared>,
    ended: mpsc::Receiver<()>,
    /// What could not be handed over because the writer was just taking.
    held: Waiting,
    begun: u64,
    /// Something is lost; nothing is begun before then.
    lost: Option<Instant>,
}

impl Queue {
    pub(super) fn new() -> (Self, Feed) {
        let shared = Arc::new(Shared::default());
        let (sender, ended) = mpsc::channel();
        let queue = Self {
            shared: Arc::clone(&shared),
            ended,
            held: Waiting::default(),
            begun: 0,
            lost: None,
        };
        let ended = sender;
        (queue, Feed { shared, ended })
    }

    /// Hands over what is held, unless the writer is taking something at this moment. `false` when
    /// too much waits already.
    fn hand_over(&mut self) -> bool {
        let fits = |waiting: &Waiting, more: &Waiting| {
            let beginnings = waiting.beginnings + more.beginnings;
            waiting.bytes.len() + more.bytes.len() <= ROOM + beginnings
        };
        let mut waiting = match self.shared.waiting.try_lock() {
            Ok(waiting) => waiting,
            Err(TryLockError::WouldBlock) => return fits(&Waiting::default(), &self.held),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        if !fits(&waiting, &self.held) {
            return false;
        }
        let before = waiting.bytes.len();
        let begins = self.held.begins.drain(..);
        waiting
            .begins
            .extend(begins.map(|(at, segment)| (before + at, segment)));
        waiting.bytes.append(&mut self.held.bytes);
        waiting.beginnings += core::mem::take(&mut self.held.beginnings);
        waiting.weighty |= core::mem::take(&mut self.held.weighty);
        drop(waiting);
        if before == 0
            && let Some(writer) = self.shared.writer.get()
        {
            writer.unpark();
        }
        true
    }

    /// Hands over, or else everything since the last beginning is of no use.
    fn deliver(&mut self) -> bool {
        let taken = self.hand_over();
        if !taken {
            self.loses();
        }
        taken
    }

    fn loses(&mut self) {
        self.held = Waiting::default();
        self.lost = Some(Instant::now() + PAUSE);
    }
}

impl Medium for Queue {
    fn wants_segment(&mut self) -> bool {
        if let Some(until) = self.lost {
            return Instant::now() >= until;
        }
        self.begun == 0 || self.shared.full.load(Ordering::Relaxed) >= self.begun
    }

    fn begin(&mut self, end: &[u8], head: &[u8]) -> bool {
        self.begun += 1;
        self.lost = None;
        self.held.bytes.extend_from_slice(end);
        let at = self.held.bytes.len();
        self.held.begins.push((at, self.begun));
        self.held.bytes.extend_from_slice(head);
        self.held.beginnings += head.len();
        self.held.weighty = true;
        self.deliver()
    }

    fn more(&mut self, bytes: &[u8], weighty: bool) -> bool {
        let broken = self.shared.broken.load(Ordering::Relaxed) >= self.begun;
        if self.lost.is_some() || broken {
            self.loses();
            return false;
        }
        self.held.bytes.extend_from_slice(bytes);
        self.held.weighty |= weighty;
        self.deliver()
    }

    fn wall(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap_or_default()
    }

    fn texts(&mut self, config: &Config) -> Packed {
        load::texts_of(config).unwrap_or_default()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.hand_over();
        self.shared.stop.store(true, Ordering::Release);
        if let Some(writer) = self.shared.writer.get() {
            writer.unpark();
        }
        // A disk that hangs doesn't keep the daemon from ending.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}
