//! Which checks are the same, and what is different about them.

use std::sync::Arc;

use super::{Change, Fate, Moves, Step};
use crate::config::{CheckCommand, CheckConfig, Config};
use crate::ids::CheckId;
use crate::time::Seconds;

pub(super) fn steps(old: &Config, new: &Config, moves: &Moves) -> Vec<Step<CheckId>> {
    let ids = |config: &Config| (0..config.checks.len()).map(|i| CheckId(i as u16));
    let before = |to| ids(old).find(|from| moves.checks[from.index()] == Some(to));
    let name = |config: &Config, id| Arc::clone(&config.check(id).name);
    let kept = ids(new).map(|to| {
        let from = before(to);
        let fate = match from {
            Some(from) => classify(old.check(from), new.check(to)),
            None => Fate::Added,
        };
        Step {
            name: name(new, to),
            from,
            to: Some(to),
            fate,
        }
    });
    let gone = ids(old).filter(|from| moves.checks[from.index()].is_none());
    let gone = gone.map(|from| Step {
        name: name(old, from),
        from: Some(from),
        to: None,
        fate: Fate::Removed,
    });
    kept.chain(gone).collect()
}

/// Every field is named: a new one must not compile before somebody has decided.
fn classify(old: &CheckConfig, new: &CheckConfig) -> Fate {
    let CheckConfig {
        name: _,
        command,
        interval,
        timeout,
        rise,
        fall,
        init_fail,
        user,
    } = new;
    let seconds = |span: &core::time::Duration| Seconds(*span).to_string();
    let number = |n: &u32| n.to_string();
    let another = [
        Change::between("script", &old.command, command, show_command),
        Change::between("user", &old.user, user, |_| "changed".to_owned()),
    ];
    let settings = [
        Change::between("interval", &old.interval, interval, seconds),
        Change::between("timeout", &old.timeout, timeout, seconds),
        Change::between("rise", &old.rise, rise, number),
        Change::between("fall", &old.fall, fall, number),
        // Only the first result ever depends on it.
        Change::between("init_fail", &old.init_fail, init_fail, bool::to_string),
    ];
    let restarts = another.iter().any(Option::is_some);
    let changes: Vec<Change> = another.into_iter().chain(settings).flatten().collect();
    if restarts {
        Fate::Restarted(changes)
    } else {
        Fate::of(changes)
    }
}

fn show_command(command: &CheckCommand) -> String {
    match command {
        CheckCommand::Script(words) => words.join(" "),
        CheckCommand::Probe(_) => "a probe".to_owned(),
    }
}
