//! Unicast: what makes peers, and what is said when there are none.

use super::{assert_says, conf, instance_with, only_instance, said, usable};
use crate::conf::Severity::{Note, Warning};
use crate::conf::explain;
use crate::config::{OldChecksum, Unicast};

fn unicast(lines: &str) -> Unicast {
    let instance = only_instance(&instance_with(lines));
    instance.unicast.expect("it is unicast")
}

const PEERS: &str = "unicast_peer {\n192.0.2.3\n192.0.2.4 min_ttl 250 max_ttl 254\n}";

#[test]
fn peers_are_read_with_their_limits_and_nothing_is_said() {
    let text = instance_with(&format!("unicast_src_ip 192.0.2.2\n{PEERS}\nunicast_ttl 9"));
    assert_eq!(said(&text), [""; 0]);
    let instance = only_instance(&text);
    assert_eq!(instance.source, Some([192, 0, 2, 2].into()));
    let unicast = instance.unicast.expect("it is unicast");
    let peers: Vec<_> = unicast
        .peers
        .iter()
        .map(|p| (p.address, p.ttl.clone()))
        .collect();
    let expected = [
        ([192, 0, 2, 3].into(), 0..=255),
        ([192, 0, 2, 4].into(), 250..=254),
    ];
    assert_eq!(peers, expected);
    assert_eq!((unicast.ttl, unicast.check_source), (9, true));
    assert_eq!(unicast.old_checksum, OldChecksum::Detect);
}

#[test]
fn the_source_is_checked_unless_somebody_says_off() {
    let one = "unicast_peer {\n192.0.2.3\n}";
    assert!(unicast(one).check_source);
    assert!(unicast(&format!("{one}\ncheck_unicast_src")).check_source);
    assert!(!unicast(&format!("{one}\ncheck_unicast_src off")).check_source);
    assert_says(
        &format!("{one}\ncheck_unicast_src off"),
        Note,
        "adverts from any address count",
    );
    let global = |instance: &str| {
        let text = format!(
            "global_defs {{\nvrrp_check_unicast_src off\n}}\n{}",
            instance_with(instance)
        );
        only_instance(&text)
            .unicast
            .expect("it is unicast")
            .check_source
    };
    assert!(!global(one));
    assert!(global(&format!("{one}\ncheck_unicast_src")));
    assert!(global(PEERS), "limits turn it on");
    let text = instance_with(&format!("{PEERS}\ncheck_unicast_src off"));
    assert!(
        only_instance(&text)
            .unicast
            .expect("it is unicast")
            .check_source
    );
    let last = said(&text).pop().expect("a warning");
    assert!(last.contains("this line has no effect"), "{last}");
}

#[test]
fn no_peers_means_the_group_and_is_said_loudly() {
    for (lines, part) in [
        ("unicast_peer {\n}", "MULTICAST"),
        ("unicast_src_ip 192.0.2.2", "MULTICAST"),
        ("unicast_ttl 3", "no effect"),
        ("check_unicast_src", "no effect"),
        ("old_unicast_checksum", "no effect"),
    ] {
        assert_says(lines, Warning, part);
        assert_eq!(
            only_instance(&instance_with(lines)).unicast,
            None,
            "{lines}"
        );
    }
    let lines = "unicast_fault_no_peer";
    assert_says(lines, Warning, "stays in fault");
    assert!(unicast(lines).peers.is_empty());
    assert!(
        unicast(&format!("{lines}\nunicast_peer {{\n}}"))
            .peers
            .is_empty()
    );
    assert_eq!(unicast(&format!("{lines}\n{PEERS}")).peers.len(), 2);
}

#[test]
fn a_line_that_is_no_peer_is_told_apart() {
    for (line, severity, part) in [
        ("192.0.2.3.4", Warning, "not an address"),
        ("224.0.0.18", Warning, "no peer's address"),
        ("2001:db8::1", Warning, "talks over IPv4"),
        ("192.0.2.9", Warning, "a peer already"),
        ("192.0.2.2", Note, "our own address"),
        ("192.0.2.5 nearby", Warning, "not understood"),
        ("192.0.2.5 min_ttl 256", Warning, "this limit is ignored"),
        ("192.0.2.5 min_ttl 9 max_ttl 8", Warning, "no TTL"),
        ("192.0.2.5;", Warning, "semicolon"),
    ] {
        let lines = format!("unicast_src_ip 192.0.2.2\nunicast_peer {{\n192.0.2.9\n{line}\n}}");
        let said = said(&instance_with(&lines));
        assert!(said.iter().any(|s| s.contains(part)), "{line}: {said:?}");
        assert_says(&lines, severity, "");
    }
}

#[test]
fn the_old_checksum_is_for_version_3() {
    let with = |line: &str| format!("version 3\n{PEERS}\n{line}");
    assert_eq!(
        unicast(&with("old_unicast_checksum")).old_checksum,
        OldChecksum::Always
    );
    assert_eq!(
        unicast(&with("old_unicast_checksum never")).old_checksum,
        OldChecksum::Never
    );
    assert_says(
        &with("old_unicast_checksum no"),
        Warning,
        "alone or with `never`",
    );
    let v2 = with("old_unicast_checksum").replace("version 3", "version 2");
    assert_says(&v2, Warning, "version 2 has only one checksum");
}

#[test]
fn two_instances_of_one_id_need_other_peers() {
    let one = instance_with(PEERS);
    let text = format!("{one}{}", one.replace("VI_1", "VI_2"));
    let reading = conf(&text);
    assert!(reading.config.is_none());
    let help = reading.diagnostics[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("or other peers"), "{help}");
}

#[test]
fn the_explanation_says_whom_it_talks_to() {
    let told = |lines: &str| explain(&usable(&instance_with(lines)));
    let peers = "unicast_peer {\n192.0.2.3\n192.0.2.4\n}";
    assert!(told(peers).contains("go to 192.0.2.3, 192.0.2.4, and it hears no others"));
    let open = format!("{peers}\ncheck_unicast_src off");
    assert!(told(&open).contains("hears whoever writes to it"));
    assert!(told("unicast_fault_no_peer").contains("stays in fault"));
    assert!(!told("priority 9").contains("group"));
}
