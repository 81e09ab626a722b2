//! The scalar keywords of an instance and their rules, value by value.

use core::time::Duration;

use super::{assert_says, conf, instance_with, only_instance, printed, said, usable};
use crate::conf::Severity::{Error, Note, Warning};
use crate::config::{Auth, Broadcast, GarpConfig, HeaderKey, Preempt, Version};
use crate::ids::{InterfaceId, Priority};

#[test]
fn defaults_are_keepaliveds() {
    let instance = only_instance(&instance_with(""));
    assert_eq!(instance.priority, Priority(100));
    assert_eq!(instance.version, Version::V2);
    assert_eq!(instance.advert_interval.get(), 100);
    assert_eq!(instance.preempt, Preempt::Always);
    assert_eq!(instance.auth, Auth::None);
    assert_eq!(instance.garp, GarpConfig::default());
    assert!(!instance.lower_prio_no_advert);
    assert!(instance.audible_yield);
    assert_eq!(instance.source, None);
}

#[test]
fn the_last_of_several_values_wins() {
    let instance = only_instance(&instance_with("priority 7\npriority 9\nnopreempt\npreempt"));
    assert_eq!(
        (instance.priority, instance.preempt),
        (Priority(9), Preempt::Always)
    );
}

#[test]
fn advert_intervals_fit_their_version() {
    let cases = [
        ("2", "1", 100, None),
        ("2", "1.4", 100, Some(Warning)),
        ("2", "1.5", 200, Some(Warning)),
        ("2", "0.1", 100, Some(Warning)),
        ("2", "300", 25_500, Some(Warning)),
        ("2", "999999", 25_500, Some(Warning)),
        ("3", "0.05", 5, None),
        ("3", "40.95", 4095, None),
        ("3", "0.055", 6, Some(Warning)),
        ("3", "0", 1, Some(Warning)),
        ("3", "41", 4095, Some(Warning)),
        ("3", "1s", 100, Some(Warning)),
    ];
    for (version, text, centis, severity) in cases {
        for order in [
            format!("version {version}\nadvert_int {text}"),
            format!("advert_int {text}\nversion {version}"),
        ] {
            let text = instance_with(&order);
            assert_eq!(
                only_instance(&text).advert_interval.get(),
                centis,
                "{order}"
            );
            let severities: Vec<_> = conf(&text).diagnostics.iter().map(|d| d.severity).collect();
            assert_eq!(severities, Vec::from_iter(severity), "{order}");
        }
    }
}

#[test]
fn a_value_out_of_range_is_reported_and_left_out() {
    assert_says("priority 0", Warning, "from 1 to 255: 100 is used");
    assert_says("priority 1e2", Warning, "100 is used");
    assert_says("version 4", Warning, "from 2 to 3");
    assert_says("preempt_delay 1001", Warning, "from 0 to 1000");
    assert_says("garp_master_repeat 0", Warning, "from 1 to");
    assert_says("lower_prio_no_advert On", Warning, "`on` or `off`");
    assert_says(
        "mcast_src_ip eth0",
        Warning,
        "needs an IPv4 or IPv6 address",
    );
    assert_says(
        "priority 100 200",
        Warning,
        "the rest of the line is ignored",
    );
    assert_says("priority 100 { }", Warning, "takes no block");
    assert_says("priority 100;", Warning, "read as `100`");
    assert_says("advert_int", Error, "needs a value");
}

