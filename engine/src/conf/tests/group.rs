//! `vrrp_sync_group`.

use super::{conf, instance_with, printed, said, usable};
use crate::conf::explain;
use crate::config::{Config, Weight};

const SCRIPTS: &str =
    "vrrp_script chk {\nscript /bin/true\n}\nvrrp_script heavy {\nscript /bin/true\nweight 10\n}\n";

fn instances(lines: &str) -> String {
    let lan = instance_with(lines);
    let wan = instance_with("priority 99")
        .replace("VI_1", "WAN")
        .replace("eth0", "eth1")
        .replace("51", "52")
        .replace("192.0.2.1", "192.0.2.2");
    format!("{}{wan}", lan.replace("VI_1", "LAN"))
}

/// Two instances, and a group of them with those lines.
fn grouped(group: &str, lan: &str) -> String {
    let both = "group {\nLAN\nWAN\n}";
    format!(
        "{SCRIPTS}{}vrrp_sync_group G {{\n{both}\n{group}\n}}\n",
        instances(lan)
    )
}

/// By group: the names of its members.
fn members(config: &Config) -> Vec<(String, Vec<String>)> {
    let names = |ids: &[crate::ids::InstanceId]| {
        let names = ids.iter().map(|&id| config.instance(id).name.to_string());
        names.collect::<Vec<_>>()
    };
    let groups = config.groups.iter();
    groups
        .map(|group| (group.name.to_string(), names(&group.members)))
        .collect()
}

fn both() -> Vec<(String, Vec<String>)> {
    vec![("G".to_owned(), vec!["LAN".to_owned(), "WAN".to_owned()])]
}

/// What is said besides remarks about scripts that nobody tracks, and about weights.
fn remarks(text: &str) -> Vec<String> {
    let said = said(text).into_iter();
    said.filter(|line| !line.contains("no instance tracks") && !line.contains("has weight"))
        .collect()
}

#[track_caller]
fn assert_remark(text: &str, severity: &str, part: &str) {
    let said = remarks(text);
    let [only] = &said[..] else {
        panic!("one remark expected:\n{}", printed(text));
    };
    assert!(only.starts_with(severity) && only.contains(part), "{only}");
}

#[test]
fn a_group_may_stand_before_its_members_and_name_several_in_a_line() {
    let text = grouped("", "");
    assert_eq!(remarks(&text), [""; 0]);
    assert_eq!(members(&usable(&text)), both());
    let text = format!(
        "vrrp_sync_group G {{\ngroup {{\nLAN WAN\n}}\n}}\n{}",
        instances("")
    );
    assert_eq!(remarks(&text), [""; 0]);
    assert_eq!(members(&usable(&text)), both());
}

