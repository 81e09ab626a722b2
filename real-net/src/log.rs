//! The log: one line per event, on standard error, written by a thread of its own.
//!
//! The engine only tells what happened; levels are chosen here. A log that nobody reads (a full
//! pipe, a stopped terminal) must not hold up adverts: lines wait in a bounded queue, and those
//! that don't fit are counted and dropped.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread::JoinHandle;

use locum_engine::Event;
use locum_engine::config::Config;
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::Priority;
use tracing::{Level, debug, info, warn};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written.
const QUEUE_LINES: usize = 1024;

/// Ends the log when dropped: what waits is written first.
#[derive(Debug)]
pub struct LogGuard {
    thread: Option<JoinHandle<()>>,
}

/// Where the lines go; empty once the log has ended.
static QUEUE: OnceLock<Mutex<Option<SyncSender<Line>>>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

type Line = Vec<u8>;

/// Starts logging to standard error. `detail` shows every event and what is done about it.
///
/// Under systemd, which stamps every line itself, lines carry no time. Call it once.
pub fn start(detail: bool) -> LogGuard {
    let (sender, receiver) = sync_channel(QUEUE_LINES);
    QUEUE.get_or_init(|| Mutex::new(Some(sender)));
    let thread = std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_lines(&receiver));
    let level = if detail { Level::DEBUG } else { Level::INFO };
    let builder = tracing_subscriber::fmt()
        .with_writer(Queue)
        .with_ansi(false)
        .with_target(false)
        .with_max_level(level);
    // A second subscriber can't be set; the first one goes on.
    let _ = match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => builder.without_time().try_init(),
        None => builder.try_init(),
    };
    LogGuard {
        thread: thread.ok(),
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(mut queue) = QUEUE.get().and_then(|q| q.lock().ok()) {
            *queue = None;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One event, at the level it deserves.
pub fn event(config: &Config, event: &Event) {
    let sentence = event.display(config);
    let about = event.instance().map(|id| &*config.instance(id).name);
    let separator = if about.is_some() { ": " } else { "" };
    let about = about.unwrap_or_default();
    match level(event) {
        Level::WARN => warn!("{about}{separator}{sentence}"),
        Level::INFO => info!("{about}{separator}{sentence}"),
        _ => debug!("{about}{separator}{sentence}"),
    }
}

/// Transitions and verdicts are shown to everyone, and what an operator should look into is a
/// warning.
const fn level(event: &Event) -> Level {
    match event {
        // The loser yields audibly: that is how a planned change of masters ends.
        Event::Contested {
            priority: Priority::RELEASE,
            ..
        } => Level::DEBUG,
        Event::StateChanged {
            to: StateKind::Fault,
            ..
        }
        | Event::StateChanged {
            why: Reason::HeldUp { .. },
            ..
        }
        | Event::GroupChanged {
            to: StateKind::Fault,
            ..
        }
        | Event::CheckChanged { good: false, .. }
        | Event::ProcessChanged { good: false, .. }
        | Event::Contested { .. }
        | Event::Discarded { .. }
        | Event::LinkWaits { up: false, .. }
        | Event::AddressPutBack { .. }
        | Event::ObjectPutBack { .. }
        | Event::ObjectRefused { .. }
        | Event::StaticAddressPutBack { .. }
        | Event::AddressListDiffers { .. }
        | Event::IntervalDiffers { .. }
        | Event::Late { .. } => Level::WARN,
        Event::StateChanged { .. }
        | Event::GroupChanged { .. }
        | Event::PriorityChanged { .. }
        | Event::CheckFailing { .. }
        | Event::StartDelayed { .. }
        | Event::UnknownVrid { .. }
        | Event::LinkWaits { up: true, .. }
        | Event::LinkUndone { .. }
        | Event::CheckChanged { good: true, .. }
        | Event::ProcessChanged { good: true, .. }
        | Event::FileChanged { .. } => Level::INFO,
        Event::Announced { .. } => Level::DEBUG,
    }
}

/// Hands every line to the queue.
struct Queue;

/// One line in the making; queued when complete.
#[derive(Default)]
struct Pending(Line);

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Pending;

    fn make_writer(&'a self) -> Pending {
        Pending::default()
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.0);
        let Some(queue) = QUEUE.get().and_then(|q| q.lock().ok()) else {
            return;
        };
        if queue.as_ref().is_some_and(|q| q.try_send(line).is_err()) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Runs until every sender is gone and the queue is empty.
fn write_lines(lines: &Receiver<Line>) {
    let mut out = io::stderr();
    for line in lines {
        // There is nowhere left to complain to.
        let _ = out.write_all(&line);
        let dropped = DROPPED.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let _ = writeln!(out, "({dropped} lines of the log were dropped here)");
        }
    }
}

#[cfg(test)]
mod tests {
    use locum_engine::event::Reason;
    use locum_engine::ids::InstanceId;

    use super::*;

    fn change(to: StateKind) -> Event {
        Event::StateChanged {
            instance: InstanceId(0),
            from: StateKind::Backup,
            to,
            why: Reason::LinkDown,
        }
    }

    #[test]
    fn a_fault_is_a_warning_and_a_takeover_is_not() {
        assert_eq!(level(&change(StateKind::Fault)), Level::WARN);
        assert_eq!(level(&change(StateKind::Master)), Level::INFO);
    }
}
