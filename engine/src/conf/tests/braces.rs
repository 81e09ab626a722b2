//! Braces wherever people put them, missing or surplus, and blocks nobody knows.

use super::{conf, instance_with, only_instance, printed, said, usable};
use crate::config::InstanceConfig;

/// The values that a wrecked instance would have lost.
#[track_caller]
fn assert_whole(instance: &InstanceConfig) {
    assert_eq!(instance.vrid.get(), 51);
    assert_eq!(instance.priority.get(), 42);
    assert_eq!(instance.addresses.len(), 1);
}

#[test]
fn every_way_to_write_braces_reads_the_same() {
    let ways = [
        "vrrp_instance A {\n interface e\n virtual_router_id 51\n priority 42\n virtual_ipaddress {\n 192.0.2.1/24\n }\n}",
        "vrrp_instance A{\n interface e\n virtual_router_id 51\n priority 42\n virtual_ipaddress{\n 192.0.2.1/24}}",
        "vrrp_instance A\n{\n interface e\n virtual_router_id 51\n priority 42\n virtual_ipaddress\n\n # x\n {\n 192.0.2.1/24\n }\n}",
        "vrrp_instance A { interface e\n virtual_router_id 51\n priority 42\n virtual_ipaddress { 192.0.2.1/24 } }",
    ];
    for way in ways {
        assert_whole(&only_instance(way));
        assert_eq!(said(way), [""; 0], "{way}");
    }
}

#[test]
fn an_unknown_block_costs_one_remark_and_nothing_else() {
    for unknown in [
        "virtual_weather {\n sun 1\n rain { heavy }\n}",
        "virtual_weather VI_1\n{\n}",
        "virtual_weather {}",
        "virtual_weather",
        "virtual_weather a b c",
    ] {
        let text = instance_with(&format!("{unknown}\npriority 42"));
        assert_whole(&only_instance(&text));
        let said = said(&text);
        let [only] = &said[..] else {
            panic!("{}", printed(&text))
        };
        assert!(
            only.starts_with("warning 6:1 unknown keyword `virtual_weather`"),
            "{only}"
        );
    }
}

#[test]
fn a_misspelt_block_is_recognised() {
    let text = instance_with("virtual_ipadress {\n192.0.2.2/24\n}\npriority 42");
    assert_whole(&only_instance(&text));
    let diagnostics = conf(&text).diagnostics;
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(
        diagnostics[0].help.as_deref(),
        Some("did you mean `virtual_ipaddress`?")
    );
}

#[test]
fn a_keyword_in_the_wrong_block_is_told_where_it_belongs() {
    let text = format!(
        "enable_script_security\n{}",
        instance_with("vrrp_garp_master_delay 1\nraise 2")
    );
    insta::assert_snapshot!(printed(&text));
    assert_eq!(
        only_instance(&text).garp.delay,
        core::time::Duration::from_secs(5)
    );
}

const OTHER: &str =
    "vrrp_instance B {\n interface e\n virtual_router_id 9\n no_virtual_ipaddress\n}\n";

