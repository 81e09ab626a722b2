//! `auth_hmac`: what is read, and what is said of mistakes, without ever showing a key.

use core::time::Duration;

use super::{instance_with, only_instance};
use crate::conf::source::Span;
use crate::conf::{self, NoIncludes};
use crate::config::{Auth, Hmac, HmacMode};

const GOOD: &str = "hex:9f2c41d7e6b8035a1c4e7790ab35df62088172c6fe5b94d3a06d21b47ce8f915";

fn read(lines: &str) -> Hmac {
    let block = format!("version 3\nauth_hmac {{\n{lines}\n}}");
    let instance = only_instance(&instance_with(&block));
    let hmac = instance.hmac.expect("it is understood");
    (*hmac).clone()
}

/// What is said of the block, and whether the file can be used.
fn says(lines: &str) -> (bool, String) {
    let text = instance_with(lines);
    let reading = conf::read("a.conf", &text, &mut NoIncludes);
    let said: Vec<_> = reading
        .diagnostics
        .iter()
        .map(|d| format!("{d:?}"))
        .collect();
    assert!(
        !said.concat().contains("9f2c41d7"),
        "a key is shown: {said:?}"
    );
    (reading.config.is_some(), said.join("\n"))
}

#[test]
fn a_block_says_which_keys_there_are_and_how_they_are_used() {
    let hmac = read(&format!(
        "key 1 {GOOD}\nkey 7 \"correct horse battery staple 1234\"\nactive_key 7\n\
         time_window 30\nmode receive-only"
    ));
    let keys: Vec<_> = hmac
        .keys
        .iter()
        .map(|k| (k.id(), k.bytes().len()))
        .collect();
    assert_eq!((keys, hmac.active), (vec![(1, 32), (7, 33)], 7));
    assert_eq!(hmac.keys[0].bytes()[..2], [0x9f, 0x2c]);
    assert_eq!(hmac.mode, HmacMode::ReceiveOnly);
    assert_eq!(hmac.window, Some(Duration::from_secs(30)));
}

#[test]
fn the_window_follows_from_the_interval() {
    let window = |interval: &str| {
        let block = format!("{interval}\nauth_hmac {{\nkey 1 {GOOD}\nactive_key 1\n}}");
        let instance = only_instance(&instance_with(&block));
        instance.hmac.expect("it is understood").window
    };
    for (interval, seconds) in [("", 5), ("advert_int 2", 6), ("advert_int 200", 300)] {
        assert_eq!(
            window(interval),
            Some(Duration::from_secs(seconds)),
            "{interval}"
        );
    }
    let monotonic = read(&format!(
        "key 1 {GOOD}\nactive_key 1\nanti_replay monotonic"
    ));
    assert_eq!(monotonic.window, None);
}

#[test]
fn what_could_not_sign_is_fatal_and_what_is_odd_is_said() {
    let block = |lines: &str| format!("auth_hmac {{\n{lines}\n}}");
    let fatal = [
        ("".to_owned(), "without a key"),
        (format!("key 1 {GOOD}"), "without `active_key`"),
        (format!("key 1 {GOOD}\nactive_key 2"), "there is no key 2"),
        (format!("key 0 {GOOD}\nactive_key 1"), "from 1 to 255"),
        (
            format!("key 1 {GOOD}\nkey 1 {GOOD}\nactive_key 1"),
            "there is a key 1 already",
        ),
        (
            format!("key 1 {GOOD}0\nactive_key 1"),
            "pairs of hexadecimal digits",
        ),
        (
            "key 1 short\nactive_key 1".to_owned(),
            "32 to 64 bytes, this one has 5",
        ),
        (
            "key 1 file:/etc/key\nactive_key 1".to_owned(),
            "files with keys can't be read here",
        ),
        ("key 1\nactive_key 1".to_owned(), "needs an id and a key"),
    ];
    for (lines, expected) in fatal {
        let (usable, said) = says(&block(&lines));
        assert!(!usable && said.contains(expected), "{lines}: {said}");
    }
    let key = format!("key 1 {GOOD}\nactive_key 1");
    let odd = [
        (
            format!("key 1 hex:{}\nactive_key 1", "ab".repeat(32)),
            "can be guessed",
        ),
        (format!("{key}\nmode strict"), "`mode` is `enforce` or"),
        (
            format!("{key}\nanti_replay clock"),
            "`anti_replay` is `time` or `monotonic`",
        ),
        (format!("{key}\ntime_window 301"), "from 1 to 300"),
        (
            format!("{key}\nanti_replay monotonic\ntime_window 9"),
            "no time window",
        ),
        (format!("{key}\ntimewindow 9"), "did you mean `time_window`"),
    ];
    for (lines, expected) in odd {
        let (usable, said) = says(&block(&lines));
        assert!(usable && said.contains(expected), "{lines}: {said}");
    }
}

