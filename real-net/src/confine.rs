//! Which files the daemon may change: those that its flags and its configuration name, by Landlock,
//! where the kernel has it.
//!
//! Everything may be read, as far as the file system lets it: includes and tracked files may be anywhere
//! after a reload. What may be written, made and removed is in the folders of what is written when
//! the daemon starts, besides the network's settings. Scripts are not confined: another process starts
//! them, see [`runner`](crate::runner).
//!
//! keepalived has nothing like it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags,
};
use locum_engine::config::Config;

use crate::cli::RunArgs;
use crate::control::DEFAULT_SOCKET;
use crate::metrics::Address;
use crate::{pidfile, recording};

/// In the folder of something that is written.
const CHANGES: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    WriteFile | Truncate | RemoveFile | MakeReg | MakeFifo | MakeSock
});
/// Of files that are there.
const WRITES: BitFlags<AccessFs> = make_bitflags!(AccessFs::{WriteFile | Truncate});
/// What programs of ours are given instead of input, and where virtual MACs are set up.
const OTHERS: [&str; 2] = ["/dev/null", SETTINGS];
const SETTINGS: &str = "/proc/sys/net";

/// Where files may be changed, for as long as the process lives.
#[derive(Debug)]
pub(crate) struct Confinement {
    folders: Vec<PathBuf>,
    /// A folder of settings that nobody has open may be forgotten by the kernel, and be another one
    /// to the rules when it is looked up again.
    _settings: Option<PathFd>,
}

/// Confines this thread and those it starts, for good. `None` when the kernel can't.
///
/// # Errors
/// When it can, and refuses.
pub(crate) fn confine(config: &Config, args: &RunArgs) -> io::Result<Option<Confinement>> {
    make_folders(config, args);
    let mut folders: Vec<PathBuf> = written(config, args)
        .iter()
        .filter_map(|path| folder(path))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    // Only its removal is left to do; others have their files there.
    let of_default = folder(Path::new(pidfile::DEFAULT));
    let mut rules: Vec<_> = folders
        .iter()
        .map(|folder| (folder.clone(), CHANGES))
        .collect();
    rules.extend(of_default.map(|folder| (folder, AccessFs::RemoveFile.into())));
    rules.extend(OTHERS.map(|path| (PathBuf::from(path), WRITES)));
    let status = restrict(&rules).map_err(io::Error::other)?;
    Ok((status != RulesetStatus::NotEnforced).then(|| Confinement {
        folders,
        _settings: PathFd::new(SETTINGS).ok(),
    }))
}

/// A path that can't be opened has no rule: nothing can be changed there anyway.
fn restrict(rules: &[(PathBuf, BitFlags<AccessFs>)]) -> Result<RulesetStatus, RulesetError> {
    // What the kernel doesn't know of these it doesn't restrict.
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_write(ABI::V5))?
        .create()?;
    for (path, access) in rules {
        if let Ok(path) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(path, *access))?;
        }
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// The folders that the daemon makes when it needs them, while it still can.
fn make_folders(config: &Config, args: &RunArgs) {
    for (path, mode) in [
        (recording_file(config), 0o700),
        (control_socket(config, args), 0o755),
    ] {
        if let Some(folder) = path.as_deref().and_then(Path::parent) {
            // What can't be made is missed by whoever needs it.
            let _ = DirBuilder::new().recursive(true).mode(mode).create(folder);
        }
    }
}

fn recording_file(config: &Config) -> Option<PathBuf> {
    let recording = &config.recording;
    let place = || recording::place(recording.file.as_deref());
    recording.on.then(place)
}

fn control_socket(config: &Config, args: &RunArgs) -> Option<PathBuf> {
    let configured = || config.operation.control.as_deref().map(PathBuf::from);
    let wanted = args.serving.control.clone().or_else(configured);
    let path = wanted.unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET));
    (path != Path::new("off")).then_some(path)
}

/// Everything that the daemon writes, makes or removes while it runs.
pub(crate) fn written(config: &Config, args: &RunArgs) -> Vec<PathBuf> {
    let operation = &config.operation;
    let dumps = [
        &operation.state_dump,
        &operation.stats_dump,
        &operation.json_dump,
    ];
    let stream = operation.event_stream.iter();
    let pipes = config.reports.fifos.iter().map(|fifo| &fifo.path);
    let initialised = config.files.iter().filter(|file| file.init.is_some());
    let named = dumps.into_iter().flatten().chain(stream).chain(pipes);
    let named = named.chain(initialised.map(|file| &file.path));
    let mut paths: Vec<PathBuf> = named.map(|path| PathBuf::from(&**path)).collect();
    if dumps.iter().any(|dump| dump.is_none()) {
        paths.push(std::env::temp_dir().join("keepalived.data"));
    }
    let flags = [&args.pid, &args.vrrp_pid, &args.log_file];
    paths.extend(flags.into_iter().flatten().cloned());
    paths.extend(recording_file(config));
    paths.extend(control_socket(config, args));
    let metrics = args.serving.metrics.as_deref();
    let metrics = metrics.or(operation.metrics.as_deref());
    if let Some(Ok(Address::Unix(path))) = metrics.map(str::parse) {
        paths.push(path);
    }
    paths
}

/// Its folder as it really is; `None` when there is none.
fn folder(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    fs::canonicalize(folder.unwrap_or_else(|| Path::new("."))).ok()
}

impl Confinement {
    /// What another configuration would write where that isn't possible any more.
    pub(crate) fn forbids(&self, config: &Config, args: &RunArgs) -> Option<PathBuf> {
        let forbidden = |path: &PathBuf| {
            let within = |folder: PathBuf| self.folders.iter().any(|open| folder.starts_with(open));
            folder(path).is_some_and(|folder| !within(folder))
        };
        written(config, args).into_iter().find(forbidden)
    }

    /// For the log.
    pub(crate) fn describe(&self) -> String {
        let folders: Vec<_> = self
            .folders
            .iter()
            .map(|f| f.display().to_string())
            .collect();
        folders.join(" ")
    }
}
