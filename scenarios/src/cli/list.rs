//! `rehearse list`.

use std::io::Write;

use locum_scenarios::report::{BOLD, Palette};
use locum_scenarios::{Scenario, catalogue};

use super::Answer;

pub(super) fn list(out: &mut impl Write, palette: Palette) -> Answer {
    let width = catalogue::ALL.iter().map(|entry| entry.name.len()).max();
    let width = width.unwrap_or(0);
    let mut group = "";
    for entry in catalogue::ALL {
        if entry.group != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = entry.group;
            writeln!(out, "{gap}{}", palette.paint(BOLD, group))?;
        }
        let idea = Scenario::read(entry.name, entry.text, None)
            .map_or_else(|_| "(unreadable)".into(), |scenario| scenario.idea);
        writeln!(out, "  {:width$}  {idea}", entry.name)?;
    }
    Ok(true)
}
