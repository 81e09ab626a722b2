//! The results, a column for each daemon.

use std::fmt;

/// What was measured, in which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Up,
    MasterProcessor,
    BackupProcessor,
    MasterMemory,
    BackupMemory,
    FirstAddress,
    LastAddress,
    Cold,
    Needless,
    Late,
    Silence,
    IdleMemory,
    Binary,
}

impl Row {
    const ALL: [Self; 13] = [
        Self::Up,
        Self::MasterProcessor,
        Self::BackupProcessor,
        Self::MasterMemory,
        Self::BackupMemory,
        Self::FirstAddress,
        Self::LastAddress,
        Self::Cold,
        Self::Needless,
        Self::Late,
        Self::Silence,
        Self::IdleMemory,
        Self::Binary,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Up => "start to the last address, s",
            Self::MasterProcessor => "processor as master, % of a core",
            Self::BackupProcessor => "processor as backup, %",
            Self::MasterMemory => "memory as master, MiB",
            Self::BackupMemory => "memory as backup, MiB",
            Self::FirstAddress => "stop to the peer's first address, s",
            Self::LastAddress => "stop to the peer's last address, s",
            Self::Cold => "both started at once: settled after, s",
            Self::Needless => "of these, needless masters",
            Self::Late => "one instance: takeover after the formula's time, ms",
            Self::Silence => {
                "two wrong passwords a second for 6 s: the master's longest silence, s"
            }
            Self::IdleMemory => "one instance: memory, MiB",
            Self::Binary => "stripped program, MiB",
        }
    }
}

/// What a measurement came to; `None` when the daemon didn't get there in time.
pub(crate) type Results = Vec<(Row, Option<f64>)>;

/// Rows of numbers; some may be missing, because the daemon didn't get there in time.
pub(crate) struct Table {
    names: Vec<String>,
    values: Vec<(Row, usize, f64)>,
}

impl Table {
    pub(crate) fn new(daemons: &[String]) -> Self {
        Self {
            names: daemons.to_vec(),
            values: Vec::new(),
        }
    }

    pub(crate) fn set(&mut self, row: Row, column: usize, value: Option<f64>) {
        self.values.extend(value.map(|value| (row, column, value)));
    }

    fn get(&self, row: Row, column: usize) -> Option<f64> {
        let mut cells = self.values.iter();
        let cell = cells.find(|(r, c, _)| (*r, *c) == (row, column));
        cell.map(|(_, _, value)| *value)
    }
}

/// Markdown, as it goes into `RESULTS.md`.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| |")?;
        for name in &self.names {
            write!(f, " {name} |")?;
        }
        writeln!(f, " share |")?;
        writeln!(f, "|---|{}---|", "---|".repeat(self.names.len()))?;
        for row in Row::ALL {
            write!(f, "| {} |", row.text())?;
            for column in 0..self.names.len() {
                match self.get(row, column) {
                    Some(value) => write!(f, " {} |", short(value))?,
                    None => write!(f, " never |")?,
                }
            }
            match (self.get(row, 0), self.get(row, 1)) {
                (Some(ours), Some(theirs)) if theirs > 0.0 => {
                    writeln!(f, " {:.2} |", ours / theirs)?;
                }
                _ => writeln!(f, " |")?,
            }
        }
        Ok(())
    }
}

fn short(value: f64) -> String {
    let whole = value.fract().abs() < f64::EPSILON;
    match value {
        v if whole => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}
