//! What signals ask for: keepalived's files about the state of things, for those who poll them.
//!
//! Each is written under another name first and renamed, so that nobody reads half of one; made anew
//! with mode 0600, so that no link that somebody has laid there is followed. The text is made some
//! instances at a time, between turns of the loop, as adverts are due meanwhile; each instance is
//! shown in one state. It is written by another thread.

mod around;
mod counters;
mod data;
mod json;
mod show;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use locum_engine::status::{InstanceView, Status};
use locum_engine::{Engine, Instant};
use nix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::cli::signal_number;
use crate::probes::runs_as_ids;
use crate::scripts::User;
use around::Interfaces;
use counters::Counters;

/// What keepalived's first process writes: its view of `global_defs`.
const PARENT: &str = "keepalived_parent.data";
/// What stands in the place of passwords.
const SECRET: &str = "(not shown)";

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dump {
    Data,
    Stats,
    ClearedStats,
    Json,
    /// The scheduler's threads, which aren't here.
    Threads,
}

const ALL: [(Dump, &str); 5] = [
    (Dump::Data, "DATA"),
    (Dump::Stats, "STATS"),
    (Dump::ClearedStats, "STATS_CLEAR"),
    (Dump::Json, "JSON"),
    (Dump::Threads, "TDUMP"),
];

/// So many instances are written down before the loop goes on.
const PORTION: usize = 16;

/// Catches the signals and answers them.
#[derive(Debug)]
pub struct Dumps {
    signals: Vec<(Dump, Signal)>,
    /// What was asked for and isn't begun yet.
    waiting: VecDeque<Dump>,
    draft: Option<Draft>,
    /// By instance, when its counters were cleared.
    cleared: BTreeMap<Arc<str>, Counters>,
}

/// A text in the making.
#[derive(Debug)]
struct Draft {
    dump: Dump,
    text: String,
    /// The next instance.
    next: usize,
    /// How many there had been when it was begun. It is begun anew after another one.
    reloads: u64,
    moment: Moment,
    users: Users,
    /// The counters of those that are written down.
    counted: BTreeMap<Arc<str>, Counters>,
}

/// Which wall clock time an instant is.
#[derive(Clone, Copy, Debug)]
struct Moment {
    now: Instant,
    utc: Duration,
}

impl Moment {
    fn now() -> Self {
        let clock = |id| clock_gettime(id).map_or(Duration::ZERO, Duration::from);
        let now = clock(ClockId::CLOCK_MONOTONIC).as_nanos();
        Self {
            now: Instant::from_nanos(u64::try_from(now).unwrap_or(u64::MAX)),
            utc: clock(ClockId::CLOCK_REALTIME),
        }
    }

    fn utc(self, at: Instant) -> Duration {
        let after = at.saturating_since(self.now);
        let before = self.now.saturating_since(at);
        (self.utc + after).saturating_sub(before)
    }
}

/// Numbers of users and groups, each looked up once for a file.
#[derive(Debug, Default)]
struct Users(BTreeMap<User, String>);

impl Users {
    fn ids(&mut self, user: &User) -> &str {
        let known = self.0.entry(user.clone());
        known.or_insert_with(|| {
            let (uid, gid) = runs_as_ids(user);
            format!("{uid}:{gid}")
        })
    }
}

