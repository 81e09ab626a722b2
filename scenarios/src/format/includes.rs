//! What a node's configuration depends on besides its own text.
//!
//! Includes are files beside the scenario, or beside the file that names them. A node is known by
//! its name in the scenario (`@a priority 100`). There is no environment and no chance: a scenario
//! must read the same everywhere.

use std::path::Path;

use locum_engine::conf::{SourceText, Sources};

/// The surroundings of one node's configuration.
pub(super) struct Includes<'a> {
    /// The name of the configuration itself.
    pub(super) main: &'a str,
    /// The scenario's folder, if it is in a file.
    pub(super) folder: Option<&'a Path>,
    /// The node's name.
    pub(super) node: &'a str,
}

/// Wildcards as glob(3) has them.
const WILDCARDS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Includes<'_> {
    /// Where a file stands. A configuration that is in a file has its path for a name; one that is
    /// in the scenario is in the scenario's folder.
    fn folder_of<'a>(&'a self, file: &'a str) -> Option<&'a Path> {
        let parent = Path::new(file).parent();
        if file == self.main && !Path::new(file).is_file() {
            return self.folder;
        }
        parent
    }
}

impl Sources for Includes<'_> {
    fn read(&mut self, pattern: &str, relative_to: &str) -> Result<Vec<SourceText>, String> {
        let folder = self.folder_of(relative_to);
        let folder = folder.ok_or("there is no folder to look in")?;
        let folder = glob::Pattern::escape(&folder.to_string_lossy());
        let pattern = Path::new(&folder).join(pattern);
        let found = glob::glob_with(&pattern.to_string_lossy(), WILDCARDS);
        let found = found.map_err(|e| e.to_string())?;
        let source = |file: &Path| SourceText {
            name: file.display().to_string(),
            text: std::fs::read_to_string(file).map_err(|e| e.to_string()),
        };
        Ok(found.filter_map(Result::ok).map(|f| source(&f)).collect())
    }

    fn config_id(&self) -> Option<&str> {
        Some(self.node)
    }

    fn directory(&self, file: &str) -> Option<String> {
        Some(self.folder_of(file)?.display().to_string())
    }
}
