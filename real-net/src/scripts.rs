//! All programs that a configuration names, and what is to be said about them before they run.

use std::collections::BTreeSet;
use std::sync::Arc;

use locum_engine::config::{CheckCommand, Config, Hook, Notify};
use nix::unistd::Uid;

use crate::probes::{Script, runs_as_root};

/// A user and perhaps a group, as the configuration has them.
pub(crate) type User = Option<(Arc<str>, Option<Arc<str>>)>;

/// Command lines and their users: checks, hooks, readers of pipes.
pub(crate) fn of(config: &Config) -> impl Iterator<Item = (&[Arc<str>], &User)> {
    let checks = config.checks.iter().filter_map(|c| match &c.command {
        CheckCommand::Script(words) => Some((&**words, &c.user)),
        CheckCommand::Probe(_) => None,
    });
    checks.chain(told(config))
}

/// The same of hooks and readers of pipes.
fn told(config: &Config) -> impl Iterator<Item = (&[Arc<str>], &User)> {
    let of_instances = config.instances.iter().filter_map(|i| i.notify.as_deref());
    let of_groups = config.groups.iter().filter_map(|g| g.notify.as_deref());
    let hooks = of_instances.chain(of_groups).flat_map(hooks);
    let readers = config.reports.fifos.iter();
    let hooks = hooks.chain(readers.filter_map(|fifo| fifo.script.as_ref()));
    hooks.map(|hook| (&*hook.words, &hook.user))
}

fn hooks(notify: &Notify) -> impl Iterator<Item = &Hook> {
    let Notify {
        master,
        backup,
        fault,
        stop,
        deleted,
        any,
        contested,
        priority_changes: _,
        tells_deleted: _,
        mail: _,
    } = notify;
    let all = [master, backup, fault, stop, deleted, any, contested];
    all.into_iter().flatten()
}

/// Why a command line can't be run on this host, if it can't. As another user than root only what is
/// missing: the rest isn't what happens.
pub fn hindrance(
    words: &[Arc<str>],
    user: Option<&(Arc<str>, Option<Arc<str>>)>,
    security: bool,
) -> Option<String> {
    let is_root = Uid::effective().is_root();
    match Script::new(words, user, security) {
        Ok(script) => {
            let why = script.hindrance()?;
            (is_root || why.is_missing()).then(|| why.to_string())
        }
        Err(e) => is_root.then(|| e.to_string()),
    }
}

/// Sentences about hooks and readers of pipes that can't be run on this host, and about scripts that
/// run as root although nobody has said so. The reader of the configuration looks at checks.
pub fn remarks(config: &Config) -> Vec<String> {
    let is_root = Uid::effective().is_root();
    let security = config.operation.script_security;
    let mut remarks = BTreeSet::new();
    for (words, user) in told(config) {
        if let Some(why) = hindrance(words, user.as_ref(), security) {
            remarks.insert(format!("`{}` will not be run: {why}", words.join(" ")));
        }
    }
    for (_, user) in of(config) {
        if is_root && user.is_none() && runs_as_root(user) {
            let sentence = "scripts run as root, because there is neither `script_user` nor a user \
                            `keepalived_script`";
            remarks.insert(sentence.to_owned());
        }
    }
    remarks.into_iter().collect()
}
