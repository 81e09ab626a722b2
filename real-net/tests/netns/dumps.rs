//! The files that signals ask for, compared with those of keepalived on the same node with the same
//! configuration: line by line, key by key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::process::Kind;
use crate::tool::must;
use crate::{SOON, VIP};

/// One master of each kind, and one in fault.
fn configuration(lab: &Lab) -> String {
    let bad = lab.file("bad");
    fs::write(&bad, "1\n").expect("written");
    format!(
        "\
global_defs {{
    router_id A
    notification_email {{
        a@example.org
        b@example.org
    }}
    notification_email_from k@example.org
    smtp_server 127.0.0.1 2525
    smtp_helo_name me.example.org
    smtp_connect_timeout 7
    smtp_alert_vrrp false
    vrrp_garp_lower_prio_repeat 2
    vrrp_garp_interval 0.001
    vrrp_gna_interval 0.002
    vrrp_startup_delay 0.5
    vrrp_notify_fifo {}
    vrrp_notify_fifo_script \"/usr/bin/sleep 100\"
    script_user root
    enable_script_security
    umask 0077
}}
interface_up_down_delays {{
    eth0 0.5 0.25
}}
vrrp_script chk {{
    script \"/usr/bin/true\"
    interval 2
    weight -10
}}
track_file bad {{
    file {}
    weight 0
}}
vrrp_sync_group G1 {{
    group {{
        VI_1
        VI_2
    }}
}}
vrrp_instance VI_1 {{
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass s3cret
    }}
    virtual_ipaddress {{
        {VIP}/24
        192.168.0.201/24 brd 192.168.0.255 label eth0:1
        192.168.0.202 scope link
        192.168.0.203/24 noprefixroute no_track
        192.168.0.204 peer 10.1.1.1
    }}
    virtual_ipaddress_excluded {{
        192.168.0.210/24
    }}
    virtual_routes {{
        10.9.0.0/16 via 192.168.0.1
        blackhole 10.10.0.0/16
        10.11.0.0/16 via 192.168.0.1 dev eth0 table 100 metric 5
    }}
    virtual_rules {{
        from 10.0.0.0/8 table 100 priority 1000
    }}
}}
vrrp_instance VI_2 {{
    interface eth0
    virtual_router_id 52
    priority 140
    version 3
    advert_int 0.5
    preempt_delay 5
    virtual_ipaddress {{
        192.168.0.220
    }}
}}
vrrp_instance VI_3 {{
    interface eth0
    virtual_router_id 53
    priority 90
    nopreempt
    garp_master_refresh 60
    down_timer_adverts 2
    lower_prio_no_advert
    higher_prio_send_advert
    dont_track_primary
    skip_check_adv_addr
    virtual_ipaddress {{
        192.168.0.230/24
    }}
    notify \"/usr/bin/true any\"
    notify_master /usr/bin/true
    notify_backup /usr/bin/true
    notify_fault /usr/bin/true
    notify_stop /usr/bin/true
    notify_deleted
    track_script {{
        chk
    }}
    track_interface {{
        lo weight 5
    }}
}}
vrrp_instance VI_F {{
    interface eth0
    virtual_router_id 54
    priority 80
    unicast_src_ip 192.168.0.11
    check_unicast_src
    unicast_peer {{
        192.168.0.12
    }}
    virtual_ipaddress {{
        192.168.0.240/24
    }}
    track_file {{
        bad weight 0
    }}
}}
vrrp_instance VI_6 {{
    interface eth0
    virtual_router_id 61
    priority 120
    version 3
    virtual_ipaddress {{
        fe80::61
        2001:db8::61/64
        2001:db8::62/64 home -nodad mngtmpaddr noprefixroute no_track preferred_lft 0
        2001:db8::63 preferred_lft forever
        2001:db8::64/64 preferred_lft 3600
    }}
}}
",
        lab.file("pipe").display(),
        bad.display()
    )
}

/// What keepalived's data says around the topology that isn't here: its load balancer, its buffers, its
/// scheduling, SNMP and D-Bus, and settings that have no effect (docs/differences.md).
const LEFT_OUT: [&str; 39] = [
    " Network namespace ipvs",
    " Default smtp_alert_checker",
    " Checkers log all failures",
    " No test config before reload",
    " Dynamic interfaces",
    " Disable local IGMP",
    " LVS flush",
    " nftables",
    " libnftnl",
    " Max auto priority",
    " Min auto priority delay",
    " VRRP process priority",
    " VRRP don't swap",
    " VRRP realtime",
    " Checker",
    " BFD",
    " SNMP",
    " DBus",
    " vrrp_netlink",
    " process_monitor",
    " lvs_netlink",
    " rs_init_notifies",
    " no_checker_emails",
    " rx_bufs",
    " current realtime",
    " GARP next time",
    " GNA next time",
    "   Timeout = ",
    "   Weight = ",
    "   State = idle",
    "   State = running",
    "   Seen up",
    "   Delayed state change",
    "   Reset ARP config",
    "   Original arp",
    "   Original promote",
    "   Reset promote",
    "   rp_filter",
    "   Not IPv6 forwarding",
];

/// The other sections of which there is something here.
fn around(data: &str) -> Vec<&str> {
    let sections = [
        "Global",
        "Gratuitous",
        "GARP delay",
        "Scripts",
        "Interfaces",
    ];
    let mut wanted = false;
    let mut lines = Vec::new();
    for line in data.lines() {
        if line.starts_with("------<") {
            wanted = sections.iter().any(|section| line.contains(section));
        }
        if wanted && !LEFT_OUT.iter().any(|start| line.starts_with(start)) {
            lines.push(line);
        }
    }
    lines
}

