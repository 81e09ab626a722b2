//! Tracked files and processes, watched.
//!
//! A file's folder is watched through inotify, so that the file may be written, created, removed or
//! replaced; a folder that is missing is looked for each second. Numbers are read when a writer has
//! closed the file, not in the middle of its work. Processes are counted in `/proc`.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use locum_engine::config::{Config, FileConfig, ProcessConfig};
use locum_engine::driver::Watched;
use locum_engine::ids::{FileId, ProcessId};
use locum_engine::tracked_value;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::sys::readable::Readable;

/// From one look for missing folders to the next.
const FOLDERS_EVERY: Duration = Duration::from_secs(1);
/// From one count of the processes to the next.
const COUNT_EVERY: Duration = Duration::from_millis(500);
/// More than any number takes.
const MOST_BYTES: u64 = 64;

/// Everything that is watched. Dropped, it watches no more.
#[derive(Debug)]
pub(super) struct Watch {
    news: UnboundedReceiver<Watched>,
    /// At work until dropped.
    _tasks: JoinSet<()>,
}

impl Watch {
    /// Writes the files that are to be written at the start, and looks at everything once. Must be
    /// used inside a tokio runtime when there is anything to watch.
    pub(super) fn new(config: &Config) -> Self {
        config.files.iter().for_each(initialise);
        Self::again(config)
    }

    /// The same without writing anything: for a configuration that is loaded later.
    pub(super) fn again(config: &Config) -> Self {
        let (sender, news) = unbounded_channel();
        let mut tasks = JoinSet::new();
        if !config.files.is_empty() {
            let mut files = Files::new(&config.files, sender.clone());
            files.look();
            tasks.spawn(files.watch());
        }
        if !config.processes.is_empty() {
            let mut processes = Processes::new(&config.processes, sender);
            processes.count();
            tasks.spawn(async move {
                let mut ticks = interval(COUNT_EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    ticks.tick().await;
                    processes.count();
                }
            });
        }
        Self {
            news,
            _tasks: tasks,
        }
    }

    /// The next news.
    pub(super) fn news(&mut self) -> &mut UnboundedReceiver<Watched> {
        &mut self.news
    }
}

/// `init_file`. What can't be written is as good as missing.
fn initialise(file: &FileConfig) {
    let Some(init) = file.init else { return };
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(libc::O_NOFOLLOW);
    match init.overwrite {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options
        .open(&*file.path)
        .and_then(|mut opened| writeln!(opened, "{}", init.value));
    match written {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => warn!(file = &*file.path, "can't write a tracked file: {e}"),
        Ok(()) => {}
    }
}

/// The number in a file. Only a regular file is read: nothing else may hold us up.
fn read(path: &Path) -> i32 {
    let open = || -> io::Result<Vec<u8>> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        let mut content = Vec::new();
        if file.metadata()?.is_file() {
            file.take(MOST_BYTES).read_to_end(&mut content)?;
        }
        Ok(content)
    };
    open().map_or(0, |content| tracked_value(&content))
}

/// The tracked files.
struct Files {
    files: Vec<File>,
    inotify: Option<Readable<Inotify>>,
    sender: UnboundedSender<Watched>,
}

struct File {
    path: PathBuf,
    /// Of its folder.
    watch: Option<WatchDescriptor>,
    told: Option<i32>,
}

impl Files {
    fn new(files: &[FileConfig], sender: UnboundedSender<Watched>) -> Self {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)
            .map_err(io::Error::from)
            .and_then(Readable::new);
        let file = |file: &FileConfig| File {
            path: PathBuf::from(&*file.path),
            watch: None,
            told: None,
        };
        Self {
            files: files.iter().map(file).collect(),
            inotify: inotify
                .inspect_err(|e| warn!("no inotify, tracked files are read each second: {e}"))
                .ok(),
            sender,
        }
    }

    /// Watches folders that are new, and reads what is in them.
    fn look(&mut self) {
        for index in 0..self.files.len() {
            let file = &self.files[index];
            let folder = file.path.parent().unwrap_or_else(|| Path::new("/"));
            // The same folder again has the same descriptor.
            let watch = self
                .inotify
                .as_ref()
                .and_then(|i| i.get().add_watch(folder, wanted()).ok());
            let known = watch.is_some() && watch == file.watch;
            self.files[index].watch = watch;
            if !known {
                self.read(index);
            }
        }
    }

    fn read(&mut self, index: usize) {
        let file = &mut self.files[index];
        let value = read(&file.path);
        if file.told.replace(value) != Some(value) {
            let id = FileId(u16::try_from(index).expect("one of the configuration's"));
            // Nobody listens any more: the daemon ends.
            let _ = self.sender.send(Watched::File(id, value));
        }
    }

    async fn watch(mut self) {
        let mut ticks = interval(FOLDERS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = changed(self.inotify.as_ref()) => {
                    for index in 0..self.files.len() {
                        self.read(index);
                    }
                }
                _ = ticks.tick() => self.look(),
            }
        }
    }
}

/// What tells that a number may have changed. A write counts once the writer has closed the file.
fn wanted() -> AddWatchFlags {
    AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF
}

/// Until something happens in a folder. Without inotify, never.
async fn changed(inotify: Option<&Readable<Inotify>>) {
    let Some(inotify) = inotify else {
        return std::future::pending().await;
    };
    let events = std::future::poll_fn(|cx| {
        inotify.poll_read(cx, |i| i.read_events().map_err(|e: Errno| e.into()))
    });
    // An overflowing queue is an event too: everything is read anew.
    let _ = events.await;
}

/// The tracked processes.
struct Processes {
    specs: Vec<ProcessConfig>,
    told: Vec<Option<u32>>,
    sender: UnboundedSender<Watched>,
}

