//! `locum`: the daemon and its commands.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use locum_engine::conf::{Reading, explain};
use locum_engine::probe::parse::parse_probe;
use locum_real_net::cli::{Cli, Command, RunArgs, signal_number};
use locum_real_net::load::{Verdict, load, load_for};
use locum_real_net::{control, daemon, probes, runtime, scripts};

/// Wrong arguments or an unusable configuration.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::from_arguments();
    match cli.command {
        None => run(&cli.run),
        Some(Command::Run(mut args)) => {
            args.dont_fork = true;
            args.log_console = true;
            run(&args)
        }
        Some(Command::Check { file, config_id }) => check(
            &file,
            load(&file, config_id.as_deref()),
            true,
            &mut io::stdout(),
        ),
        Some(Command::Control(command)) => control::cli::run(command),
        Some(Command::Probe { words }) => probe(&words),
    }
}

fn run(args: &RunArgs) -> ExitCode {
    if let Some(name) = &args.signum {
        return signum(name);
    }
    if args.genhash {
        return fail(
            UNUSABLE,
            "-T is a tool for the load balancer, which is not part of Locum",
        );
    }
    match &args.config_test {
        Some(None) => return test(args, &mut io::stderr()),
        Some(Some(log)) => {
            return match File::options().append(true).create(true).open(log) {
                Ok(mut log) => test(args, &mut log),
                Err(e) => fail(UNUSABLE, &format!("{}: {e}", log.display())),
            };
        }
        None => {}
    }
    match daemon::run(args) {
        Ok(status) => status,
        Err(e) => fail(e.exit_status(), &e.to_string()),
    }
}

/// The portable way to find the signals that have no fixed number.
fn signum(name: &str) -> ExitCode {
    match signal_number(name) {
        Some(number) => {
            let _ = writeln!(io::stdout(), "{number}");
            ExitCode::SUCCESS
        }
        None => {
            let known = "STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON, TDUMP";
            fail(
                1,
                &format!("no signal is called {name}: write one of {known}"),
            )
        }
    }
}

/// `-t`
fn test(args: &RunArgs, out: &mut impl Write) -> ExitCode {
    check(&args.use_file, load_for(args), false, out)
}

/// Prints what there is to say about a configuration, and if `explained` what it will do.
fn check(
    file: &Path,
    reading: io::Result<Reading>,
    explained: bool,
    out: &mut impl Write,
) -> ExitCode {
    match reading {
        Ok(reading) => {
            daemon::print(out, &reading.diagnostics);
            if let (true, Some(config)) = (explained, &reading.config) {
                let _ = write!(out, "{}", explain(config));
                for sentence in scripts::remarks(config) {
                    let _ = writeln!(out, "warning: {sentence}");
                }
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
