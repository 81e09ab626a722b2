//! The advice, at the numbers where it changes.

use super::{conf, instance_with, printed};
use crate::conf::Diagnostic;

/// Warnings about an instance that tracks `chk`, with lines for the script and the instance.
fn warnings(script: &str, instance: &str) -> Vec<Diagnostic> {
    let text = text(script, instance);
    let diagnostics = conf(&text).diagnostics.into_iter();
    diagnostics
        .filter(|d| d.severity == crate::conf::Severity::Warning)
        .collect()
}

fn text(script: &str, instance: &str) -> String {
    let track = format!("{instance}\ntrack_script {{\nchk\n}}");
    format!(
        "vrrp_script chk {{\nscript /bin/true\n{script}\n}}\n{}",
        instance_with(&track)
    )
}

/// Whether the check is said to be too slow.
fn too_slow(script: &str, instance: &str) -> bool {
    let warnings = warnings(script, instance);
    warnings
        .iter()
        .any(|d| d.message.contains("can't prevent two masters"))
}

#[test]
fn the_bound_is_two_adverts_and_the_skew() {
    // Version 2, 1 s, priority 100: 2 s + 156/256 s = 2.609375 s.
    assert!(!too_slow(
        "interval 1\ntimeout 0.609375\nfall 2",
        "priority 100"
    ));
    assert!(too_slow(
        "interval 1\ntimeout 0.609376\nfall 2",
        "priority 100"
    ));
    // One advert more, one interval more: 3.609375 s.
    let four = "priority 100\ndown_timer_adverts 4";
    assert!(!too_slow("interval 1\ntimeout 1.609375\nfall 2", four));
    assert!(too_slow("interval 1\ntimeout 1.609376\nfall 2", four));
    // The skew of version 2 doesn't grow with the interval: 4.609375 s.
    assert!(!too_slow(
        "interval 2\ntimeout 0.609375\nfall 2",
        "priority 100\nadvert_int 2"
    ));
    assert!(too_slow(
        "interval 2\ntimeout 0.61\nfall 2",
        "priority 100\nadvert_int 2"
    ));
    // That of version 3 does: 2 x 2 s + 156/256 x 2 s = 5.21875 s.
    assert!(!too_slow(
        "interval 2\ntimeout 1.21875\nfall 2",
        "priority 100\nversion 3\nadvert_int 2"
    ));
    assert!(too_slow(
        "interval 2\ntimeout 1.21876\nfall 2",
        "priority 100\nversion 3\nadvert_int 2"
    ));
    // A higher priority has a shorter skew: 2 s + 2/256 s.
    assert!(too_slow("interval 1\ntimeout 0.1\nfall 2", "priority 254"));
}

#[test]
fn a_probe_is_over_after_its_own_timeout() {
    let probe = |own: &str| {
        format!("interval 1\nfall 2\nscript \"locum probe ping 192.0.2.9 --timeout {own}\"")
    };
    assert!(!too_slow(&probe("0.6"), "priority 100"));
    assert!(too_slow(&probe("0.7"), "priority 100"));
    assert!(!too_slow(&(probe("5") + "\ntimeout 0.6"), "priority 100"));
}

/// A router's own service says nothing about the network between the routers.
#[test]
fn a_probe_of_the_router_itself_is_never_too_slow() {
    let probe = |target: &str| format!("interval 9\nfall 9\nscript \"locum probe {target}\"");
    for own in [
        "http http://127.0.0.1/",
        "tcp 127.0.0.1:80",
        "ping 127.0.0.1",
    ] {
        assert!(!too_slow(&probe(own), "priority 100"), "{own}");
    }
    for other in [
        "http http://192.0.2.9/",
        "tcp 192.0.2.9:80",
        "ping 127.0.0.1 192.0.2.9",
    ] {
        assert!(too_slow(&probe(other), "priority 100"), "{other}");
    }
}

#[test]
fn the_values_proposed_are_accepted() {
    for (script, instance) in [
        ("interval 5", "priority 100"),
        ("interval 2\nfall 3", "priority 200"),
        ("interval 1\nfall 10", "version 3\nadvert_int 0.1"),
        ("interval 30\ntimeout 10\nfall 4", "version 3"),
    ] {
        let warnings = warnings(script, instance);
        let help = warnings
            .first()
            .and_then(|d| d.help.clone())
            .expect("too slow");
        let quoted: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
        let [interval, timeout, fall, rest @ ..] = &quoted[..] else {
            panic!("{help}")
        };
        let faster = [*interval, timeout, fall].join("\n");
        assert!(!too_slow(&faster, instance), "{help}");
        if let [advert] = rest {
            assert!(
                !too_slow(script, &format!("{instance}\n{advert}")),
                "{help}"
            );
        }
    }
}

#[test]
fn weighted_and_reversed_checks_arbitrate_nothing() {
    assert!(!too_slow("interval 5\nweight -10", "priority 100"));
    assert!(!too_slow("interval 5\nweight 0 reverse", "priority 100"));
}

#[test]
fn weights_that_do_nothing_are_found() {
    let has = |script: &str, instance: &str, part: &str| {
        warnings(script, instance)
            .iter()
            .any(|d| d.message.contains(part))
    };
    let part = "has no effect here";
    assert!(has("weight 2", "priority 254", part));
    assert!(!has("weight 2", "priority 253", part));
    assert!(has("weight -2", "priority 1", part));
    assert!(has("weight 2 reverse", "priority 1", part));
    assert!(!has("weight -2 reverse", "priority 1", part));
    assert!(has("weight 2", "nopreempt", "never causes a failover"));
    assert!(!has(
        "weight 2",
        "state MASTER\npriority 9\nnopreempt",
        "never causes a failover"
    ));
}

#[test]
fn a_timeout_longer_than_the_interval_is_found() {
    let long = warnings("weight 5\ninterval 1\ntimeout 1.5", "");
    assert_eq!(long.len(), 1, "{long:?}");
    assert!(warnings("weight 5\ninterval 1\ntimeout 1", "").is_empty());
}

#[test]
fn the_advice_reads_like_this() {
    let both = text("interval 2\nfall 3\ntimeout 3", "priority 150");
    let weighted = text("interval 2\nweight 20", "priority 254\nnopreempt");
    assert!(too_slow("interval 2\nfall 3\ntimeout 3", "priority 150"));
    insta::assert_snapshot!(printed(&both) + "\n\n----\n\n" + &printed(&weighted));
}
