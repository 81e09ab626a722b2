//! The same file read by keepalived 2.2.7, whose data dump gave the values expected here.
//!
//! Measured in a network namespace with `eth0` up, by `kill -USR1`. Where this reader differs on
//! purpose the line says so.

use core::time::Duration;

use super::{only_instance, usable};
use crate::config::{Auth, Broadcast, CheckCommand, GarpConfig, Preempt};

const TEXT: &str = r#"
global_defs {
 enable_script_security
 script_user root
}
$PRIO=42 # x
$LINE=192.0.2.7/${LEN} dev eth0
$LEN=25
vrrp_script c1 {
 script "/bin/sh -c 'exit  1' \"a b\""
 interval 2
 weight 20
}
vrrp_instance VI_1 {
 interface eth0
 virtual_router_id 51
 priority $PRIO
 advert_int 1.4
 state MASTER
 authentication {
 auth_type PASS
 auth_pass se#cret
 }
 virtual_ipaddress {
 192.0.2.1 /24
 $LINE
 192.0.2.9/24 brd + label eth0:1 scope link
 }
 track_script {
  c1
 }
}
vrrp_instance VI_2
 interface eth0
 virtual_router_id 52
 priority 300
 state MASTER
 nopreempt
 virtual_ipaddress {
 192.0.2.66
 }
}
vrrp_instance VI_3 {
 interface eth0
 virtual_router_id 53
 state MASTER
 preempt_delay 5
 authentication {
 auth_type PASS;
 auth_pass 1111
 }
 virtual_ipaddress {
 192.0.2.67
 }
}
"#;

#[test]
fn the_values_are_those_that_keepalived_dumps() {
    let config = usable(TEXT);
    let [first, second, third] = &config.instances[..] else {
        panic!("three instances")
    };
    let priorities = [first, second, third].map(|instance| instance.priority.get());
    assert_eq!(priorities, [42, 100, 255]);
    for instance in [first, second, third] {
        assert_eq!(instance.advert_interval.get(), 100);
        assert_eq!(instance.preempt, Preempt::Always);
        assert_eq!(instance.garp, GarpConfig::default());
    }
    assert_eq!(first.auth, Auth::Password(*b"se\0\0\0\0\0\0"));
    assert_eq!(second.auth, Auth::None);
    // keepalived: no authentication, for the semicolon.
    assert_eq!(third.auth, Auth::Password(*b"1111\0\0\0\0"));
    let held =
        |address: &crate::config::VirtualAddress| (address.address.to_string(), address.prefix);
    let addresses: Vec<_> = first.addresses.iter().map(held).collect();
    // keepalived: 192.0.2.1/32, for the blank.
    let expected = [("192.0.2.1", 24), ("192.0.2.7", 25), ("192.0.2.9", 24)];
    assert_eq!(
        addresses,
        expected.map(|(address, prefix)| (address.to_owned(), prefix))
    );
    let last = &first.addresses[2];
    assert_eq!((last.scope, last.broadcast), (253, Broadcast::AllOnes));
    assert_eq!(last.label.as_deref(), Some("eth0:1"));
    assert_eq!(held(&second.addresses[0]), ("192.0.2.66".to_owned(), 32));
}

#[test]
fn the_script_is_the_one_that_keepalived_dumps() {
    let [check] = &usable(TEXT).checks[..] else {
        panic!("one check")
    };
    let words = ["/bin/sh", "-c", "exit  1", "a b"].map(Into::into);
    assert_eq!(check.command, CheckCommand::Script(words.to_vec()));
    assert_eq!(check.interval, Duration::from_secs(2));
    assert_eq!(check.user, Some(("root".into(), None)));
    assert_eq!(usable(TEXT).instances[0].tracks[0].weight.value, 20);
}

#[test]
fn a_script_without_quotes_keeps_its_words() {
    // keepalived: `/bin/sh` alone.
    let text = TEXT.replace(
        r#""/bin/sh -c 'exit  1' \"a b\"""#,
        "/bin/sh -c 'exit 1' a\\ b",
    );
    let CheckCommand::Script(words) = &usable(&text).checks[0].command else {
        panic!("a script")
    };
    assert_eq!(
        words[..],
        ["/bin/sh", "-c", "exit 1", "a b"].map(Into::into)
    );
    let alone = TEXT.split("vrrp_instance VI_2").next().unwrap_or_default();
    assert_eq!(only_instance(alone).tracks.len(), 1);
}

#[test]
fn commands_are_read_twice_and_know_escapes() {
    // What keepalived dumps for each, word by word.
    let table: [(&str, &[&str]); 4] = [
        (r"a\x41 \101c '\x41' '\t' \q", &["aA", "Ac", "A", "\t", "q"]),
        (
            r#"'\\x42' \"\\x43\" '\\\\n' x\\x41"#,
            &["B", "C", "\\n", "xA"],
        ),
        (r"'it''s' a\ b 'c\\'d'", &["its", "a", "b", "c'd"]),
        (r#"'a\"b' \"\" \xc3\xa9 \x1234"#, &["a\"b", "", "é", "4"]),
    ];
    for (words, expected) in table {
        let script = format!("vrrp_script c {{\nscript \"/bin/true {words}\"\n}}\n");
        let text = script + &super::instance_with("track_script {\nc\n}");
        let CheckCommand::Script(read) = &usable(&text).checks[0].command else {
            panic!("a script")
        };
        let read: Vec<&str> = read[1..].iter().map(|word| &**word).collect();
        assert_eq!(read, expected, "{words}");
    }
}

#[test]
fn other_strings_know_no_escapes() {
    let text = "global_defs {\nrouter_id \"r\\x41 s\\\\t\"\n}\n";
    assert_eq!(usable(text).router_id.as_deref(), Some(r"r\x41 s\\t"));
}