#[test]
fn state_decides_nothing_but_voids_much() {
    let with = |lines: &str| only_instance(&instance_with(lines));
    assert_eq!(with("state MASTER").priority, Priority::OWNER);
    assert_eq!(with("state MASTER\npriority 150").priority, Priority(150));
    assert_eq!(with("state BACKUP").priority, Priority(100));
    assert_says("state MASTER", Warning, "means priority 255");
    assert_says("state master", Warning, "BACKUP is used");
    assert_says(
        "state MASTER\npriority 9\nnopreempt",
        Warning,
        "`state MASTER` voids `nopreempt`",
    );
    assert_says(
        "state MASTER\npriority 9\npreempt_delay 5",
        Warning,
        "voids `preempt_delay`",
    );
    assert_says(
        "priority 255\nnopreempt",
        Warning,
        "priority 255 voids `nopreempt`",
    );
    assert_says("nopreempt\npreempt_delay 5", Warning, "never takes over");
    assert_eq!(
        with("state MASTER\npriority 9\nnopreempt").preempt,
        Preempt::Always
    );
    assert_eq!(with("priority 9\nnopreempt").preempt, Preempt::Never);
    assert_eq!(
        with("preempt_delay 1.5").preempt,
        Preempt::After(Duration::from_millis(1500))
    );
    assert_eq!(with("preempt_delay 0").preempt, Preempt::Always);
    assert_eq!(with("nopreempt\npreempt_delay 5").preempt, Preempt::Never);
}

#[test]
fn passwords_are_eight_bytes_in_the_clear() {
    let auth = |lines: &str| only_instance(&instance_with(lines)).auth;
    let block = |kind: &str, pass: &str| {
        format!("authentication {{\nauth_type {kind}\nauth_pass {pass}\n}}")
    };
    assert_eq!(
        auth(&block("PASS", "secret")),
        Auth::Password(*b"secret\0\0")
    );
    assert_eq!(
        auth(&block("PASS", "\"a b\"")),
        Auth::Password(*b"a b\0\0\0\0\0")
    );
    assert_eq!(
        auth(&block("PASS", "0123456789")),
        Auth::Password(*b"01234567")
    );
    assert_says(&block("PASS", "0123456789"), Note, "only the first 8 bytes");
    assert_eq!(
        auth(&block("PASS;", "1111")),
        Auth::Password(*b"1111\0\0\0\0")
    );
    assert_says(
        &block("PASS;", "1111"),
        Warning,
        "`PASS;` is read as `PASS`",
    );
    assert_says(&block("pass", "1111"), Warning, "`pass` is read as `PASS`");
    let header = Auth::Header(HeaderKey(*b"1111\0\0\0\0"));
    assert_eq!(auth(&block("AH", "1111")), header);
    assert_eq!(auth(&block("ah", "1111")), header);
    assert_says(&block("ah", "1111"), Warning, "`ah` is read as `AH`");
    assert_says(&block("MD5", "1111"), Warning, "PASS or AH");
    assert_says(
        "authentication {\nauth_type AH\n}",
        Warning,
        "without `auth_pass`",
    );
    assert_says(
        "authentication {\nauth_pass x\n}",
        Warning,
        "without `auth_type PASS`",
    );
    assert_says(
        "authentication {\nauth_type PASS\n}",
        Warning,
        "without `auth_pass`",
    );
    assert_says("authentication {\n}", Note, "empty");
    let v3 = format!("{}\nversion 3", block("PASS", "1111"));
    assert_eq!(auth(&v3), Auth::None);
    assert_says(&v3, Warning, "version 3 has no passwords");
}

#[test]
fn address_lines_carry_their_options() {
    let text = "vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  virtual_ipaddress {
    192.0.2.1/24 brd + dev eth1 scope link label eth1:vip
    192.0.2.2/25 brd 192.0.2.127 scope 77
  }
  virtual_ipaddress_excluded {
    198.51.100.7/32 brd - dev eth1
  }
}";
    let config = usable(text);
    assert_eq!(config.interfaces, ["eth0".into(), "eth1".into()]);
    let [first, second] = &config.instances[0].addresses[..] else {
        panic!("two addresses")
    };
    assert_eq!(first.interface, InterfaceId(1));
    assert_eq!(
        (first.prefix, first.scope, first.broadcast),
        (24, 253, Broadcast::AllOnes)
    );
    assert_eq!(first.label.as_deref(), Some("eth1:vip"));
    assert_eq!(second.interface, InterfaceId(0));
    let broadcast = Broadcast::Literal(core::net::Ipv4Addr::new(192, 0, 2, 127));
    assert_eq!(
        (second.prefix, second.scope, second.broadcast),
        (25, 77, broadcast)
    );
    let excluded = &config.instances[0].excluded[0];
    assert_eq!((excluded.prefix, excluded.broadcast), (32, Broadcast::None));
    assert_eq!(said(text), [""; 0]);
}

