//! Who is told of changes: `notify*` lines, event pipes and mail.

use core::time::Duration;
use std::sync::Arc;

use super::script::{User, split};
use super::value::{bare, extra, seconds, switch, value, without_semicolon, word};
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::{Hook, Notify};

/// The `notify*` keywords of an instance.
pub(super) const INSTANCE_KEYWORDS: [&str; 9] = [
    "notify",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify_deleted",
    "notify_master_rx_lower_pri",
    "notify_priority_changes",
    "smtp_alert",
];

/// Those of a group.
pub(super) const GROUP_KEYWORDS: [&str; 7] = [
    "notify",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify_priority_changes",
    "smtp_alert",
];

/// Those of `global_defs`.
pub(super) const GLOBAL_KEYWORDS: [&str; 13] = [
    "notify_fifo",
    "notify_fifo_script",
    "vrrp_notify_fifo",
    "vrrp_notify_fifo_script",
    "vrrp_notify_priority_changes",
    "fifo_write_vrrp_states_on_reload",
    "notification_email_from",
    "smtp_server",
    "smtp_connect_timeout",
    "smtp_helo_name",
    "smtp_alert",
    "smtp_alert_vrrp",
    "no_email_faults",
];

/// Reads a line of an instance or a group. False when the keyword isn't one of `keywords`.
pub(super) fn read(
    item: &Item,
    keywords: &[&str],
    notify: &mut Notify,
    report: &mut Report,
) -> bool {
    let keyword = item.keyword.text.as_str();
    if !keywords.contains(&keyword) {
        return false;
    }
    let slot = match keyword {
        "notify" => &mut notify.any,
        "notify_master" => &mut notify.master,
        "notify_backup" => &mut notify.backup,
        "notify_fault" => &mut notify.fault,
        "notify_stop" => &mut notify.stop,
        "notify_master_rx_lower_pri" => &mut notify.contested,
        "notify_deleted" => {
            notify.tells_deleted = true;
            if item.arguments.is_empty() {
                bare(item, report);
                return true;
            }
            &mut notify.deleted
        }
        "notify_priority_changes" => {
            notify.priority_changes = switch(item, report).or(notify.priority_changes);
            return true;
        }
        _ => {
            notify.mail = switch(item, report).or(notify.mail);
            return true;
        }
    };
    let read = hook(item, report);
    if slot.is_some() {
        let message = format!("there is a `{keyword}` already: the first one is run, not this");
        report.warning(item.keyword.span, message);
    } else {
        *slot = read;
    }
    true
}

/// A script, in double quotes if it has arguments, then perhaps a user and a group.
fn hook(item: &Item, report: &mut Report) -> Option<Hook> {
    let Some(first) = item.arguments.first() else {
        value(item, report);
        return None;
    };
    extra(item, 3, report);
    let words: Vec<Arc<str>> = split(&first.text, first.span)
        .iter()
        .map(|part| part.text.as_str().into())
        .collect();
    if words.is_empty() {
        report.warning(first.span, "there is no command here: the line is ignored");
        return None;
    }
    let name = |at: usize, report: &mut Report| {
        let word = word(item.arguments.get(at)?);
        Some(Arc::from(without_semicolon(word, report).text))
    };
    let (first, second) = (name(1, report), name(2, report));
    let user: Option<User> = first.map(|user| (user, second));
    if let (Some((user, _)), Some(second)) = (&user, item.arguments.get(1)) {
        let odd = |c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c);
        if user.contains(odd) || user.starts_with('-') {
            let message = format!("`{user}` is read as the user who runs the script");
            report
                .warning(second.span, message)
                .hint("put the script and its arguments into one pair of double quotes");
        }
    }
    Some(Hook { words, user })
}

/// What `global_defs` says, as far as it is given.
#[derive(Debug, Default)]
pub(in crate::conf) struct ReportsDraft {
    /// `notify_fifo` and `vrrp_notify_fifo`.
    pub(in crate::conf) fifos: [FifoDraft; 2],
    pub(in crate::conf) priority_changes: bool,
    pub(in crate::conf) states_on_reload: bool,
    pub(in crate::conf) to: Vec<Arc<str>>,
    pub(in crate::conf) from: Option<Arc<str>>,
    pub(in crate::conf) server: Option<(Arc<str>, u16)>,
    pub(in crate::conf) timeout: Option<Duration>,
    pub(in crate::conf) helo: Option<Arc<str>>,
    pub(in crate::conf) alert: Option<bool>,
    pub(in crate::conf) alert_vrrp: Option<bool>,
    /// Where mail is asked for.
    pub(in crate::conf) asked: Option<Span>,
    pub(in crate::conf) no_faults: bool,
}

