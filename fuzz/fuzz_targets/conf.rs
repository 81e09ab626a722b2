//! Any text is read as a configuration: no panic, and every diagnostic can be printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use locum_engine::conf::{self, NoIncludes};

fuzz_target!(|text: &str| {
    let reading = conf::read("fuzz.conf", text, &mut NoIncludes);
    for diagnostic in &reading.diagnostics {
        let line = text.split('\n').nth(diagnostic.line as usize - 1);
        let line = line.expect("the line exists");
        assert!((diagnostic.column as usize) <= line.chars().count() + 1);
        assert!(!diagnostic.to_string().is_empty());
    }
    assert!(reading.config.is_some() || !reading.diagnostics.is_empty());
});