#[test]
fn a_missing_brace_spoils_neither_its_block_nor_the_next() {
    let start = "vrrp_instance A {\n interface e\n virtual_router_id 51\n";
    let cases = [
        // The end of the file.
        (
            "1:1",
            format!("{start} priority 42\n virtual_ipaddress {{\n 192.0.2.1/24\n }}\n"),
        ),
        // The next instance.
        (
            "1:1",
            format!("{start} priority 42\n virtual_ipaddress {{\n 192.0.2.1/24\n }}\n{OTHER}"),
        ),
        // The address block, then a keyword.
        (
            "4:2",
            format!("{start} virtual_ipaddress {{\n 192.0.2.1/24\n priority 42\n}}\n{OTHER}"),
        ),
        // The address block, then another block.
        (
            "5:2",
            format!(
                "{start} priority 42\n virtual_ipaddress {{\n 192.0.2.1/24\n track_interface {{\n e\n }}\n}}\n{OTHER}"
            ),
        ),
        (
            "4:2",
            format!(
                "{start} authentication {{\n auth_type PASS\n auth_pass x\n priority 42\n virtual_ipaddress {{\n 192.0.2.1/24\n}}\n}}\n{OTHER}"
            ),
        ),
    ];
    for (place, text) in cases {
        let config = usable(&text);
        assert_whole(&config.instances[0]);
        assert_eq!(
            config.instances.len(),
            1 + text.matches("instance B").count()
        );
        let said = said(&text);
        let unclosed: Vec<_> = said
            .iter()
            .filter(|line| line.contains("is not closed"))
            .collect();
        assert_eq!(unclosed.len(), 1, "{}", printed(&text));
        assert!(
            unclosed[0].starts_with(&format!("warning {place} ")),
            "{}",
            unclosed[0]
        );
    }
}

#[test]
fn a_missing_opening_brace_is_taken_to_be_there() {
    let text = instance_with("priority 42").replace("VI_1 {", "VI_1");
    assert_whole(&only_instance(&text));
    assert_eq!(
        said(&text),
        ["warning 1:1 `vrrp_instance` needs a block: `{` is missing"]
    );
    let text = instance_with("priority 42").replace("virtual_ipaddress {", "virtual_ipaddress");
    assert_whole(&only_instance(&text));
    assert_eq!(said(&text).len(), 1);
}

#[test]
fn surplus_braces_are_reported_and_skipped() {
    let text = format!("{}}}\n{OTHER}", instance_with("priority 42"));
    assert_eq!(usable(&text).instances.len(), 2);
    assert_eq!(said(&text), ["warning 8:1 this `}` closes nothing"]);
    let text = instance_with("{\nstate MASTER\n}\npriority 42");
    assert_whole(&only_instance(
        &text.replace("192.0.2.1/24 }", "192.0.2.1/24\n}"),
    ));
    let text = format!("{}{OTHER}{}", "{".repeat(5000), "}".repeat(5000));
    assert!(usable(&text).instances.is_empty());
    let text = instance_with(&format!(
        "{}x{}\npriority 42",
        "a {".repeat(50),
        "}".repeat(50)
    ));
    assert_whole(&only_instance(&text));
    assert_eq!(said(&text).len(), 2, "{}", printed(&text));
}

#[test]
fn a_brace_belongs_to_the_keyword_right_before_it_only() {
    let text = format!("global_defs {{\n router_id a }}\n{{\n router_id b\n}}\n{OTHER}");
    assert_eq!(usable(&text).router_id.as_deref(), Some("a"));
    assert_eq!(
        said(&text),
        ["warning 3:1 this block has no keyword and is skipped"]
    );
}

#[test]
fn a_skipped_block_without_its_end_does_not_swallow_an_instance() {
    let text = format!("virtual_server_group G {{\n group {{\n  A\n }}\n{OTHER}");
    assert_eq!(usable(&text).instances.len(), 1);
    insta::assert_snapshot!(printed(&text));
}

#[test]
fn the_load_balancer_is_skipped_as_a_unit() {
    let text = format!(
        "virtual_server 192.0.2.1 80 {{\n delay_loop 6\n lb_algo rr\n real_server 10.0.0.1 80 {{\n  TCP_CHECK {{\n   connect_timeout 3\n  }}\n }}\n}}\n{OTHER}"
    );
    assert_eq!(usable(&text).instances.len(), 1);
    assert_eq!(
        said(&text),
        ["note 1:1 `virtual_server` is skipped: load balancing is not part of this daemon"]
    );
}

#[test]
fn git_leaves_its_marks() {
    let text = instance_with("<<<<<<< HEAD\npriority 41\n=======\npriority 42\n>>>>>>> b");
    assert_whole(&only_instance(&text));
    assert_eq!(said(&text).len(), 3);
}
