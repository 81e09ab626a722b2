//! `locum`: the daemon and its commands.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use locum_engine::conf::explain;
use locum_engine::probe::parse::parse_probe;
use locum_real_net::cli::{Cli, Command, RunArgs};
use locum_real_net::load::{Verdict, load};
use locum_real_net::{daemon, probes, runtime};

/// Wrong arguments or an unusable configuration.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => run(&cli.run),
        Some(Command::Run(args)) => run(&args),
        Some(Command::Check { file, config_id }) => {
            let explained = true;
            check(&file, config_id.as_deref(), explained, &mut io::stdout())
        }
        Some(Command::Probe { words }) => probe(&words),
    }
}

fn run(args: &RunArgs) -> ExitCode {
    let id = args.config_id.as_deref();
    match &args.config_test {
        Some(None) => return check(&args.use_file, id, false, &mut io::stderr()),
        Some(Some(log)) => {
            return match File::options().append(true).create(true).open(log) {
                Ok(mut log) => check(&args.use_file, id, false, &mut log),
                Err(e) => fail(UNUSABLE, &format!("{}: {e}", log.display())),
            };
        }
        None => {}
    }
    match daemon::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(e.exit_status(), &e.to_string()),
    }
}

/// Prints what there is to say about a configuration, and if `explained` what it will do.
fn check(file: &Path, config_id: Option<&str>, explained: bool, out: &mut impl Write) -> ExitCode {
    match load(file, config_id) {
        Ok(reading) => {
            daemon::print(out, &reading.diagnostics);
            if let (true, Some(config)) = (explained, &reading.config) {
                let _ = write!(out, "{}", explain(config));
            }
            ExitCode::from(Verdict::of(&reading).exit_status())
        }
        Err(e) => fail(UNUSABLE, &format!("can't read {}: {e}", file.display())),
    }
}

fn probe(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(|w| &**w).collect();
    let probe = match parse_probe(&words) {
        Ok(probe) => probe,
        Err(e) => {
            let help = e.help.map(|h| format!(" ({h})")).unwrap_or_default();
            return fail(UNUSABLE, &format!("{}{help}", e.message));
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(e) => return fail(1, &e.to_string()),
    };
    let tally = runtime.block_on(probes::ask(&probe));
    let _ = writeln!(io::stdout(), "{tally}");
    ExitCode::from(u8::from(!tally.succeeded()))
}

fn fail(status: u8, sentence: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "locum: {sentence}");
    ExitCode::from(status)
}
