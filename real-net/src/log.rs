//! The log: a line for each event, written by a thread of its own to whoever reads it.
//!
//! The engine only tells what happened; levels are chosen here. A log that nobody reads (a full
//! pipe, a stopped terminal, a journal that hangs) must not hold up adverts: lines wait in a bounded
//! queue, and those that don't fit are counted and dropped.

mod layer;
mod sink;

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use locum_engine::Event;
use locum_engine::config::Config;
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::Priority;
use tracing::Level;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use self::layer::{Record, Records};
pub use self::sink::LogFormat;
use self::sink::Sink;
use crate::cli::RunArgs;

/// Lines that may wait to be written.
const QUEUE_LINES: usize = 1024;
/// How long the last lines may take when the log ends.
const LAST_LINES: Duration = Duration::from_secs(1);
/// syslog's facility for daemons.
const DAEMON: u8 = 3;

/// Ends the log when dropped: what waits is written first, if that doesn't take long.
#[derive(Debug)]
pub struct LogGuard {
    ended: Receiver<()>,
}

/// Where the lines go; empty once the log has ended.
static QUEUE: OnceLock<Mutex<Option<SyncSender<Record>>>> = OnceLock::new();
/// Changes the level; empty before the start.
static LEVEL: OnceLock<Box<dyn Fn(LevelFilter) -> bool + Send + Sync>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Starts logging to where the flags say. Call it once.
///
/// The journal gets fields, syslog lines (`-S` prefers it); neither with `-G`. Standard error gets lines
/// with `-l`, and when there is nothing else. Lines for the journal's standard error go to the journal
/// itself.
///
/// # Errors
/// When the file of `-g` can't be opened.
pub fn start(args: &RunArgs) -> io::Result<LogGuard> {
    let (sender, receiver) = sync_channel(QUEUE_LINES);
    let (end, ended) = channel();
    let sinks = sinks(args)?;
    QUEUE.get_or_init(|| Mutex::new(Some(sender)));
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_lines(&receiver, sinks, &end))?;
    let level = match args.log_detail {
        0 => Level::INFO,
        _ => Level::DEBUG,
    };
    let (filter, handle) = reload::Layer::new(LevelFilter::from_level(level));
    LEVEL.get_or_init(|| Box::new(move |level| handle.reload(level).is_ok()));
    // A second subscriber can't be set; the first one goes on.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(Records(queue))
        .try_init();
    Ok(LogGuard { ended })
}

fn sinks(args: &RunArgs) -> io::Result<Vec<Sink>> {
    let mut sinks = Vec::new();
    if !args.no_syslog {
        let syslog = || Sink::syslog(args.log_facility.unwrap_or(DAEMON));
        let first = match args.log_facility {
            None => Sink::journal().or_else(syslog),
            Some(_) => syslog().or_else(Sink::journal),
        };
        sinks.extend(first);
    }
    if let Some(path) = &args.log_file {
        let file = File::options()
            .append(true)
            .create(true)
            .mode(0o640)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
        sinks.push(Sink::File(args.log_format, file));
    }
    let journals = std::env::var_os("JOURNAL_STREAM").is_some();
    let twice = journals && matches!(sinks.first(), Some(Sink::Journal(_)));
    if args.log_console && !twice || sinks.is_empty() {
        sinks.push(Sink::Console(args.log_format, !journals));
    }
    Ok(sinks)
}

/// Logs what is at least as important as `level` from now on.
///
/// # Errors
/// With a sentence, when there is no such level.
pub fn set_level(level: &str) -> Result<(), String> {
    let known = ["error", "warn", "info", "debug", "trace"];
    let level = level.to_ascii_lowercase();
    if !known.contains(&&*level) {
        return Err(format!(
            "`{level}` is no level: it is one of {}",
            known.join(", ")
        ));
    }
    let filter: LevelFilter = level.parse().map_err(|_| "no such level".to_owned())?;
    match LEVEL.get().is_some_and(|set| set(filter)) {
        true => Ok(()),
        false => Err("the log can't be changed while the daemon starts or ends".to_owned()),
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(mut queue) = QUEUE.get().and_then(|q| q.lock().ok()) {
            *queue = None;
        }
        // The thread is left behind when its receivers hang.
        let _ = self.ended.recv_timeout(LAST_LINES);
    }
}

/// One event, at the level it deserves. Its fields are for receivers that keep them.
pub fn event(config: &Config, event: &Event) {
    let sentence = event.display(config);
    let about = event.instance().map(|id| &*config.instance(id).name);
    let separator = if about.is_some() { ": " } else { "" };
    let name = about.unwrap_or_default();
    let (instance, state, reason) = (about, state(event), reason(event, config));
    macro_rules! say {
        ($level:expr) => {
            tracing::event!(
                target: layer::ENGINE, $level, instance, state, reason = reason.as_deref(),
                "{name}{separator}{sentence}"
            )
        };
    }
    match level(event) {
        Level::WARN => say!(Level::WARN),
        Level::INFO => say!(Level::INFO),
        _ => say!(Level::DEBUG),
    }
}

/// The state that something is in now.
fn state(event: &Event) -> Option<&'static str> {
    let (Event::StateChanged { to, .. } | Event::GroupChanged { to, .. }) = event else {
        return None;
    };
    Some(match to {
        StateKind::Init => "init",
        StateKind::Backup => "backup",
        StateKind::Master => "master",
        StateKind::Fault => "fault",
    })
}

/// Why.
fn reason(event: &Event, config: &Config) -> Option<String> {
    let (Event::StateChanged { why, .. } | Event::GroupChanged { why, .. }) = event else {
        return None;
    };
    Some(why.display(config).to_string())
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
        | Event::CheckNotRun { .. }
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

/// Hands a record to the thread, or drops it.
fn queue(record: Record) {
    let Some(queue) = QUEUE.get().and_then(|q| q.lock().ok()) else {
        return;
    };
    if queue.as_ref().is_some_and(|q| q.try_send(record).is_err()) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs until every sender is gone and the queue is empty.
fn write_lines(records: &Receiver<Record>, mut sinks: Vec<Sink>, end: &Sender<()>) {
    for record in records {
        for sink in &mut sinks {
            if !sink.write(&record) {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        let dropped = DROPPED.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let lost = lost(&record, dropped);
            // There is nowhere left to complain to.
            let written = sinks
                .iter_mut()
                .filter_map(|sink| sink.write(&lost).then_some(()));
            if written.count() == 0 {
                DROPPED.fetch_add(dropped, Ordering::Relaxed);
            }
        }
    }
    // The daemon waits for this, or doesn't any more.
    let _ = end.send(());
}

/// Says how many lines are missing.
fn lost(after: &Record, dropped: u64) -> Record {
    Record {
        at: SystemTime::now(),
        time: after.time.clone(),
        level: Level::WARN,
        message: format!("{dropped} lines of the log were dropped here"),
        fields: Vec::new(),
        told: true,
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
