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
