//! The reader of keepalived.conf: text in, a typed [`Config`] and diagnostics out.
//!
//! Pure: no file is opened here; what an `include` line names is asked of [`Sources`]. The stages
//! are lines and words (`lexer`), blocks (`tree`), keywords to drafts (`schema`), drafts to a
//! configuration (`lower`), and advice on configurations that read well and behave badly (`lint`).
//! It is a drop-in: what keepalived (2.2.7 and later) runs, this runs, and where the text says
//! something else than what will happen, a diagnostic with a place in the file says so. It isn't
//! a reader of keepalived's load-balancer half, which is skipped.

mod diag;
mod escape;
mod explain;
mod lexer;
mod lint;
mod lower;
mod schema;
mod source;
mod suggest;
mod tree;

#[cfg(test)]
mod tests;

pub use diag::{Diagnostic, Origin, Severity};
pub use explain::explain;

use std::sync::Arc;

use crate::config::Config;
use source::Report;

/// Reads a configuration. `name` is what diagnostics call the text, usually its path.
///
/// Takes time linear in the text for sensible files and never panics, whatever the text.
pub fn read(name: &str, text: &str, sources: &mut dyn Sources) -> Reading {
    let mut report = Report::default();
    let lines = lexer::lines(name, text, sources, &mut report);
    let items = tree::build(lines, &mut report);
    let mut drafts = schema::read(&items, &mut report);
    for hmac in drafts.instances.iter_mut().filter_map(|i| i.hmac.as_mut()) {
        hmac.read_files(sources, &mut report);
    }
    lower::groups::share(&mut drafts, &mut report);
    let config = lower::lower(&drafts, &mut report);
    lint::scripts(&drafts, &config, sources, &mut report);
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

/// Lines a configuration may have by default, counting every line that `$NAME`, `~SEQ` and `~LST`
/// make: 1,572,864. The largest example in keepalived's manual, 65,024 instances, has 1.2 million.
pub const MOST_LINES: usize = 3 << 19;

/// What a configuration depends on besides its own text.
pub trait Sources {
    /// The files that `pattern` names, seen from the file `relative_to`, in the order they are to be
    /// read; empty when there is none. The pattern may have wildcards as in glob(3), not braces.
    ///
    /// # Errors
    /// A sentence saying why nothing can be looked for.
    fn read(&mut self, pattern: &str, relative_to: &str) -> Result<Vec<SourceText>, String>;

    /// What is in a file that holds one key of `auth_hmac` (`key ID file:PATH`), its path seen from the
    /// file `relative_to`. Read each time the configuration is.
    ///
    /// # Errors
    /// A few words on why it can't be read, or mustn't be used; never what is in it.
    fn secret(&mut self, _path: &str, _relative_to: &str) -> Result<Vec<u8>, String> {
        Err("files with keys can't be read here".to_owned())
    }

    /// Why a command line can't be run as that user and group, if it can't, in a few words.
    /// `secure`: with `enable_script_security`.
    fn hindrance(
        &self,
        _command: &[Arc<str>],
        _user: Option<&(Arc<str>, Option<Arc<str>>)>,
        _secure: bool,
    ) -> Option<String> {
        None
    }

    /// The name of this node in lines such as `@node state MASTER`, and in `${_INSTANCE}`:
    /// keepalived's `-i`, or the host name up to its first dot. Such lines are left out when it
    /// isn't known.
    fn config_id(&self) -> Option<&str> {
        None
    }

    /// keepalived's `-e`: every include must find its files, as if `include_check` stood first.
    fn insists(&self) -> bool {
        false
    }

    /// The value of `${_ENV NAME}`.
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    /// `${_PWD}`: the directory of that file. What its name has before the last `/`, or `.`.
    fn directory(&self, file: &str) -> Option<String> {
        Some(match file.rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((folder, _)) => folder.to_owned(),
            None => ".".to_owned(),
        })
    }

    /// Where the numbers of `${_RANDOM}` start when the configuration has no `random_seed`.
    fn random_seed(&mut self) -> u64 {
        0
    }

    /// Lines the configuration may have, counting every line that `$NAME`, `~SEQ` and `~LST` make;
    /// 80 bytes are allowed for each on average, of which a word or brace takes 24 besides its own, and
    /// a block 128 more: what is read takes some ten times as much memory. A configuration that has
    /// more can't be used.
    fn most_lines(&self) -> usize {
        MOST_LINES
    }
}

/// One included file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// What diagnostics call it, and what further includes are relative to.
    pub name: String,
    /// Its text, or a few words on why it can't be read.
    pub text: Result<String, String>,
}

/// For those who have no files: every `include` fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIncludes;

impl Sources for NoIncludes {
    fn read(&mut self, _path: &str, _relative_to: &str) -> Result<Vec<SourceText>, String> {
        Err("files can't be included here".to_owned())
    }
}
