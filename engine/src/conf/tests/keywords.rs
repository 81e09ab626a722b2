//! Every keyword of keepalived, and what becomes of it: acted on, or answered with a remark that
//! says what isn't done. None is unknown.
//!
//! Each line of a table is a keyword with arguments that keepalived takes. `=` in front: acted on
//! without a remark about it. `-` in front: has no effect, and the remark says so. When a keyword
//! begins to be acted on, its mark changes here.

mod lines;

use super::{conf, instance_with, printed};
use crate::conf::Diagnostic;

const ROOT: &str = "
= garp_group {garp_interval 0.1;interface eth0}
= vrrp_track_file f {file /tmp/x}
= track_file f {file /tmp/x}
= vrrp_track_process p {process x}
= track_process p {process x}
- bfd_instance b {neighbor_ip 192.0.2.1}
= net_namespace ns
- net_namespace_ipvs ns
- namespace_with_ipsets
- instance name
- use_pid_dir
- child_wait_time 5
- linkbeat_use_polling
- linkbeat_interfaces {eth0 MII}
= interface_up_down_delays {eth0 1 2}
= track_group g {group {VI_1}}
= static_ipaddress {192.0.2.3/24 dev eth0}
= static_routes {10.0.0.0/8 dev eth0}
= static_rules {from 10.0.0.0/8 table 5 priority 6}
- virtual_server 192.0.2.7 80 {protocol TCP}
- virtual_server_group g {192.0.2.7 80}
- SSL {password x}
";

const GLOBAL: &str = "
= router_id name
= notification_email {a@example.org}
= notification_email_from a@example.org
= smtp_server 127.0.0.1 25
= smtp_connect_timeout 30
= smtp_helo_name host
= smtp_alert on
= smtp_alert_vrrp on
= no_email_faults
- lvs_id name
= script_user root
= enable_script_security
- set_supplementary_groups
- startup_script /bin/true
- startup_script_timeout 5
- shutdown_script /bin/true
- shutdown_script_timeout 5
= recording off
= recording /var/lib/locum/recording
= recording_size 16
= notify_fifo /run/f
= notify_fifo_script /bin/true
= vrrp_notify_fifo /run/f
= vrrp_notify_fifo_script /bin/true
= vrrp_notify_priority_changes on
= fifo_write_vrrp_states_on_reload
= vrrp_version 2
= vrrp_strict
= vrrp_skip_check_adv_addr
= vrrp_skip_check_adv_addr off
= vrrp_mcast_group4 224.0.0.20
= vrrp_mcast_group6 ff02::20
= vrrp_garp_master_delay 5
= vrrp_garp_master_repeat 5
= vrrp_garp_master_refresh 60
= vrrp_garp_master_refresh_repeat 2
= vrrp_garp_lower_prio_delay 5
= vrrp_garp_lower_prio_repeat 5
= vrrp_garp_interval 0.001
= vrrp_gna_interval 0.001
= vrrp_min_garp
= vrrp_garp_extra_if all 100
= vrrp_vmac_garp_intvl all 100
= vrrp_lower_prio_no_advert
= vrrp_higher_prio_send_advert
= vrrp_down_timer_adverts 3
= vrrp_check_unicast_src
= vrrp_owner_ignore_adverts
= v3_checksum_as_v2
- disable_local_igmp
= vrrp_startup_delay 5
= vrrp_delay_after_boot 5
= log_unknown_vrids
- dynamic_interfaces allow_if_changes
= default_interface eth0
- max_auto_priority -1
- min_auto_priority_delay 1000000
- vrrp_priority -10
- vrrp_no_swap
- vrrp_rt_priority 50
- vrrp_cpu_affinity 0 1
- vrrp_rlimit_rttime 10000
- vrrp_netlink_cmd_rcv_bufs 1048576
- vrrp_netlink_cmd_rcv_bufs_force on
- vrrp_netlink_monitor_rcv_bufs 1048576
- vrrp_netlink_monitor_rcv_bufs_force on
- process_monitor_rcv_bufs 1048576
- process_monitor_rcv_bufs_force on
- vrrp_rx_bufs_policy MTU
- vrrp_rx_bufs_multiplier 3
- vrrp_iptables IN OUT
- vrrp_ipsets on
- nftables keepalived
- nftables_priority -1
- nftables_counters
- nftables_ifindex
= vmac_prefix vrrp
= vmac_addr_prefix vrrp
- enable_dbus
- dbus_service_name x
- dbus_no_interface_name
- enable_snmp_vrrp
- enable_snmp_keepalived
- enable_snmp_checker
- enable_snmp_rfc
- enable_snmp_rfcv2
- enable_snmp_rfcv3
- enable_traps
- snmp_socket udp:localhost
- process_names
- process_name x
- vrrp_process_name x
- checker_process_name x
- bfd_process_name x
- reload_check_config
- reload_time_file /tmp/x
- reload_repeat
- reload_file /tmp/x
- config_save_dir /tmp
- tmp_config_directory /tmp
- use_symlink_paths on
- data_use_instance
= json_version 2
= state_dump_file /tmp/x
= stats_dump_file /tmp/x
= json_dump_file /tmp/x
= umask 0077
- iproute_usr_dir /usr/share/iproute2
- iproute_etc_dir /etc/iproute2
- lvs_sync_daemon eth0 VI_1
- lvs_timeouts tcp 30
- lvs_flush
- lvs_flush_on_stop
- lvs_notify_fifo /run/f
- lvs_netlink_cmd_rcv_bufs 1048576
- lvs_netlink_cmd_rcv_bufs_force on
- lvs_netlink_monitor_rcv_bufs 1048576
- lvs_netlink_monitor_rcv_bufs_force on
- nftables_ipvs keepalived_ipvs
- nftables_ipvs_priority 0
- nftables_ipvs_start_fwmark 1000
- no_checker_emails
- rs_init_notifies
- lvs_notify_fifo_script /bin/true
- checker_priority 1
- checker_log_all_failures on
- smtp_alert_checker on
= include_check readable match
= random_seed 7
";

