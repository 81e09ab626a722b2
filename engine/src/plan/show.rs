//! A plan in words.

use core::fmt;

use super::{Change, Fate, Plan, Step};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing changes");
        }
        for change in &self.daemon {
            writeln!(f, "{change}")?;
        }
        show(f, &self.instances, "vrrp_instance")?;
        show(f, &self.groups, "vrrp_sync_group")?;
        show(f, &self.checks, "vrrp_script")
    }
}

fn show<Id>(f: &mut fmt::Formatter<'_>, steps: &[Step<Id>], kind: &str) -> fmt::Result {
    // Of thousands, those that stay as they are would hide the others.
    let unchanged = steps.iter().filter(|step| step.fate == Fate::Unchanged);
    let unchanged = unchanged.count();
    let folded = unchanged > MOST_UNCHANGED;
    for Step { name, fate, .. } in steps {
        if folded && *fate == Fate::Unchanged {
            continue;
        }
        writeln!(f, "{kind} {name}: {fate}")?;
        for change in fate.changes() {
            writeln!(f, "    {change}")?;
        }
    }
    if folded {
        writeln!(f, "{kind}: {unchanged} others unchanged")?;
    }
    Ok(())
}

/// So many unchanged ones are named.
const MOST_UNCHANGED: usize = 8;

impl Fate {
    /// What is different about it.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Changed(changes) | Self::Restarted(changes) => changes,
            Self::Unchanged | Self::Added | Self::Removed => &[],
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Changed(_) => "changed while it runs",
            Self::Restarted(_) => "restarted",
            Self::Added => "added",
            Self::Removed => "removed",
        })
    }
}
