//! The same of routes and rules, and of the blocks besides instances.

use super::{conf, entries, instance_with, judge, printed};

/// The words of a route (1.5).
const ROUTE: &str = "
= 10.0.0.0/8 via 192.0.2.9
= to 10.0.0.0/8 gw 192.0.2.9
= 10.0.0.0/8 via 192.0.2.9 or 192.0.2.8
= 10.0.0.0/8 dev eth0
= 10.0.0.0/8 oif eth0
= default via 192.0.2.9 src 192.0.2.1
= 10.0.0.0/8 via 192.0.2.9 scope link
= 10.0.0.0/8 via 192.0.2.9 table 5
= 10.0.0.0/8 via 192.0.2.9 metric 5
= 10.0.0.0/8 via 192.0.2.9 preference 5
= 10.0.0.0/8 via 192.0.2.9 priority 5
= 10.0.0.0/8 via 192.0.2.9 protocol static
= 10.0.0.0/8 via 192.0.2.9 tos 4
= 10.0.0.0/8 via 192.0.2.9 dsfield 4
= 10.0.0.0/8 via 192.0.2.9 mtu lock 1400 advmss 1300 rtt 10 rttvar 10 rto_min 10 window 10
= 10.0.0.0/8 via 192.0.2.9 cwnd 10 initcwnd 10 initrwnd 10 ssthresh 10 reordering 3 hoplimit 64
= 10.0.0.0/8 via 192.0.2.9 quickack 1 features ecn fastopen_no_cookie 1
= 10.0.0.0/8 via 192.0.2.9 congctl bbr
= 10.0.0.0/8 via 192.0.2.9 realms 5/6
= 2001:db8:1::/48 via fe80::9 dev eth0 pref high
= 10.0.0.0/8 via 192.0.2.9 dev eth0 onlink
= 10.0.0.0/8 nexthop via 192.0.2.9 dev eth0 weight 2 nexthop via 192.0.2.8
= 10.0.0.0/8 via 192.0.2.9 no_track
= 10.0.0.0/8 via 192.0.2.9 append
= 10.0.0.0/8 via 192.0.2.9 prepend
= 10.0.0.0/8 via 192.0.2.9 add
= blackhole 10.0.0.0/8
= unreachable 10.0.0.0/8
= prohibit 10.0.0.0/8
= throw 10.0.0.0/8
= from 2001:db8:2::/48 2001:db8:1::/48 via fe80::9 dev eth0
= 2001:db8:1::/48 via fe80::9 dev eth0 expires 30
= 10.0.0.0/8 encap ip id 1 dst 192.0.2.9 src 192.0.2.1 tos 4 ttl 9 flags 1 dev eth0
= 2001:db8:1::/48 encap ip6 dst 2001:db8::9 tc 4 hoplimit 9 via fe80::9 dev eth0
- from 10.1.0.0/16 10.0.0.0/8 via 192.0.2.9
- 10.0.0.0/8 via 192.0.2.9 expires 30
- 10.0.0.0/8 via 192.0.2.9 ttl-propagate enabled
- 10.0.0.0/8 encap mpls 100 via 192.0.2.9
- 2001:db8:1::/48 encap ila 1:2:3:4 via fe80::9
- 10.0.0.0/8 as to 100 via 192.0.2.9
- 10.0.0.0/8 via 192.0.2.9 vrf blue
- 10.0.0.0/8 nhid 7
";

/// The words of a rule (1.5).
const RULE: &str = "
= from 10.0.0.0/8 table 5 priority 6
= to 10.0.0.0/8 lookup 5 preference 6
= from 10.0.0.0/8 tos 4 fwmark 7/0xff iif eth0 oif eth1 table 5 order 6
= from 10.0.0.0/8 goto 9 priority 6
= from 10.0.0.0/8 nop priority 6
= from 10.0.0.0/8 type prohibit priority 6
= from 10.0.0.0/8 blackhole priority 6
= from 10.0.0.0/8 table 5 suppress_prefixlength 0 suppress_ifgroup 3 priority 6
= uidrange 1000-2000 ipproto tcp sport 80 dport 1-9 table 5 priority 6
= l3mdev priority 6
= not from 10.0.0.0/8 table 5 priority 6
= from 10.0.0.0/8 table 5 protocol static priority 6
= from 10.0.0.0/8 table 5 priority 6 no_track
= from 10.0.0.0/8 realms 5/0x10 table 5 priority 6
= from 10.0.0.0/8 tunnel-id 5 table 5 priority 6
- from 10.0.0.0/8 nat 192.0.2.9 table 5 priority 6
";

