//! The table that `locum status` prints: for a person, at 3 a.m.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

use super::cli::Everything;
use super::message::{Check, Instance, Master, Tracker};

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Painter {
    coloured: bool,
}

/// What there is to show.
#[derive(Debug)]
pub struct Table<'a> {
    all: &'a Everything,
    /// One instance, and everything about it.
    alone: bool,
    painter: Painter,
    /// Columns of the terminal, if it is one.
    width: Option<usize>,
}

/// What stands above the columns.
pub(crate) const HEADS: [&str; 6] = ["INSTANCE", "STATE", "SINCE", "PRIORITY", "MASTER", "WHY"];

impl Painter {
    /// Colours on a terminal, unless NO_COLOR is set (<https://no-color.org>).
    pub fn for_terminal(terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            coloured: terminal && !unwanted,
        }
    }

    fn paint(self, style: Style, text: &str) -> String {
        match self.coloured {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}

fn state_style(state: &str) -> Style {
    match state {
        "master" => AnsiColor::Green.on_default().bold(),
        "fault" => AnsiColor::Red.on_default().bold(),
        "init" => AnsiColor::Yellow.on_default(),
        _ => Style::new(),
    }
}

const ALARM: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Yellow.on_default();

impl<'a> Table<'a> {
    /// Shows all of it; `alone` shows every detail.
    pub fn new(all: &'a Everything, alone: bool, painter: Painter) -> Self {
        Self {
            all,
            alone,
            painter,
            width: None,
        }
    }

    /// On a terminal of so many columns, where what doesn't fit into a row stands below it.
    pub fn within(mut self, columns: Option<usize>) -> Self {
        self.width = columns;
        self
    }

    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let daemon = &self.all.daemon;
        let up = span(daemon.now - daemon.started);
        write!(f, "locum {}, pid {}, up {up}", daemon.version, daemon.pid)?;
        if let Some(router) = &daemon.router_id {
            write!(f, ", router {router}")?;
        }
        writeln!(f, ", {}", daemon.config)?;
        if let Some(at) = daemon.starts_at {
            let left = span(at - daemon.now);
            let waits = format!("the instances take part in {left}");
            writeln!(f, "{}", self.painter.paint(HINT, &waits))?;
        }
        Ok(())
    }

    /// What is worth a line below an instance.
    fn remarks(&self, seen: &Instance, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (severity, text) in noted(seen, self.all.daemon.now, self.alone) {
            let style = match severity {
                Severity::Fine => Style::new(),
                Severity::Odd => HINT,
                Severity::Alarm => ALARM,
            };
            writeln!(f, "    {}", self.painter.paint(style, &text))?;
        }
        Ok(())
    }

    /// Everything about one instance.
    fn details(&self, seen: &Instance, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.all.daemon.now;
        let Instance {
            interface,
            vrid,
            version,
            family,
            ..
        } = seen;
        writeln!(
            f,
            "    VRRPv{version} over {family} on {interface}, virtual router {vrid}"
        )?;
        if let Some(group) = self.all.groups.first() {
            let (name, state) = (&group.name, &group.state);
            writeln!(
                f,
                "    group {name}: {state} for {}",
                span(now - group.since)
            )?;
        }
        for address in seen.addresses.iter().chain(&seen.excluded) {
            let holds = if seen.state == "master" {
                "holds"
            } else {
                "would hold"
            };
            writeln!(f, "    {holds} {address}")?;
        }
        if let Some(source) = &seen.source {
            writeln!(
                f,
                "    speaks from {source}, every {} s",
                seen.advert_interval
            )?;
        }
        for peer in peers(seen, now) {
            writeln!(f, "    {peer}")?;
        }
        for check in &self.all.checks {
            writeln!(f, "    {}", checked(check, now))?;
        }
        let counters = &seen.counters;
        writeln!(
            f,
            "    adverts: {} sent ({} with priority 0), {} heard ({} with priority 0), {} not used",
            counters.sent,
            counters.sent_priority_zero,
            counters.accepted,
            counters.received_priority_zero,
            counters.received - counters.accepted.min(counters.received),
        )?;
        for (reason, count) in &counters.discarded {
            writeln!(f, "        {count} {reason}")?;
        }
        for transition in &counters.transitions {
            let (count, to, reason) = (transition.count, &transition.to, &transition.reason);
            match count {
                1 => writeln!(f, "    once {to}: {reason}")?,
                _ => writeln!(f, "    {count} times {to}: {reason}")?,
            }
        }
        let late = counters.lateness_most * 1000.0;
        writeln!(
            f,
            "    {} announcements, {} lease refreshes, timers late by {late:.1} ms at most",
            counters.announcements, counters.lease_refreshes
        )
    }
}

