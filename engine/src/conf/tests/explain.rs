//! The explanation names the numbers that decide.

use super::{instance_with, usable};
use crate::conf::explain;

fn explained(text: &str) -> String {
    explain(&usable(text))
}

/// One instance that tracks a script with that weight.
fn weighted(lines: &str, weight: &str) -> String {
    let script =
        format!("vrrp_script chk {{\nscript /bin/true\ninterval 2\nfall 3\n{weight}\n}}\n");
    let tracks = format!("{lines}\ntrack_script {{\nchk\n}}");
    explained(&(script + &instance_with(&tracks)))
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn silence_is_counted_in_seconds() {
    let text = explained(&instance_with("priority 150"));
    assert_has(
        &text,
        &[
            "after 3.414062",
            "3 x 1 s + skew 0.4140625 s",
            "Nothing is checked",
        ],
    );
    let text = explained(&instance_with("priority 100\nversion 3\nadvert_int 0.5"));
    assert_has(
        &text,
        &[
            "after 1.8046875 s",
            "resigns, after 0.3046875 s",
            "version 3",
        ],
    );
    let text = explained(&instance_with("priority 255"));
    assert_has(&text, &["yields to nobody"]);
    assert!(!text.contains("takes over from a master"), "{text}");
}

#[test]
fn weights_say_which_peer_takes_over() {
    let lower = weighted("priority 150", "weight -2");
    assert_has(
        &lower,
        &[
            "succeeds its priority is 150, while it fails 148",
            "is above 148",
        ],
    );
    let raise = weighted("priority 150", "weight 2");
    assert_has(
        &raise,
        &[
            "succeeds its priority is 152, while it fails 150",
            "is above 150",
        ],
    );
    let reversed = weighted("priority 150", "weight 2 reverse");
    assert_has(
        &reversed,
        &["succeeds its priority is 148, while it fails 150"],
    );
    let reversed = weighted("priority 150", "weight -2 reverse");
    assert_has(
        &reversed,
        &["succeeds its priority is 150, while it fails 152"],
    );
    let limited = weighted("priority 250", "weight 20");
    assert_has(
        &limited,
        &["succeeds its priority is 254, while it fails 250"],
    );
    let frozen = weighted("priority 150\nnopreempt", "weight -2");
    assert_has(
        &frozen,
        &[
            "no peer with `nopreempt` takes over",
            "leaves a master alone",
        ],
    );
}

#[test]
fn weight_zero_says_who_serves_when_all_fail() {
    let late = weighted("priority 150", "");
    assert_has(
        &late,
        &[
            "noticed within 8 s at fall 3",
            "nobody serves",
            "too late to prevent two masters",
        ],
    );
    let text =
        "vrrp_script gw {\nscript \"locum probe arp 192.0.2.254\"\ninterval 0.5\ntimeout 0.5\n}\n";
    let early = explained(&(text.to_owned() + &instance_with("track_script {\ngw\n}")));
    assert_has(
        &early,
        &["the probe `gw`", "let go before its peer takes over"],
    );
    let reverse = weighted("priority 150", "weight 0 reverse");
    assert_has(
        &reverse,
        &["`chk` succeeds (noticed", "one of them still serves"],
    );
}

#[test]
fn a_whole_explanation_reads_like_this() {
    let text = "
vrrp_script web {
 script \"/usr/bin/pgrep nginx\"
 interval 1
 weight -30
}
vrrp_script gw {
 script \"locum probe arp 192.0.2.254\"
 interval 0.5
 timeout 0.5
 weight -40
}
vrrp_instance VI_1 {
 interface eth0
 virtual_router_id 51
 priority 150
 preempt_delay 60
 garp_master_refresh 30
 authentication {
  auth_type PASS
  auth_pass secret
 }
 virtual_ipaddress {
  192.0.2.1/24
  192.0.2.2/24 dev eth1
 }
 virtual_ipaddress_excluded {
  192.0.3.1/24
 }
 track_script {
  web
  gw
 }
}
vrrp_instance VI_2 {
 interface eth0
 virtual_router_id 52
 no_virtual_ipaddress
}
";
    let text = explained(text);
    assert_has(&text, &["between 80 and 150", "It holds no address."]);
    assert!(!text.contains("secret"), "a password is not printed");
    insta::assert_snapshot!(text);
}

#[test]
fn what_a_master_has_besides_its_addresses_is_told() {
    let text = format!(
        "static_routes {{\n10.1.0.0/16 dev eth1\n}}\n{}",
        instance_with(
            "use_vmac\nno_accept\nvirtual_routes {\ndefault via 192.0.2.9\n}\nvirtual_rules {\nfrom 10.1.0.0/16 table 5 priority 7\n}"
        )
    );
    let told = explain(&usable(&text));
    for part in [
        "on vrrp.51, a device it makes on eth0, with the MAC address 00:00:5e:00:01:33",
        "adverts come from it too",
        "not even ping is answered",
        "the route default via 192.0.2.9, the rule 7: from 10.1.0.0/16 lookup 5",
        "From start to stop, whoever is master: the route 10.1.0.0/16 dev eth1.",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
}