/// The three files of a daemon, once everything has settled.
fn dumps(lab: &mut Lab, kind: Kind) -> [String; 3] {
    let folder = lab.file(&format!("{kind:?}"));
    fs::create_dir_all(&folder).expect("a folder");
    let environment = format!("TMPDIR={}", folder.display());
    let conf = configuration(lab);
    lab.start_under(&["env", &environment], "A", kind, &conf);
    lab.await_holders(VIP, &["A"], SOON);
    lab.await_holders("192.168.0.230", &["A"], SOON);
    let namespace = lab.namespace("A");
    let start = Instant::now();
    let has_v6 = || must(&format!("ip -n {namespace} addr show to 2001:db8::61")).contains("inet6");
    while !has_v6() {
        assert!(start.elapsed() < SOON, "no IPv6 master");
        std::thread::sleep(Duration::from_millis(50));
    }
    // One round of adverts, so that both have sent some.
    std::thread::sleep(Duration::from_millis(1500));
    let pid = lab.daemon("A").pid();
    let ask = |signal: &str, name: &str| {
        let file = folder.join(name);
        must(&format!("kill -{signal} {pid}"));
        read(&file)
    };
    let files = [
        ask("USR1", "keepalived.data"),
        ask("USR2", "keepalived.stats"),
        ask("36", "keepalived.json"),
    ];
    // The counters once more, and none of them the next time.
    must(&format!("kill -63 {pid}"));
    let start = Instant::now();
    while kind == Kind::Locum && ask("USR2", "keepalived.stats").contains("Became master: 1") {
        assert!(start.elapsed() < SOON, "the counters aren't cleared");
    }
    lab.daemon("A").signal(nix::sys::signal::Signal::SIGTERM);
    lab.daemon("A").await_end(SOON);
    files
}

/// Waits for a file, and for its end: keepalived writes it under the eyes of the reader.
fn read(file: &Path) -> String {
    let start = Instant::now();
    let mut before = String::new();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let text = fs::read_to_string(file).unwrap_or_default();
        if !text.is_empty() && text == before {
            let mode = fs::metadata(file).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
            return text;
        }
        before = text;
        assert!(start.elapsed() < SOON, "no {}", file.display());
    }
}

/// The topology and the groups, without what is different each time: times, descriptors, the index
/// behind a group, and the password, which we don't show.
fn topology(data: &str) -> Vec<String> {
    let mut section = "";
    let mut lines = Vec::new();
    for line in data.lines() {
        if line.starts_with("------<") {
            section = line;
        }
        let wanted = section.contains("Topology") || section.contains("Sync groups");
        let moving = [
            "   Last transition =",
            "   Read timeout = 1",
            "   fd_in",
            "   Password =",
        ];
        if !wanted {
            continue;
        }
        lines.push(
            match moving.iter().find(|start| line.starts_with(**start)) {
                Some(&"   fd_in") => continue,
                Some(start) => (*start).to_owned(),
                None => line.split(", ifindex").next().unwrap_or(line).to_owned(),
            },
        );
    }
    lines
}

/// The value behind each of these keys replaced by a sign.
fn without(json: &str, keys: &[&str]) -> String {
    let mut text = json.trim_end().to_owned();
    for key in keys {
        let mut rest = text.as_str();
        let mut out = String::new();
        while let Some(at) = rest.find(key) {
            let value = at + key.len();
            let length = rest[value..].find([',', '}']).expect("it goes on");
            out += &rest[..value];
            out.push('~');
            rest = &rest[value + length..];
        }
        text = out + rest;
    }
    // An object a line.
    text.replace("},{", "},\n{").replace(",\"", "\n,\"")
}

#[test]
#[ignore = "needs root, network namespaces, keepalived: run by .ci/run"]
fn the_files_are_those_of_keepalived() {
    let mut lab = Lab::new(&["A"]);
    let namespace = lab.namespace("A");
    must(&format!(
        "ip netns exec {namespace} sysctl -qw net.ipv6.conf.eth0.accept_dad=0"
    ));
    let [their_data, their_stats, their_json] = dumps(&mut lab, Kind::Keepalived);
    let [our_data, our_stats, our_json] = dumps(&mut lab, Kind::Locum);
    assert!(our_data.contains("\n   State = FAULT\n"), "{our_data}");
    for text in [&our_data, &our_stats, &our_json] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    let (ours, theirs) = (topology(&our_data), topology(&their_data));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(
            ours, theirs,
            "\n--- ours\n{our_data}\n--- keepalived's\n{their_data}"
        );
    }
    assert_eq!(
        ours.len(),
        theirs.len(),
        "keepalived has more: {:?}",
        theirs.last()
    );
    assert_eq!(around(&our_data), around(&their_data));
    let parent = lab.file("Locum").join("keepalived_parent.data");
    assert!(our_data.starts_with(&read(&parent)), "{our_data}");
    let sent = |line: &str| line.split("Sent: ").next().unwrap_or(line).to_owned();
    let stats = |text: &str| text.lines().map(sent).collect::<Vec<_>>();
    assert_eq!(stats(&our_stats), stats(&their_stats));
    let moving = ["\"last_transition\":", "\"advert_sent\":", "\"auth_data\":"];
    let (ours, theirs) = (without(&our_json, &moving), without(&their_json, &moving));
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(
            ours, theirs,
            "\n--- ours\n{our_json}\n--- keepalived's\n{their_json}"
        );
    }
    assert_eq!(ours, theirs);
}