const INSTANCE: &str = "
= state BACKUP
= priority 100
= advert_int 1
= version 2
= nopreempt
= preempt
= preempt_delay 30
= nopreempt;timer_expired_backup 200
= nopreempt;thread_timer_expired
= down_timer_adverts 3
= lower_prio_no_advert on
= higher_prio_send_advert on
= owner_ignore_adverts on
= strict_mode on
= skip_check_adv_addr off
= unicast_src_ip 192.0.2.3;unicast_peer {192.0.2.4 min_ttl 10 max_ttl 255}
= unicast_peer {192.0.2.4};unicast_ttl 64
= unicast_peer {192.0.2.4};check_unicast_src
= unicast_peer {192.0.2.4};unicast_fault_no_peer
= version 3;unicast_peer {192.0.2.4};old_unicast_checksum never
- vrf blue
= mcast_src_ip 192.0.2.3
= mcast_dst_ip 224.0.0.20
= mcast_src_ip 192.0.2.3;track_src_ip
- kernel_rx_buf_size 65536
= v3_checksum_as_v2
- native_ipv6
- linkbeat_use_polling
- lvs_sync_daemon_interface eth0
= authentication {auth_type PASS;auth_pass 1111}
= virtual_ipaddress_excluded {192.0.2.9/24}
= no_virtual_ipaddress
- promote_secondaries
= accept
= no_accept
= use_vmac vrrp.51 00:00:5e:00:01:33
= use_vmac;vmac_xmit_base;use_vmac_addr
- use_ipvlan
= virtual_routes {10.0.0.0/8 via 192.0.2.9}
= virtual_rules {from 10.0.0.0/8 table 5 priority 6}
= track_interface {eth9 weight 10}
= dont_track_primary
= track_file {f weight 1}
= track_process {p weight 1}
- track_bfd {b}
= garp_master_delay 5
= garp_master_repeat 5
= garp_master_refresh 60
= garp_master_refresh_repeat 2
= garp_lower_prio_delay 5
= garp_lower_prio_repeat 5
= garp_extra_if 100
= vmac_garp_intvl 100
= notify /bin/true
= notify_master /bin/true
= notify_backup /bin/true
= notify_fault /bin/true
= notify_stop /bin/true
= notify_deleted /bin/true
= notify_master_rx_lower_pri /bin/true
= notify_priority_changes on
= smtp_alert on
- debug 4
";

