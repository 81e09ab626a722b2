//! The table as it is printed, and what it has to say held against the state it was made from.

use super::*;
use crate::control::message::{Counters, Daemon, Drain, Peer, Rival, Transition};

/// Two instances: a master that somebody contests, and a backup that is drained.
pub(crate) fn all() -> Everything {
    let master = Instance {
        name: "VI_1".into(),
        interface: "eth0".into(),
        vrid: 51,
        family: "ipv4".into(),
        version: 2,
        state: "master".into(),
        since: 1000.0,
        why: Some("no advert from 192.168.0.12 for 3.6 s".into()),
        priority: 90,
        base_priority: 100,
        master: Some(Master {
            us: true,
            address: Some("192.168.0.11".into()),
            priority: 90,
            heard: None,
        }),
        contested: vec![Rival {
            by: "192.168.0.12".into(),
            priority: 80,
            until: 8502.5,
        }],
        peers: vec![Peer {
            address: "192.168.0.12".into(),
            priority: 80,
            heard: 8499.5,
        }],
        source: Some("192.168.0.11".into()),
        addresses: vec!["192.168.0.200/24 dev eth0".into()],
        trackers: vec![Tracker {
            kind: "check".into(),
            name: "gateway".into(),
            result: "failed: timed out".into(),
            standing: "shift".into(),
            shift: -10,
        }],
        advert_interval: 1.0,
        counters: Counters {
            sent: 7500,
            received: 12,
            accepted: 10,
            discarded: [("auth_failed".to_owned(), 2)].into(),
            transitions: vec![Transition {
                to: "master".into(),
                reason: "master_silent".into(),
                count: 1,
            }],
            ..Counters::default()
        },
        ..Instance::default()
    };
    let drained = Instance {
        name: "VI_longer".into(),
        state: "backup".into(),
        since: 8490.0,
        why: Some("192.168.0.12 has priority 100".into()),
        priority: 1,
        base_priority: 150,
        master: Some(Master {
            us: false,
            address: Some("192.168.0.12".into()),
            priority: 100,
            heard: Some(8499.8),
        }),
        drain: Some(Drain {
            over: true,
            until: None,
        }),
        ..Instance::default()
    };
    Everything {
        daemon: Daemon {
            version: "0.1.0".into(),
            pid: 17,
            config: "/etc/keepalived/keepalived.conf".into(),
            now: 8500.0,
            started: 900.0,
            running: true,
            ..Daemon::default()
        },
        instances: vec![master, drained],
        ..Everything::default()
    }
}

#[test]
fn the_table_says_who_is_master_since_when_why_and_what_is_odd() {
    let all = all();
    let plain = Painter { coloured: false };
    let text = Table::new(&all, false, plain).to_string();
    let lines: Vec<&str> = text.lines().collect();
    let line = |name: &str| {
        let found = lines.iter().find(|line| line.starts_with(name));
        *found.unwrap_or_else(|| panic!("no line of {name} in\n{text}"))
    };
    for word in [
        "MASTER",
        "2 h 5 min",
        "90 (of 100)",
        "this node, 192.168.0.11",
        "no advert from",
    ] {
        assert!(line("VI_1").contains(word), "{word} in\n{text}");
    }
    for word in ["backup", "192.168.0.12, prio 100, 0.2 s ago", "10 s"] {
        assert!(line("VI_longer").contains(word), "{word} in\n{text}");
    }
    assert!(
        text.contains("contested: 192.168.0.12 acts as master with priority 80"),
        "{text}"
    );
    assert!(
        text.contains("check gateway: failed: timed out (priority -10)"),
        "{text}"
    );
    assert!(
        text.contains("drained: at the lowest priority until"),
        "{text}"
    );
    assert!(
        text.ends_with("2 instances: 1 master, 1 backup, contested: VI_1\n"),
        "{text}"
    );
    let column = |name: &str, word: &str| line(name).find(word);
    assert_eq!(
        column("VI_1", "MASTER"),
        column("VI_longer", "backup"),
        "aligned"
    );
    assert!(!text.contains('\x1b'), "no colours unless on a terminal");
}

/// On 80 columns nothing but words of its own length is wrapped, and nothing is left out.
#[test]
fn a_narrow_terminal_has_the_reasons_on_lines_of_their_own() {
    let mut all = all();
    all.instances[1].why = Some("no advert from 192.168.0.12 for 3.61 s".into());
    let plain = || Table::new(&all, false, Painter { coloured: false });
    let wide = plain().to_string();
    assert_eq!(plain().within(Some(200)).to_string(), wide);
    let narrow = plain().within(Some(80)).to_string();
    let mut rows = narrow
        .lines()
        .skip_while(|line| !line.starts_with("INSTANCE"));
    assert!(rows.next().is_some_and(|heads| heads.ends_with("WHY")));
    for line in narrow.lines().filter(|line| line.starts_with("VI_")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let reason = "    no advert from 192.168.0.12 for 3.61 s\n";
    assert!(narrow.contains(reason), "{narrow}");
    assert!(!wide.contains(reason), "{wide}");
}

#[test]
fn a_long_list_ends_with_the_names_of_those_that_are_odd() {
    let mut all = all();
    let instance = all.instances.pop().expect("there are two");
    all.instances.extend((2..=40).map(|n| Instance {
        name: format!("VI_{n}"),
        state: if n % 8 == 0 { "fault" } else { "backup" }.into(),
        ..instance.clone()
    }));
    let last = "40 instances: 1 master, 34 backup, 5 fault, contested: VI_1; \
                in fault: VI_8, VI_16, VI_24, VI_32, ... (5)";
    assert_eq!(summary(&all.instances), last);
}

#[test]
fn colours_change_nothing_but_colours() {
    let all = all();
    let plain = Table::new(&all, true, Painter { coloured: false }).to_string();
    let coloured = Table::new(&all, true, Painter { coloured: true }).to_string();
    assert!(coloured.contains("\x1b[1m\x1b[32mMASTER"), "{coloured:?}");
    let mut stripped = String::new();
    let mut escape = false;
    for c in coloured.chars() {
        match (escape, c) {
            (false, '\x1b') => escape = true,
            (true, 'm') => escape = false,
            (true, _) => {}
            (false, c) => stripped.push(c),
        }
    }
    assert_eq!(stripped, plain);
    assert!(
        plain.contains("2 auth_failed"),
        "every detail of one:\n{plain}"
    );
}

#[test]
fn spans_are_said_in_two_units_at_most() {
    let rows = [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.9, "59 s"),
        (61.0, "1 min 1 s"),
        (7_260.0, "2 h 1 min"),
        (200_000.0, "2 d 7 h"),
        (-3.0, "0.0 s"),
    ];
    for (seconds, words) in rows {
        assert_eq!(span(seconds), words);
    }
}
