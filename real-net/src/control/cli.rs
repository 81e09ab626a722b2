//! The commands that talk to a running daemon, and the flags that say where it listens.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use locum_engine::plan::Plan;
use serde::Serialize;

use super::client::{Client, ClientError};
use super::message::{
    Check, Daemon, Drained, File, Group, Instance, Interface, Line, Outcome, Process, Request,
    drain_within,
};
use super::show::{Painter, Table};
use crate::load::load;
use crate::watch;

/// What was asked for was not done.
const NOT_DONE: u8 = 1;
/// Wrong arguments, or a configuration that can't be used.
const UNUSABLE: u8 = 2;
/// There is no daemon, or it doesn't answer.
const NO_DAEMON: u8 = 3;

/// Flags of the daemon.
#[derive(Clone, Debug, Default, Args)]
pub struct ControlArgs {
    /// Listen for `locum status` and the other commands at this unix socket; `off`: nowhere
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// Serve /metrics and /healthz at ADDRESS:PORT, or at a unix socket; `off`: nowhere
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,
}

/// Where to find the daemon.
#[derive(Clone, Debug, Args)]
pub struct Reach {
    /// The daemon's control socket
    #[arg(long = "control", value_name = "PATH", default_value = super::DEFAULT_SOCKET)]
    socket: PathBuf,
}

const EXIT_STATUS: &str = "\
Exit status: 0 done; 1 not done; 2 wrong arguments or a configuration that can't be used; \
3 no daemon, or it doesn't answer.";

/// Commands for a running daemon.
#[derive(Debug, Subcommand)]
pub enum ControlCommand {
    /// Show the state of all instances, or everything about one
    #[command(after_help = EXIT_STATUS)]
    Status {
        /// The instance
        instance: Option<String>,
        /// For machines: one JSON object
        #[arg(long)]
        json: bool,
        /// Where the daemon is.
        #[command(flatten)]
        reach: Reach,
    },
    /// Show the state live; q ends it
    #[command(after_help = EXIT_STATUS)]
    Watch {
        /// Where the daemon is.
        #[command(flatten)]
        reach: Reach,
    },
    /// Hand over without a gap: serve until a peer has taken over, and say who did
    #[command(after_help = EXIT_STATUS)]
    Drain {
        /// The instance and its group; all instances when absent
        instance: Option<String>,
        /// Resign after so many seconds although no peer has taken over
        #[arg(long, value_name = "SECONDS", default_value_t = drain_within())]
        within: f64,
        /// Where the daemon is.
        #[command(flatten)]
        reach: Reach,
    },
    /// Undo a drain
    #[command(after_help = EXIT_STATUS)]
    Resume {
        /// The instance and its group; all instances when absent
        instance: Option<String>,
        /// Where the daemon is.
        #[command(flatten)]
        reach: Reach,
    },
    /// Read the configuration anew, and go on with it if it can be used
    #[command(after_help = EXIT_STATUS)]
    Reload {
        /// Where the daemon is.
        #[command(flatten)]
        reach: Reach,
    },
    /// Say what a reload would change: of the running daemon, or from one file to another
    #[command(after_help = EXIT_STATUS)]
    Plan {
        /// The file to go to; the daemon's own when absent
        file: Option<PathBuf>,
        /// Compare with this file instead of the running daemon
        #[arg(long, value_name = "FILE", requires = "file")]
        from: Option<PathBuf>,
        /// The node's name for lines that start with @ID, with --from
        #[arg(short = 'i', long, value_name = "ID")]
        config_id: Option<String>,
        /// Where the daemon is.
        #[command(flatten)]
        reach: Reach,
    },
    /// Change what is logged: error, warn, info, debug or trace
    #[command(after_help = EXIT_STATUS)]
    LogLevel {
        /// The level
        level: String,
        /// Where the daemon is.
        #[command(flatten)]
        reach: Reach,
    },
}

/// Everything that `status` answers, as `--json` prints it.
#[derive(Debug, Default, Serialize)]
pub struct Everything {
    pub(crate) daemon: Daemon,
    pub(crate) instances: Vec<Instance>,
    pub(crate) groups: Vec<Group>,
    pub(crate) checks: Vec<Check>,
    pub(crate) files: Vec<File>,
    pub(crate) processes: Vec<Process>,
    pub(crate) interfaces: Vec<Interface>,
}

impl Everything {
    /// The instances, in the order of the configuration.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// Asks a daemon.
    ///
    /// # Errors
    /// The inner one when there is no such instance, the outer one when nobody answers.
    pub fn ask(
        client: &mut Client,
        instance: Option<String>,
    ) -> Result<Result<Self, String>, ClientError> {
        let (mut all, mut why) = (Self::default(), String::new());
        let ok = client.ask(&Request::Status { instance }, |line| match line {
            Line::Daemon(daemon) => all.daemon = daemon,
            Line::Instance(instance) => all.instances.push(*instance),
            Line::Group(group) => all.groups.push(group),
            Line::Check(check) => all.checks.push(check),
            Line::File(file) => all.files.push(file),
            Line::Process(process) => all.processes.push(process),
            Line::Interface(interface) => all.interfaces.push(interface),
            Line::Error(error) => why = error,
            Line::Drained(_) | Line::Diagnostic(_) | Line::Plan(_) | Line::End(_) => {}
        })?;
        Ok(if ok { Ok(all) } else { Err(why) })
    }
}