/// The options of an address line (1.4).
const ADDRESS: &str = "
= brd 192.0.2.255
= brd +
= brd -
= broadcast +
= dev eth1
= scope link
= label eth0:1
= peer 192.0.2.8
- home
- -nodad
- nodad
- mngtmpaddr
= noprefixroute
- autojoin
= no_track
- preferred_lft 30
";

/// Those that mean something for IPv6 only.
const ADDRESS6: &str = "
= -nodad
= nodad
= home
= mngtmpaddr
= noprefixroute
= no_track
= preferred_lft 30
= preferred_lft forever
- autojoin
- label eth0:1
- scope link
";

/// The entries of a table: whether the keyword is acted on, and its lines.
fn entries(table: &'static str) -> impl Iterator<Item = (bool, String)> {
    table.lines().filter(|line| !line.is_empty()).map(|line| {
        let (mark, rest) = line.split_at(2);
        assert!(["= ", "- "].contains(&mark), "{line}");
        let lines = rest.replace('{', " {\n").replace('}', "\n}");
        (mark == "= ", lines.replace(';', "\n"))
    })
}

/// Judges the remarks about an entry.
#[track_caller]
fn judge(acted_on: bool, lines: &str, text: &str) {
    let diagnostics = conf(text).diagnostics;
    let unknown = |d: &&Diagnostic| {
        let message = &d.message;
        message.starts_with("unknown keyword") || message.contains("can't stand here")
    };
    assert!(
        !diagnostics.iter().any(|d| unknown(&d)),
        "{}",
        printed(text)
    );
    assert!(conf(text).config.is_some(), "{}", printed(text));
    let without_effect = diagnostics.iter().any(|d| {
        let message = &d.message;
        ["ignored", "skipped", "is not applied"]
            .iter()
            .any(|part| message.contains(part))
    });
    assert_eq!(without_effect, !acted_on, "{lines}:\n{}", printed(text));
}

#[test]
fn outside_all_blocks() {
    for (acted_on, lines) in entries(ROOT) {
        judge(acted_on, &lines, &format!("{lines}\n{}", instance_with("")));
    }
}

#[test]
fn in_global_defs() {
    for (acted_on, lines) in entries(GLOBAL) {
        let text = format!("global_defs {{\n{lines}\n}}\n{}", instance_with(""));
        judge(acted_on, &lines, &text);
    }
}

#[test]
fn in_an_instance() {
    for (acted_on, lines) in entries(INSTANCE) {
        judge(acted_on, &lines, &instance_with(&lines));
    }
}

#[test]
fn behind_an_address() {
    for (acted_on, options) in entries(ADDRESS) {
        let options = options.trim();
        let lines = format!("virtual_ipaddress {{\n192.0.2.5/24 {options}\n}}");
        judge(acted_on, options, &instance_with(&lines));
    }
}

#[test]
fn behind_an_ipv6_address() {
    for (acted_on, options) in entries(ADDRESS6) {
        let options = options.trim();
        let lines = format!("virtual_ipaddress_excluded {{\n2001:db8::5/64 {options}\n}}");
        judge(acted_on, options, &instance_with(&lines));
    }
}
