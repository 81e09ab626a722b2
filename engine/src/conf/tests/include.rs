//! What the forms of `include` insist on.

use super::said;
use crate::conf::{Reading, Severity, SourceText, Sources, read};

/// One file, one folder, and one pattern that names both.
struct Folder;

impl Sources for Folder {
    fn read(&mut self, pattern: &str, _: &str) -> Result<Vec<SourceText>, String> {
        let file = |name: &str, text| SourceText {
            name: name.to_owned(),
            text,
        };
        let folder = || file("folder", Err("it is a folder".to_owned()));
        let there = || file("there", Ok("vrrp_version 3\n".to_owned()));
        Ok(match pattern {
            "there" => vec![there()],
            "folder" => vec![folder()],
            "*r*" => vec![folder(), there()],
            _ => Vec::new(),
        })
    }
}

fn line(text: &str) -> Reading {
    read("k", &format!("global_defs {{\n{text}\n}}"), &mut Folder)
}

/// keepalived 2.2.7 with `-t`, letter by letter: `x` where it gives up.
const MEASURED: [(&str, [&str; 6]); 6] = [
    // what is named, for: include r m w b a
    ("nowhere", [" ", " ", "x", "x", " ", "x"]),
    ("now*", [" ", " ", " ", "x", " ", "x"]),
    ("{nowhere,there}", [" ", " ", " ", " ", "x", "x"]),
    ("folder", [" ", "x", "x", "x", "x", "x"]),
    ("{nowhere,no2}", [" ", " ", " ", " ", "x", "x"]),
    ("there", [" ", " ", " ", " ", " ", " "]),
];

#[test]
fn each_form_insists_on_what_keepalived_insists_on() {
    let keywords = [
        "include", "includer", "includem", "includew", "includeb", "includea",
    ];
    for (named, expected) in MEASURED {
        let fails = |keyword| line(&format!("{keyword} {named}")).config.is_none();
        let found = keywords.map(|keyword| if fails(keyword) { "x" } else { " " });
        assert_eq!(found, expected, "{named}");
    }
}

#[test]
fn include_check_holds_for_what_follows() {
    assert!(
        line("include now*\ninclude_check\ninclude there")
            .config
            .is_some()
    );
    assert!(line("include_check\ninclude now*").config.is_none());
    assert!(line("include_check match\ninclude now*").config.is_some());
    assert!(
        line("include_check match\ninclude nowhere")
            .config
            .is_none()
    );
    assert!(
        line("include_check\ninclude_check -wildcard_match\ninclude now*")
            .config
            .is_some()
    );
    let odd = line("include_check matching").diagnostics;
    assert_eq!((odd[1].line, odd[1].column, odd[1].length), (2, 15, 8));
}

#[test]
fn what_can_be_read_is_read() {
    let reading = line("include *r*");
    let said: Vec<_> = reading
        .diagnostics
        .iter()
        .map(|d| (d.severity, d.line, d.column))
        .collect();
    assert_eq!(said[0], (Severity::Warning, 1, 1), "no instance");
    assert_eq!(said[1], (Severity::Warning, 2, 9), "the folder");
    assert_eq!(said.len(), 2);
    let quiet = line("include now*").diagnostics;
    assert_eq!(
        quiet[1].severity,
        Severity::Note,
        "an empty folder is nobody's mistake"
    );
    let paths = line("include \"there\" # comment").diagnostics;
    assert_eq!(paths.len(), 1, "{paths:?}");
}

#[test]
fn an_include_names_something() {
    assert_eq!(
        said("include # x")[0],
        "error 1:1 `include` needs the name of a file"
    );
    assert!(
        line(&format!("include {}", "{a,b}".repeat(20)))
            .config
            .is_none()
    );
}
