//! The reader as a whole: text in, values and diagnostics out.
//!
//! Every snapshot of diagnostics stands beside assertions on the typed values.

mod addresses;
mod auth;
mod braces;
mod corpus;
mod explain;
mod founding;
mod generators;
mod group;
mod ignored;
mod include;
mod ipv6;
mod keywords;
mod language;
mod links;
mod lint;
mod macros;
mod measured;
mod mistakes;
mod multicast;
mod notify;
mod pacing;
mod property;
mod reached;
mod recording;
mod repeat;
mod routes;
mod script;
mod strict;
mod tuning;
mod unicast;
mod values;
mod vmac;
mod watch;

use super::{NoIncludes, Reading, Severity, SourceText, Sources, read};
use crate::config::{Config, InstanceConfig};

/// Reads a text that includes nothing.
fn conf(text: &str) -> Reading {
    read("keepalived.conf", text, &mut NoIncludes)
}

/// The configuration of a text that is usable.
fn usable(text: &str) -> Config {
    let reading = conf(text);
    match reading.config {
        Some(config) => config,
        None => panic!("not usable:\n{}", printed(text)),
    }
}

/// All diagnostics, as an operator sees them.
fn printed(text: &str) -> String {
    let diagnostics = conf(text).diagnostics;
    let printed: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    printed.join("\n\n")
}

/// The diagnostics of a text: severity, place, message.
fn said(text: &str) -> Vec<String> {
    let diagnostics = conf(text).diagnostics.into_iter();
    diagnostics
        .map(|d| format!("{} {}:{} {}", d.severity, d.line, d.column, d.message))
        .collect()
}

/// An instance that nothing can be said about, with more lines in it, from line 6 on.
fn instance_with(lines: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{
interface eth0
virtual_router_id 51
virtual_ipaddress {{
192.0.2.1/24 }}
{lines}
}}
"
    )
}

/// The only instance of a text.
fn only_instance(text: &str) -> InstanceConfig {
    let mut config = usable(text);
    assert_eq!(config.instances.len(), 1, "{}", printed(text));
    config.instances.remove(0)
}

/// What the reader says about lines of an instance; an error makes no configuration.
#[track_caller]
fn assert_says(lines: &str, severity: Severity, part: &str) {
    let diagnostics = conf(&instance_with(lines)).diagnostics;
    let [only] = &diagnostics[..] else {
        panic!("one diagnostic expected for {lines:?}: {diagnostics:#?}");
    };
    assert_eq!(only.severity, severity, "{lines:?}: {only}");
    assert!(only.message.contains(part), "{lines:?}: {only}");
    assert!(
        only.line >= 6 && (only.line as usize) < 6 + lines.split('\n').count(),
        "{only}"
    );
}

/// That a line of an instance is wrong, and survived.
#[track_caller]
fn assert_says_error(line: &str, part: &str) {
    assert_says(line, Severity::Error, part);
    assert!(conf(&instance_with(line)).config.is_some(), "{line}");
}

#[test]
fn a_sound_instance_needs_no_remarks() {
    let text = instance_with("state BACKUP\npriority 100\nadvert_int 1");
    assert_eq!(said(&text), [""; 0]);
    assert_eq!(conf(&text).worst(), None);
    assert_eq!(conf("").worst(), Some(Severity::Warning));
}

#[test]
fn an_empty_file_is_usable_and_says_so() {
    assert_eq!(usable(""), Config::default());
    assert_eq!(
        said(""),
        ["warning 1:1 there is no `vrrp_instance`: this daemon has nothing to do"]
    );
}

/// Files by name; a pattern ending in `*` names several.
struct Tree(&'static [(&'static str, &'static str)]);

impl Sources for Tree {
    fn read(&mut self, path: &str, relative_to: &str) -> Result<Vec<SourceText>, String> {
        let folder = relative_to
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let full = format!("{folder}/{path}");
        let matches = |name: &str| match full.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == full,
        };
        let found = self.0.iter().filter(|(name, _)| matches(name));
        let source = |(name, text): &(&str, &str)| SourceText {
            name: (*name).to_owned(),
            text: Ok((*text).to_owned()),
        };
        Ok(found.map(source).collect())
    }
}

#[test]
fn included_files_stand_in_place_of_their_line() {
    let mut files = Tree(&[
        (
            "/etc/k/conf.d/a.conf",
            "include ../b.conf\nvrrp_instance A {\n interface eth0\n virtual_router_id 1\n include ids\n",
        ),
        ("/etc/k/conf.d/b.conf", "}\nbroken 1\n"),
        ("/etc/k/conf.d/ids", "priority 7\n}\n"),
    ]);
    let reading = read(
        "/etc/k/keepalived.conf",
        "include conf.d/a*\ninclude nowhere\n",
        &mut files,
    );
    let places: Vec<_> = reading
        .diagnostics
        .iter()
        .map(|d| (&*d.file, d.line, d.severity))
        .collect();
    let main = "/etc/k/keepalived.conf";
    let a = "/etc/k/conf.d/a.conf";
    let expected = [
        (main, 2, Severity::Warning),
        (a, 1, Severity::Warning),
        (a, 2, Severity::Warning),
    ];
    assert_eq!(places, expected);
    let config = reading.config.expect("a missing include is survived");
    assert_eq!(config.instances[0].priority.get(), 7);
}
