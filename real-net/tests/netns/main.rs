//! `locum` for real: network namespaces joined by a bridge, keepalived as the other side.
//!
//! Everything here needs root, so a plain `cargo test` shows these tests as ignored. Run with
//! `--ignored`, a missing tool is a failure, never a silent pass. Each test builds its own
//! network and takes it down, also when it fails.

#![allow(clippy::print_stderr, reason = "a failed test shows the daemons' logs")]

/// What has the machine to itself (`Lab::alone`). Tests run in the order of their names: these come
/// first, so that nobody is waited for.
mod alone {
    mod asked;
    mod flood;
    mod timing;
}
mod background;
mod belongings;
mod bytes;
mod capture;
mod control;
mod cycles;
mod delays;
mod drain;
mod dumps;
mod election;
mod flags;
mod frr;
mod gateway;
mod group;
mod hardship;
mod interop;
mod ipv6;
mod ipvlan;
mod killed;
mod lab;
mod lease;
mod leftovers;
mod logs;
mod many;
mod mixed;
mod monitor;
mod multicast;
mod one_id;
mod privileges;
mod process;
mod recording;
mod reload;
mod reload_objects;
mod rfc;
mod scripts;
mod source;
mod stream;
mod table;
mod told;
mod tool;
mod torrent;
mod unicast;
mod unwinding;
mod vmac;
mod vmac6;
mod words;

use std::time::Duration;

use locum_engine::time::Seconds;

/// The virtual address of the founding case.
const VIP: &str = "192.168.0.200";

/// Longer than any election between two nodes that advertise every second, and patient with a
/// busy machine.
const SOON: Duration = Duration::from_secs(12);

/// The founding pair's configuration: A copies to B but for three lines.
fn founding(node: &str) -> String {
    let (state, priority) = if node == "A" {
        ("MASTER", 100)
    } else {
        ("BACKUP", 99)
    };
    format!(
        "\
global_defs {{
    notification_email {{
        root@localhost
    }}
    notification_email_from root@localhost
    smtp_server localhost
    smtp_connect_timeout 30
    router_id Node{node}
}}

vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    virtual_ipaddress {{
        {VIP}/24
    }}
}}
"
    )
}

fn seconds(span: Duration) -> String {
    Seconds(span).to_string()
}
