//! The command line of `rehearse`.

mod diff;
mod list;
mod open;
mod plan;
mod real;
mod replay;
mod run;
mod show;
mod sweep;
mod write;

use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use locum_scenarios::report::Palette;
use locum_sim::run::Runner;

/// Rehearses what happens to a virtual address when the network breaks.
#[derive(Debug, Parser)]
#[command(name = "rehearse", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Carry a scenario out, and show its timeline and what became of its expectations.
    Run(RunArgs),
    /// Carry a scenario out with real daemons in network namespaces, in real time. Needs root.
    Real(real::RealArgs),
    /// Show the catalogue.
    List,
    /// Show what a seed expands into, as the timeline of a scenario file.
    Plan {
        /// A scenario file, or a name of the catalogue.
        file: String,
        /// Decides everything that is left to chance.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Carry a scenario out with many seeds, and show the failures.
    Sweep {
        /// A scenario file, or a name of the catalogue.
        file: String,
        /// From the first up to, but not including, the second.
        #[arg(long, default_value = "0..1000", value_parser = seeds)]
        seeds: Range<u64>,
    },
    /// Play what a daemon recorded through the engine, and show what it decided and why.
    Replay(replay::ReplayArgs),
    /// Show what the frames of a capture say.
    Show(show::ShowArgs),
    /// Compare what the daemons sent in two captures: to the byte, in order, in time.
    Diff(diff::DiffArgs),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// A scenario file, or a name of the catalogue.
    file: String,
    /// Decides everything that is left to chance.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// `event` is fast, `turmoil` runs the production driver in an async runtime for each node.
    #[arg(long, default_value_t = Runner::Event)]
    runner: Runner,
    /// Show what the oracles looked at, and how close it came to its bounds.
    #[arg(long)]
    oracles: bool,
    /// Write what passed each switch and each host into this folder: as pcap files, and as pcapng
    /// with what happened in comments.
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    /// Write the whole trace into this file.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write what each node's daemon would have recorded into this folder, for `rehearse replay`.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// How a command ended, if it could be carried out at all.
type Answer = Result<bool, Failure>;

/// Why a command could not be carried out.
#[derive(Debug)]
enum Failure {
    /// Nothing more can be printed.
    Output(io::Error),
    /// What to say about it.
    Said(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

pub(crate) fn main() -> ExitCode {
    let stdout = io::stdout();
    let palette = Palette::new(stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let mut out = io::BufWriter::new(stdout.lock());
    let answer = match Cli::parse().command {
        Command::Run(args) => run::run(&mut out, palette, &args),
        Command::Real(args) => real::real(&mut out, palette, &args),
        Command::List => list::list(&mut out, palette),
        Command::Plan { file, seed } => plan::plan(&mut out, &file, seed),
        Command::Sweep { file, seeds } => sweep::sweep(&mut out, palette, &file, seeds),
        Command::Replay(args) => replay::replay(&mut out, palette, &args),
        Command::Show(args) => show::show(&mut out, palette, &args),
        Command::Diff(args) => diff::diff(&mut out, palette, &args),
    };
    let answer = answer.and_then(|good| Ok(out.flush().map(|()| good)?));
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let text = match failure {
                Failure::Output(error) => format!("the output can't be written: {error}"),
                Failure::Said(text) => text,
            };
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::from(2)
        }
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let range = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range
        .filter(|range| !range.is_empty())
        .ok_or_else(|| "write two numbers, as in 0..1000".to_owned())
}
