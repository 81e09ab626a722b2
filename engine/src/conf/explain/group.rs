//! What a sync group will do, in plain words.

use crate::config::{Config, GroupConfig, Preempt};
use crate::fsm::master_down;
use crate::ids::InstanceId;
use crate::time::Seconds;

/// One paragraph.
pub(super) fn paragraph(config: &Config, group: &GroupConfig) -> String {
    let names: Vec<&str> = group
        .members
        .iter()
        .map(|&id| &*config.instance(id).name)
        .collect();
    let mut text = format!("{}: the sync group of {}.\n", group.name, list(&names));
    let mut say = |sentence: &str| {
        text.push_str("  ");
        text.push_str(sentence);
        text.push('\n');
    };
    say("All of them are master, or none is. Each sends its own adverts and listens for itself.");
    if let Some((slowest, wait)) = slowest(config, group) {
        say(&format!(
            "They become master when all of them have waited long enough: {slowest} waits longest, {} without an advert.",
            Seconds(wait)
        ));
    }
    say(
        "When one hears a master that outranks it, all let go; when one can't serve, all are in fault and those that can say that they resign.",
    );
    let polite = group.members.iter();
    let polite: Vec<&str> = polite
        .map(|&id| config.instance(id))
        .filter(|instance| instance.preempt == Preempt::Never)
        .map(|instance| &*instance.name)
        .collect();
    if !polite.is_empty() && polite.len() < group.members.len() {
        say(&format!(
            "None of them takes over from a running master, because {} doesn't.",
            list(&polite)
        ));
    }
    text
}

fn slowest<'a>(config: &'a Config, group: &GroupConfig) -> Option<(&'a str, core::time::Duration)> {
    let wait = |&id: &InstanceId| {
        let instance = config.instance(id);
        let missed = instance.tuning.down_timer_adverts;
        let wait = master_down(
            instance.version,
            instance.priority,
            instance.advert_interval,
            missed,
        );
        (!instance.is_owner()).then_some((&*instance.name, wait))
    };
    let waits = group.members.iter().filter_map(wait);
    // The first of equals.
    waits.rev().max_by_key(|(_, wait)| *wait)
}

fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