/// How much a remark matters.
#[derive(Clone, Copy)]
enum Severity {
    Fine,
    Odd,
    Alarm,
}

/// A row for each instance.
pub(crate) fn rows(all: &Everything) -> Vec<[String; 6]> {
    let now = all.daemon.now;
    let row = |seen: &Instance| {
        [
            seen.name.clone(),
            state(seen),
            span(now - seen.since),
            priority(seen),
            master(seen.master.as_ref(), now),
            seen.why.clone().unwrap_or_default(),
        ]
    };
    all.instances.iter().map(row).collect()
}

/// The column of words, which is the last.
const WHY: usize = HEADS.len() - 1;

/// How wide each column has to be.
pub(crate) fn widths(rows: &[[String; 6]]) -> [usize; 6] {
    core::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADS[column].len()]).max().unwrap_or(0)
    })
}

/// What there is to say of an instance besides its row, its trackers and peers among it.
pub(crate) fn remarks(seen: &Instance, now: f64) -> Vec<String> {
    let why = seen.why.iter().map(|why| format!("{}: {why}", seen.state));
    let noted = noted(seen, now, true).into_iter().map(|(_, text)| text);
    why.chain(noted).chain(peers(seen, now)).collect()
}

/// What is odd about an instance; with `everything` also what is fine.
fn noted(seen: &Instance, now: f64, everything: bool) -> Vec<(Severity, String)> {
    let mut noted = Vec::new();
    for rival in &seen.contested {
        let (by, priority, left) = (&rival.by, rival.priority, span(rival.until - now));
        noted.push((
            Severity::Alarm,
            format!(
                "contested: {by} acts as master with priority {priority} \
                 (over in {left} unless it is heard again)"
            ),
        ));
    }
    if let Some(drain) = &seen.drain {
        let text = match drain.until {
            Some(until) => {
                let left = span(until - now);
                format!("draining: serves until a peer takes over, for another {left} at most")
            }
            None => "drained: at the lowest priority until `locum resume`".to_owned(),
        };
        noted.push((Severity::Odd, text));
    }
    let said = seen.why.as_ref();
    if let Some(obstacle) = seen.obstacle.as_ref().filter(|o| Some(*o) != said) {
        noted.push((Severity::Alarm, format!("in its way now: {obstacle}")));
    }
    for tracker in &seen.trackers {
        let severity = match tracker.standing.as_str() {
            "fault" => Severity::Alarm,
            "fine" if tracker.result.contains("fail") => Severity::Odd,
            "fine" if tracker.result.contains("not run") => Severity::Odd,
            "fine" => Severity::Fine,
            _ => Severity::Odd,
        };
        if everything || !matches!(severity, Severity::Fine) {
            noted.push((severity, tracked(tracker)));
        }
    }
    noted
}