#[test]
fn what_a_group_tracks_stands_with_each_member() {
    let text = grouped(
        "track_script {\nchk\nheavy\n}\ntrack_interface {\neth1\neth2 weight 5\n}",
        "",
    );
    assert_eq!(remarks(&text), [""; 0]);
    let config = usable(&text);
    for instance in &config.instances {
        let weights: Vec<_> = instance.tracks.iter().map(|t| t.weight.value).collect();
        assert_eq!(weights, [0, 10], "{}", instance.name);
    }
    let links = |i: usize| {
        let links = config.instances[i].links.iter();
        let name = |id| config.interface_name(id).to_owned();
        links
            .map(|l| (name(l.interface), l.weight.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(links(0), [("eth1".to_owned(), 0), ("eth2".to_owned(), 5)]);
    // eth1 is its own interface, and watched anyway.
    assert_eq!(links(1), [("eth2".to_owned(), 5)]);
}

#[test]
fn what_a_member_and_its_group_track_is_tracked_once() {
    let text = grouped("track_script {\nchk\n}", "track_script {\nchk\n}");
    assert_eq!(remarks(&text), [""; 0]);
    let tracked = usable(&text)
        .instances
        .iter()
        .map(|i| i.tracks.len())
        .collect::<Vec<_>>();
    assert_eq!(tracked, [1, 1]);
}

#[test]
fn a_member_has_no_weights_of_its_own_unless_the_group_allows_them() {
    let own = "track_script {\nheavy\n}\ntrack_interface {\neth2 weight 5\n}";
    let text = grouped("", own);
    let said = remarks(&text);
    assert_eq!(said.len(), 2, "{}", printed(&text));
    assert!(
        said[0].contains("`heavy` is not tracked here"),
        "{}",
        said[0]
    );
    assert!(
        said[1].contains("the loss of `eth2` is a fault"),
        "{}",
        said[1]
    );
    let config = usable(&text);
    assert_eq!(config.instances[0].tracks, []);
    assert_eq!(config.instances[0].links[0].weight, Weight::default());
    let text = grouped("sync_group_tracking_weight", own);
    assert_eq!(remarks(&text), [""; 0]);
    let config = usable(&text);
    assert_eq!(config.instances[0].tracks[0].weight.value, 10);
    assert_eq!(config.instances[0].links[0].weight.value, 5);
    let older = usable(&grouped("global_tracking", own));
    assert_eq!(older.instances, config.instances);
}

#[test]
fn what_is_wrong_with_the_members_is_said() {
    let more = |text: &str| format!("{}{text}", grouped("", ""));
    assert_remark(
        &grouped("", "").replace("LAN\nWAN\n}", "LAN\nWAN\nWAM\n}"),
        "error",
        "there is no `vrrp_instance WAM`",
    );
    assert_remark(
        &grouped("", "").replace("LAN\nWAN\n}", "LAN\nWAN\nLAN\n}"),
        "warning",
        "`LAN` is in this group already",
    );
    assert_remark(
        &grouped("", "").replace("LAN\nWAN\n}", "LAN\n}"),
        "warning",
        "has one member",
    );
    assert_remark(&more("vrrp_sync_group H {\n}\n"), "error", "no members");
    assert_remark(
        &more("vrrp_sync_group H {\ngroup {\n}\n}\n"),
        "error",
        "no members",
    );
    assert_remark(
        &grouped("group {\nLAN\n}", ""),
        "error",
        "has its members already",
    );
    assert_remark(
        &more("vrrp_sync_group G {\ngroup {\nLAN\n}\n}\n"),
        "error",
        "already a `vrrp_sync_group` named `G`",
    );
    let twice = more("vrrp_sync_group H {\ngroup {\nWAN\n}\n}\n");
    let said = remarks(&twice);
    assert!(
        said[1].contains("`WAN` is in the group `G` already"),
        "{said:?}"
    );
    assert!(said[0].contains("`H` has no member left"), "{said:?}");
    assert_eq!(members(&usable(&twice)), both());
    insta::assert_snapshot!(printed(&twice));
}

#[test]
fn what_is_wrong_with_its_trackers_is_said_once() {
    assert_remark(
        &grouped("track_script {\nckh\n}", ""),
        "warning",
        "there is no `vrrp_script ckh`",
    );
    assert_remark(&grouped("state MASTER", ""), "warning", "can't stand here");
    assert_remark(&grouped("no_such_word", ""), "warning", "unknown keyword");
    assert_remark(&grouped("smtp_alert", ""), "warning", "nobody to write to");
}

#[test]
fn a_group_without_its_end_does_not_swallow_an_instance() {
    let text = format!(
        "vrrp_sync_group G {{\n group {{\n  LAN\n  WAN\n{}",
        instances("")
    );
    assert_eq!(members(&usable(&text)), both());
    assert!(
        conf(&text)
            .diagnostics
            .iter()
            .all(|d| d.message.contains("not closed"))
    );
}

#[test]
fn the_explanation_names_the_slowest_member() {
    let config = usable(&grouped("", "nopreempt"));
    let text = explain(&config);
    let text = text.rsplit("\n\n").next().expect("a paragraph");
    assert!(text.contains("WAN waits longest, 3.61328125 s"), "{text}");
    insta::assert_snapshot!(text);
}
