//! `$NAME=value`, `$NAME` and `${NAME}`.
//!
//! As in keepalived a name is expanded where it is used, so a definition may use others, and a
//! name that isn't defined above stays as it is written. What comes out of an expansion is pointed
//! at where the name stands. Definitions of several lines, and the predefined names that depend on
//! chance or on the process, are reported and left alone. The work is bounded.

use std::collections::BTreeMap;

use crate::conf::Sources;
use crate::conf::source::{Report, Span};

/// Names replaced in one line, at most, counting those within their values.
const MOST_STEPS: usize = 256;
/// Bytes of values put into lines, at most, over all files.
const MOST_BYTES: usize = 1 << 20;
/// Values within values, at most.
const DEEPEST: usize = 16;

/// The definitions so far.
#[derive(Debug, Default)]
pub(super) struct Macros {
    defined: BTreeMap<String, String>,
    /// The last line was part of a definition that goes on.
    continued: bool,
    /// Bytes put into lines so far.
    spent: usize,
}

/// A line with its names replaced, and where its bytes come from.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) text: String,
    segments: Vec<Segment>,
}

/// A stretch of an expanded line.
#[derive(Debug)]
struct Segment {
    /// Where it starts in the expanded line.
    at: usize,
    /// Where it starts in the file's line.
    source: usize,
    /// The length of the name it stands for; `None` when it stands for itself.
    name: Option<usize>,
}

impl Expanded {
    /// The bytes of the file's line that a stretch of the expanded one comes from.
    pub(super) fn locate(&self, start: usize, end: usize) -> (usize, usize) {
        let segment = |offset: usize| {
            let after = self
                .segments
                .partition_point(|segment| segment.at <= offset);
            self.segments.get(after.saturating_sub(1))
        };
        let first = segment(start).map_or(start, |segment| match segment.name {
            Some(_) => segment.source,
            None => segment.source + (start - segment.at),
        });
        let last = segment(end.saturating_sub(1).max(start));
        let last = last.map_or(end, |segment| match segment.name {
            Some(name) => segment.source + name,
            None => segment.source + (end - segment.at),
        });
        (first, last.max(first))
    }

    fn push(&mut self, text: &str, source: usize, name: Option<usize>) {
        if !text.is_empty() {
            let at = self.text.len();
            self.segments.push(Segment { at, source, name });
            self.text.push_str(text);
        }
    }
}

/// How much one line may still take.
struct Budget {
    steps: usize,
    bytes: usize,
}

impl Macros {
    /// Takes a line that is a definition or part of one; false when it isn't.
    pub(super) fn define(&mut self, text: &str, place: Span, report: &mut Report) -> bool {
        let goes_on = text.trim_end().ends_with('\\');
        if self.continued {
            self.continued = goes_on;
            return true;
        }
        let Some((name, value)) = definition(text) else {
            return false;
        };
        if goes_on {
            self.continued = true;
            report
                .warning(
                    place,
                    format!("`${name}` is left out: a definition has one line"),
                )
                .hint("put the lines into a file and write `include FILE` where they belong");
            return true;
        }
        self.defined.insert(name.to_owned(), value.to_owned());
        true
    }

    /// Replaces the names in a line that starts `offset` bytes into the file's line.
    pub(super) fn expand(
        &mut self,
        text: &str,
        offset: usize,
        place: Span,
        sources: &dyn Sources,
        report: &mut Report,
    ) -> Expanded {
        let mut expanded = Expanded::default();
        let mut budget = Budget {
            steps: MOST_STEPS,
            bytes: MOST_BYTES - self.spent,
        };
        let mut from = 0;
        for (start, end, name) in names(text) {
            let mut value = String::new();
            let known = self.value(name, &mut value, 0, &mut budget, sources);
            if known == Some(true) {
                expanded.push(&text[from..start], offset + from, None);
                expanded.push(&value, offset + start, Some(end - start));
                from = end;
            } else if known.is_none() || text[start..].starts_with("${") {
                let at = Span {
                    start: place
                        .start
                        .saturating_add(u32::try_from(start).unwrap_or(u32::MAX)),
                    len: u32::try_from(end - start).unwrap_or(u32::MAX),
                    ..place
                };
                let why = if known.is_none() {
                    "grows too large"
                } else {
                    "is not defined above"
                };
                let message = format!("`{}` {why} and stays as it is written", &text[start..end]);
                report.warning(at, message);
            }
        }
        self.spent = MOST_BYTES - budget.bytes;
        expanded.push(&text[from..], offset + from, None);
        expanded
    }

    /// Appends the value of a name; `Some(false)` when it has none, `None` when it is too large.
    /// Calls itself for the names in the value, at most [`DEEPEST`] deep.
    fn value(
        &self,
        name: &str,
        out: &mut String,
        depth: usize,
        budget: &mut Budget,
        sources: &dyn Sources,
    ) -> Option<bool> {
        budget.steps = budget.steps.checked_sub(1)?;
        let predefined = match name {
            "_HASH" => Some("\\#".to_owned()),
            "_BANG" => Some("\\!".to_owned()),
            _ => name
                .strip_prefix("_ENV ")
                .and_then(|name| sources.variable(name.trim())),
        };
        let value = match (&predefined, self.defined.get(name)) {
            (Some(value), _) => return push(value, out, budget).then_some(true),
            (None, Some(value)) => value,
            (None, None) => return Some(false),
        };
        if depth >= DEEPEST {
            return None;
        }
        let mut from = 0;
        for (start, end, name) in names(value) {
            if !push(&value[from..start], out, budget) {
                return None;
            }
            let known = self.value(name, out, depth + 1, budget, sources)?;
            from = if known { end } else { start };
        }
        push(&value[from..], out, budget).then_some(true)
    }
}

/// Appends, as far as the budget goes.
fn push(text: &str, out: &mut String, budget: &mut Budget) -> bool {
    let left = budget.bytes.checked_sub(text.len());
    budget.bytes = left.unwrap_or(budget.bytes);
    if left.is_some() {
        out.push_str(text);
    }
    left.is_some()
}

/// The name and value of `$NAME=value`, without a comment.
fn definition(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix('$')?.split_once('=')?;
    let plain = !name.is_empty() && name.bytes().all(is_name);
    plain.then(|| (name, without_comment(value).trim()))
}

/// The text up to a comment outside double quotes.
fn without_comment(text: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    let start = text.find(|c| {
        let starts = matches!(c, '#' | '!') && !quoted && !escaped;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        starts
    });
    &text[..start.unwrap_or(text.len())]
}

/// The names used in a text: where each starts and ends with its `$`, and the name itself.
fn names(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut at = 0;
    core::iter::from_fn(move || {
        loop {
            let start = at + text[at..].find('$')?;
            let body = start + 1;
            at = body;
            if let Some(rest) = text[body..].strip_prefix('{') {
                let Some(len) = rest.find('}') else { continue };
                at = body + 1 + len + 1;
                return Some((start, at, &rest[..len]));
            }
            let len = text[body..].bytes().take_while(|&b| is_name(b)).count();
            if len > 0 {
                at = body + len;
                return Some((start, at, &text[body..at]));
            }
        }
    })
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}