/// One pipe.
#[derive(Debug, Default)]
pub(in crate::conf) struct FifoDraft {
    pub(in crate::conf) path: Option<(Arc<str>, Span)>,
    pub(in crate::conf) script: Option<(Hook, Span)>,
}

impl ReportsDraft {
    /// Reads a line of `global_defs`. False when the keyword isn't one of these.
    pub(super) fn read(&mut self, item: &Item, report: &mut Report) -> bool {
        let keyword = item.keyword.text.as_str();
        match keyword {
            "notify_fifo" => self.fifos[0].path(item, report),
            "vrrp_notify_fifo" => self.fifos[1].path(item, report),
            "notify_fifo_script" => self.fifos[0].script(item, report),
            "vrrp_notify_fifo_script" => self.fifos[1].script(item, report),
            "vrrp_notify_priority_changes" => {
                self.priority_changes = switch(item, report).unwrap_or(self.priority_changes);
            }
            "fifo_write_vrrp_states_on_reload" => {
                bare(item, report);
                self.states_on_reload = true;
            }
            "notification_email" => self.recipients(item),
            _ => return self.mail(item, report),
        }
        true
    }

    fn mail(&mut self, item: &Item, report: &mut Report) -> bool {
        match item.keyword.text.as_str() {
            "notification_email_from" => {
                self.from = text(item, report).or_else(|| self.from.take())
            }
            "smtp_helo_name" => self.helo = text(item, report).or_else(|| self.helo.take()),
            "smtp_server" => self.server(item, report),
            "smtp_connect_timeout" => {
                let read = seconds(item, 1_000_000, "30 s are used", report);
                self.timeout = read.map(|(timeout, _)| timeout).or(self.timeout);
            }
            "smtp_alert" => {
                self.alert = switch(item, report).or(self.alert);
                self.asked = Some(item.keyword.span);
            }
            "smtp_alert_vrrp" => {
                self.alert_vrrp = switch(item, report).or(self.alert_vrrp);
                self.asked = Some(item.keyword.span);
            }
            "no_email_faults" => {
                bare(item, report);
                self.no_faults = true;
            }
            _ => return false,
        }
        true
    }

    fn recipients(&mut self, item: &Item) {
        for line in item.block.as_deref().unwrap_or_default() {
            let words = core::iter::once(&line.keyword).chain(&line.arguments);
            let given = words.filter(|word| !word.text.is_empty());
            self.to.extend(given.map(|word| word.text.as_str().into()));
        }
    }

    /// An address or name, then perhaps a port.
    fn server(&mut self, item: &Item, report: &mut Report) {
        let Some(first) = item.arguments.first() else {
            value(item, report);
            return;
        };
        extra(item, 2, report);
        let name = without_semicolon(word(first), report).text;
        let port = item.arguments.get(1).map_or(Some(25), |second| {
            let port = without_semicolon(word(second), report);
            let read = port.text.parse().ok().filter(|&port: &u16| port > 0);
            if read.is_none() {
                let message = "a port is a number from 1 to 65535: 25 is used";
                report.warning(port.span, message);
            }
            read
        });
        self.server = Some((name.into(), port.unwrap_or(25)));
    }
}

impl FifoDraft {
    fn path(&mut self, item: &Item, report: &mut Report) {
        let Some(path) = value(item, report) else {
            return;
        };
        if !path.text.starts_with('/') {
            let message = "the path of a pipe starts with `/`: the line is ignored";
            report.warning(path.span, message);
            return;
        }
        self.path = Some((path.text.into(), path.span));
    }

    fn script(&mut self, item: &Item, report: &mut Report) {
        if let Some(hook) = hook(item, report) {
            self.script = Some((hook, item.keyword.span));
        }
    }
}

fn text(item: &Item, report: &mut Report) -> Option<Arc<str>> {
    value(item, report).map(|value| value.text.into())
}