/// `vrrp_script` (1.8).
const SCRIPT: &str = "
= interval 2
= timeout 1
= weight -20
= weight 20 reverse
= rise 2
= fall 3
= user root
= user root root
= init_fail
";

/// `vrrp_sync_group` (1.7).
const GROUP: &str = "
= track_interface {eth9}
= track_script {s}
= track_file {f}
= track_process {p}
- track_bfd {b}
= notify /bin/true
= notify_master /bin/true
= notify_backup /bin/true
= notify_fault /bin/true
= notify_stop /bin/true
= notify_priority_changes on
= smtp_alert on
= sync_group_tracking_weight
= global_tracking
";

/// `track_file` (1.9).
const FILE: &str = "
= weight 2
= weight 2 reverse
= init_file
= init_file 5
= init_file 5 overwrite
";

/// `track_process` (1.10).
const PROCESS: &str = "
= param_match initial
= param_match partial
= weight 10
= weight 10 reverse
= quorum 2
= quorum 1;quorum_max 3
= delay 1
= fork_delay 1
= terminate_delay 1
= full_command
";

/// `auth_hmac` besides its keys (1.3).
const HMAC: &str = "
= time_window 30
= anti_replay time
= anti_replay monotonic
= mode enforce
= mode permissive
= mode receive-only
";

#[test]
fn in_routes_and_rules() {
    for (block, table) in [("virtual_routes", ROUTE), ("virtual_rules", RULE)] {
        for (acted_on, line) in entries(table) {
            let line = line.trim();
            let text = instance_with(&format!("{block} {{\n{line}\n}}"));
            assert!(conf(&text).config.is_some(), "{}", printed(&text));
            let remarks = conf(&text).diagnostics;
            let left_out = remarks.iter().any(|d| {
                let message = &d.message;
                message.contains("left out") || message.contains("has no effect")
            });
            assert_eq!(left_out, !acted_on, "{line}:\n{}", printed(&text));
            assert_eq!(remarks.len(), usize::from(!acted_on), "{}", printed(&text));
        }
    }
}

#[test]
fn in_scripts_groups_files_and_processes() {
    let tracked = "track_script {\ns\n}\ntrack_file {\nf\n}\ntrack_process {\np\n}";
    let blocks = |script: &str, group: &str, file: &str, process: &str| {
        format!(
            "vrrp_script s {{\nscript /bin/true\n{script}\n}}\n\
             track_file f {{\nfile /tmp/x\n{file}\n}}\n\
             track_process p {{\nprocess x\n{process}\n}}\n\
             vrrp_sync_group G {{\ngroup {{\nVI_1\nVI_2\n}}\n{group}\n}}\n{}{}",
            instance_with(tracked),
            instance_with("")
                .replace("VI_1", "VI_2")
                .replace("router_id 51", "router_id 52")
        )
    };
    for (acted_on, lines) in entries(SCRIPT) {
        judge(
            acted_on,
            &lines,
            &blocks(&lines, "sync_group_tracking_weight", "", ""),
        );
    }
    for (acted_on, lines) in entries(GROUP) {
        let weights = if lines.contains("weight") || lines == "global_tracking" {
            ""
        } else {
            "sync_group_tracking_weight"
        };
        let group = format!("{weights}\n{lines}");
        judge(acted_on, &lines, &blocks("", &group, "", ""));
    }
    for (acted_on, lines) in entries(FILE) {
        judge(
            acted_on,
            &lines,
            &blocks("", "sync_group_tracking_weight", &lines, ""),
        );
    }
    for (acted_on, lines) in entries(PROCESS) {
        judge(
            acted_on,
            &lines,
            &blocks("", "sync_group_tracking_weight", "", &lines),
        );
    }
}

#[test]
fn in_auth_hmac() {
    let key = "key 1 hex:9f2c41d7e6b8035a1c4e7790ab35df62088172c6fe5b94d3a06d21b47ce8f915";
    for (acted_on, lines) in entries(HMAC) {
        let block = format!("auth_hmac {{\n{key}\nactive_key 1\n{lines}\n}}");
        judge(acted_on, &lines, &instance_with(&block));
    }
}
