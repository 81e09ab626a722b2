//! The reader of keepalived.conf: text in, a typed [`Config`] and diagnostics out.
//!
//! Pure: no file is opened here; what an `include` line names is asked of [`Sources`]. The stages
//! are lines and words (`lexer`), blocks (`tree`), keywords to drafts (`schema`), drafts to a
//! configuration (`lower`), and advice on configurations that read well and behave badly (`lint`).
//! It is a drop-in: what keepalived (2.2.7 and later) runs, this runs, and where the text says
//! something else than what will happen, a diagnostic with a place in the file says so. It isn't
//! a reader of keepalived's load-balancer half, which is skipped.

mod diag;
mod lexer;
mod lint;
mod lower;
mod schema;
mod source;
mod suggest;
mod tree;

#[cfg(test)]
mod tests;

pub use diag::{Diagnostic, Severity};

use crate::config::Config;
use source::Report;

/// Reads a configuration. `name` is what diagnostics call the text, usually its path.
///
/// Takes time linear in the text for sensible files and never panics, whatever the text.
pub fn read(name: &str, text: &str, sources: &mut dyn Sources) -> Reading {
    let mut report = Report::default();
    let lines = lexer::lines(name, text, sources, &mut report);
    let items = tree::build(lines, &mut report);
    let drafts = schema::read(&items, &mut report);
    let config = lower::lower(&drafts, &mut report);
    let config = (!report.is_fatal()).then_some(config);
    Reading {
        config,
        diagnostics: report.finish(),
    }
}

/// What came of reading a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The configuration. `None` only when an [`Severity::Error`] makes it unusable; an error that
    /// keepalived survives (a block defined twice) leaves it usable.
    pub config: Option<Config>,
    /// In the order of the text, the main file first.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// The gravest that is said; `None` when there is nothing to say.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics
            .iter()
            .map(|diagnostic| diagnostic.severity)
            .max()
    }
}

/// Where `include` lines find their text.
pub trait Sources {
    /// The files that `path` (possibly a glob pattern) names, seen from the file `relative_to`, in
    /// the order they are to be read; empty when none matches.
    ///
    /// # Errors
    /// A sentence saying why they can't be read.
    fn read(&mut self, path: &str, relative_to: &str) -> Result<Vec<SourceText>, String>;

    /// The name of this node in lines such as `@node state MASTER`: keepalived's `-i`, or the host
    /// name up to its first dot. Such lines are left out when it isn't known.
    fn config_id(&self) -> Option<&str> {
        None
    }

    /// The value of `${_ENV NAME}`.
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

/// One included file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// What diagnostics call it, and what further includes are relative to.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// For those who have no files: every `include` fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIncludes;

impl Sources for NoIncludes {
    fn read(&mut self, _path: &str, _relative_to: &str) -> Result<Vec<SourceText>, String> {
        Err("files can't be included here".to_owned())
    }
}
