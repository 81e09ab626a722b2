//! `rehearse run`.

use std::io::Write;
use std::path::Path;

use locum_engine::time::Seconds;
use locum_scenarios::performance::Replay;
use locum_scenarios::report::{self, BAD, BOLD, DIM, GOOD, Palette};
use locum_scenarios::{Performance, Scenario};

use super::open::open;
use super::write;
use super::{Answer, Failure, RunArgs};

pub(super) fn run(out: &mut impl Write, palette: Palette, args: &RunArgs) -> Answer {
    let scenario = open(&args.file)?;
    let performance = Performance::new(&scenario, args.seed, args.runner, args.pcap.is_some());
    if let Some(file) = &args.trace {
        std::fs::write(file, &performance.trace).map_err(|error| said(file, &error))?;
    }
    if let Some(folder) = &args.pcap {
        let Performance {
            captures, records, ..
        } = &performance;
        write::captures(folder, &scenario.topology, captures, records)?;
    }
    show(out, palette, args, &scenario, &performance)?;
    Ok(performance.is_good())
}

fn show(
    out: &mut impl Write,
    palette: Palette,
    args: &RunArgs,
    scenario: &Scenario,
    performance: &Performance,
) -> std::io::Result<()> {
    writeln!(out, "{}", palette.paint(BOLD, &scenario.idea))?;
    let how = format!(
        "{}: {} of virtual time, seed {}, {} runner",
        scenario.name,
        Seconds(scenario.lasts),
        args.seed,
        args.runner
    );
    writeln!(out, "{}\n", palette.paint(DIM, how))?;
    report::timeline(out, palette, &scenario.topology, &performance.records)?;
    writeln!(out)?;
    report::expectations(out, palette, &scenario.expectations, &performance.outcomes)?;
    writeln!(out)?;
    if args.oracles {
        writeln!(out, "{}", performance.report)?;
    } else {
        report::violations(out, palette, &performance.report)?;
    }
    let met = performance.outcomes.iter().filter(|o| o.met).count();
    let all = performance.outcomes.len();
    if performance.is_good() {
        let line = format!("as expected ({met} of {all})");
        return writeln!(out, "{}", palette.paint(GOOD, line));
    }
    let line = format!("not as expected ({met} of {all})");
    writeln!(out, "{}", palette.paint(BAD, line))?;
    let replay = Replay {
        file: &args.file,
        seed: args.seed,
        runner: args.runner,
    };
    writeln!(out, "again: {replay}")
}

fn said(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Said(format!("{}: {error}", path.display()))
}
