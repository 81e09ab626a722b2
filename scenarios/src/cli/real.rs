//! `rehearse real`: a scenario with real daemons, in real time.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use locum_engine::time::Seconds;
use locum_scenarios::Scenario;
use locum_scenarios::real::{self, Options, Seen};
use locum_scenarios::report::{self, BAD, BOLD, DIM, GOOD, Palette};
use locum_scenarios::units::{SPAN_HELP, parse_span};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::open::open;
use super::{Answer, Failure, write};

/// Built by the same `cargo build` as this program, it is found beside it.
const LOCUM: &str = "locum";

#[derive(Debug, clap::Args)]
pub(super) struct RealArgs {
    /// A scenario file, or a name of the catalogue.
    file: String,
    /// The daemon: `locum`, `keepalived`, or a path to one of them.
    #[arg(long, value_name = "CMD", default_value = LOCUM)]
    daemon: PathBuf,
    /// Where to write what was seen: timeline.txt, a pcap and a pcapng for each switch and host, and
    /// each node's configuration and log.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Decides what `[chaos]` does; nothing else is repeatable in real time.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Leave the clients' pings and the answers to them out of the captures.
    #[arg(long)]
    without_pings: bool,
    /// How far the real world may be from what the scenario expects.
    #[arg(long, default_value = "150ms", value_parser = span)]
    tolerance: Duration,
}

pub(super) fn real(out: &mut impl Write, palette: Palette, args: &RealArgs) -> Answer {
    let scenario = open(&args.file)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    std::fs::create_dir_all(&args.out).map_err(|error| said(&args.out, &error))?;
    let options = Options {
        daemon: daemon(&args.daemon),
        folder: args.out.clone(),
        seed: args.seed,
        without_pings: args.without_pings,
        tolerance: args.tolerance,
        interrupted,
    };
    real::favour();
    let seen = real::run(&scenario, &options).map_err(|error| Failure::Said(error.to_string()))?;
    write::captures(&args.out, &scenario.topology, &seen.captures, &seen.records)?;
    let mut text = Vec::new();
    show(&mut text, Palette::new(false), args, &scenario, &seen)?;
    let file = args.out.join("timeline.txt");
    std::fs::write(&file, text).map_err(|error| said(&file, &error))?;
    show(out, palette, args, &scenario, &seen)?;
    Ok(seen.is_good())
}

/// `locum` may not be installed, but lie beside this program.
fn daemon(named: &Path) -> PathBuf {
    let beside = || {
        let folder = std::env::current_exe().ok()?;
        let file = folder.parent()?.join(LOCUM);
        file.is_file().then_some(file)
    };
    match named == Path::new(LOCUM) {
        true => beside().unwrap_or_else(|| named.to_owned()),
        false => named.to_owned(),
    }
}

fn show(
    out: &mut impl Write,
    palette: Palette,
    args: &RealArgs,
    scenario: &Scenario,
    seen: &Seen,
) -> std::io::Result<()> {
    writeln!(out, "{}", palette.paint(BOLD, &scenario.idea))?;
    let daemon = args.daemon.file_name().unwrap_or(args.daemon.as_os_str());
    let how = format!(
        "{}: {} of real time, {}",
        scenario.name,
        Seconds(scenario.lasts),
        daemon.display()
    );
    writeln!(out, "{}\n", palette.paint(DIM, how))?;
    report::timeline(out, palette, &scenario.topology, &seen.records)?;
    writeln!(out)?;
    for (expectation, outcome) in scenario.expectations.iter().zip(&seen.outcomes) {
        match outcome {
            Some(outcome) => report::expectations(
                out,
                palette,
                std::slice::from_ref(expectation),
                std::slice::from_ref(outcome),
            )?,
            None => {
                let line = format!("  - {}  not to be seen from outside", expectation.text);
                writeln!(out, "{}", palette.paint(DIM, line))?;
            }
        }
    }
    let judged = seen.outcomes.iter().flatten();
    let (met, all) = (judged.clone().filter(|o| o.met).count(), judged.count());
    match seen.is_good() {
        true => {
            let line = format!("\nas expected ({met} of {all})");
            writeln!(out, "{}", palette.paint(GOOD, line))
        }
        false => {
            let line = format!("\nnot as expected ({met} of {all})");
            writeln!(out, "{}", palette.paint(BAD, line))
        }
    }
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| SPAN_HELP.to_owned())
}

fn said(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Said(format!("{}: {error}", path.display()))
}
