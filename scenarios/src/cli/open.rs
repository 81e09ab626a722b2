//! Finds the scenario that a command names: a file, or an entry of the catalogue.

use std::io::Write;
use std::path::Path;

use locum_scenarios::{Problem, Scenario, catalogue, words};

use super::Failure;

/// Reads a scenario, and writes the remarks about it to standard error.
pub(super) fn open(name: &str) -> Result<Scenario, Failure> {
    let looks_like_path = name.ends_with(".toml") || name.contains('/');
    let scenario = match catalogue::find(name) {
        Some(entry) => Scenario::read(&format!("{name}.toml"), entry.text, None),
        None if looks_like_path || Path::new(name).exists() => Scenario::load(Path::new(name)),
        None => {
            let names = catalogue::ALL.iter().map(|entry| entry.name);
            let help = words::did_you_mean(name, names).unwrap_or_else(|| {
                "`rehearse list` shows the catalogue; files end in .toml".to_owned()
            });
            return Err(Failure::Said(format!(
                "no scenario is called `{name}`: {help}"
            )));
        }
    };
    let scenario = scenario.map_err(|problems| Failure::Said(lines(&problems)))?;
    if !scenario.remarks.is_empty() {
        let _ = writeln!(std::io::stderr(), "{}\n", lines(&scenario.remarks));
    }
    Ok(scenario)
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
