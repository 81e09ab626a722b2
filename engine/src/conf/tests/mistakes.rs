//! Mistakes that people make, and what they are told to write instead.

use super::{conf, instance_with, printed};

/// In an instance, from line 6 on: the lines, the place of the remark, a part of it, and a part of
/// the advice.
const IN_AN_INSTANCE: [(&str, &str, &str, &str); 24] = [
    (
        "prompte_secondaries",
        "6:1",
        "unknown keyword",
        "`promote_secondaries`",
    ),
    (
        "lvs_sync_daemon_inteface eth0",
        "6:1",
        "unknown keyword",
        "`lvs_sync_daemon_interface`",
    ),
    (
        "unicast_src_ip #x",
        "6:1",
        "needs a value",
        "write it behind the keyword",
    ),
    (
        "enable_script_security",
        "6:1",
        "can't stand here",
        "`global_defs`",
    ),
    (
        "pirority 150",
        "6:1",
        "unknown keyword",
        "did you mean `priority`",
    ),
    (
        "virtual_ipadress {\n192.0.2.2/24\n}",
        "6:1",
        "its block is skipped",
        "`virtual_ipaddress`",
    ),
    (
        "priority: 150",
        "6:1",
        "unknown keyword",
        "did you mean `priority`",
    ),
    (
        "priority = 150",
        "6:10",
        "without `=`",
        "write `priority VALUE`",
    ),
    ("advert_int 2s", "6:12", "number of seconds", "write `2`"),
    (
        "advert_int 100ms",
        "6:12",
        "number of seconds",
        "write `0.1`",
    ),
    (
        "preempt_delay 5m",
        "6:15",
        "number of seconds",
        "write `300`",
    ),
    ("garp_master_delay 5sec", "6:19", "number", "write `5`"),
    (
        "garp_master_delay 5 sec",
        "6:21",
        "the rest of the line",
        "remove it",
    ),
    (
        "priority",
        "6:1",
        "needs a value",
        "write it behind the keyword",
    ),
    ("state master", "6:7", "MASTER or BACKUP", "in capitals"),
    ("priority 150;", "6:10", "semicolon", "remove it"),
    (
        "virtual_ipaddress {\n192.0.2.2/255.255.255.0\n}",
        "7:1",
        "not a prefix length",
        "write `192.0.2.2/24`",
    ),
    (
        "virtual_ipaddress {\n192.0.2.300/24\n}",
        "7:1",
        "not an address",
        "one address a line",
    ),
    (
        "virtual_ipaddress 192.0.2.2/24",
        "6:1",
        "needs a block",
        "write `virtual_ipaddress {`",
    ),
    (
        "track_script {\nchk\n}",
        "7:1",
        "there is no `vrrp_script chk`",
        "write `vrrp_script chk`",
    ),
    (
        "notify_master \"/bin/x",
        "6:15",
        "quote is not closed",
        "where the string ends",
    ),
    (
        "include nowhere",
        "6:9",
        "not included",
        "seen from the folder",
    ),
    (
        "auth_pass 1111",
        "6:1",
        "can't stand here",
        "authentication",
    ),
    ("a\0b", "6:2", "zero bytes", "save it as UTF-8"),
];

#[test]
fn each_mistake_is_told_with_what_to_write_instead() {
    for (lines, place, message, help) in IN_AN_INSTANCE {
        let text = instance_with(lines);
        let found = conf(&text).diagnostics.into_iter().any(|d| {
            format!("{}:{}", d.line, d.column) == place
                && d.message.contains(message)
                && d.help.is_some_and(|advice| advice.contains(help))
        });
        assert!(found, "{lines}:\n{}", printed(&text));
    }
}

#[test]
fn what_is_no_utf_8_is_said_once_and_not_of_comments() {
    let text = "# caf\u{fffd}\n# \u{fffd}\n";
    let said = |text: &str| {
        let diagnostics = conf(text).diagnostics.into_iter();
        diagnostics
            .filter(|d| d.message.contains("isn't UTF-8"))
            .map(|d| (d.line, d.column))
            .collect::<Vec<_>>()
    };
    assert_eq!(said(text), []);
    let lines = "\n auth_pass caf\u{fffd}\n router_id \u{fffd}\n";
    assert_eq!(said(&format!("{text}global_defs {{{lines}}}")), [(4, 15)]);
}

#[test]
fn two_instances_with_one_id_are_told_what_an_id_is_for() {
    let text = instance_with("") + &instance_with("").replace("VI_1", "VI_2");
    let said = printed(&text);
    assert!(
        said.contains(":10:19: error: `VI_2` and `VI_1` share"),
        "{said}"
    );
    assert!(said.contains("needs an id of its own"), "{said}");
}
