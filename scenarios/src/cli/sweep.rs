//! `rehearse sweep`: many seeds, on every core, the failures grouped by what failed.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::time::Instant;

use locum_scenarios::performance::Replay;
use locum_scenarios::report::{BAD, GOOD, Palette};
use locum_scenarios::{Performance, Scenario};
use locum_sim::run::Runner;
use rayon::prelude::*;

use super::Answer;
use super::open::open;

/// Replay lines shown for each kind of failure.
const SHOWN: usize = 3;

pub(super) fn sweep(
    out: &mut impl Write,
    palette: Palette,
    file: &str,
    seeds: Range<u64>,
) -> Answer {
    let scenario = open(file)?;
    let count = seeds.end - seeds.start;
    let begin = Instant::now();
    let failures: Vec<(u64, Vec<String>)> = seeds
        .into_par_iter()
        .map(|seed| (seed, failures(&scenario, seed)))
        .filter(|(_, failures)| !failures.is_empty())
        .collect();
    let took = begin.elapsed();
    let mut kinds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (seed, whats) in &failures {
        for what in whats {
            kinds.entry(what).or_default().push(*seed);
        }
    }
    for (what, seeds) in &kinds {
        let line = format!("{} of {count} seeds: {what}", seeds.len());
        writeln!(out, "{}", palette.paint(BAD, line))?;
        for &seed in seeds.iter().take(SHOWN) {
            let runner = Runner::Event;
            writeln!(out, "  {}", Replay { file, seed, runner })?;
        }
    }
    let virtual_seconds = scenario.lasts.as_secs_f64() * count as f64;
    let speed = virtual_seconds / took.as_secs_f64();
    let line = format!(
        "{} of {count} seeds as expected, in {:.1} s ({speed:.0} times real time)",
        count - failures.len() as u64,
        took.as_secs_f64()
    );
    let style = if failures.is_empty() { GOOD } else { BAD };
    writeln!(out, "{}", palette.paint(style, line))?;
    Ok(failures.is_empty())
}

/// What failed with a seed.
fn failures(scenario: &Scenario, seed: u64) -> Vec<String> {
    let performance = Performance::new(scenario, seed, Runner::Event, false);
    let oracles = performance
        .report
        .findings
        .iter()
        .filter(|finding| !finding.verdict.holds())
        .map(|finding| format!("{}: {}", finding.name, finding.property));
    scenario
        .expectations
        .iter()
        .zip(&performance.outcomes)
        .filter(|(_, outcome)| !outcome.met)
        .map(|(expectation, _)| format!("line {}: {}", expectation.line, expectation.text))
        .chain(oracles)
        .collect()
}
