//! The command line: keepalived's flags with keepalived's meaning, and commands that are words.
//!
//! Without a command, `locum` runs as keepalived does: in the background unless `-n` says otherwise.
//! `locum run` is the same in the foreground, with the log on standard error.

mod getopt;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::control::cli::{ControlArgs, ControlCommand};
use crate::log::LogFormat;

pub use value::signal_number;

/// VRRP high-availability daemon; reads keepalived.conf.
#[derive(Debug, Parser)]
#[command(
    name = "locum",
    version,
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    after_help = EXIT_STATUS
)]
pub struct Cli {
    /// What to do; to run when absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Print the version.
    #[arg(short = 'v', long = "version", action = ArgAction::Version)]
    version: Option<bool>,
}

const EXIT_STATUS: &str = "\
Exit status: 0 stopped in order; 1 failed; 2 unusable configuration or wrong arguments; \
4 privileges are missing (CAP_NET_RAW, CAP_NET_ADMIN); 6 nothing to run; \
7 scripts can't be run any more, handed over to be started again.
With -t and check: 0 the file runs as written, 5 it runs but not as it seems to say, 2 unusable.";

/// Where keepalived's file is.
const CONFIG: &str = "/etc/keepalived/keepalived.conf";

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon (the same as no command)
    Run(Box<RunArgs>),
    /// Read a configuration and say what is odd about it
    #[command(after_help = EXIT_STATUS)]
    Check {
        /// The keepalived.conf
        #[arg(default_value = CONFIG)]
        file: PathBuf,
        /// The node's name for lines that start with @ID; the host's name when absent
        #[arg(short = 'i', long, value_name = "ID")]
        config_id: Option<String>,
    },
    /// Commands for a running daemon.
    #[command(flatten)]
    Control(ControlCommand),
    /// Ask once and exit: 0 when enough targets answer, 1 when not, 2 for wrong arguments
    ///
    /// A plain command: works as `script "locum probe ping 192.168.0.1"` under keepalived. When
    /// Locum's own configuration names it, the daemon does the same without a fork.
    #[command(disable_help_flag = true)]
    Probe {
        /// ping|arp|tcp|http, options, targets
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<String>,
    },
}

