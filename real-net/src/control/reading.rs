//! A configuration that was read while another one runs.

use locum_engine::config::Config;
use locum_engine::plan::Plan;
use tracing::{error, info};

use super::message::Line;

/// What came of reading it.
#[derive(Debug)]
pub struct Reread {
    /// The file.
    pub file: String,
    /// What there is to say about it.
    pub diagnostics: Vec<String>,
    /// The configuration and what it would change, or why it can't be used.
    pub outcome: Result<(Box<Config>, Plan), String>,
}

impl Reread {
    /// Says it in the log: it is about to be used, or isn't.
    pub fn log(&self) {
        for diagnostic in &self.diagnostics {
            info!("{diagnostic}");
        }
        match &self.outcome {
            Ok((_, plan)) => {
                for line in plan.to_string().lines() {
                    info!("reload: {line}");
                }
            }
            Err(why) => {
                let file = &self.file;
                error!("{file} is not loaded, the old configuration stays: {why}");
            }
        }
    }

    /// Says it to a client.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        lines.extend(self.diagnostics.iter().cloned().map(Line::Diagnostic));
        match &self.outcome {
            Ok((_, plan)) => {
                let plan = plan.to_string();
                lines.extend(plan.lines().map(|line| Line::Plan(line.to_owned())));
            }
            Err(why) => lines.push(Line::Error(format!("{}: {why}", self.file))),
        }
        lines
    }
}
