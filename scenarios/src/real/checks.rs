//! Checks that say what the scenario wants: scripts that read a word from a file.
//!
//! A script that is somewhere on the users' machines isn't here, and succeeds until the timeline says
//! otherwise, as in the simulation. A probe of ours runs for real unless the timeline overrules it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use locum_engine::Outcome;
use locum_engine::config::{CheckCommand, CheckConfig};
use locum_engine::ids::CheckId;
use locum_sim::fault::{Fault, TimedFault};
use locum_sim::topology::HostId;

use super::{Failure, conf};

/// The word for a check that is asked itself.
const TRUTH: &str = "the truth";

/// A check's files.
pub(super) struct Script {
    run: PathBuf,
    says: PathBuf,
}

impl Script {
    /// Those of a node's check.
    pub(super) fn new(folder: &Path, node: &str, check: &str) -> Self {
        let file = |end: &str| folder.join(format!("{node}.{check}.{end}"));
        Self {
            run: file("sh"),
            says: file("says"),
        }
    }

    /// What it says from now on; `None` for what it would say itself.
    pub(super) fn say(&self, outcome: Option<Outcome>, check: &CheckConfig) -> Result<(), Failure> {
        let word = match (outcome, &check.command) {
            (Some(Outcome::Success | Outcome::NotRun(_)), _) | (None, CheckCommand::Script(_)) => {
                "success"
            }
            (Some(Outcome::Failure(_)), _) => "failure",
            (Some(Outcome::TimedOut), _) => "timeout",
            (None, CheckCommand::Probe(_)) => TRUTH,
        };
        // Renamed into place: a script never finds half a word.
        let new = self.says.with_extension("new");
        std::fs::write(&new, format!("{word}\n"))
            .and_then(|()| std::fs::rename(&new, &self.says))
            .map_err(|error| Failure::file(&self.says, &error))
    }

    fn write(&self, original: &str) -> Result<(), Failure> {
        let says = self.says.display();
        let text = format!(
            "#!/bin/sh\n\
             read -r says <\"{says}\"\n\
             case $says in\n\
             success) exit 0 ;;\n\
             failure) exit 1 ;;\n\
             timeout) exec sleep 3600 ;;\n\
             esac\n\
             exec {original}\n"
        );
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::write(&self.run, text)
            .and_then(|()| std::fs::set_permissions(&self.run, executable))
            .map_err(|error| Failure::file(&self.run, &error))
    }
}

/// Puts scripts of ours in place of a node's: writes them, and gives the changed configuration.
/// `Err` names a check whose script can't be found in the text.
pub(super) fn replace<'a>(
    folder: &Path,
    (host, node): (HostId, &str),
    checks: &'a [CheckConfig],
    plan: &[TimedFault],
    text: &str,
) -> Result<Result<String, &'a str>, Failure> {
    let mut text = text.to_owned();
    for (index, check) in checks.iter().enumerate() {
        let id = CheckId(index as u16);
        let overruled = plan.iter().any(
            |timed| matches!(&timed.fault, Fault::ForceCheck(h, c, _) if (*h, *c) == (host, id)),
        );
        if matches!(check.command, CheckCommand::Probe(_)) && !overruled {
            continue;
        }
        let files = Script::new(folder, node, &check.name);
        let found =
            conf::script(&text, &check.name).zip(conf::with_script(&text, &check.name, &files.run));
        let Some((original, changed)) = found else {
            return Ok(Err(&check.name));
        };
        text = changed;
        files.write(&original)?;
        files.say(None, check)?;
    }
    Ok(Ok(text))
}
