//! The founding case: the pair of files the project started from, with and without arbitration.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use super::{conf, printed, usable};
use crate::config::{Auth, CheckCommand, Config, Preempt, Version};
use crate::ids::Priority;
use crate::probe::ProbeKind;

const NODE_A: &str = "\
! Configuration File for keepalived

global_defs {
   notification_email {
     root@localhost
   }
   notification_email_from root@localhost
   smtp_server localhost
   smtp_connect_timeout 30
   router_id NodeA
}

vrrp_instance VI_1 {
    state MASTER              # the backup says BACKUP
    interface eth0
    virtual_router_id 51      # the same on both
    priority 100              # 1 to 254; the backup's is lower
    advert_int 1              # the same on both
    authentication {          # the same on both
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {       # the same on both
        192.168.200.16/24
        192.168.200.17 /24
        192.168.200.18 /24
    }
}
";

const ARBITRATION: &str = "
vrrp_script check_local {
    script \"/usr/local/keepalived/bin/check_local.sh\"
    interval 5
}
";

/// The backup's file: three lines differ.
fn node_b(text: &str) -> String {
    text.replace("router_id NodeA", "router_id NodeB")
        .replace("state MASTER ", "state BACKUP ")
        .replace("priority 100", "priority 99")
}

/// The file with the script and the lines that track it.
fn with_arbitration(text: &str, script: &str) -> String {
    let tracked = text.replace(
        "    advert_int 1 ",
        "    track_script {\n        check_local\n    }\n    advert_int 1 ",
    );
    format!("{script}{tracked}")
}

fn assert_pair(config: &Config, router: &str, priority: u8) {
    assert_eq!(config.router_id.as_deref(), Some(router));
    assert_eq!(config.interfaces, ["eth0".into()]);
    let [instance] = &config.instances[..] else {
        panic!("one instance")
    };
    assert_eq!(&*instance.name, "VI_1");
    assert_eq!(config.interface_name(instance.interface), "eth0");
    assert_eq!(instance.vrid.get(), 51);
    assert_eq!(instance.version, Version::V2);
    assert_eq!(instance.priority, Priority(priority));
    assert_eq!(instance.advert_interval.get(), 100);
    assert_eq!(instance.preempt, Preempt::Always);
    assert_eq!(instance.auth, Auth::Password(*b"1111\0\0\0\0"));
    assert!(instance.audible_yield);
    let held: Vec<_> = instance
        .held_addresses()
        .map(|held| (held.address, held.prefix))
        .collect();
    let expected = [16, 17, 18].map(|last| (IpAddr::V4(Ipv4Addr::new(192, 168, 200, last)), 24));
    assert_eq!(held, expected);
}

#[test]
fn both_nodes_read_as_meant() {
    assert_pair(&usable(NODE_A), "NodeA", 100);
    assert_pair(&usable(&node_b(NODE_A)), "NodeB", 99);
    insta::assert_snapshot!(printed(NODE_A));
}

#[test]
fn a_script_alone_is_too_slow_to_arbitrate_and_the_lint_says_so() {
    let text = with_arbitration(NODE_A, ARBITRATION);
    let config = usable(&text);
    assert_pair(&config, "NodeA", 100);
    let [check] = &config.checks[..] else {
        panic!("one check")
    };
    let command = CheckCommand::Script(vec!["/usr/local/keepalived/bin/check_local.sh".into()]);
    assert_eq!(check.command, command);
    assert_eq!(check.interval, Duration::from_secs(5));
    assert_eq!(check.timeout, Duration::from_secs(5));
    assert_eq!((check.rise, check.fall, check.init_fail), (1, 1, false));
    let track = config.instances[0].tracks[0];
    assert_eq!(
        (config.check(track.check).name.as_ref(), track.weight.value),
        ("check_local", 0)
    );
    let diagnostics = conf(&text).diagnostics;
    assert!(
        diagnostics
            .iter()
            .any(|d| d.message.contains("can't prevent two masters"))
    );
    insta::assert_snapshot!(printed(&text));
}

#[test]
fn a_fast_probe_of_the_gateway_arbitrates() {
    let script = "vrrp_script check_local {
    script \"/usr/sbin/locum probe ping 192.168.0.1 --timeout 0.4\"
    interval 0.8
    timeout 0.4
    fall 2
    rise 2
}
";
    let text = with_arbitration(&node_b(NODE_A), script);
    let config = usable(&text);
    assert_pair(&config, "NodeB", 99);
    let CheckCommand::Probe(probe) = &config.checks[0].command else {
        panic!("a probe")
    };
    let targets = vec![Ipv4Addr::new(192, 168, 0, 1).into()];
    assert_eq!(probe.kind, ProbeKind::Ping { targets });
    assert_eq!(
        (probe.quorum, probe.timeout),
        (1, Duration::from_millis(400))
    );
    let diagnostics = conf(&text).diagnostics;
    assert!(
        !diagnostics
            .iter()
            .any(|d| d.message.contains("can't prevent"))
    );
    insta::assert_snapshot!(printed(&text));
}