impl Processes {
    fn new(specs: &[ProcessConfig], sender: UnboundedSender<Watched>) -> Self {
        Self {
            specs: specs.to_vec(),
            told: vec![None; specs.len()],
            sender,
        }
    }

    fn count(&mut self) {
        let counts = count(&self.specs);
        for (index, count) in counts.into_iter().enumerate() {
            if self.told[index].replace(count) != Some(count) {
                let id = ProcessId(u16::try_from(index).expect("one of the configuration's"));
                // Nobody listens any more: the daemon ends.
                let _ = self.sender.send(Watched::Process(id, count));
            }
        }
    }
}

/// How many processes each pattern matches now.
fn count(specs: &[ProcessConfig]) -> Vec<u32> {
    let mut counts = vec![0; specs.len()];
    let Ok(entries) = fs::read_dir("/proc") else {
        return counts;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        // It may end while we look.
        let Ok(comm) = fs::read(entry.path().join("comm")) else {
            continue;
        };
        let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if line.is_empty() && is_zombie(&entry.path()) {
            continue;
        }
        let line = line.strip_suffix(b"\0").unwrap_or(&line);
        let arguments: Vec<&[u8]> = match line.is_empty() {
            true => Vec::new(),
            false => line.split(|b| *b == 0).collect(),
        };
        for (spec, count) in specs.iter().zip(&mut counts) {
            *count += u32::from(spec.pattern.matches(comm, &arguments));
        }
    }
    counts
}

/// A process that has ended serves nobody, although its parent hasn't noticed yet.
fn is_zombie(process: &Path) -> bool {
    let stat = fs::read(process.join("stat")).unwrap_or_default();
    let after = stat.iter().rposition(|b| *b == b')');
    after.is_some_and(|at| stat.get(at + 2) == Some(&b'Z'))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::process::{Command, Stdio};

    use locum_engine::config::{InitFile, ParameterMatch, ProcessPattern};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let id = std::process::id();
            let path = std::env::temp_dir().join(format!("locum-watch-{name}-{id}"));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn config(&self, init: Option<InitFile>) -> Config {
            let file = FileConfig {
                name: "load".into(),
                path: self.0.join("load").to_str().expect("plain").into(),
                init,
            };
            Config {
                files: vec![file],
                ..Config::default()
            }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    async fn next(watch: &mut Watch) -> Watched {
        let news = poll_fn(|cx| watch.news().poll_recv(cx));
        let news = tokio::time::timeout(Duration::from_secs(20), news).await;
        news.expect("in time").expect("it still watches")
    }

    fn says(value: i32) -> Watched {
        Watched::File(FileId(0), value)
    }

    #[tokio::test]
    async fn a_file_is_followed_through_everything_that_happens_to_it() {
        let folder = Folder::new("follow");
        let file = folder.0.join("load");
        let mut watch = Watch::new(&folder.config(None));
        assert_eq!(
            next(&mut watch).await,
            says(0),
            "not even the folder is there"
        );
        fs::create_dir_all(&folder.0).expect("a folder");
        fs::write(&file, "5\n").expect("written");
        assert_eq!(next(&mut watch).await, says(5));
        fs::write(&file, "-7").expect("written");
        assert_eq!(next(&mut watch).await, says(-7));
        let other = folder.0.join("load.new");
        fs::write(&other, "12\n").expect("written");
        fs::rename(&other, &file).expect("replaced");
        assert_eq!(next(&mut watch).await, says(12));
        fs::remove_file(&file).expect("removed");
        assert_eq!(next(&mut watch).await, says(0));
        fs::write(&file, "3").expect("written");
        assert_eq!(next(&mut watch).await, says(3));
        fs::remove_dir_all(&folder.0).expect("removed");
        assert_eq!(next(&mut watch).await, says(0));
        fs::create_dir_all(&folder.0).expect("a folder");
        fs::write(&file, "4").expect("written");
        assert_eq!(next(&mut watch).await, says(4));
    }

    #[tokio::test]
    async fn files_are_written_at_the_start_as_the_block_says() {
        let folder = Folder::new("init");
        let file = folder.0.join("load");
        fs::create_dir_all(&folder.0).expect("a folder");
        let init = |value, overwrite| Some(InitFile { value, overwrite });
        let mut watch = Watch::new(&folder.config(init(9, false)));
        assert_eq!(next(&mut watch).await, says(9));
        let mut watch = Watch::new(&folder.config(init(8, false)));
        assert_eq!(next(&mut watch).await, says(9), "it was there");
        let mut watch = Watch::new(&folder.config(init(8, true)));
        assert_eq!(next(&mut watch).await, says(8));
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "8\n");
    }

    #[tokio::test]
    async fn processes_are_counted_until_they_end() {
        let seconds = format!("100{}", std::process::id());
        let config = Config {
            processes: vec![ProcessConfig {
                name: "sleep".into(),
                pattern: ProcessPattern {
                    command: "sleep".into(),
                    parameters: vec![seconds.as_str().into()],
                    parameter_match: ParameterMatch::Exact,
                    full_command: false,
                },
                quorum: 1,
                quorum_max: u32::MAX,
                fork_delay: Duration::ZERO,
                terminate_delay: Duration::ZERO,
            }],
            ..Config::default()
        };
        let counted = |count| Watched::Process(ProcessId(0), count);
        let mut watch = Watch::new(&config);
        assert_eq!(next(&mut watch).await, counted(0));
        let mut sleeper = Command::new("sleep")
            .arg(&seconds)
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        assert_eq!(next(&mut watch).await, counted(1));
        sleeper.kill().expect("it ends");
        // Not waited for: a zombie doesn't count.
        assert_eq!(next(&mut watch).await, counted(0));
        sleeper.wait().expect("it has ended");
    }
}