/// keepalived's flags.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The configuration
    #[arg(short = 'f', long, value_name = "FILE", default_value = CONFIG)]
    pub use_file: PathBuf,
    /// Check the configuration and exit; remarks go to FILE when given
    #[arg(short = 't', long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub config_test: Option<Option<PathBuf>>,
    /// Refuse a configuration when a file that it includes is missing or unreadable
    #[arg(short = 'e', long)]
    pub all_config: bool,
    /// Stay in the foreground; so do `locum run`, a service of systemd's Type=notify, and process 1
    #[arg(short = 'n', long)]
    pub dont_fork: bool,
    /// Log to standard error
    #[arg(short = 'l', long)]
    pub log_console: bool,
    /// Log in detail: announcements, addresses, sockets
    #[arg(short = 'D', long, action = ArgAction::Count)]
    pub log_detail: u8,
    /// Log the configuration as it was understood
    #[arg(short = 'd', long)]
    pub dump_conf: bool,
    /// Log to syslog as this facility: a number or localN (0 to 7), user, daemon
    #[arg(short = 'S', long, value_name = "FACILITY", value_parser = value::facility)]
    pub log_facility: Option<u8>,
    /// Don't log to syslog or the journal
    #[arg(short = 'G', long)]
    pub no_syslog: bool,
    /// Log to FILE too, /tmp/keepalived.log when none is given
    #[arg(
        short = 'g',
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "/tmp/keepalived.log"
    )]
    pub log_file: Option<PathBuf>,
    /// How lines look on standard error and in the file
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Write each line of the log file at once (it always does)
    #[arg(long)]
    pub flush_log_file: bool,
    /// What nobody may do with files that are made: a number as in C, so 077 is octal
    #[arg(short = 'u', long, value_name = "MASK", value_parser = value::mask)]
    pub umask: Option<u32>,
    /// Remove the configured addresses whenever an instance isn't master, whoever added them (it always
    /// does)
    #[arg(short = 'X', long)]
    pub release_vips: bool,
    /// Keep addresses and routes when the daemon stops, and send no priority 0
    #[arg(short = 'V', long)]
    pub dont_release_vrrp: bool,
    /// Unused: there is no load balancer
    #[arg(short = 'I', long)]
    pub dont_release_ipvs: bool,
    /// Write the process number to FILE; /run/keepalived.pid when absent, if nobody else is there
    #[arg(short = 'p', long, value_name = "FILE")]
    pub pid: Option<PathBuf>,
    /// The same; keepalived has a process of its own for VRRP
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE")]
    pub vrrp_pid: Option<PathBuf>,
    /// Unused: there is no checker process
    #[arg(short = 'c', long = "checkers_pid", value_name = "FILE")]
    pub checkers_pid: Option<PathBuf>,
    /// Unused: there is no BFD process
    #[arg(short = 'b', long = "bfd_pid", value_name = "FILE")]
    pub bfd_pid: Option<PathBuf>,
    /// Run VRRP (it always does)
    #[arg(short = 'P', long)]
    pub vrrp: bool,
    /// Run the load balancer's checkers, which are not part of Locum
    #[arg(short = 'C', long)]
    pub check: bool,
    /// No BFD (there is none)
    #[arg(short = 'B', long = "no_bfd")]
    pub no_bfd: bool,
    /// Run everything there is: VRRP
    #[arg(long)]
    pub all: bool,
    /// Unused: nothing is respawned
    #[arg(short = 'R', long)]
    pub dont_respawn: bool,
    /// Run in the network namespace NAME, whatever the configuration says
    #[arg(short = 's', long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The node's name for lines that start with @ID; the host's name when absent
    #[arg(short = 'i', long, value_name = "ID")]
    pub config_id: Option<String>,
    /// Leave a core file when the daemon crashes
    #[arg(short = 'm', long)]
    pub core_dump: bool,
    /// The same; PATTERN is for the whole machine: set kernel.core_pattern with sysctl
    #[arg(
        short = 'M',
        long,
        value_name = "PATTERN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "core"
    )]
    pub core_dump_pattern: Option<String>,
    /// Log addresses that come and go, whoever's they are (shown by -D)
    #[arg(short = 'a', long)]
    pub address_monitoring: bool,
    /// Unused: there is no SNMP agent
    #[arg(short = 'x', long)]
    pub snmp: bool,
    /// Unused: there is no SNMP agent
    #[arg(short = 'A', long, value_name = "SOCKET")]
    pub snmp_agent_socket: Option<PathBuf>,
    /// Print the number of a signal and exit: STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON, TDUMP
    #[arg(long, value_name = "NAME")]
    pub signum: Option<String>,
    /// Keep all of root's capabilities, and let scripts gain more than they have, as `sudo` does
    #[arg(long)]
    pub keep_privileges: bool,
    /// Don't stop on SIGINT (Ctrl-C)
    #[arg(long)]
    pub ignore_sigint: bool,
    /// Unused: a developer's flag of keepalived
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, hide = true)]
    pub perf: Option<Option<String>>,
    /// Unused: a developer's flag of keepalived; -D logs in detail
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, hide = true)]
    pub debug: Option<Option<String>>,
    /// Unused: hashes of web pages are for the load balancer
    #[arg(short = 'T', long, hide = true)]
    pub genhash: bool,
    /// Where it is reached.
    #[command(flatten)]
    pub serving: ControlArgs,
}

impl Cli {
    /// Reads the process's arguments; ends the process when they are wrong or only ask for help.
    pub fn from_arguments() -> Self {
        Self::parse_from(getopt::normalised(std::env::args_os()))
    }

