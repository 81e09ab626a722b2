//! Any text is read as a configuration, with the files it includes: no panic, bounded growth, and
//! every diagnostic is about a place that exists.
//!
//! The input is cut into files at lines of `===`; the first is the configuration, and `a`, `b`, ...
//! are the others. Run with `-timeout=10`: a configuration of a few kilobytes takes milliseconds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use locum_engine::conf::{self, SourceText, Sources};

/// Lines allowed, so that one run stays short.
const MOST: usize = 5_000;

struct Files<'a>(Vec<&'a str>);

impl Sources for Files<'_> {
    fn read(&mut self, pattern: &str, _: &str) -> Result<Vec<SourceText>, String> {
        let named = |(index, text): (usize, &&str)| {
            let name = char::from(b'a' + u8::try_from(index).ok()?).to_string();
            let found = pattern == "*" || pattern == name;
            found.then(|| SourceText {
                text: match text.starts_with('%') {
                    true => Err("it can't be read".to_owned()),
                    false => Ok((*text).to_owned()),
                },
                name,
            })
        };
        Ok(self.0[1..].iter().take(26).enumerate().filter_map(named).collect())
    }

    fn config_id(&self) -> Option<&str> {
        Some("n")
    }

    fn variable(&self, name: &str) -> Option<String> {
        (name.len() == 1).then(|| format!("a ${{_ENV {name}}} #"))
    }

    fn most_lines(&self) -> usize {
        MOST
    }
}

fuzz_target!(|text: &str| {
    let mut files = Files(text.split("\n===\n").collect());
    let reading = conf::read("fuzz.conf", files.0[0], &mut files);
    for diagnostic in &reading.diagnostics {
        let index = match diagnostic.file.as_bytes() {
            [letter] => usize::from(letter - b'a') + 1,
            _ => 0,
        };
        let text = files.0[index];
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let line = text.split('\n').nth(diagnostic.line as usize - 1);
        let line = line.expect("the line exists");
        assert!((diagnostic.column as usize) <= line.chars().count() + 1);
        assert!((diagnostic.column - 1 + diagnostic.length) as usize <= line.chars().count());
        assert!(diagnostic.to_string().len() < 2_000_000);
        if let Some(origin) = &diagnostic.origin {
            assert!(origin.line >= 1 && !origin.name.is_empty());
        }
    }
    assert!(reading.config.is_some() || !reading.diagnostics.is_empty());
    if let Some(config) = &reading.config {
        assert!(config.instances.len() <= MOST);
        assert!(config.instances.is_empty() || !conf::explain(config).is_empty());
    }
});
