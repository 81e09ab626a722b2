//! `track_interface` and `dont_track_primary`.

use super::{assert_says, instance_with, only_instance, said, usable};
use crate::conf::Severity::{Error, Note, Warning};
use crate::config::Weight;

/// The links that an instance with those lines tracks: name, weight, reverse.
fn links(lines: &str) -> Vec<(String, i16, bool)> {
    let config = usable(&instance_with(lines));
    let [instance] = &config.instances[..] else {
        panic!("one instance")
    };
    let links = instance.links.iter();
    links
        .map(|link| {
            let Weight { value, reverse } = link.weight;
            (
                config.interface_name(link.interface).to_owned(),
                value,
                reverse,
            )
        })
        .collect()
}

#[test]
fn each_line_is_an_interface_with_a_weight_or_without() {
    let lines = "track_interface {\neth1\neth2 weight 5\neth3 weight -7 reverse\n}\ntrack_interface {\neth4\n}";
    assert_eq!(said(&instance_with(lines)), [""; 0]);
    let expected = [
        ("eth1", 0, false),
        ("eth2", 5, false),
        ("eth3", -7, true),
        ("eth4", 0, false),
    ];
    let expected = expected.map(|(name, value, reverse)| (name.to_owned(), value, reverse));
    assert_eq!(links(lines), expected);
}

#[test]
fn what_is_wrong_is_said() {
    let block = |line: &str| format!("track_interface {{\n{line}\n}}");
    assert_says(&block("eth1 weight 300"), Warning, "253 at most");
    assert_says(&block("eth1 weight heavy"), Warning, "whole number");
    assert_says(&block("eth1 weight"), Error, "needs a value");
    assert_says(&block("eth1 up"), Warning, "not understood here");
    assert_says(&block("eth1\neth1"), Warning, "tracked already");
    assert_says(&block("an-interface-too-long"), Error, "1 to 15 characters");
    let owner = format!("priority 255\n{}", block("eth1 weight 5"));
    assert_says(&owner, Warning, "priority 255 never changes");
    assert_eq!(links(&owner), []);
}

#[test]
fn the_own_interface_is_watched_anyway() {
    let own = "track_interface {\neth0\n}";
    assert_says(own, Note, "watched anyway: this line changes nothing");
    let weighted = "track_interface {\neth0 weight 10\n}";
    assert_says(weighted, Warning, "its loss is a fault");
    assert_eq!((links(own), links(weighted)), (vec![], vec![]));
}

#[test]
fn dont_track_primary_lets_its_weight_count() {
    let lines = "dont_track_primary\ntrack_interface {\neth0 weight 10\n}";
    assert_eq!(said(&instance_with(lines)), [""; 0]);
    assert_eq!(links(lines), [("eth0".to_owned(), 10, false)]);
    assert!(only_instance(&instance_with(lines)).dont_track_primary);
    assert!(!only_instance(&instance_with("")).dont_track_primary);
    assert_says("dont_track_primary on", Warning, "takes no more");
}

/// The delays of all interfaces in milliseconds, down and up, of a file with that block in front.
fn delays(block: &str, instance: &str) -> Vec<(String, u128, u128)> {
    let text = format!("interface_up_down_delays {{\n{block}\n}}\n{instance}");
    let config = usable(&text);
    let delays = config.link_delays.iter();
    delays
        .map(|d| {
            let name = config.interface_name(d.interface).to_owned();
            (name, d.down.as_millis(), d.up.as_millis())
        })
        .collect()
}

#[test]
fn a_link_s_changes_count_after_their_delays() {
    let text = instance_with("track_interface {\neth1\n}");
    let expected = [("eth0", 1500, 1500), ("eth1", 100_000, 250)];
    let expected = expected.map(|(name, down, up)| (name.to_owned(), down, up));
    let lines = "eth0 1.5\neth1 100 0.25";
    assert_eq!(delays(lines, &text), expected, "only its own link is short");
    assert_eq!(delays("eth0 0", &text), []);
    let block = format!("interface_up_down_delays {{\n{lines}\n}}\n{text}");
    assert_eq!(said(&block), [""; 0]);
}

#[test]
fn a_loss_counts_before_a_peer_takes_over() {
    // Two adverts may be missing before the third decides: 2 x 1 s, and 1 x 0.5 s.
    let text = instance_with("");
    assert_eq!(delays("eth0 5 6", &text), [("eth0".to_owned(), 2000, 6000)]);
    let text = instance_with("version 3\nadvert_int 0.5\ndown_timer_adverts 2");
    assert_eq!(delays("eth0 5", &text), [("eth0".to_owned(), 500, 5000)]);
    let block = format!("interface_up_down_delays {{\neth0 5\n}}\n{text}");
    assert_eq!(
        said(&block),
        [
            "warning 2:6 a peer of `VI_1` may take over 0.5 s after the link is lost, its skew time \
             added: the loss counts after 0.5 s"
        ]
    );
}

#[test]
fn a_virtual_mac_s_device_has_the_delays_of_the_interface_below() {
    let text = instance_with("use_vmac vrrp.51");
    let expected = [("eth0", 1000, 2000), ("vrrp.51", 1000, 2000)];
    let expected = expected.map(|(name, down, up)| (name.to_owned(), down, up));
    assert_eq!(delays("eth0 1 2", &text), expected);
}

#[test]
fn delays_that_mean_nothing_are_named() {
    for (lines, remark) in [
        (
            "eth7 1",
            "note 2:1 no instance uses `eth7`: this line has no effect",
        ),
        (
            "eth0 256",
            "warning 2:6 a delay is a number of seconds from 0 to 255: the line is ignored",
        ),
        (
            "eth0 soon",
            "warning 2:6 a delay is a number of seconds from 0 to 255: the line is ignored",
        ),
        (
            "eth0",
            "warning 2:1 a delay is missing: the line is ignored",
        ),
        (
            "eth0 1\neth0 2",
            "warning 3:1 `eth0` has its delays already: this line is ignored",
        ),
        (
            "eth0 1 2 3",
            "warning 2:10 `eth0` takes no more than this: the rest of the line is ignored",
        ),
        (
            "eth0 1;",
            "warning 2:6 read as `1`: a line doesn't end with a semicolon here",
        ),
    ] {
        let instance = instance_with("");
        let text = format!("interface_up_down_delays {{\n{lines}\n}}\n{instance}");
        assert_eq!(said(&text), [remark]);
    }
}
