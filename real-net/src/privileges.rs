//! What the daemon may do: as little as its configuration needs, from before its first thread.
//!
//! Sockets and netlink need CAP_NET_RAW and CAP_NET_ADMIN, also later, when an interface comes back.
//! Scripts that run as another user need CAP_SETUID and CAP_SETGID, and CAP_KILL to end them; only
//! the process that runs them has these, whether there are scripts yet or not: a reload may bring
//! some. The rest of root's capabilities is given up for good, unless scripts are to run as root: then
//! they stay permitted there, for the scripts, and out of effect.
//! Nothing that is started can gain more (`no_new_privs`), so `sudo` has no effect in a script. Which
//! files may be changed is `confine`'s matter.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use caps::errors::CapsError;
use caps::{CapSet, Capability, CapsHashSet};
use locum_engine::config::Config;
use nix::sys::prctl;
use nix::unistd::Uid;

use crate::cli::RunArgs;
use crate::confine::{self, Confinement};
use crate::probes::runs_as_root;
use crate::scripts;

/// What was kept, for as long as the process lives.
#[derive(Debug)]
pub struct Kept {
    /// By the daemon and by the process that runs its scripts.
    capabilities: CapsHashSet,
    /// Scripts may run as root, with all that root may do.
    root_scripts: bool,
    confinement: Option<Confinement>,
}

/// Whose privileges they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The daemon's; somebody else runs its scripts.
    Daemon,
    /// Who runs its scripts.
    Scripts,
}

/// Without these there is no VRRP.
const ALWAYS: [Capability; 2] = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];
/// To run a script as somebody else, and to end it.
const OTHER_USERS: [Capability; 3] = [
    Capability::CAP_SETUID,
    Capability::CAP_SETGID,
    Capability::CAP_KILL,
];

/// Gives up what `config` doesn't need. Applies to this thread and those it starts.
///
/// # Errors
/// [`io::ErrorKind::PermissionDenied`] when the process doesn't have what it needs.
pub fn reduce(config: &Config, args: &RunArgs, part: Part) -> io::Result<Kept> {
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed)?;
    for capability in ALWAYS {
        if !permitted.contains(&capability) {
            let error = format!("{capability} is missing");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, error));
        }
    }
    if args.keep_privileges {
        return Ok(Kept {
            capabilities: permitted,
            root_scripts: true,
            confinement: None,
        });
    }
    let mut capabilities = CapsHashSet::from(ALWAYS);
    let mut root_scripts = false;
    if Uid::effective().is_root() {
        capabilities.extend(OTHER_USERS);
        let said = &config.operation.script_user;
        root_scripts = has_root_scripts(config) || said.is_some() && runs_as_root(said);
    }
    if reaches_others_files(config, args) {
        capabilities.insert(Capability::CAP_DAC_OVERRIDE);
    }
    capabilities.retain(|capability| permitted.contains(capability));
    let mut own = capabilities.clone();
    if part == Part::Daemon {
        own.retain(|capability| !OTHER_USERS.contains(capability));
    }
    give_up(&own, root_scripts && part == Part::Scripts).map_err(failed)?;
    prctl::set_no_new_privs()?;
    Ok(Kept {
        capabilities,
        root_scripts,
        confinement: None,
    })
}

fn give_up(kept: &CapsHashSet, for_root_scripts: bool) -> Result<(), CapsError> {
    caps::clear(None, CapSet::Ambient)?;
    if !for_root_scripts && caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)? {
            if !kept.contains(&capability) {
                caps::drop(None, CapSet::Bounding, capability)?;
            }
        }
    }
    caps::set(None, CapSet::Effective, kept)?;
    if !for_root_scripts {
        caps::set(None, CapSet::Permitted, kept)?;
    }
    // For `nft`, which sets up `no_accept`; see `lend`.
    let lent = CapsHashSet::from([Capability::CAP_NET_ADMIN]);
    caps::set(None, CapSet::Inheritable, &lent)
}