#[test]
fn the_block_stands_in_place_of_a_password() {
    let both = format!(
        "authentication {{\nauth_type PASS\nauth_pass 1111\n}}\nauth_hmac {{\nkey 1 {GOOD}\nactive_key 1\n}}"
    );
    let instance = only_instance(&instance_with(&both));
    assert_eq!(instance.auth, Auth::None);
    assert!(instance.hmac.is_some());
    let (_, said) = says(&both);
    assert!(said.contains("in place of `authentication`"), "{said}");
}

#[test]
fn the_explanation_names_keys_by_their_ids() {
    let text = instance_with(&format!("auth_hmac {{\nkey 1 {GOOD}\nactive_key 1\n}}"));
    let config = conf::read("a.conf", &text, &mut NoIncludes)
        .config
        .expect("usable");
    let said = conf::explain(&config);
    assert!(said.contains("signed with key 1"), "{said}");
    assert!(!said.contains("9f2c"), "{said}");
}

#[test]
fn no_remark_shows_a_key_or_a_password() {
    let long = "correct-horse-battery-staple-12345";
    let blocks = [
        format!("auth_hmac {{\nkey 1 {long} more\nactive_key 1\n}}"),
        format!("auth_hmac {{ key 1 {long} more }}"),
        format!("auth_hmac {{\nkey {long}\nactive_key 1\n}}"),
        format!("auth_hmac {{\nkye 1 {long}\nactive_key 1\n}}"),
        format!("auth_hmac {{\nkey 1 $KEY\nkey 1 $KEY\n}}\n$KEY={long}"),
        format!("authentication {{\nauth_type PASS\nauth_pass {long} more\n}}"),
        format!("authentication {{\nauth_type PASS\nauth_passs {long}\n}}"),
        format!("authentication {{ auth_type PASS auth_pass {long} more }}"),
        format!("version 3\nauthentication {{\nauth_type PASS\nauth_pass {long}\n}}"),
    ];
    for block in blocks {
        // A definition that stands further down is moved to the top.
        let (block, definition) = block.split_once("\n$").unwrap_or((&block, "OTHER=1"));
        let text = format!("${definition}\n{}", instance_with(block));
        let said = conf::read("a.conf", &text, &mut NoIncludes).diagnostics;
        assert!(!said.is_empty(), "{block}");
        let shown: String = said.iter().map(|d| format!("{d:?} {d}\n")).collect();
        assert!(!shown.contains("horse"), "{block}: {shown}");
    }
}

#[test]
fn a_definition_that_a_key_is_made_of_is_not_shown_either() {
    // The remark is about the definition's own line.
    let text = format!(
        "$KEY=correct-horse-battery-staple-12345 ; x\n$KEY=correct-horse-battery-staple-54321\n{}",
        instance_with("auth_hmac {\nkey 1 $KEY\nactive_key 1\n}")
    );
    let mut report = conf::source::Report::default();
    report.add_file("a.conf", &text);
    let definition = Span {
        line: 1,
        start: 1,
        len: 3,
        ..Span::default()
    };
    report.warning(definition, "about the definition");
    let via = report.origin("KEY", definition);
    report.hide(Span {
        line: 3,
        via,
        ..definition
    });
    let said = report.finish();
    assert!(said[0].source_line.starts_with("$KEY=***"), "{said:?}");
}
