//! The command line: keepalived's flags with keepalived's meaning, and commands that are words.
//!
//! Without a command, `locum` runs, as keepalived does. It stays in the foreground and logs to
//! standard error whatever the flags say: that is what service managers and containers want.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

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
4 privileges are missing (CAP_NET_RAW, CAP_NET_ADMIN); 6 nothing to run.
With -t and check: 0 the file runs as written, 5 it runs but not as it seems to say, 2 unusable.";

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon (the same as no command)
    Run(RunArgs),
    /// Read a configuration and say what is odd about it
    #[command(after_help = EXIT_STATUS)]
    Check {
        /// The keepalived.conf
        file: PathBuf,
        /// The node's name for lines that start with @ID; the host's name when absent
        #[arg(short = 'i', long, value_name = "ID")]
        config_id: Option<String>,
    },
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
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        default_value = "/etc/keepalived/keepalived.conf"
    )]
    pub use_file: PathBuf,
    /// Check the configuration and exit; remarks go to FILE when given
    #[arg(short = 't', long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub config_test: Option<Option<PathBuf>>,
    /// Stay in the foreground (it always does)
    #[arg(short = 'n', long)]
    pub dont_fork: bool,
    /// Log to the console (it always does)
    #[arg(short = 'l', long)]
    pub log_console: bool,
    /// Log in detail: announcements, addresses, sockets
    #[arg(short = 'D', long, action = ArgAction::Count)]
    pub log_detail: u8,
    /// Write the process number to FILE
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
    /// Log the configuration as it was understood
    #[arg(short = 'd', long)]
    pub dump_conf: bool,
    /// Unused: the log goes to standard error
    #[arg(short = 'S', long, value_name = "FACILITY")]
    pub log_facility: Option<String>,
    /// Unused: the log goes to standard error
    #[arg(short = 'G', long)]
    pub no_syslog: bool,
    /// Unused: nothing is respawned
    #[arg(short = 'R', long)]
    pub dont_respawn: bool,
    /// The node's name for lines that start with @ID; the host's name when absent
    #[arg(short = 'i', long, value_name = "ID")]
    pub config_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
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
        assert!(Cli::try_parse_from(long).is_ok());
        assert!(parse("locum -DD -R -G -B -d -S 7 -i node1").is_ok());
    }

    #[test]
    fn a_test_of_the_configuration_takes_its_file_behind_an_equals_sign() {
        let cli = parse("locum -t -f a.conf").expect("flags");
        assert_eq!(cli.run.config_test, Some(None));
        let cli = parse("locum --config-test=out.txt").expect("flags");
        assert_eq!(cli.run.config_test, Some(Some("out.txt".into())));
        let cli = parse("locum -t=out.txt").expect("flags");
        assert_eq!(cli.run.config_test, Some(Some("out.txt".into())));
    }

    #[test]
    fn commands_are_words() {
        let cli = parse("locum run -f a.conf").expect("a command");
        assert!(matches!(cli.command, Some(Command::Run(_))));
        let cli = parse("locum check a.conf").expect("a command");
        assert!(matches!(cli.command, Some(Command::Check { .. })));
        let cli = parse("locum probe ping --timeout 1 10.0.0.1").expect("a command");
        let Some(Command::Probe { words }) = cli.command else {
            panic!("not a probe");
        };
        assert_eq!(words, ["ping", "--timeout", "1", "10.0.0.1"]);
        assert!(parse("locum jump").is_err());
        assert!(parse("locum probe").is_err());
    }
}
