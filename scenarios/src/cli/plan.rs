//! `rehearse plan`.

use std::io::Write;

use locum_scenarios::say;

use super::Answer;
use super::open::open;

pub(super) fn plan(out: &mut impl Write, file: &str, seed: u64) -> Answer {
    let scenario = open(file)?;
    writeln!(out, "# {}, seed {seed}", scenario.name)?;
    writeln!(out, "timeline = [")?;
    for fault in scenario.plan(seed).faults {
        writeln!(out, "    {},", say::as_toml(&scenario.topology, &fault))?;
    }
    writeln!(out, "]")?;
    Ok(true)
}
