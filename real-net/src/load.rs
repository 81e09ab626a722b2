//! Reading the configuration from files.

use std::io;
use std::path::{Path, PathBuf};

use locum_engine::conf::{self, Reading, Severity, SourceText, Sources};

/// Reads the file and what it includes. `config_id` names this node in lines such as `@node ...`;
/// the host name up to its first dot when absent.
///
/// # Errors
/// When the file itself can't be read. Includes that can't be are diagnostics.
pub fn load(path: &Path, config_id: Option<&str>) -> io::Result<Reading> {
    let text = std::fs::read(path)?;
    let name = path.display().to_string();
    let text = String::from_utf8_lossy(&text);
    let config_id = config_id.map(str::to_owned).or_else(host_name);
    Ok(conf::read(&name, &text, &mut Files { config_id }))
}

/// What a reading amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Runs as written; there may be notes.
    Sound,
    /// Runs, and something in it doesn't do what it seems to say.
    Doubtful,
    /// Can't run.
    Unusable,
}

impl Verdict {
    /// Judges a reading.
    pub fn of(reading: &Reading) -> Self {
        if reading.config.is_none() {
            Self::Unusable
        } else if reading.worst() > Some(Severity::Note) {
            Self::Doubtful
        } else {
            Self::Sound
        }
    }

    /// Exit status of `locum check` and `locum -t`; 5 is what keepalived answers for any remark.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Sound => 0,
            Self::Doubtful => 5,
            Self::Unusable => 2,
        }
    }
}

/// Includes come from the file system, relative to the file that names them.
struct Files {
    config_id: Option<String>,
}

impl Sources for Files {
    fn read(&mut self, path: &str, relative_to: &str) -> Result<Vec<SourceText>, String> {
        let folder = Path::new(relative_to)
            .parent()
            .unwrap_or_else(|| Path::new(""));
        let pattern = folder.join(path);
        let pattern = pattern.to_string_lossy();
        // Sorted by name, as glob(3) has it.
        let found = glob::glob(&pattern).map_err(|e| e.to_string())?;
        let files: Vec<PathBuf> = found.filter_map(Result::ok).collect();
        files
            .iter()
            .filter(|f| f.is_file())
            .map(|f| source(f))
            .collect()
    }

    fn config_id(&self) -> Option<&str> {
        self.config_id.as_deref()
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    Some(name.split('.').next()?.to_owned())
}

fn source(file: &Path) -> Result<SourceText, String> {
    let name = file.display().to_string();
    match std::fs::read(file) {
        Ok(text) => Ok(SourceText {
            text: String::from_utf8_lossy(&text).into_owned(),
            name,
        }),
        Err(e) => Err(format!("{name}: {e}")),
    }
}
