//! Many instances, side by side: `locum` and keepalived on the same machine in the same run.
//!
//!     cargo build --release -p locum && cargo run -p locum-benches --bin scale
//!
//! Needs root, `ip`, `tcpdump`, `strip` and keepalived; takes some five minutes. Two nodes are joined by
//! as many cables as there are interfaces, in network namespaces that are removed afterwards. The
//! table goes to standard output, with ours as a share of theirs; what is going on to standard error.
//! Only the comparison means anything: the times are this machine's, busy as it is.

mod capture;
mod forged;
mod lab;
mod one;
mod table;
mod thousands;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use table::{Results, Table};

/// What is compared, and how much of it.
struct Options {
    /// Paths or names of programs; ours is the first.
    daemons: Vec<String>,
    interfaces: u32,
    /// Instances on each interface.
    per: u32,
}

impl Options {
    fn read() -> Result<Self, String> {
        let ours = PathBuf::from("target/release/locum");
        let (mut ours, mut theirs) = (ours.display().to_string(), Vec::new());
        let (mut interfaces, mut per) = (16, 250);
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{text}: not a number"));
            match &*word {
                "--locum" => ours = value()?,
                "--keepalived" => theirs.push(value()?),
                "--interfaces" => interfaces = number(value()?)?,
                "--per" => per = number(value()?)?,
                _ => {
                    return Err(format!(
                        "{word}: say --locum PATH, --keepalived PATH, --interfaces N or --per N"
                    ));
                }
            }
        }
        if !(1..=64).contains(&interfaces) || !(1..=255).contains(&per) {
            return Err("1 to 64 interfaces with 1 to 255 instances each".to_owned());
        }
        if theirs.is_empty() {
            theirs.push("keepalived".to_owned());
        }
        let daemons = std::iter::once(ours).chain(theirs).collect();
        Ok(Self {
            daemons,
            interfaces,
            per,
        })
    }
}

fn main() -> ExitCode {
    let done = if std::env::args().nth(1).as_deref() == Some(forged::SENDER) {
        forged::send()
    } else {
        Options::read().map(|options| {
            let _ = write!(io::stdout(), "{}", run(&options));
        })
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&why);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Table {
    let (interfaces, per) = (options.interfaces, options.per);
    let count = interfaces * per;
    let mut table = Table::new(&options.daemons);
    for (column, daemon) in options.daemons.iter().enumerate() {
        let mut note = |what: &str, measure: &dyn Fn() -> Result<Results, String>| {
            say(&format!("{daemon}: {what}"));
            match measure() {
                Ok(results) => {
                    for (row, value) in results {
                        table.set(row, column, value);
                    }
                }
                // The rest may go well; the table has a gap.
                Err(why) => say(&why),
            }
        };
        note("one instance", &|| one::measure(daemon));
        note("wrong passwords", &|| forged::measure(daemon));
        note(&format!("{count} instances"), &|| {
            thousands::measure(daemon, interfaces, per)
        });
        note("both nodes at once", &|| {
            thousands::measure_cold(daemon, interfaces, per)
        });
    }
    table
}

/// What is going on.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "scale: {text}");
}
