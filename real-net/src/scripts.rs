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
    let of_instances = config.instances.iter().filter_map(|i| i.notify.as_deref());
    let of_groups = config.groups.iter().filter_map(|g| g.notify.as_deref());
    let hooks = of_instances.chain(of_groups).flat_map(hooks);
    let readers = config.reports.fifos.iter();
    let hooks = hooks.chain(readers.filter_map(|fifo| fifo.script.as_ref()));
    checks.chain(hooks.map(|hook| (&*hook.words, &hook.user)))
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

/// Sentences about scripts that can't be run on this host, or run as root although nobody has said so.
/// About users as root only: what another user would be told isn't what happens.
pub fn remarks(config: &Config) -> Vec<String> {
    let is_root = Uid::effective().is_root();
    let checks = config.checks.iter().map(|check| &check.command);
    let checks: Vec<_> = checks.collect();
    let mut remarks = BTreeSet::new();
    for (words, user) in of(config) {
        let command = words.join(" ");
        match Script::new(words, user.as_ref(), config.operation.script_security) {
            Ok(script) if script.is_missing() => {
                let is_check =
                    |c: &&CheckCommand| matches!(c, CheckCommand::Script(w) if **w == *words);
                let fails = match checks.iter().any(is_check) {
                    true => ", and a check that can't be run counts as failed",
                    false => "",
                };
                remarks.insert(format!(
                    "`{command}`: there is no such program on this host{fails}"
                ));
            }
            Ok(script) if is_root => remarks.extend(
                script
                    .refusal()
                    .map(|why| format!("`{command}` will not be run: {why}")),
            ),
            Err(e) if is_root => _ = remarks.insert(format!("`{command}`: {e}")),
            Ok(_) | Err(_) => {}
        }
        if is_root && user.is_none() && runs_as_root(user) {
            let sentence = "scripts run as root, because there is neither `script_user` nor a user \
                            `keepalived_script`";
            remarks.insert(sentence.to_owned());
        }
    }
    remarks.into_iter().collect()
}