/// Carries out a command.
pub fn run(command: ControlCommand) -> ExitCode {
    let done = match command {
        ControlCommand::Status {
            instance,
            json,
            reach,
        } => status(&reach, instance, json),
        ControlCommand::Watch { reach } => watching(&reach),
        ControlCommand::Drain {
            instance,
            within,
            reach,
        } => simple(&reach, &Request::Drain { instance, within }),
        ControlCommand::Resume { instance, reach } => simple(&reach, &Request::Resume { instance }),
        ControlCommand::Reload { reach } => simple(&reach, &Request::Reload {}),
        ControlCommand::Plan {
            file: Some(to),
            from: Some(from),
            config_id,
            ..
        } => return compare(&from, &to, config_id.as_deref()),
        ControlCommand::Plan { file, reach, .. } => {
            let path = file.map(|file| std::path::absolute(&file).unwrap_or(file));
            let file = path.map(|file| file.display().to_string());
            simple(&reach, &Request::Plan { file })
        }
        ControlCommand::LogLevel { level, reach } => simple(&reach, &Request::LogLevel { level }),
    };
    match done {
        Ok(status) => status,
        Err(e) => complain(NO_DAEMON, &e.to_string()),
    }
}

fn status(reach: &Reach, instance: Option<String>, json: bool) -> Result<ExitCode, ClientError> {
    let alone = instance.is_some();
    let mut client = Client::connect(&reach.socket)?;
    let all = match Everything::ask(&mut client, instance)? {
        Ok(all) => all,
        Err(why) => return Ok(complain(NOT_DONE, &why)),
    };
    let mut out = io::stdout().lock();
    if json {
        let _ = serde_json::to_writer(&mut out, &all);
        let _ = writeln!(out);
    } else {
        let terminal = out.is_terminal();
        let size = ratatui::crossterm::terminal::size().ok();
        let columns = size.filter(|_| terminal).map(|(width, _)| width.into());
        let table = Table::new(&all, alone, Painter::for_terminal(terminal));
        let _ = write!(out, "{}", table.within(columns));
    }
    Ok(ExitCode::SUCCESS)
}

fn watching(reach: &Reach) -> Result<ExitCode, ClientError> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let hint = "watch needs a terminal; `locum status` prints the same once";
        return Ok(complain(UNUSABLE, hint));
    }
    let client = Client::connect(&reach.socket)?;
    match watch::run(client, &reach.socket) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(e) => Ok(complain(NOT_DONE, &format!("the terminal: {e}"))),
    }
}

/// Asks, and prints what comes back as it comes.
fn simple(reach: &Reach, request: &Request) -> Result<ExitCode, ClientError> {
    let mut client = Client::connect(&reach.socket)?;
    let ok = client.ask(request, |line| {
        let mut out = io::stdout().lock();
        let _ = match line {
            Line::Error(why) => writeln!(io::stderr(), "locum: {why}"),
            Line::Diagnostic(said) => writeln!(io::stderr(), "{said}"),
            Line::Plan(change) => writeln!(out, "{change}"),
            Line::Drained(drained) => writeln!(out, "{}", sentence(&drained)),
            _ => Ok(()),
        };
    })?;
    Ok(ExitCode::from(if ok { 0 } else { NOT_DONE }))
}

fn sentence(drained: &Drained) -> String {
    let Drained {
        instance,
        outcome,
        by,
        after,
    } = drained;
    let by = by.as_deref();
    match (outcome, by) {
        (Outcome::NotMaster, Some(by)) => format!("{instance}: was not master; {by} is"),
        (Outcome::NotMaster, None) => format!("{instance}: was not master; no master is heard"),
        (Outcome::HandedOver, _) => {
            let by = by.unwrap_or("a peer");
            format!("{instance}: {by} has taken over after {after:.1} s")
        }
        (Outcome::Resigned, _) => {
            let by = by.unwrap_or("a peer");
            format!(
                "{instance}: resigned when its time was up; {by} has taken over after {after:.1} s"
            )
        }
        (Outcome::Nobody, _) => {
            format!("{instance}: nobody took over; this node serves on, at the lowest priority")
        }
        (Outcome::Interrupted, _) => {
            format!("{instance}: came into fault, was resumed or removed meanwhile")
        }
    }
}

/// The difference of two files.
fn compare(from: &Path, to: &Path, config_id: Option<&str>) -> ExitCode {
    let mut configs = Vec::new();
    for file in [from, to] {
        let reading = match load(file, config_id) {
            Ok(reading) => reading,
            Err(e) => {
                return complain(UNUSABLE, &format!("can't read {}: {e}", file.display()));
            }
        };
        match reading.config {
            Some(config) => configs.push(config),
            None => {
                crate::daemon::print(&mut io::stderr(), &reading.diagnostics);
                return complain(UNUSABLE, &format!("{} can't be used", file.display()));
            }
        }
    }
    if let [old, new] = &configs[..] {
        let _ = write!(io::stdout(), "{}", Plan::new(old, new));
    }
    ExitCode::SUCCESS
}

fn complain(status: u8, sentence: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "locum: {sentence}");
    ExitCode::from(status)
}
