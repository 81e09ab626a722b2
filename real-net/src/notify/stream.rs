//! `event_stream`: a socket where every change is told as a line of JSON, beside the pipes.
//!
//! Whoever connects is told what happens from then on. Lines are numbered over all of the daemon's
//! life: a reader that is too slow for a while misses some, and sees it by the gap. Nothing waits for a
//! reader.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use locum_engine::Event;
use locum_engine::config::Config;
use nix::unistd::Uid;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::warn;

/// Lines that may wait for one reader.
const WAITING: usize = 256;
/// Readers at once; one more is turned away.
const READERS: usize = 32;

/// The socket and its readers; without a socket, nothing is told.
#[derive(Debug, Default)]
pub(super) struct Stream {
    open: Option<Open>,
    number: u64,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    readers: Readers,
    /// At work until dropped.
    _tasks: JoinSet<()>,
}

type Readers = Arc<Mutex<Vec<Reader>>>;

#[derive(Debug)]
struct Reader {
    lines: Sender<Arc<str>>,
    /// Ready when nobody writes to it any more.
    ended: oneshot::Receiver<Infallible>,
}

impl Stream {
    /// Opens another socket, or none. Must be called inside a tokio runtime when there is one.
    pub(super) fn open(&mut self, path: Option<&str>) {
        self.open = None;
        let Some(path) = path.map(PathBuf::from) else {
            return;
        };
        match listen(&path) {
            Ok(listener) => {
                let readers = Readers::default();
                let mut tasks = JoinSet::new();
                tasks.spawn(accept(listener, Arc::clone(&readers)));
                let _tasks = tasks;
                self.open = Some(Open {
                    path,
                    readers,
                    _tasks,
                });
            }
            Err(e) => warn!(path = %path.display(), "no events are told here: {e}"),
        }
    }

    /// Tells what there is to tell about an event.
    pub(super) fn event(&mut self, config: &Config, event: &Event) {
        let Some(open) = &self.open else { return };
        let Some(mut line) = describe(config, event) else {
            return;
        };
        self.number += 1;
        line.insert("seq".to_owned(), self.number.into());
        let line: Arc<str> = (Value::Object(line).to_string() + "\n").into();
        let mut readers = open.lock();
        readers.retain(|reader| !reader.lines.is_closed());
        for reader in readers.iter() {
            // Full: the number of the next line tells.
            let _ = reader.lines.try_send(Arc::clone(&line));
        }
    }

    /// Waits until every reader has its last line, at most so long.
    pub(super) async fn finish(&mut self, limit: Duration) {
        let Some(open) = self.open.take() else { return };
        let readers = core::mem::take(&mut *open.lock());
        let all = async {
            for Reader { lines, ended } in readers {
                drop(lines);
                let Err(_ended) = ended.await;
            }
        };
        let _ = tokio::time::timeout(limit, all).await;
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// `None` for what isn't a change of a state, a priority or a check.
fn describe(config: &Config, event: &Event) -> Option<Map<String, Value>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = since.map_or(0.0, |span| span.as_secs_f64());
    let about = event.instance().map(|id| &*config.instance(id).name);
    let text = event.display(config).to_string();
    let value = match event {
        Event::StateChanged { from, to, why, .. } => json!({
            "event": "state", "instance": about, "from": from.to_string(), "to": to.to_string(),
            "reason": why.label(), "text": text, "time": time,
        }),
        Event::GroupChanged {
            group,
            from,
            to,
            why,
        } => json!({
            "event": "group", "group": &*config.group(*group).name, "from": from.to_string(),
            "to": to.to_string(), "reason": why.label(), "text": text, "time": time,
        }),
        Event::PriorityChanged { to, .. } => json!({
            "event": "priority", "instance": about, "to": to.get(), "text": text, "time": time,
        }),
        Event::CheckChanged { check, good, .. } => json!({
            "event": "check", "check": &*config.check(*check).name, "good": good, "text": text,
            "time": time,
        }),
        Event::CheckNotRun { check, good, .. } => json!({
            "event": "check", "check": &*config.check(*check).name, "good": good, "text": text,
            "time": time,
        }),
        _ => return None,
    };
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// A socket that only the daemon's user reaches. One of an earlier run is replaced.
fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(about) if !about.file_type().is_socket() => {
            return Err(io::Error::other("it is there and isn't a socket"));
        }
        Ok(about) if about.uid() != Uid::effective().as_raw() => {
            return Err(io::Error::other("it is there and belongs to somebody else"));
        }
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(listener: UnixListener, readers: Readers) {
    let mut tasks = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: others will be closed.
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        while tasks.try_join_next().is_some() {}
        let mut known = readers.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|reader| !reader.lines.is_closed());
        if known.len() < READERS {
            let (sender, lines) = channel(WAITING);
            let (alive, ended) = oneshot::channel();
            known.push(Reader {
                lines: sender,
                ended,
            });
            tasks.spawn(async move {
                let _alive = alive;
                tell(stream, lines).await;
            });
        }
    }
}

async fn tell(mut stream: UnixStream, mut lines: Receiver<Arc<str>>) {
    while let Some(line) = lines.recv().await {
        if stream.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use locum_engine::conf::{NoIncludes, read};
    use locum_engine::event::{Reason, StateKind};
    use locum_engine::ids::InstanceId;
    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;

    #[tokio::test]
    async fn every_reader_gets_numbered_lines_and_a_slow_one_a_gap() {
        let text = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\n\
                    virtual_ipaddress {\n192.0.2.1\n}\n}\n";
        let config = read("a.conf", text, &mut NoIncludes).config.expect("sound");
        let path = std::env::temp_dir().join(format!("locum-stream-{}", std::process::id()));
        let mut events = Stream::default();
        events.open(path.to_str());
        let reader = UnixStream::connect(&path).await.expect("it listens");
        // Never read from.
        let _slow = UnixStream::connect(&path).await.expect("it listens");
        let ready = || {
            events
                .open
                .as_ref()
                .map(|o| o.readers.lock().expect("ours").len())
        };
        while ready() != Some(2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let change = Event::StateChanged {
            instance: InstanceId(0),
            from: StateKind::Backup,
            to: StateKind::Fault,
            why: Reason::LinkDown,
        };
        let mut lines = BufReader::new(reader).lines();
        for number in 1..=5000_u64 {
            events.event(&config, &change);
            let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line());
            let line = line.await.expect("in time").expect("open").expect("more");
            let line: Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(line["seq"], number);
            assert_eq!(
                (&line["from"], &line["to"]),
                (&"backup".into(), &"fault".into())
            );
            assert_eq!(
                (&line["instance"], &line["event"]),
                (&"VI_1".into(), &"state".into())
            );
        }
        let slow = events
            .open
            .as_ref()
            .expect("open")
            .readers
            .lock()
            .expect("ours")[1]
            .lines
            .capacity();
        assert_eq!(slow, 0, "its lines were dropped, and nobody waited");
        events.open(None);
        assert!(!path.exists());
    }
}