#[test]
fn blanks_around_the_slash_are_understood() {
    for line in [
        "192.0.2.9 /28",
        "192.0.2.9/ 28",
        "192.0.2.9 / 28",
        "192.0.2.9 /28 dev eth0",
    ] {
        let lines = format!("virtual_ipaddress {{\n{line}\n}}");
        let instance = only_instance(&instance_with(&lines));
        assert_eq!(instance.addresses[1].prefix, 28, "{line}");
        assert_says(&lines, Note, "read as a /28");
    }
}

#[test]
fn addresses_that_are_odd_are_reported() {
    let cases = [
        ("192.0.2.9", Note, "held as a /32"),
        ("192.0.2.9/33", Warning, "`/33` is not a prefix length"),
        ("192.0.2.256/24", Warning, "is not an address"),
        ("224.0.0.18/32", Warning, "no host can hold 224.0.0.18"),
        ("192.0.2.1/24", Warning, "listed twice"),
        (
            "192.0.2.9/24 192.0.2.10/24",
            Warning,
            "`192.0.2.10/24` is not understood",
        ),
        (
            "192.0.2.9/24 label eth0:a-label-too-long",
            Warning,
            "15 characters",
        ),
        ("192.0.2.9/24 scope nearby", Warning, "a scope is"),
        ("192.0.2.9/24 brd all", Warning, "a broadcast address is"),
        (
            "192.0.2.9/24 preferred_lft 0",
            Note,
            "an IPv4 address has no `preferred_lft`",
        ),
        ("2001:db8::1/64", Warning, "2001:db8::1 can't be advertised"),
        (
            "2001:db8::1/64\n2001:db8::2/64",
            Warning,
            "2001:db8::1 and one more can't be",
        ),
        ("192.0.2.9/24 dev", Error, "`dev` needs a value"),
        (
            "192.0.2.9/24 dev an-interface-too-long",
            Error,
            "1 to 15 characters",
        ),
    ];
    for (line, severity, part) in cases {
        assert_says(&format!("virtual_ipaddress {{\n{line}\n}}"), severity, part);
    }
}

#[test]
fn an_advert_carries_no_more_than_255_addresses() {
    let lines: Vec<String> = (0..300)
        .map(|n| format!("10.0.{}.{}/32", n / 100, n % 100))
        .collect();
    let lines = format!(
        "virtual_ipaddress {{\n{}\n}}\nvirtual_ipaddress_excluded {{\n10.1.0.0/32\n}}",
        lines.join("\n")
    );
    let instance = only_instance(&instance_with(&lines));
    assert_eq!(
        (instance.addresses.len(), instance.excluded.len()),
        (255, 47)
    );
    assert_eq!(instance.addresses[254].address.to_string(), "10.0.2.53");
    assert_eq!(instance.excluded[0].address.to_string(), "10.0.2.54");
    assert_eq!(instance.excluded[46].address.to_string(), "10.1.0.0");
    assert_eq!(said(&instance_with(&lines)).len(), 1);
}

#[test]
fn announcements_fall_back_on_the_global_settings() {
    let text = format!(
        "global_defs {{\nvrrp_garp_master_delay 1\nvrrp_garp_master_repeat 2\nvrrp_garp_master_refresh 60\nvrrp_lower_prio_no_advert\n}}\n{}",
        instance_with("garp_master_repeat 3\ngarp_lower_prio_repeat 0\nquiet_yield")
    );
    let instance = only_instance(&text);
    let expected = GarpConfig {
        elsewhere: Duration::ZERO,
        delay: Duration::from_secs(1),
        repeat: 3,
        refresh: Duration::from_secs(60),
        refresh_repeat: 1,
        contest_delay: Duration::from_secs(1),
        contest_repeat: 0,
    };
    assert_eq!(instance.garp, expected);
    assert!(instance.lower_prio_no_advert);
    assert!(!instance.audible_yield);
    assert_eq!(said(&text), [""; 0]);
}