impl Dumps {
    /// Catches the signals from now on. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn catch() -> io::Result<Self> {
        let catch = |(dump, name)| {
            let number = signal_number(name).expect("one of its names");
            Ok((dump, signal(SignalKind::from_raw(number))?))
        };
        Ok(Self {
            signals: ALL.into_iter().map(catch).collect::<io::Result<_>>()?,
            waiting: VecDeque::new(),
            draft: None,
            cleared: BTreeMap::new(),
        })
    }

    /// Answers what has been asked for.
    pub fn poll(&mut self, cx: &mut Context<'_>, engine: &Engine) {
        for (dump, signal) in &mut self.signals {
            let mut came = false;
            while let Poll::Ready(Some(())) = signal.poll_recv(cx) {
                came = true;
            }
            if came && !self.waiting.contains(dump) {
                self.waiting.push_back(*dump);
            }
        }
        let status = engine.status();
        let draft = match self.draft.take() {
            Some(draft) if draft.reloads == status.reloads() => Some(draft),
            Some(draft) => Some(Draft::new(draft.dump, status)),
            None => {
                let next = self.waiting.pop_front();
                next.map(|dump| Draft::new(dump, status))
            }
        };
        let Some(mut draft) = draft else { return };
        if draft.goes_on(status, &self.cleared) {
            self.draft = Some(draft);
        } else {
            self.send(draft, status);
        }
        // There is more; the loop comes back after its turn.
        cx.waker().wake_by_ref();
    }

    /// Hands it to a thread that writes it.
    fn send(&mut self, draft: Draft, status: Status<'_>) {
        let operation = &status.config().operation;
        let file = match draft.dump {
            Dump::Data => path(&operation.state_dump, "keepalived.data"),
            Dump::Stats | Dump::ClearedStats => path(&operation.stats_dump, "keepalived.stats"),
            Dump::Json => path(&operation.json_dump, "keepalived.json"),
            Dump::Threads => {
                return info!("there are no threads to dump (SIGRTMAX): use locum status");
            }
        };
        if draft.dump == Dump::ClearedStats {
            self.cleared = draft.counted;
        }
        let mut files = vec![(file, draft.text)];
        let mut interfaces = None;
        if draft.dump == Dump::Data {
            interfaces = Some(Interfaces::of(status));
            if operation.state_dump.is_none() {
                let mut global = String::new();
                around::global(&mut global, status.config(), &mut Users::default());
                files.push((path(&None, PARENT), global));
            }
        }
        // The thread is waited for at the daemon's end, with the runtime.
        tokio::task::spawn_blocking(move || {
            if let Some(interfaces) = interfaces {
                interfaces.write(&mut files[0].1);
            }
            for (path, text) in files {
                match write(&path, text.as_bytes()) {
                    Ok(()) => info!("written: {}", path.display()),
                    Err(e) => warn!("can't write {}: {e}", path.display()),
                }
            }
        });
    }
}

impl Draft {
    fn new(dump: Dump, status: Status<'_>) -> Self {
        let mut text = String::new();
        let mut users = Users::default();
        match dump {
            Dump::Data => data::begin(&mut text, status, &mut users),
            Dump::Json => json::begin(&mut text, status),
            Dump::Stats | Dump::ClearedStats | Dump::Threads => {}
        }
        Self {
            dump,
            text,
            next: 0,
            reloads: status.reloads(),
            moment: Moment::now(),
            users,
            counted: BTreeMap::new(),
        }
    }

    /// Writes down the next instances, and after the last one the end. Whether there is more.
    fn goes_on(&mut self, status: Status<'_>, cleared: &BTreeMap<Arc<str>, Counters>) -> bool {
        let mut instances = status.instances().skip(self.next);
        for view in instances.by_ref().take(PORTION) {
            self.instance(status, view, cleared);
            self.next += 1;
        }
        if instances.next().is_some() {
            return true;
        }
        match self.dump {
            Dump::Data => data::end(&mut self.text, status, &mut self.users),
            Dump::Json => json::end(&mut self.text, status),
            Dump::Stats | Dump::ClearedStats | Dump::Threads => {}
        }
        false
    }

    fn instance(
        &mut self,
        status: Status<'_>,
        view: InstanceView<'_>,
        cleared: &BTreeMap<Arc<str>, Counters>,
    ) {
        let name = &view.config().name;
        let counters = Counters::of(view);
        let since = counters.since(cleared.get(name).copied().unwrap_or_default());
        match self.dump {
            Dump::Data => {
                data::instance(&mut self.text, status, view, self.moment, &mut self.users);
            }
            Dump::Json => {
                json::instance(&mut self.text, status, view, self.moment, since);
            }
            Dump::Stats => self.text += &since.text(name),
            Dump::ClearedStats => {
                self.text += &since.text(name);
                self.counted.insert(Arc::clone(name), counters);
            }
            Dump::Threads => {}
        }
    }
}

/// Where it goes: as configured, else into the folder for temporary files.
fn path(configured: &Option<Arc<str>>, name: &str) -> PathBuf {
    match configured {
        Some(path) => PathBuf::from(&**path),
        None => std::env::temp_dir().join(name),
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(hidden);
    // Left there by a run that was killed meanwhile.
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&temporary)?;
    let result = file
        .write_all(content)
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_link_is_not_followed() {
        let folder = std::env::temp_dir().join(format!("locum-dump-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (file, other) = (folder.join("x.data"), folder.join("other"));
        fs::write(&other, "untouched").expect("written");
        symlink(&other, &file).expect("a link");
        write(&file, b"one\n").expect("written");
        write(&file, b"two\n").expect("written");
        assert_eq!(fs::read_to_string(&other).expect("there"), "untouched");
        assert_eq!(fs::read_to_string(&file).expect("there"), "two\n");
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).expect("there").count(), 2);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
