//! Each kind of expectation is met by the records it should be met by, and by no others.

use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::{Event, Instant};
use locum_scenarios::{Scenario, check};
use locum_sim::record::{DaemonChange, Observed, Record, Remover};
use locum_sim::topology::HostId;

const NETWORK: &str = r#"
idea = "by hand"
lasts = "20s"
switches = ["sw1"]
cables = ["A - sw1", "B - sw1", "client - sw1"]
[clients]
client = "192.168.0.100/24"
[nodes.A]
address = "192.168.0.11/24"
config = """
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.168.0.200/24
    }
}
"""
[nodes.B]
address = "192.168.0.12/24"
copies = "A"
changing = ["priority 99"]
"#;

const A: HostId = HostId(0);
const B: HostId = HostId(1);
const CLIENT: HostId = HostId(2);

/// A holds from 1 s to 12 s, B from 10 s to 15 s; the client is out for 2 s until 17 s.
fn records() -> Vec<Record> {
    let address = [192, 168, 0, 200].into();
    let added = |host| Observed::AddressAdded { host, address };
    let removed = |host| Observed::AddressRemoved {
        host,
        address,
        by: Remover::Daemon,
    };
    let changed = |host, from, to, why| {
        let instance = InstanceId(0);
        let event = Event::StateChanged {
            instance,
            from,
            to,
            why,
        };
        Observed::Engine(host, event)
    };
    use StateKind::{Backup, Fault, Init, Master};
    let silent = Reason::MasterSilent {
        master: None,
        silence: std::time::Duration::from_secs(3),
    };
    let records = [
        (0, Observed::Daemon(A, DaemonChange::Started)),
        (0, changed(A, Init, Backup, Reason::Started)),
        (1_000, changed(A, Backup, Master, silent)),
        (1_000, advert(A, 100)),
        (1_000, added(A)),
        (2_000, Observed::Daemon(B, DaemonChange::Started)),
        (2_000, changed(B, Init, Backup, Reason::Started)),
        (10_000, changed(B, Backup, Master, silent)),
        (9_000, advert(A, 100)),
        (10_000, added(B)),
        (10_000, announcement(B)),
        (12_000, removed(A)),
        (12_000, advert(A, 0)),
        (12_000, changed(A, Master, Fault, Reason::LinkDown)),
        // Fault for another reason is no transition.
        (13_000, changed(A, Fault, Fault, Reason::NoSourceAddress)),
        (15_000, removed(B)),
        (15_000, Observed::Daemon(B, DaemonChange::Killed)),
        (17_000, outage(2_000)),
        (18_000, outage(500)),
    ];
    let records = records.into_iter().map(|(ms, what)| Record {
        at: Instant::from_millis(ms),
        what,
    });
    records.collect()
}

fn advert(host: HostId, priority: u8) -> Observed {
    let (instance, priority) = (InstanceId(0), Priority(priority));
    Observed::Advert {
        host,
        instance,
        priority,
    }
}

fn announcement(host: HostId) -> Observed {
    let (instance, address) = (InstanceId(0), [192, 168, 0, 200].into());
    Observed::Announcement {
        host,
        instance,
        address,
    }
}

fn outage(ms: u64) -> Observed {
    Observed::Outage {
        client: CLIENT,
        lasted: std::time::Duration::from_millis(ms),
    }
}

/// Checks one expectation: whether it is met, and what is said about it.
fn found(expectation: &str) -> (bool, String) {
    let text = format!("expect = [{{ {expectation} }}]\n{NETWORK}");
    let scenario = Scenario::read("x.toml", &text, None).unwrap_or_else(|problems| {
        panic!("{}", problems[0]);
    });
    let outcomes = check(&records(), &scenario.topology, &scenario.expectations);
    (outcomes[0].met, outcomes[0].found.clone())
}

#[track_caller]
fn met(expectation: &str) {
    let (met, found) = found(expectation);
    assert!(met, "{expectation}: {found}");
}

#[track_caller]
fn unmet(expectation: &str, said: &str) {
    assert_eq!(
        found(expectation),
        (false, said.to_owned()),
        "{expectation}"
    );
}