/// Does something that starts a program of ours with CAP_NET_ADMIN, which root's programs have
/// anyway, and those of another user only this way.
pub(crate) fn lend<T>(start: impl FnOnce() -> T) -> T {
    let needed = !Uid::effective().is_root();
    if needed {
        // If it fails, so will the program, and that is reported.
        let _ = caps::raise(None, CapSet::Ambient, Capability::CAP_NET_ADMIN);
    }
    let result = start();
    if needed {
        let _ = caps::clear(None, CapSet::Ambient);
    }
    result
}

impl Kept {
    /// The same, with fewer files to change.
    #[must_use]
    pub(crate) fn within(self, confinement: Option<Confinement>) -> Self {
        Self {
            confinement,
            ..self
        }
    }

    /// Whether another configuration can be run with what was kept.
    ///
    /// # Errors
    /// A sentence saying what it needs.
    pub fn suffices(&self, config: &Config, args: &RunArgs) -> Result<(), String> {
        self.may_run(config)?;
        let forbidden = self.confinement.as_ref();
        match forbidden.and_then(|c| c.forbids(config, args)) {
            Some(path) => Err(format!(
                "{} is in a folder where the daemon has given up changing files: restart it",
                path.display()
            )),
            None => Ok(()),
        }
    }

    fn may_run(&self, config: &Config) -> Result<(), &'static str> {
        if !Uid::effective().is_root() {
            return Ok(());
        }
        if !self.root_scripts && has_root_scripts(config) {
            return Err(
                "a script runs as root now, and the daemon has given that up: write who is to run \
                 it (`script_user`, `user`), or restart the daemon",
            );
        }
        let misses = |c: &Capability| !self.capabilities.contains(c);
        let others = scripts::of(config).any(|(_, user)| !runs_as_root(user));
        if others && OTHER_USERS.iter().any(misses) {
            return Err(
                "a script runs as another user now, and the daemon was started without what that \
                 needs: CAP_SETUID, CAP_SETGID and CAP_KILL",
            );
        }
        Ok(())
    }

    /// For the log.
    pub fn describe(&self) -> String {
        let list = |which: &dyn Fn(&&Capability) -> bool| {
            let mut names: Vec<_> = self.capabilities.iter().filter(which).collect();
            names.sort_unstable_by_key(|capability| capability.to_string());
            names.iter().map(|c| format!(" {c}")).collect::<String>()
        };
        let others = list(&|c| OTHER_USERS.contains(c));
        let scripts = match self.root_scripts && Uid::effective().is_root() {
            true => "; for scripts all that root may do".to_owned(),
            false if others.is_empty() => String::new(),
            false => format!("; for scripts{others}"),
        };
        let files = match &self.confinement {
            Some(confinement) => format!("; changes files in {}", confinement.describe()),
            None => "; not confined to files of its own".to_owned(),
        };
        let own = list(&|c| !OTHER_USERS.contains(c));
        format!("keeps{own}{scripts}{files}")
    }
}

fn has_root_scripts(config: &Config) -> bool {
    scripts::of(config).any(|(_, user)| runs_as_root(user))
}

/// Whether files that belong to other users have to be read or written again: the configuration at
/// a reload, pid files at the end.
fn reaches_others_files(config: &Config, args: &RunArgs) -> bool {
    if !Uid::effective().is_root() {
        return false;
    }
    let files = config.files.iter().map(|f| Path::new(&*f.path));
    let mut read = files.chain([&*args.use_file]);
    let written = confine::written(config, args);
    read.any(|file| {
        is_closed(file, 0o004) || file.parent().is_some_and(|folder| is_closed(folder, 0o001))
    }) || written
        .iter()
        .any(|file| file.parent().is_some_and(|folder| is_closed(folder, 0o002)))
}

/// Somebody else's, and not open to all for this.
fn is_closed(path: &Path, bit: u32) -> bool {
    fs::metadata(path).is_ok_and(|about| about.uid() != 0 && about.mode() & bit == 0)
}

fn failed(error: CapsError) -> io::Error {
    io::Error::other(format!("privileges can't be given up: {error}"))
}
