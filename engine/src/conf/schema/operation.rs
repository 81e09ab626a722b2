//! How the daemon is run: files it writes, the namespace it works in, what scripts must be like.

use core::net::SocketAddr;
use std::sync::Arc;

use super::value::{bare, number, value};
use crate::conf::source::Report;
use crate::conf::tree::Item;
use crate::config::Operation;

/// Those of `global_defs`.
pub(super) const GLOBAL_KEYWORDS: [&str; 9] = [
    "enable_script_security",
    "umask",
    "state_dump_file",
    "stats_dump_file",
    "json_dump_file",
    "json_version",
    "event_stream",
    "control_socket",
    "metrics",
];

/// Permissions by their names in C, as `umask` may list them with `|` between.
const BITS: [(&str, u32); 12] = [
    ("IRUSR", 0o400),
    ("IWUSR", 0o200),
    ("IXUSR", 0o100),
    ("IRGRP", 0o040),
    ("IWGRP", 0o020),
    ("IXGRP", 0o010),
    ("IROTH", 0o004),
    ("IWOTH", 0o002),
    ("IXOTH", 0o001),
    ("IRWXU", 0o700),
    ("IRWXG", 0o070),
    ("IRWXO", 0o007),
];

/// Reads a line. False when the keyword isn't one of these.
pub(super) fn read(item: &Item, operation: &mut Operation, report: &mut Report) -> bool {
    let path = match item.keyword.text.as_str() {
        "enable_script_security" => {
            bare(item, report);
            operation.script_security = true;
            return true;
        }
        "umask" => {
            operation.umask = mask(item, report).or(operation.umask);
            return true;
        }
        "json_version" => {
            let read = number(item, 1..=2, "the line is ignored", report);
            operation.json_version =
                read.map_or(operation.json_version, |(v, _)| if v == 2 { 2 } else { 1 });
            return true;
        }
        "control_socket" => {
            operation.control = control(item, report).or_else(|| operation.control.take());
            return true;
        }
        "metrics" => {
            operation.metrics = metrics(item, report).or_else(|| operation.metrics.take());
            return true;
        }
        "state_dump_file" => &mut operation.state_dump,
        "stats_dump_file" => &mut operation.stats_dump,
        "json_dump_file" => &mut operation.json_dump,
        "event_stream" => &mut operation.event_stream,
        _ => return false,
    };
    if let Some(read) = absolute(item, report) {
        *path = Some(read);
    }
    true
}

/// `net_namespace`, which stands outside all blocks.
pub(super) fn net_namespace(item: &Item, operation: &mut Operation, report: &mut Report) {
    if let Some(name) = value(item, report) {
        operation.net_namespace = Some(name.text.into());
    }
}

/// `off`, or a path.
fn control(item: &Item, report: &mut Report) -> Option<Arc<str>> {
    let place = value(item, report)?;
    match place.text {
        "off" => Some(place.text.into()),
        _ => absolute(item, report),
    }
}

/// `off`, a path, or an address with a port.
fn metrics(item: &Item, report: &mut Report) -> Option<Arc<str>> {
    let place = value(item, report)?;
    let text = place.text;
    if text == "off" || text.starts_with('/') || text.parse::<SocketAddr>().is_ok() {
        return Some(text.into());
    }
    report
        .warning(place.span, "this is no place for metrics: the line is ignored")
        .hint("write `127.0.0.1:9650`, `[::1]:9650`, a path such as `/run/locum/metrics.sock`, or `off`");
    None
}

/// A daemon works in `/`, and a relative path would mean something else there.
fn absolute(item: &Item, report: &mut Report) -> Option<Arc<str>> {
    let path = value(item, report)?;
    if !path.text.starts_with('/') {
        let message = "the path must begin with `/`: the line is ignored";
        report.warning(path.span, message);
        return None;
    }
    Some(path.text.into())
}

/// A number as C writes it, or names of bits.
fn mask(item: &Item, report: &mut Report) -> Option<u32> {
    let word = value(item, report)?;
    let text = word.text;
    let by_name = |text: &str| {
        let mut bits = text.split('|').map(|name| {
            let known = BITS.iter().find(|(known, _)| *known == name);
            known.map(|(_, bit)| *bit)
        });
        bits.try_fold(0, |mask, bit| Some(mask | bit?))
    };
    let number = match text.strip_prefix('0') {
        Some("") => Some(0),
        Some(rest) => match rest.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => u32::from_str_radix(rest, 8).ok(),
        },
        None => text.parse().ok().or_else(|| by_name(text)),
    };
    let number = number.filter(|mask| *mask <= 0o777);
    if number.is_none() {
        report
            .warning(word.span, "this is no mask: the line is ignored")
            .hint("write it as in C: 077 is octal, and so is `IRWXG|IRWXO`");
    }
    number
}
