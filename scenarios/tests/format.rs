//! Scenario files are read as written, and bad ones are explained.

use std::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::Priority;
use locum_scenarios::{Expected, Scenario, say};
use locum_sim::fault::Fault;
use locum_sim::topology::{CableId, Role};

const FOUNDING: &str = include_str!("../catalogue/founding-cable-pull.toml");

/// Everything that a file may leave out, and something to build on.
const SMALL: &str = r#"
idea = "small"
lasts = "60s"
switches = ["sw1", "sw2"]
cables = ["gateway - sw1", "A - sw1", "sw1 - sw2", "B - sw2", "X - sw2"]
timeline = [
TIMELINE
]
expect = [
EXPECT
]
[hosts]
gateway = "192.168.0.1/24"
[clients]
X = "192.168.0.13/24"
[nodes.A]
address = "192.168.0.11/24"
config = """
vrrp_script chk_web {
    script "/bin/true"
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.168.0.200/24
    }
    track_script {
        chk_web
    }
}
"""
[nodes.B]
address = "192.168.0.12/24"
copies = "A"
changing = ["priority 99"]
"#;

fn small(timeline: &str, expect: &str) -> String {
    SMALL
        .replace("TIMELINE", timeline)
        .replace("EXPECT", expect)
}

fn read(text: &str) -> Scenario {
    Scenario::read("x.toml", text, None).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

fn problems(text: &str) -> String {
    let problems = Scenario::read("x.toml", text, None).expect_err("the file is bad");
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn the_founding_case_is_read_as_written() {
    let scenario = read(FOUNDING);
    let topology = &scenario.topology;
    assert_eq!(scenario.lasts, Duration::from_secs(24));
    let names: Vec<&str> = topology.hosts.iter().map(|host| &*host.name).collect();
    assert_eq!(names, ["A", "B", "gateway", "client"]);
    let priorities: Vec<Priority> = topology
        .routers()
        .map(|(_, router)| router.config.instances[0].priority)
        .collect();
    assert_eq!(priorities, [Priority(100), Priority(99)]);
    let starts: Vec<_> = topology
        .routers()
        .map(|(_, router)| router.starts_at)
        .collect();
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!(starts, [ms(500), ms(1500)]);
    let Role::Client(client) = &topology.hosts[3].role else {
        panic!("the client is none");
    };
    assert_eq!(client.target.to_string(), "192.168.0.200");
    let plan = scenario.plan(7);
    assert_eq!(plan.seed, 7);
    let faults: Vec<_> = plan
        .faults
        .iter()
        .map(|f| (f.at, f.fault.clone()))
        .collect();
    let cable = CableId(1);
    let expected = [
        (Instant::from_millis(8_000), Fault::Pull(cable)),
        (Instant::from_millis(16_000), Fault::Plug(cable)),
    ];
    assert_eq!(faults, expected);
}

/// One entry for every fault there is; `say` has an exhaustive match, so a fault that is missing
/// here is a fault that this list has to learn.
const EVERY_FAULT: &str = r#"
    { at = "1s", pull = "A - sw1" },
    { at = "2s", plug = "A - sw1" },
    { at = "3s", dark = "sw1 -> sw2" },
    { at = "4s", light = "sw2 -> sw1" },
    { at = "5s", loss = "20%", on = "A -> sw1" },
    { at = "6s", loss = "0%", burst_begins = "1%", burst_ends = "30%", on = "A - sw1" },
    { at = "7s", duplicate = "10%", on = "A - sw1" },
    { at = "8s", corrupt = "0.01%", on = "A - sw1" },
    { at = "9s", reorder = "10%", by = "5ms", on = "A - sw1" },
    { at = "10s", latency = "20ms", on = "sw1 -> A" },
    { at = "11s", partition = "A, gateway | B, X" },
    { at = "12s", heal = true },
    { at = "13s", reboot = "sw1", for = "2s" },
    { at = "14s", power_off = "A" },
    { at = "15s", power_on = "A" },
    { at = "16s", kill = "A" },
    { at = "17s", stop = "A" },
    { at = "18s", start = "A" },
    { at = "19s", hang = "A" },
    { at = "20s", resume = "A" },
    { at = "21s", pause_vm = "A" },
    { at = "22s", resume_vm = "A" },
    { at = "23s", drift = "-300ppm", node = "A" },
    { at = "23.5s", clock = "-90s", node = "A" },
    { at = "24s", check = "chk_web", says = "failure", node = "A" },
    { at = "25s", check = "chk_web", says = "the truth", node = "A" },
    { at = "26s", priority = 90, node = "A", instance = "VI_1" },
    { at = "27s", priority = "configured", node = "A", instance = "VI_1" },
    { at = "28s", drain = "A", within = "5s" },
    { at = "29s", undrain = "A" },
    { at = "29.1s", drain = "A", instance = "VI_1", within = "5s" },
    { at = "29.2s", undrain = "A", instance = "VI_1" },
    { at = "30s", remove = "192.168.0.200", node = "A" },
    { at = "31s", service = 500, node = "A" },
    { at = "32s", service = "silent", node = "A" },
    { at = "33s", forge = "192.168.0.11", from = "X", vrid = 51, claims = 254, password = "wrong", ttl = 255, count = 9, every = "1ms" },
"#;

#[test]
fn every_fault_can_be_written_and_is_said_back_the_same() {
    let scenario = read(&small(EVERY_FAULT, ""));
    let said: Vec<String> = scenario
        .timeline
        .iter()
        .map(|fault| say::as_toml(&scenario.topology, fault))
        .collect();
    let written: Vec<&str> = EVERY_FAULT
        .lines()
        .map(|line| line.trim().trim_end_matches(','))
        .filter(|line| !line.is_empty())
        .collect();
    let again = read(&small(&said.join(",\n"), ""));
    assert_eq!(again.timeline, scenario.timeline);
    for (said, written) in said.iter().zip(&written) {
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split([',', ' ']).map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(sorted(said), sorted(written), "{said}");
    }
    assert_eq!(said.len(), written.len());
}

#[test]
fn for_puts_right_what_went_wrong_and_repeat_does_it_again() {
    let entry =
        r#"{ at = "10s", priority = 50, node = "A", for = "1s", repeat = 2, every = "5s" }"#;
    let scenario = read(&small(entry, ""));
    let times: Vec<u64> = scenario
        .timeline
        .iter()
        .map(|fault| fault.at.as_nanos() / 1_000_000_000)
        .collect();
    assert_eq!(times, [10, 11, 15, 16]);
    let undone: Vec<bool> = scenario
        .timeline
        .iter()
        .map(|fault| matches!(fault.fault, Fault::SetPriority(_, _, None)))
        .collect();
    assert_eq!(undone, [false, true, false, true]);
}

#[test]
fn loss_ends_with_the_loss_the_cable_had() {
    let text = small(
        r#"{ at = "10s", loss = "50%", on = "A - sw1", for = "1s" }"#,
        "",
    )
    .replace(
        r#""A - sw1", "sw1 - sw2""#,
        r#"{ cable = "A - sw1", loss = "1%" }, { cable = "A -> sw1", loss = "2%" }, "sw1 - sw2""#,
    );
    let scenario = read(&text);
    let rates: Vec<u32> = scenario
        .timeline
        .iter()
        .map(|fault| match fault.fault {
            Fault::Loss(_, _, rate, _) => rate,
            _ => 0,
        })
        .collect();
    assert_eq!(rates, [500_000, 20_000, 10_000]);
}

#[test]
fn every_expectation_can_be_written() {
    let scenario = read(&small(
        "",
        r#"
        { at = "7s", holder = "A" },
        { from = "1s", to = "2s", holder = ["A", "B"] },
        { to = "1s", holder = "nobody" },
        { longest_outage = "X", at_most = "3s" },
        { double_master = "never" },
        { double_master = "expected", at_least = "1s", at_most = "2s", address = "192.168.0.201" },
        { at = "1s", node = "A", state = "down" },
        { node = "B", becomes = "master", because = "master silent", times = 2 },
        { from = "5s", node = "B", never_becomes = "fault" },
        { from = "5s", to = "6s", transitions = "none" },
        { transitions = "none", node = "A" },
        "#,
    ));
    assert_eq!(scenario.expectations.len(), 11);
    let first = &scenario.expectations[0];
    assert_eq!(&*first.text, r#"at = "7s", holder = "A""#);
    assert_eq!(first.line, 11);
    assert!(matches!(&first.what, Expected::Holders { hosts, .. } if hosts.len() == 1));
}

#[test]
fn slips_of_the_pen_are_explained() {
    let text = small(
        r#"
        { at = "8s", pul = "A - sw1" },
        { at = 8, pull = "A - sw1" },
        { at = "8s", pull = "A - sw3" },
        { at = "8s", pull = "A -> sw1" },
        { at = "80s", plug = "A - sw1" },
        { at = "8s", kill = "gateway" },
        { at = "8s", hang = "A", fro = "2s" },
        { at = "8s", undrain = "A", for = "2s" },
        { at = "8s", check = "chk_wbe", says = "failure", node = "A" },
        { at = "8s", loss = "20", on = "A - sw1" },
        { at = "8s", hang = "A", repeat = 3 },
        { at = "8s", clock = "30s", node = "A" },
        { pull = "A - sw1" },
        "#,
        r#"
        { at = "7s", holder = "a" },
        { at = "7s", from = "3s", holder = "A" },
        { longest_outage = "A", at_most = "1s" },
        { longest_outage = "X" },
        { double_master = "sometimes" },
        { double_master = "expected" },
        { node = "A", becomes = "mastr" },
        { node = "A", becomes = "master", because = "link dwn" },
        { from = "9s", to = "8s", transitions = "none" },
        "#,
    );
    insta::assert_snapshot!(problems(&text));
}

#[test]
fn a_network_that_cannot_be_is_explained() {
    let text = r#"
idea = "bad"
last = "60s"
switches = ["sw1", "sw2", "sw1", { name = "sw3", aging = "1s" }]
cables = ["A - sw1", "sw1 - sw2", "sw2 - sw3", "sw3 - sw1", "A - sw2", "B-sw1", "C - sw1"]
[hosts]
gateway = "192.168.0.1"
nobody = "192.168.0.2/24"
X = "192.168.0.11/24"
[nodes.A]
address = "192.168.0.11/24"
config = """
vrrp_instance VI_1 {
    bogus 1
    virtual_ipaddress { 192.168.0.200/24 }
}
"""
[nodes.B]
address = "192.168.0.12/24"
copies = "a"
[nodes.C]
address = "192.168.0.13/24"
copies = "A"
changing = ["priority 99", "bogus 1 -> bogus 2"]
[nodes.D]
address = "192.168.0.14/24"
"#;
    insta::assert_snapshot!(problems(text));
}

#[test]
fn broken_toml_has_a_place() {
    insta::assert_snapshot!(problems("idea = \"x\nlasts = \"1s\"\n"));
}

#[test]
fn a_configuration_may_include_files_and_know_its_node() {
    let folder = std::env::temp_dir().join(format!("locum-format-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(
        folder.join("prio.conf"),
        "@A priority 77\n@B priority 66\nx\n",
    )
    .expect("a file");
    let text = small("", "").replace("    priority 100\n", "    include prio*\n");
    let text = text.replace(r#"changing = ["priority 99"]"#, "");
    let scenario = Scenario::read("x.toml", &text, Some(&folder)).expect("it is good");
    let priorities: Vec<u8> = scenario
        .topology
        .hosts
        .iter()
        .filter_map(|host| match &host.role {
            Role::Router(router) => Some(router.config.instances[0].priority.get()),
            _ => None,
        })
        .collect();
    assert_eq!(priorities, [77, 66]);
    let worse = text.replace("include prio*", "includea prio*");
    std::fs::write(folder.join("prio.conf"), "vrrp_instance {").expect("a file");
    let problems = Scenario::read("x.toml", &worse, Some(&folder)).expect_err("it is bad");
    let file = folder.join("prio.conf").display().to_string();
    assert_eq!(
        (&*problems[0].file, problems[0].line),
        (&*file, 1),
        "{}",
        problems[0]
    );
    std::fs::remove_dir_all(&folder).expect("it is there");
}
