//! Scripts, pipes and mail.

use super::{assert_says, conf, instance_with, said};
use crate::conf::Severity::Warning;
use crate::config::{Config, Hook};

fn config(text: &str) -> Config {
    conf(text).config.expect("a usable configuration")
}

fn words(hook: Option<&Hook>) -> String {
    hook.map_or_else(String::new, |hook| hook.words.join("|"))
}

#[test]
fn scripts_are_split_and_know_who_runs_them() {
    let config = config(&instance_with(
        "notify_master \"/bin/up one 'two three'\" nobody nogroup\nnotify /bin/any\nnotify_stop /bin/stop",
    ));
    let notify = config.instances[0].notify.as_deref().expect("it is given");
    assert_eq!(words(notify.master.as_ref()), "/bin/up|one|two three");
    let user = notify.master.as_ref().and_then(|hook| hook.user.clone());
    assert_eq!(user, Some(("nobody".into(), Some("nogroup".into()))));
    assert_eq!(words(notify.any.as_ref()), "/bin/any");
    assert_eq!(words(notify.stop.as_ref()), "/bin/stop");
    assert_eq!((&notify.backup, &notify.fault), (&None, &None));
}

#[test]
fn what_is_not_given_takes_no_room() {
    assert_eq!(config(&instance_with("")).instances[0].notify, None);
}

#[test]
fn the_first_script_stays_and_odd_users_are_asked_about() {
    assert_says(
        "notify_backup /bin/one\nnotify_backup /bin/two",
        Warning,
        "the first one is run",
    );
    assert_says(
        "notify_backup /bin/one --fast",
        Warning,
        "read as the user who runs the script",
    );
    assert_says("notify_fault \"\"", Warning, "no command");
}

#[test]
fn deleted_may_do_without_a_script() {
    let config = config(&instance_with("notify_deleted"));
    let notify = config.instances[0].notify.as_deref().expect("it is given");
    assert!(notify.tells_deleted && notify.deleted.is_none());
}

#[test]
fn each_pipe_has_its_script() {
    let globals = "global_defs {\nvrrp_notify_fifo /run/f.fifo\nvrrp_notify_fifo_script \"/bin/read -x\"\nvrrp_notify_priority_changes\n}\n";
    let reports = config(&format!("{globals}{}", instance_with(""))).reports;
    let [fifo] = &reports.fifos[..] else {
        panic!("one pipe: {reports:?}");
    };
    assert_eq!(&*fifo.path, "/run/f.fifo");
    assert_eq!(words(fifo.script.as_ref()), "/bin/read|-x");
    assert!(reports.priority_changes && !reports.states_on_reload);
    let lonely = "global_defs {\nnotify_fifo_script /bin/read\n}\n";
    let said = said(&format!("{lonely}{}", instance_with("")));
    assert!(said[0].contains("a pipe that isn't configured"), "{said:?}");
}

#[test]
fn mail_needs_somebody_who_asks_and_somebody_to_write_to() {
    let globals = |more: &str| {
        format!(
            "global_defs {{\nnotification_email {{\na@b\nc@d\n}}\nsmtp_server 10.0.0.1 2525\n{more}\n}}\n"
        )
    };
    let quiet = config(&format!("{}{}", globals(""), instance_with("")));
    assert_eq!(quiet.reports.mail, None);
    let text = format!(
        "{}{}",
        globals("no_email_faults"),
        instance_with("smtp_alert")
    );
    assert_eq!(said(&text), [""; 0]);
    let mail = config(&text).reports.mail.expect("asked for");
    assert_eq!(mail.to, ["a@b".into(), "c@d".into()]);
    assert_eq!((&*mail.server, mail.port), ("10.0.0.1", 2525));
    assert!(!mail.alert && !mail.faults);
    let said = said(&instance_with("smtp_alert"));
    assert!(said[0].contains("nobody to write to"), "{said:?}");
}
