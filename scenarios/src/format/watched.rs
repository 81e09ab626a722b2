//! What happens to tracked files and processes.

use locum_engine::config::Config;
use locum_sim::fault::Fault;
use locum_sim::topology::HostId;
use toml::de::DeValue;

use super::fields::{Fields, integer};
use crate::words::did_you_mean;

/// `file = "load", node = "A", says = 20`, or `says = "nothing"`, which removes it.
pub(super) fn file(entry: &Fields<'_, '_>, host: HostId, config: &Config) -> Option<Fault> {
    let names = config.files.iter().map(|file| &*file.name);
    let name = entry.word("file")?;
    let Some(id) = config.find_file(name.text) else {
        return unknown(entry, "file", names);
    };
    let range = i64::from(i32::MIN)..=i64::from(i32::MAX);
    let value = number(entry, "says", "nothing", range)?;
    let value = value.map(|value| i32::try_from(value).expect("within the range"));
    Some(Fault::WriteFile(host, id, value))
}

/// `process = "web", node = "A", runs = 0`, or `runs = "as wanted"`.
pub(super) fn process(entry: &Fields<'_, '_>, host: HostId, config: &Config) -> Option<Fault> {
    let names = config.processes.iter().map(|process| &*process.name);
    let name = entry.word("process")?;
    let Some(id) = config.find_process(name.text) else {
        return unknown(entry, "process", names);
    };
    let count = number(entry, "runs", "as wanted", 0..=1_000_000)?;
    let count = count.map(|count| u32::try_from(count).expect("within the range"));
    Some(Fault::Processes(host, id, count))
}

fn unknown<'a, T>(
    entry: &Fields<'_, '_>,
    what: &'static str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Option<T> {
    let name = entry.word(what)?;
    let help = did_you_mean(name.text, names.clone()).unwrap_or_else(|| {
        let names: Vec<_> = names.collect();
        match names.is_empty() {
            true => format!("it tracks no {what} at all"),
            false => format!("it tracks: {}", names.join(", ")),
        }
    });
    let message = format!("this node tracks no {what} `{}`", name.text);
    entry.sink.error(name.span, message, help)
}

/// A number, or the word that stands for none.
fn number(
    entry: &Fields<'_, '_>,
    field: &'static str,
    none: &str,
    range: core::ops::RangeInclusive<i64>,
) -> Option<Option<i64>> {
    if !entry.has(field) {
        let help = format!("write {field} = 1, or {field} = \"{none}\"");
        return entry.missing(field, &help);
    }
    let value = entry.value(field)?;
    if let DeValue::String(text) = value.get_ref()
        && text == none
    {
        return Some(None);
    }
    integer(entry.sink, value, &range).map(Some)
}
