//! `vrrp_strict` and `strict_mode`: what they take away, each said where it stands.

use super::{conf, instance_with, only_instance, printed, said};
use crate::config::{Auth, HmacMode, Preempt};

const STRICT: &str = "strict_mode on";

#[test]
fn it_makes_the_addresses_silent_and_says_so_loudly() {
    let text = instance_with(STRICT);
    let instance = only_instance(&text);
    assert!(instance.refuses_access());
    assert!(instance.tuning.owner_ignore_adverts && instance.lower_prio_no_advert);
    assert!(!instance.audible_yield, "RFC 9568 knows no such thing");
    assert_eq!(instance.garp.contest_repeat, 0);
    let said = said(&text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("warning 6:1 strict mode drops"),
        "{said:?}"
    );
    assert_eq!(super::said(&instance_with("strict_mode off")), [""; 0]);
    let global = format!(
        "global_defs {{\nvrrp_strict\n}}\n{}{}",
        instance_with(""),
        instance_with("")
            .replace("VI_1", "VI_2")
            .replace("id 51", "id 52")
    );
    assert_eq!(
        super::said(&global).len(),
        1,
        "once for all: {}",
        printed(&global)
    );
    let text = format!(
        "global_defs {{\nvrrp_strict\n}}\n{}",
        instance_with("strict_mode off")
    );
    assert!(
        only_instance(&text).accept,
        "the instance has the last word"
    );
}

#[test]
fn accept_helps_in_version_3_only_and_an_owner_needs_it_not() {
    let v3 = instance_with("strict_mode on\nversion 3\naccept");
    assert!(only_instance(&v3).accept);
    assert_eq!(said(&v3), [""; 0]);
    let v2 = instance_with("strict_mode on\naccept");
    assert!(!only_instance(&v2).accept);
    assert!(
        said(&v2)[0].contains("no `accept` in version 2"),
        "{:?}",
        said(&v2)
    );
    let owner = instance_with("strict_mode on\npriority 255");
    assert_eq!(said(&owner), [""; 0]);
    assert!(!only_instance(&owner).refuses_access());
}

#[test]
fn what_it_overrides_is_said_where_it_stands() {
    let text = instance_with(
        "strict_mode on\nno_accept\nauthentication {\nauth_type PASS\nauth_pass 1111\n}\n\
         preempt_delay 5\ndown_timer_adverts 5\nhigher_prio_send_advert\nstate BACKUP",
    );
    let instance = only_instance(&text);
    assert_eq!(instance.auth, Auth::None);
    assert_eq!(instance.preempt, Preempt::Always);
    assert_eq!(instance.tuning.down_timer_adverts, 3);
    assert!(!instance.tuning.higher_prio_send_advert);
    let said = said(&text).join("\n");
    for part in [
        "authentication",
        "preempt_delay",
        "down_timer_adverts",
        "higher_prio",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[test]
fn the_rest_of_it() {
    let lines = "strict_mode on\nno_accept\nstate MASTER\npriority 100\n\
                 use_vmac v1 00:11:22:33:44\nvmac_xmit_base\nunicast_src_ip 192.0.2.11\n\
                 unicast_peer {\n192.0.2.12 }";
    let said = said(&instance_with(lines)).join("\n");
    for part in [
        "`state MASTER` is for the owner",
        "knows no unicast",
        "only the virtual router's own MAC",
        "sends adverts from the virtual MAC",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    let text = "vrrp_instance a {\ninterface eth0\nvirtual_router_id 51\nstrict_mode on\nno_virtual_ipaddress\n}\n";
    assert!(conf(text).config.is_none());
    assert!(printed(text).contains("requires a virtual address"));
}

/// As keepalived 2.4.3 does it: a strict router asks for signed adverts whatever the mode.
#[test]
fn signatures_are_enforced() {
    for mode in ["permissive", "receive-only", "enforce"] {
        let key = "key 1 hex:".to_owned() + &"5a".repeat(32);
        let block = format!("auth_hmac {{\n{key}\nactive_key 1\nmode {mode}\n}}");
        let text = instance_with(&format!("strict_mode on\nno_accept\n{block}"));
        let hmac = only_instance(&text).hmac.expect("it signs");
        assert_eq!(hmac.mode, HmacMode::Enforce);
        let told = said(&text)
            .iter()
            .any(|line| line.contains("`auth_hmac`'s mode"));
        assert_eq!(told, mode != "enforce", "{:?}", said(&text));
    }
}