#[test]
fn holders() {
    met(r#"to = "1s", holder = "nobody""#);
    met(r#"from = "1s", to = "10s", holder = "A""#);
    met(r#"from = "10s", to = "12s", holder = ["B", "A"]"#);
    met(r#"at = "14.999999999s", holder = "B""#);
    met(r#"from = "15s", holder = "nobody""#);
    unmet(
        r#"to = "1.000000001s", holder = "nobody""#,
        "nobody until 1s, then A",
    );
    unmet(r#"at = "11s", holder = "A""#, "A and B");
    unmet(r#"at = "11s", holder = "nobody""#, "A and B");
    unmet(
        r#"from = "9s", to = "13s", holder = "B""#,
        "A until 10s, then A and B until 12s, then B",
    );
    unmet(
        r#"at = "5s", holder = "A", address = "192.168.0.201""#,
        "nobody",
    );
}

#[test]
fn double_masters() {
    met(r#"double_master = "expected", at_least = "2s", at_most = "2s""#);
    met(r#"double_master = "never", to = "10.01s""#);
    unmet(r#"double_master = "never""#, "2 s from 10s");
    unmet(
        r#"double_master = "never", to = "10.011s""#,
        "0.011 s from 10s",
    );
    unmet(
        r#"double_master = "expected", at_least = "2.001s""#,
        "2 s from 10s",
    );
    unmet(
        r#"double_master = "expected", at_least = "1s", at_most = "1.9s""#,
        "2 s from 10s",
    );
    unmet(
        r#"double_master = "expected", at_least = "1s", to = "9s""#,
        "none",
    );
}

#[test]
fn outages() {
    met(r#"longest_outage = "client", at_least = "2s", at_most = "2s""#);
    met(r#"longest_outage = "client", from = "17s", at_most = "500ms""#);
    met(r#"longest_outage = "client", to = "16s", at_most = "0s""#);
    unmet(
        r#"longest_outage = "client", at_most = "1.999s""#,
        "2 s until 17s",
    );
    unmet(
        r#"longest_outage = "client", at_least = "2.1s""#,
        "2 s until 17s",
    );
    unmet(
        r#"longest_outage = "client", to = "16s", at_least = "1s""#,
        "none",
    );
}

#[test]
fn states() {
    met(r#"from = "1s", to = "12s", node = "A", state = "master""#);
    met(r#"to = "2s", node = "B", state = "down""#);
    met(r#"from = "15s", node = "B", state = "down""#);
    met(r#"from = "12s", node = "A", state = "fault""#);
    unmet(r#"at = "0.5s", node = "A", state = "init""#, "backup");
    unmet(
        r#"from = "9s", to = "11s", node = "B", state = "master""#,
        "backup until 10s, then master",
    );
}

#[test]
fn sends() {
    met(r#"node = "A", sends = "advert", times = 2"#);
    met(r#"node = "A", from = "2s", sends = "advert", times = 1"#);
    met(r#"node = "B", sends = "announcement""#);
    met(r#"node = "A", sends = "resignation", times = 1"#);
    met(r#"node = "A", never_sends = "announcement""#);
    unmet(r#"node = "B", sends = "resignation""#, "sent 0");
    unmet(r#"node = "A", sends = "advert", times = 3"#, "sent 2");
    unmet(r#"node = "A", never_sends = "advert""#, "sent 2");
}

#[test]
fn transitions() {
    met(r#"node = "B", becomes = "master""#);
    met(r#"node = "B", becomes = "master", because = "master silent", times = 1"#);
    met(r#"node = "A", becomes = "fault", because = "link down", times = 1"#);
    met(r#"node = "B", never_becomes = "fault""#);
    met(r#"node = "A", never_becomes = "fault", because = "no source address""#);
    met(r#"from = "3s", to = "10s", transitions = "none""#);
    met(r#"from = "3s", to = "12s", node = "A", transitions = "none""#);
    unmet(r#"node = "B", becomes = "fault""#, "no such transition");
    unmet(
        r#"node = "B", becomes = "master", because = "preempted""#,
        "no such transition",
    );
    unmet(
        r#"node = "B", becomes = "master", times = 2"#,
        "10s B master (master silent)",
    );
    unmet(
        r#"node = "B", to = "10s", becomes = "master""#,
        "no such transition",
    );
    unmet(
        r#"node = "A", never_becomes = "fault""#,
        "12s A fault (link down)",
    );
    unmet(
        r#"from = "3s", to = "10.1s", transitions = "none""#,
        "10s B master (master silent)",
    );
    unmet(
        r#"transitions = "none""#,
        "0s A backup (started), 1s A master (master silent), 2s B backup (started), \
         10s B master (master silent), 1 more",
    );
}