fn peers(seen: &Instance, now: f64) -> Vec<String> {
    let heard = seen.peers.iter().map(|peer| {
        let (address, priority, ago) = (&peer.address, peer.priority, span(now - peer.heard));
        format!("peer {address}: priority {priority}, heard {ago} ago")
    });
    let silent = seen.silent_peers.iter();
    let silent = silent.map(|peer| format!("peer {peer}: never heard"));
    heard.chain(silent).collect()
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        writeln!(f)?;
        let rows = rows(self.all);
        let widths = widths(&rows);
        let line = |cells: &mut dyn Iterator<Item = (String, usize)>| {
            let padded = cells.zip(&widths);
            let mut line = padded.fold(String::new(), |mut line, ((cell, hidden), width)| {
                let width = width + hidden;
                let _ = write!(line, "{cell:width$}  ");
                line
            });
            line.truncate(line.trim_end().len());
            line
        };
        let heads = HEADS.iter().map(|head| ((*head).to_owned(), 0));
        writeln!(f, "{}", line(&mut heads.into_iter()))?;
        let before_why: usize = widths[..WHY].iter().map(|width| width + 2).sum();
        for (mut row, seen) in rows.into_iter().zip(&self.all.instances) {
            // Words that don't fit stand below: what is in columns stays there.
            let needs = before_why + row[WHY].chars().count();
            let folds = self.width.is_some_and(|width| needs > width);
            let below = folds.then(|| core::mem::take(&mut row[WHY]));
            let mut cells = row.into_iter().enumerate().map(|(column, cell)| {
                let painted = match column {
                    1 => self.painter.paint(state_style(&seen.state), &cell),
                    _ => return (cell, 0),
                };
                let hidden = painted.chars().count() - cell.chars().count();
                (painted, hidden)
            });
            writeln!(f, "{}", line(&mut cells))?;
            if let Some(why) = below {
                writeln!(f, "    {why}")?;
            }
            self.remarks(seen, f)?;
            if self.alone {
                self.details(seen, f)?;
            }
        }
        if self.all.instances.len() > 1 {
            writeln!(f, "\n{}", summary(&self.all.instances))?;
        }
        Ok(())
    }
}

fn state(seen: &Instance) -> String {
    match seen.state.as_str() {
        "master" => "MASTER".to_owned(),
        "fault" => "FAULT".to_owned(),
        state => state.to_owned(),
    }
}

fn priority(seen: &Instance) -> String {
    match seen.priority == seen.base_priority {
        true => seen.priority.to_string(),
        false => format!("{} (of {})", seen.priority, seen.base_priority),
    }
}

fn master(master: Option<&Master>, now: f64) -> String {
    let Some(master) = master else {
        return "not heard".to_owned();
    };
    let address = master.address.as_deref().unwrap_or("no address");
    match master.heard {
        Some(heard) => {
            let (priority, ago) = (master.priority, span(now - heard));
            format!("{address}, prio {priority}, {ago} ago")
        }
        None => format!("this node, {address}"),
    }
}

fn tracked(tracker: &Tracker) -> String {
    let (kind, name, result) = (&tracker.kind, &tracker.name, &tracker.result);
    match tracker.shift {
        0 => format!("{kind} {name}: {result}"),
        shift => format!("{kind} {name}: {result} (priority {shift:+})"),
    }
}

fn checked(check: &Check, now: f64) -> String {
    let since = check
        .since
        .map_or_else(String::new, |since| format!(" for {}", span(now - since)));
    let last = check.last.as_deref().unwrap_or("not run yet");
    format!(
        "check {}: {}{since}; last run: {last}, {:.0} ms; {} good, {} failed, {} too slow",
        check.name,
        check.verdict,
        check.took * 1000.0,
        check.succeeded,
        check.failed,
        check.timed_out
    )
}

pub(crate) fn summary(instances: &[Instance]) -> String {
    let mut text = format!("{} instances:", instances.len());
    for state in ["master", "backup", "fault", "init"] {
        let count = instances.iter().filter(|seen| seen.state == state).count();
        if count > 0 {
            let _ = write!(text, " {count} {state},");
        }
    }
    let named = |odd: fn(&Instance) -> bool| {
        let names = instances.iter().filter(|seen| odd(seen));
        let names: Vec<&str> = names.map(|seen| seen.name.as_str()).collect();
        match names.len() {
            0..=MOST_NAMED => names.join(", "),
            more => format!("{}, ... ({more})", names[..MOST_NAMED].join(", ")),
        }
    };
    let contested = named(|seen| !seen.contested.is_empty());
    match contested.is_empty() {
        true => text.push_str(" none contested"),
        false => _ = write!(text, " contested: {contested}"),
    }
    let fault = named(|seen| seen.state == "fault");
    if !fault.is_empty() {
        let _ = write!(text, "; in fault: {fault}");
    }
    text
}

/// So many names of instances in a line.
const MOST_NAMED: usize = 4;

/// Seconds as a person says them, in at most two units.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, _) => format!("{minutes} min {} s", whole % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
