//! A run as a person wants to read it: what broke, who decided what and why, who held the address,
//! what the users felt; then what was expected of it.

use std::fmt::{self, Display};
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use locum_engine::event::StateKind;
use locum_engine::{Event, Instant};
use locum_sim::oracle::Report;
use locum_sim::record::{Observed, Record};
use locum_sim::topology::Topology;
use locum_sim::trace::{self, Names};

use crate::check::{Outcome, show_holders};
use crate::expect::{Expectation, Expected};
use crate::history::Held;

/// How the parts are set apart. Without colours everything is plain text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    colours: bool,
}

impl Palette {
    /// With colours or without.
    pub fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// Something in a style.
    pub fn paint<T: Display>(self, style: Style, what: T) -> impl Display {
        fmt::from_fn(move |f| match self.colours {
            true => write!(f, "{style}{what}{style:#}"),
            false => write!(f, "{what}"),
        })
    }
}

/// What breaks and is mended.
pub const FAULT: Style = AnsiColor::Yellow.on_default();
/// What is good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is bad.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What matters most.
pub const BOLD: Style = Style::new().bold();
/// What matters least.
pub const DIM: Style = Style::new().dimmed();

/// Writes the timeline.
pub fn timeline(
    out: &mut impl Write,
    palette: Palette,
    topology: &Topology,
    records: &[Record],
) -> io::Result<()> {
    let width = topology.hosts.iter().map(|host| host.name.chars().count());
    let width = width.max().unwrap_or(0).max(4);
    let mut held = Held::default();
    let mut names = Names::new(topology);
    for (index, record) in records.iter().enumerate() {
        names.follow(&record.what);
        if let Some((who, what, style)) = describe(topology, &names, &record.what) {
            let time = seconds(record.at);
            let what = palette.paint(style, what);
            writeln!(out, "{time:>10}  {who:width$}  {what}")?;
        }
        held.take(record);
        // Within one instant an address may change hands several times; only the last holds.
        if records
            .get(index + 1)
            .is_none_or(|next| next.at > record.at)
        {
            for (address, holders) in held.changes() {
                let time = seconds(record.at);
                let holders = show_holders(topology, holders);
                let line = palette.paint(BOLD, format!("{address} is held by {holders}"));
                writeln!(out, "{time:>10}  {:width$}  {line}", "")?;
            }
        }
    }
    Ok(())
}

/// Writes the expectations, each with a tick or a cross, and what was found.
pub fn expectations(
    out: &mut impl Write,
    palette: Palette,
    expectations: &[Expectation],
    outcomes: &[Outcome],
) -> io::Result<()> {
    for (expectation, outcome) in expectations.iter().zip(outcomes) {
        let mark = match outcome.met {
            true => palette.paint(GOOD, "✓"),
            false => palette.paint(BAD, "✗"),
        };
        write!(out, "  {mark} {}", expectation.text)?;
        let measured = matches!(
            expectation.what,
            Expected::LongestOutage { .. } | Expected::DoubleMaster { .. }
        );
        match (outcome.met, measured) {
            (true, false) => writeln!(out)?,
            (true, true) => {
                writeln!(
                    out,
                    "  {}",
                    palette.paint(DIM, format!("found: {}", outcome.found))
                )?;
            }
            (false, _) => {
                writeln!(out)?;
                let line = format!("line {}; found: {}", expectation.line, outcome.found);
                writeln!(out, "    {}", palette.paint(BAD, line))?;
            }
        }
    }
    Ok(())
}

/// Writes what the oracles found fault with; nothing if they didn't.
pub fn violations(out: &mut impl Write, palette: Palette, report: &Report) -> io::Result<()> {
    for (name, violation) in report.violations() {
        let time = seconds(violation.at);
        let line = format!("{time:>10}  {name} violated: {}", violation.what);
        writeln!(out, "{}", palette.paint(BAD, line))?;
    }
    Ok(())
}

/// Seconds with milliseconds.
fn seconds(at: Instant) -> String {
    let millis = at.as_nanos() / 1_000_000;
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// Who and what, and how it is set; `None` for what a reader can do without.
fn describe<'a>(
    topology: &'a Topology,
    names: &Names<'_>,
    what: &Observed,
) -> Option<(&'a str, String, Style)> {
    let name = |host: locum_sim::topology::HostId| &*topology.hosts[host.index()].name;
    Some(match what {
        Observed::Fault(fault) => ("!", names.fault(fault), FAULT),
        Observed::SwitchBack(switch) => {
            let name = &topology.switches[switch.index()].name;
            ("!", format!("switch {name} is back"), FAULT)
        }
        Observed::Daemon(host, change) => (name(*host), trace::daemon(*change).to_owned(), DIM),
        Observed::Reloaded(host, reloaded) => {
            (name(*host), trace::plan(&reloaded.plan), Style::new())
        }
        Observed::Engine(_, Event::Announced { .. }) => return None,
        Observed::Engine(host, event) => {
            let style = match event {
                Event::StateChanged { to, .. } => state_style(*to),
                _ => Style::new(),
            };
            (name(*host), names.event(*host, event), style)
        }
        Observed::Outage { client, lasted } => {
            let millis = lasted.as_millis();
            let text = format!(
                "felt an outage of {}.{:03} s",
                millis / 1_000,
                millis % 1_000
            );
            (name(*client), text, BAD)
        }
        Observed::ServedBy { client, server } => (
            name(*client),
            format!("is served by {}", name(*server)),
            GOOD,
        ),
        Observed::Advert { .. }
        | Observed::Announcement { .. }
        | Observed::AddressAdded { .. }
        | Observed::AddressRemoved { .. }
        | Observed::ObjectAdded { .. }
        | Observed::ObjectRemoved { .. } => return None,
    })
}

fn state_style(state: StateKind) -> Style {
    match state {
        StateKind::Master => GOOD.bold(),
        StateKind::Fault => BAD,
        StateKind::Init | StateKind::Backup => Style::new(),
    }
}
