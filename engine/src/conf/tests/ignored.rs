//! Keywords that have no effect: each costs exactly one remark, with its block or without.

use super::{assert_says, conf, instance_with, only_instance, printed, said};
use crate::conf::Severity::{Note, Warning};

const GLOBAL: &str = "lvs_id startup_script \
    disable_local_igmp \
    dynamic_interfaces max_auto_priority \
    vrrp_priority vrrp_no_swap vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rttime \
    vrrp_rx_bufs_policy vrrp_iptables vrrp_ipsets nftables enable_dbus enable_snmp_vrrp \
    enable_snmp_rfc enable_traps snmp_socket process_names reload_check_config reload_file \
    config_save_dir iproute_usr_dir lvs_sync_daemon";

const INSTANCE: &str = "vrf kernel_rx_buf_size \
    linkbeat_use_polling lvs_sync_daemon_interface \
    promote_secondaries use_ipvlan \
    debug";

const ROOT: &str = "instance use_pid_dir child_wait_time namespace_with_ipsets";

const ROOT_BLOCKS: &str = "bfd_instance \
    linkbeat_interfaces virtual_server virtual_server_group";

const INSTANCE_BLOCKS: &str = "track_bfd";

#[track_caller]
fn assert_one_remark(text: &str, keyword: &str) {
    let diagnostics = conf(text).diagnostics;
    let [only] = &diagnostics[..] else {
        panic!("one remark expected about {keyword}:\n{}", printed(text));
    };
    assert!(only.severity <= Warning, "{only}");
    assert!(!only.message.starts_with("unknown"), "{only}");
    assert_eq!(only_instance(text).priority.get(), 42);
}

#[test]
fn each_known_keyword_costs_one_remark() {
    let instance = instance_with("priority 42");
    for keyword in GLOBAL.split_whitespace() {
        assert_one_remark(
            &format!("global_defs {{\n{keyword} 1\n}}\n{instance}"),
            keyword,
        );
    }
    for keyword in ROOT.split_whitespace() {
        assert_one_remark(&format!("{keyword} 1\n{instance}"), keyword);
    }
    for keyword in ROOT_BLOCKS.split_whitespace() {
        let block = format!("{keyword} x {{\n y 1\n z {{\n state MASTER\n }}\n}}\n");
        assert_one_remark(&format!("{block}{instance}"), keyword);
    }
    for keyword in INSTANCE.split_whitespace() {
        let text = instance_with(&format!("{keyword} 1\npriority 42"));
        assert_one_remark(&text, keyword);
    }
    for keyword in INSTANCE_BLOCKS.split_whitespace() {
        let block = format!("{keyword} {{\n y 1\n z\n}}\npriority 42");
        assert_one_remark(&instance_with(&block), keyword);
    }
}

#[test]
fn the_remark_is_loud_when_behaviour_differs() {
    assert_says("use_ipvlan", Warning, "has anyway");
    assert_says("debug 4", Note, "no effect in keepalived either");
    assert_eq!(said(&instance_with("accept\nstrict_mode off")), [""; 0]);
}

/// Each word of `bfd_instance` (1.11), which keepalived 2.2.7 reads without a remark, but for `multihop`
/// of later ones.
const BFD: &str = "
neighbor_ip 192.0.2.1
source_ip 192.0.2.2
min_rx 10
min_tx 10
idle_tx 1000
multiplier 5
passive
ttl 255
hoplimit 64
max_hops 0
multihop
weight 0
weight 0 reverse
vrrp
checker
";

#[test]
fn the_words_of_bfd_are_skipped_with_their_block_and_what_that_means_is_said() {
    for word in BFD.trim().lines() {
        let block = format!("bfd_instance b {{\n{word}\n}}\n");
        let text = format!("{block}{}", instance_with("track_bfd {\nb\n}\npriority 42"));
        let said = said(&text);
        assert_eq!(said.len(), 2, "{word}:\n{}", printed(&text));
        assert!(said[0].starts_with("warning 1:1 `bfd_instance` is skipped"));
        assert!(said[1].starts_with("warning 9:1 `track_bfd` is skipped"));
        for said in said {
            assert!(
                said.contains("the adverts themselves find a dead peer"),
                "{said}"
            );
        }
        assert_eq!(only_instance(&text).priority.get(), 42, "{word}");
    }
}
