//! `rehearse run`.

use std::io::Write;
use std::path::Path;

use locum_engine::time::Seconds;
use locum_scenarios::performance::Replay;
use locum_scenarios::recorder::Recorder;
use locum_scenarios::report::{self, BAD, BOLD, DIM, GOOD, Palette};
use locum_scenarios::{Performance, Scenario};
use locum_sim::run::{Options, Setup};

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
    if let Some(folder) = &args.record {
        record(folder, &scenario, args)?;
    }
    show(out, palette, args, &scenario, &performance)?;
    Ok(performance.is_good())
}

/// The same run once more, with a recorder at each daemon: one file for each node, named after it.
fn record(folder: &Path, scenario: &Scenario, args: &RunArgs) -> Result<(), Failure> {
    let recorder = Recorder::new(scenario, 1 << 20);
    let setup = Setup {
        topology: scenario.topology.clone(),
        plan: scenario.plan(args.seed),
    };
    let options = Options {
        keep_records: false,
        oracles: false,
        listeners: recorder.listeners(),
        ..Options::default()
    };
    args.runner.run(&setup, &options);
    std::fs::create_dir_all(folder).map_err(|error| said(folder, &error))?;
    for (host, _) in scenario.topology.routers() {
        let name = &scenario.topology.hosts[host.index()].name;
        let file = folder.join(format!("{name}.recording"));
        if let Some(bytes) = recorder.file(host) {
            std::fs::write(&file, bytes).map_err(|error| said(&file, &error))?;
        }
    }
    Ok(())
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
