//! Whatever the text: no panic, an end, and places that exist.

use std::sync::Arc;

use proptest::prelude::*;

use super::{conf, usable};
use crate::conf::{Reading, Severity};
use crate::wire::Family;

/// Pieces that configurations are made of, so that random texts get past the first line.
const PIECES: &[&str] = &[
    "vrrp_instance",
    "VI_1",
    "vrrp_script",
    "global_defs",
    "{",
    "}",
    "\n",
    " ",
    "\t",
    "\"",
    "#",
    "!",
    "\\",
    "interface eth0\n",
    "virtual_router_id 51\n",
    "state MASTER\n",
    "priority",
    "255",
    "-1",
    "advert_int 0.5\n",
    "version 3\n",
    "virtual_ipaddress {\n",
    "192.0.2.1/24\n",
    "192.0.2.1 /24\n",
    "fe80::1\n",
    "track_script {\n",
    "chk",
    "weight",
    "-254",
    "reverse",
    "script",
    "\"locum probe ping x\"\n",
    "'a",
    "interval 5\n",
    "authentication {\n",
    "auth_type PASS;\n",
    "auth_pass é#x\n",
    "nopreempt\n",
    "preempt_delay 5\n",
    "virtual_server",
    "unicast_peer {\n",
    "include x\n",
    "unknwon",
    "\u{feff}",
    "\r\n",
    "\0",
    "日本",
    "dev",
    "label",
    "brd",
    "scope",
    "$X=1\n",
    "@a ",
    "${X}",
    "$X",
    "$X= \\\n",
    "\\\n",
    "~SEQ(X,1,2) ",
    "~SEQx(Y,9,0xb)",
    "~LST({X,Y},{1,a},{$X}) ",
    "${_RANDOM 1 3}",
    "${_HASH}",
    "\\x41",
];

fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..60);
    prop_oneof![
        any::<String>(),
        pieces.prop_map(|pieces| pieces.concat()),
        "[ -~\n\t{}\"]{0,200}"
    ]
}

/// Every place lies in the text, and a configuration is missing only for a reason.
fn assert_sound(text: &str, reading: &Reading) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .collect();
    // Many may be about one long line, which they share.
    let mut last: Option<(u32, Arc<str>, usize)> = None;
    for d in &reading.diagnostics {
        let line = lines[d.line as usize - 1];
        let same = |(number, shown, _): &(u32, Arc<str>, usize)| {
            *number == d.line && Arc::ptr_eq(shown, &d.source_line)
        };
        let (_, _, width) = last.take_if(|last| same(last)).unwrap_or_else(|| {
            let shown = d.source_line.is_empty() || shows(&d.source_line, line);
            assert!(shown, "{d}");
            (d.line, d.source_line.clone(), line.chars().count())
        });
        assert!(
            d.column >= 1 && (d.column - 1 + d.length) as usize <= width,
            "{d:?}"
        );
        last = Some((d.line, d.source_line.clone(), width));
        assert!(d.to_string().contains(&d.message));
    }
    let errors = reading
        .diagnostics
        .iter()
        .any(|d| d.severity == Severity::Error);
    assert!(reading.config.is_some() || errors);
}

/// Whether that is the line; asterisks may stand for what is secret in it.
fn shows(shown: &str, line: &str) -> bool {
    shown.chars().count() == line.chars().count()
        && shown
            .chars()
            .zip(line.chars())
            .all(|(s, l)| s == l || s == '*')
}

proptest! {
    #[test]
    fn any_text_is_read(text in texts()) {
        assert_sound(&text, &conf(&text));
    }

    #[test]
    fn any_text_within_an_instance_is_read(text in texts()) {
        let text = super::instance_with(&text);
        assert_sound(&text, &conf(&text));
    }

    #[test]
    fn a_configuration_holds_no_dangling_index(text in texts()) {
        if let Some(config) = conf(&super::instance_with(&text)).config {
            for instance in &config.instances {
                prop_assert!(instance.interface.index() < config.interfaces.len());
                prop_assert!(instance.tracks.iter().all(|t| t.check.index() < config.checks.len()));
                prop_assert!(instance.held_addresses().all(|a| a.interface.index() < config.interfaces.len() && a.prefix <= Family::of(a.address).host_prefix()));
                prop_assert!(instance.priority.get() > 0);
            }
        }
    }
}

#[test]
fn large_texts_come_to_an_end() {
    let sizes = 100_000;
    for unit in [
        "}",
        "{",
        "{}",
        "\"",
        "x\n",
        "x ",
        "a{",
        "vrrp_instance\n",
        "vrrp_script a {\n",
        "\\#",
        "${",
        "$a",
        "~SEQ(",
        "~LST(a,b)",
        "include {\n",
        "unknwon_keywrd\n",
    ] {
        let text = unit.repeat(sizes / unit.len());
        assert_sound(&text, &conf(&text));
        let text = super::instance_with(&text);
        assert_sound(&text, &conf(&text));
    }
    let repeated = super::instance_with("~SEQ(A,1,100000) unknwon_keywrd${A} ${B}");
    assert_sound(&repeated, &conf(&repeated));
    let name = "n".repeat(sizes);
    let text = super::instance_with(&format!("track_script {{\n{}}}", "a\n".repeat(sizes)));
    let text = text.replace("VI_1", &name);
    assert_sound(&text, &conf(&text));
    let many: String = (0..5000)
        .map(|n| format!("vrrp_script s{n} {{\nscript x\n}}\n"))
        .collect();
    let tracked: String = (0..5000).map(|n| format!("s{n}\nt{n}\n")).collect();
    let text = many + &super::instance_with(&format!("track_script {{\n{tracked}}}"));
    let config = usable(&text);
    assert_eq!(config.checks.len(), 5000);
    assert_eq!(config.instances[0].tracks.len(), 5000);
}