    /// Reads these arguments, of which the first is the program's name.
    ///
    /// # Errors
    /// With what is wrong, ready to print.
    pub fn from_words(
        words: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, clap::Error> {
        Self::try_parse_from(getopt::normalised(words.into_iter().map(Into::into)))
    }
}

impl RunArgs {
    /// One sentence for each flag that asks for something this daemon doesn't have.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let flags = [
            (
                self.snmp || self.snmp_agent_socket.is_some(),
                "-x and -A have no effect: there is no SNMP agent",
            ),
            (
                self.dont_release_ipvs,
                "-I has no effect: there is no load balancer",
            ),
            (
                self.perf.is_some() || self.debug.is_some(),
                "--perf and --debug have no effect: -D logs in detail",
            ),
            (
                self.core_dump_pattern.is_some(),
                "-M leaves kernel.core_pattern alone, as it is the whole machine's: \
                 set it with sysctl",
            ),
        ];
        let asked = flags.into_iter().filter(|(asked, _)| *asked);
        asked.map(|(_, sentence)| sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::from_words(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_are_keepalived_s() {
        let cli = parse("locum -nlD -P -f a.conf -p a.pid -r b.pid -c c.pid").expect("flags");
        assert!(cli.command.is_none());
        assert!(cli.run.dont_fork && cli.run.log_console && cli.run.vrrp);
        assert_eq!(cli.run.log_detail, 1);
        assert_eq!(cli.run.use_file, PathBuf::from("a.conf"));
        let long = "locum --dont-fork --log-console --log-detail --use-file a.conf --pid a.pid \
                    --vrrp_pid b.pid --checkers_pid c.pid --vrrp";
        let long: Vec<&str> = long.split_whitespace().collect();
        assert!(Cli::from_words(long).is_ok());
        assert!(parse("locum -DD -R -G -B -d -S 7 -i node1").is_ok());
        let rest = "locum --all -e -x -A /run/x -I -X -V -u 077 -s blue -m -Mcore.%p -a \
                    --ignore-sigint --perf=all --debug --flush-log-file --log-file=a.log";
        let rest: Vec<&str> = rest.split_whitespace().collect();
        let cli = Cli::from_words(rest).expect("flags");
        assert_eq!(cli.run.umask, Some(0o77));
        assert_eq!(cli.run.core_dump_pattern.as_deref(), Some("core.%p"));
        assert_eq!(cli.run.without_effect().len(), 4);
        assert!(parse("locum -S local9").is_err());
        assert!(parse("locum -u rw").is_err());
    }

    #[test]
    fn a_test_of_the_configuration_takes_its_file_behind_an_equals_sign() {
        let cli = parse("locum -t -f a.conf").expect("flags");
        assert_eq!(cli.run.config_test, Some(None));
        let cli = parse("locum --config-test=out.txt").expect("flags");
        assert_eq!(cli.run.config_test, Some(Some("out.txt".into())));
        let cli = parse("locum -t=out.txt").expect("flags");
        assert_eq!(cli.run.config_test, Some(Some("out.txt".into())));
        let cli = parse("locum -nltout.txt").expect("flags");
        assert_eq!(cli.run.config_test, Some(Some("out.txt".into())));
        let cli = parse("locum -Dg/var/log/a.log").expect("flags");
        assert_eq!(cli.run.log_file, Some("/var/log/a.log".into()));
        let cli = parse("locum -gn").expect("flags");
        assert_eq!(cli.run.log_file, Some("n".into()), "as getopt has it");
    }

    #[test]
    fn commands_are_words() {
        let cli = parse("locum run -f a.conf").expect("a command");
        assert!(matches!(cli.command, Some(Command::Run(_))));
        let cli = parse("locum check a.conf").expect("a command");
        assert!(matches!(cli.command, Some(Command::Check { .. })));
        let cli = parse("locum check").expect("a command");
        let usual = |file: &PathBuf| file == Path::new("/etc/keepalived/keepalived.conf");
        assert!(matches!(cli.command, Some(Command::Check { file, .. }) if usual(&file)));
        let cli = parse("locum probe ping --timeout 1 10.0.0.1").expect("a command");
        let Some(Command::Probe { words }) = cli.command else {
            panic!("not a probe");
        };
        assert_eq!(words, ["ping", "--timeout", "1", "10.0.0.1"]);
        let cli = parse("locum status VI_1 --json --control /tmp/c").expect("a command");
        assert!(matches!(cli.command, Some(Command::Control(_))));
        assert!(parse("locum drain --within 3 VI_1").is_ok());
        assert!(parse("locum plan --from a.conf").is_err(), "to which file?");
        assert!(parse("locum jump").is_err());
        assert!(parse("locum probe").is_err());
    }
}
