//! The language of the file, feature by feature (`language/cases.txt`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::conf::{Reading, SourceText, Sources, read};
use crate::config::{CheckCommand, Config};

const CASES: &str = include_str!("language/cases.txt");
const FOLDER: &str = "/etc/keepalived/";

/// What the language has. Each has a case, and each case has one of these.
const FEATURES: [&str; 15] = [
    "block",
    "comment",
    "definition",
    "include",
    "line",
    "list",
    "node",
    "number",
    "predefined",
    "reference",
    "repetition",
    "sequence",
    "string",
    "switch",
    "unknown",
];

/// An instance for a script that nothing else tracks.
const TRACKING: &str = "
vrrp_instance Z {
  interface eth0
  virtual_router_id 200
  virtual_ipaddress {
    192.0.2.200/24
  }
  track_script {
    s
  }
}
";

/// One case.
struct Case {
    name: &'static str,
    text: String,
    files: BTreeMap<String, &'static str>,
    expected: Vec<&'static str>,
}

impl Case {
    fn parse(text: &'static str) -> Self {
        let (name, rest) = text.split_once('\n').expect("a name");
        let (body, expected) = rest.split_once("\n--\n").expect("what comes out");
        let mut parts = body.split("\n>> ");
        let main = parts.next().expect("a text");
        let file = |part: &'static str| {
            let (name, text) = part.split_once('\n').expect("a file's name");
            (format!("{FOLDER}{name}"), text)
        };
        let mut text = main
            .replace("CR\n", "\r\n")
            .replace("CR", "\r")
            .replace("NUL", "\0");
        for length in [1022, 1024] {
            let long = "x".repeat(length - "  router_id ".len());
            text = text.replace(&format!("LONG{length}"), &long);
        }
        match text.strip_suffix("NOEND") {
            Some(short) => text.truncate(short.len()),
            None => text.push('\n'),
        }
        if body.contains("vrrp_script") && !body.contains("vrrp_instance") {
            text += TRACKING;
        }
        let expected = expected.lines().filter(|line| !line.is_empty());
        Self {
            name,
            text,
            files: parts.map(file).collect(),
            expected: expected.collect(),
        }
    }

    fn read(&mut self) -> Reading {
        let text = self.text.clone();
        read(&format!("{FOLDER}k.conf"), &text, self)
    }
}

impl Sources for Case {
    fn read(&mut self, pattern: &str, from: &str) -> Result<Vec<SourceText>, String> {
        let (folder, _) = from.rsplit_once('/').expect("a file in a folder");
        let pattern = format!("{folder}/{pattern}");
        let (start, end) = pattern.split_once('*').unwrap_or((&pattern, ""));
        let matches = |name: &str| match pattern.contains('*') {
            true => name.starts_with(start) && name.ends_with(end),
            false => name == pattern,
        };
        let found = self.files.iter().filter(|(name, _)| matches(name));
        let source = |(name, text): (&String, &&str)| SourceText {
            name: name.clone(),
            text: Ok((*text).to_owned()),
        };
        Ok(found.map(source).collect())
    }

    fn config_id(&self) -> Option<&str> {
        Some("node")
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name == "LOCUM_TEST").then(|| "of the environment".to_owned())
    }
}

/// What was read, a line for each thing, as the cases have it.
fn summary(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(id) = &config.router_id {
        let long = id.len() > 1000;
        lines.push(match long {
            true => format!("router_id LONG{}", id.len() + "  router_id ".len()),
            false => format!("router_id {id}"),
        });
    }
    for instance in &config.instances {
        if &*instance.name == "Z" {
            continue;
        }
        let (vrid, priority) = (instance.vrid.get(), instance.priority.get());
        let mut line = format!("instance {} {vrid} {priority}", instance.name);
        for address in &instance.addresses {
            let _ = write!(line, " {}/{}", address.address, address.prefix);
        }
        for (place, address) in instance.excluded.iter().enumerate() {
            let apart = if place == 0 { " |" } else { "" };
            let _ = write!(line, "{apart} {}/{}", address.address, address.prefix);
        }
        for track in &instance.tracks {
            let _ = write!(line, " tracks {}", config.check(track.check).name);
        }
        if instance.lower_prio_no_advert {
            line += " quiet";
        }
        lines.push(line);
    }
    for check in &config.checks {
        let mut line = format!("script {}", check.name);
        if let CheckCommand::Script(words) = &check.command {
            for word in words.iter() {
                let _ = write!(line, " [{word}]");
            }
        }
        lines.push(line);
    }
    for group in &config.groups {
        let members = group.members.iter().map(|id| &*config.instance(*id).name);
        let members: Vec<&str> = members.collect();
        lines.push(format!("group {} {}", group.name, members.join(" ")));
    }
    lines
}

#[test]
fn each_feature_reads_as_it_should() {
    let mut shown = BTreeSet::new();
    for text in CASES.split("\n== ").skip(1) {
        let mut case = Case::parse(text);
        let reading = case.read();
        let config = reading.config.unwrap_or_else(|| {
            let said: Vec<_> = reading
                .diagnostics
                .iter()
                .map(ToString::to_string)
                .collect();
            panic!("{}: {}", case.name, said.join("\n"))
        });
        let theirs = |line: &&&str| line.starts_with("2.2.7: ");
        let expected = case.expected.iter().filter(|line| !theirs(line)).copied();
        let expected: Vec<&str> = expected.collect();
        assert_eq!(summary(&config), expected, "{}\n{}", case.name, case.text);
        let (feature, _) = case.name.split_once(':').expect("a feature");
        shown.insert(feature);
    }
    assert_eq!(shown.into_iter().collect::<Vec<_>>(), FEATURES);
}