/// What keepalived 2.2.7 dumps: the global values count, whatever the instance's own are.
#[test]
fn a_contest_is_answered_as_the_global_settings_have_it() {
    for (global, expected) in [
        ("", (5, 5)),
        (
            "vrrp_garp_master_delay 1\nvrrp_garp_master_repeat 2",
            (1, 2),
        ),
        (
            "vrrp_garp_lower_prio_delay 7\nvrrp_garp_lower_prio_repeat 8\nvrrp_garp_master_delay 1",
            (7, 8),
        ),
    ] {
        for (lines, own) in [
            ("garp_master_delay 3\ngarp_master_repeat 4", None),
            (
                "garp_lower_prio_delay 9\ngarp_lower_prio_repeat 10",
                Some((9, 10)),
            ),
        ] {
            let text = format!("global_defs {{\n{global}\n}}\n{}", instance_with(lines));
            let garp = only_instance(&text).garp;
            let read = (garp.contest_delay.as_secs(), garp.contest_repeat);
            assert_eq!(read, own.unwrap_or(expected), "{global}, {lines}");
        }
    }
}

#[test]
fn what_every_instance_needs() {
    let cases = [
        (
            "vrrp_instance A {\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1/24\n}\n}",
            "error 1:15 the instance `A` has no interface",
        ),
        (
            "vrrp_instance A {\ninterface e\nvirtual_ipaddress {\n192.0.2.1/24\n}\n}",
            "error 1:15 the instance `A` has no virtual router id",
        ),
        (
            "vrrp_instance A {\ninterface e\nvirtual_router_id 1\n}",
            "warning 1:15 the instance `A` has no virtual address",
        ),
        (
            "vrrp_instance A {\ninterface e\nvirtual_router_id 1\nversion 3\n}",
            "error 1:15 the instance `A` has no virtual address, which version 3 requires",
        ),
        (
            "vrrp_instance A {\ninterface lo\nvirtual_router_id 1\nno_virtual_ipaddress\n}",
            "error 2:11 the loopback interface reaches no other router",
        ),
        (
            "vrrp_instance {\n}",
            "error 1:1 `vrrp_instance` needs a name",
        ),
    ];
    for (text, expected) in cases {
        assert!(
            said(text).contains(&expected.to_owned()),
            "{}",
            printed(text)
        );
        assert_eq!(
            conf(text).config.is_some(),
            expected.starts_with("warning"),
            "{text}"
        );
    }
    let silent =
        "vrrp_instance A {\ninterface e\nvirtual_router_id 1\nversion 3\nno_virtual_ipaddress\n}";
    assert_eq!(said(silent), [""; 0]);
    assert!(only_instance(silent).addresses.is_empty());
}

#[test]
fn no_two_instances_share_a_name_or_a_router_id() {
    let one = |name: &str, vrid: u8, interface: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface {interface}\nvirtual_router_id {vrid}\nno_virtual_ipaddress\n}}\n"
        )
    };
    let named = one("A", 1, "eth0") + &one("A", 2, "eth0");
    assert_eq!(
        said(&named),
        ["error 6:15 there is already a `vrrp_instance` named `A`"]
    );
    assert_eq!(only_instance(&named).vrid.get(), 1);
    let shared = one("A", 1, "eth0") + &one("B", 1, "eth0");
    assert_eq!(
        said(&shared),
        ["error 8:19 `B` and `A` share the virtual router id 1 on one interface"]
    );
    assert_eq!(conf(&shared).config, None);
    let apart = one("A", 1, "eth0") + &one("B", 1, "eth1");
    assert_eq!(usable(&apart).instances.len(), 2);
}
