//! The reader as a whole: text in, values and diagnostics out.
//!
//! Every snapshot of diagnostics stands beside assertions on the typed values.

mod founding;

use super::{NoIncludes, Reading, Severity, read};
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
        None => panic!("not usable:\n{}", printed(&reading.diagnostics)),
    }
}

/// All diagnostics, as an operator sees them.
fn printed(diagnostics: &[super::Diagnostic]) -> String {
    let printed: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    printed.join("\n\n")
}

/// The diagnostics of at least this severity, without their excerpts.
fn messages(text: &str, least: Severity) -> Vec<String> {
    let diagnostics = conf(text).diagnostics.into_iter();
    let loud = diagnostics.filter(|diagnostic| diagnostic.severity >= least);
    loud.map(|d| format!("{}:{}: {}", d.line, d.column, d.message))
        .collect()
}

/// An instance that nothing can be said about, with more lines in it.
fn instance_with(lines: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n  interface eth0\n  virtual_router_id 51\n  virtual_ipaddress {{\n    192.0.2.1/24\n  }}\n{lines}\n}}\n"
    )
}

/// The only instance of a text.
fn only_instance(text: &str) -> InstanceConfig {
    let mut config = usable(text);
    assert_eq!(config.instances.len(), 1);
    config.instances.remove(0)
}
