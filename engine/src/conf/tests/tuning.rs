//! Keywords that tune the protocol: one value for all, another for one instance, ranges.

use core::time::Duration;

use super::{assert_says, instance_with, only_instance, said, usable};
use crate::conf::Severity::{Error, Warning};
use crate::conf::explain;
use crate::config::Tuning;
use crate::ids::Priority;

/// The tuning of an instance with those lines in `global_defs` and in itself, remarked on by
/// nobody.
#[track_caller]
fn tuning(global: &str, own: &str) -> Tuning {
    let text = format!("global_defs {{\n{global}\n}}\n{}", instance_with(own));
    assert_eq!(said(&text), [""; 0]);
    only_instance(&text).tuning
}

#[test]
fn the_defaults_are_keepaliveds() {
    assert_eq!(tuning("", ""), Tuning::default());
    assert_eq!(Tuning::default().down_timer_adverts, 3);
}

#[test]
fn down_timer_adverts_counts_from_1_to_100() {
    let count = |global: &str, own: &str| tuning(global, own).down_timer_adverts;
    assert_eq!(count("vrrp_down_timer_adverts 5", ""), 5);
    assert_eq!(
        count("vrrp_down_timer_adverts 5", "down_timer_adverts 1"),
        1
    );
    assert_eq!(count("", "down_timer_adverts 100"), 100);
    for wrong in ["0", "101", "-1", "3.5", "three"] {
        assert_says(
            &format!("down_timer_adverts {wrong}"),
            Warning,
            "from 1 to 100",
        );
    }
    assert_says("down_timer_adverts", Error, "needs a value");
    assert_says("vrrp_down_timer_adverts 3", Warning, "can't stand here");
}

#[test]
fn v3_checksum_as_v2_has_one_name_in_both_places() {
    let sent = |global: &str, own: &str| tuning(global, own).v3_checksum_as_v2;
    assert!(!sent("", ""));
    assert!(sent("v3_checksum_as_v2", ""));
    assert!(!sent("v3_checksum_as_v2 on", "v3_checksum_as_v2 off"));
    assert!(sent("", "v3_checksum_as_v2"));
    assert_says("v3_checksum_as_v2 1", Warning, "`on` or `off`");
    assert_says("vrrp_v3_checksum_as_v2", Warning, "unknown keyword");
    let global = format!(
        "global_defs {{\nvrrp_v3_checksum_as_v2\n}}\n{}",
        instance_with("")
    );
    assert_eq!(said(&global).len(), 1);
    assert!(!only_instance(&global).tuning.v3_checksum_as_v2);
}

#[test]
fn the_other_switches_are_off_unless_given() {
    type Get = fn(&Tuning) -> bool;
    let switches: [(&str, Get); 3] = [
        ("skip_check_adv_addr", |t| t.skip_check_adv_addr),
        ("higher_prio_send_advert", |t| t.higher_prio_send_advert),
        ("owner_ignore_adverts", |t| t.owner_ignore_adverts),
    ];
    for (name, get) in switches {
        let is = |global: &str, own: &str| get(&tuning(global, own));
        let global = format!("vrrp_{name}");
        assert!(!is("", ""), "{name}");
        assert!(is("", name), "{name}");
        assert!(is(&global, ""), "{name}");
        assert!(!is(&global, &format!("{name} off")), "{name}");
        assert_says(&format!("{name} maybe"), Warning, "`on` or `off`");
        assert_says(&global, Warning, "can't stand here");
    }
}

#[test]
fn the_startup_delay_is_the_daemons() {
    let delay = |line: &str| {
        let text = format!("global_defs {{\n{line}\n}}\n{}", instance_with(""));
        (usable(&text).startup_delay, said(&text))
    };
    assert_eq!(delay(""), (Duration::ZERO, vec![]));
    let half = (Duration::from_millis(2_500), vec![]);
    assert_eq!(delay("vrrp_startup_delay 2.5"), half);
    for wrong in ["-1", "4295", "soon"] {
        let (delay, said) = delay(&format!("vrrp_startup_delay {wrong}"));
        assert_eq!((delay, said.len()), (Duration::ZERO, 1), "{said:?}");
        assert!(said[0].contains("from 0 to 4294"), "{said:?}");
    }
    assert_says("vrrp_startup_delay 5", Warning, "can't stand here");
}

#[test]
fn the_delay_after_boot_is_the_machines() {
    let delay = |line: &str| {
        let text = format!("global_defs {{\n{line}\n}}\n{}", instance_with(""));
        let config = usable(&text);
        assert_eq!(config.startup_delay, Duration::ZERO);
        let explained = explain(&config).contains("After a boot of the machine");
        assert_eq!(explained, !config.delay_after_boot.is_zero());
        (config.delay_after_boot, said(&text).len())
    };
    assert_eq!(delay(""), (Duration::ZERO, 0));
    let minute = (Duration::from_secs(60), 0);
    assert_eq!(delay("vrrp_delay_after_boot 60"), minute);
    assert_eq!(delay("vrrp_delay_after_boot soon"), (Duration::ZERO, 1));
    assert_says("vrrp_delay_after_boot 5", Warning, "can't stand here");
}

