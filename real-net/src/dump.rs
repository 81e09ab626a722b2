//! What signals ask for: keepalived's files about the state of things, for those who poll them.
//!
//! Each is written under another name first and renamed, so that nobody reads half of one; made anew
//! with mode 0600, so that no link that somebody has laid there is followed. The text is made at
//! once, of one state of the engine, and written by another thread.

mod counters;
mod data;
mod json;
mod show;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use locum_engine::config::Operation;
use locum_engine::status::Status;
use locum_engine::{Engine, Instant};
use nix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::cli::signal_number;
use crate::probes::runs_as_ids;
use crate::scripts::User;
use counters::Counters;

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

/// Catches the signals and answers them.
#[derive(Debug)]
pub struct Dumps {
    signals: Vec<(Dump, Signal)>,
    /// By instance, when its counters were cleared.
    cleared: BTreeMap<Arc<str>, Counters>,
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
            cleared: BTreeMap::new(),
        })
    }

    /// Answers what has been asked for.
    pub fn poll(&mut self, cx: &mut Context<'_>, engine: &Engine) {
        let mut asked = Vec::new();
        for (dump, signal) in &mut self.signals {
            let mut came = false;
            while let Poll::Ready(Some(())) = signal.poll_recv(cx) {
                came = true;
            }
            asked.extend(came.then_some(*dump));
        }
        for dump in asked {
            self.answer(dump, engine.status());
        }
    }

    fn answer(&mut self, dump: Dump, status: Status<'_>) {
        let operation = &status.config().operation;
        let (path, text) = match dump {
            Dump::Data => {
                let text = data::write(status, Moment::now(), &mut Users::default());
                (path(&operation.state_dump, "keepalived.data"), text)
            }
            Dump::Stats | Dump::ClearedStats => {
                let counters = self.counters(status);
                let instances = status.instances().zip(&counters);
                let text = instances.map(|(i, counters)| counters.text(&i.config().name));
                let text = text.collect();
                if dump == Dump::ClearedStats {
                    self.clear(status);
                }
                (path(&operation.stats_dump, "keepalived.stats"), text)
            }
            Dump::Json => {
                let Operation { json_version, .. } = *operation;
                let counters = self.counters(status);
                let text = json::write(status, Moment::now(), json_version, &counters);
                (path(&operation.json_dump, "keepalived.json"), text)
            }
            Dump::Threads => {
                return info!("there are no threads to dump (SIGRTMAX): use locum status");
            }
        };
        // The thread is waited for at the daemon's end, with the runtime.
        tokio::task::spawn_blocking(move || match write(&path, text.as_bytes()) {
            Ok(()) => info!("written: {}", path.display()),
            Err(e) => warn!("can't write {}: {e}", path.display()),
        });
    }

    fn counters(&self, status: Status<'_>) -> Vec<Counters> {
        let instances = status.instances();
        let since = instances.map(|view| {
            let cleared = self.cleared.get(&view.config().name);
            Counters::of(view).since(cleared.copied().unwrap_or_default())
        });
        since.collect()
    }

    fn clear(&mut self, status: Status<'_>) {
        let instances = status.instances();
        self.cleared = instances
            .map(|view| (Arc::clone(&view.config().name), Counters::of(view)))
            .collect();
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