#[test]
fn unknown_vrids_are_logged_when_asked_for() {
    let logs = |line: &str| {
        let text = format!("global_defs {{\n{line}\n}}\n{}", instance_with(""));
        assert_eq!(said(&text), [""; 0]);
        usable(&text).log_unknown_vrids
    };
    assert!(!logs("") && !logs("log_unknown_vrids off"));
    assert!(logs("log_unknown_vrids") && logs("log_unknown_vrids yes"));
    assert_says("log_unknown_vrids", Warning, "can't stand here");
}

#[test]
fn timer_expired_backup_needs_nopreempt() {
    let rival = |own: &str| {
        only_instance(&instance_with(own))
            .tuning
            .timer_expired_backup
    };
    assert_eq!(rival("nopreempt"), None);
    let with = |line: &str| rival(&format!("nopreempt\n{line}"));
    assert_eq!(with("timer_expired_backup"), Some(Priority(254)));
    assert_eq!(with("timer_expired_backup 120"), Some(Priority(120)));
    assert_eq!(with("thread_timer_expired 120"), Some(Priority(120)));
    for wrong in ["0", "255", "high"] {
        let line = format!("timer_expired_backup {wrong}");
        assert_says(&line, Warning, "from 1 to 254");
        assert_eq!(with(&line), None);
    }
    for without in [
        "",
        "preempt_delay 30",
        "state MASTER\nnopreempt",
        "priority 255",
    ] {
        let own = format!("{without}\ntimer_expired_backup 120");
        assert_eq!(rival(&own), None, "{without}");
        let said = said(&instance_with(&own));
        let remark = |line: &String| line.contains("without `nopreempt` this line is ignored");
        assert!(said.iter().any(remark), "{said:?}");
    }
    let explained = explain(&usable(&instance_with(
        "nopreempt\ntimer_expired_backup 150",
    )));
    let sentence = "an advert is more than 2.4140625 s late, so that a peer of priority 150 may";
    assert!(explained.contains(sentence), "{explained}");
}

#[test]
fn min_garp_is_for_what_is_not_given() {
    let garp = |global: &str, own: &str| {
        let text = format!("global_defs {{\n{global}\n}}\n{}", instance_with(own));
        assert_eq!(said(&text), [""; 0]);
        let garp = only_instance(&text).garp;
        let contest = (garp.contest_repeat, garp.contest_delay.as_secs());
        ((garp.repeat, garp.delay.as_secs()), contest)
    };
    assert_eq!(garp("vrrp_min_garp", ""), ((1, 0), (1, 0)));
    assert_eq!(garp("vrrp_min_garp off", ""), ((5, 5), (5, 5)));
    let own = "garp_master_repeat 3\ngarp_lower_prio_delay 7";
    assert_eq!(garp("vrrp_min_garp on", own), ((3, 0), (1, 7)));
    let global = "vrrp_garp_master_delay 2\nvrrp_min_garp";
    assert_eq!(garp(global, ""), ((1, 2), (1, 2)));
    assert_says("vrrp_min_garp", Warning, "can't stand here");
}

#[test]
fn addresses_are_leased_unless_told_otherwise() {
    let lease = |global: &str, own: &str| {
        let text = format!("global_defs {{\n{global}\n}}\n{}", instance_with(own));
        (only_instance(&text).lease.map(|l| l.as_secs()), said(&text))
    };
    let quiet = |lease| (lease, Vec::<String>::new());
    assert_eq!(lease("", ""), quiet(Some(5)), "by the timers");
    assert_eq!(lease("", "advert_int 10"), quiet(Some(32)));
    assert_eq!(lease("", "address_lease off"), quiet(None));
    assert_eq!(lease("address_lease off", ""), quiet(None));
    assert_eq!(
        lease("address_lease off", "address_lease 7"),
        quiet(Some(7))
    );
    assert_eq!(lease("address_lease 30", ""), quiet(Some(30)));
    for wrong in ["0", "2.5", "86401", "-1", "on"] {
        let (lease, said) = lease("", &format!("address_lease {wrong}"));
        assert_eq!((lease, said.len()), (Some(5), 1), "{said:?}");
        assert!(said[0].contains("a whole number of seconds"), "{said:?}");
    }
    let (short, said) = lease("", "address_lease 3");
    assert_eq!(short, Some(3));
    assert!(said[0].contains("a stall of 2 s can cost"), "{said:?}");
}
