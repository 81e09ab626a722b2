//! `$NAME=value`, `$NAME` and `${NAME}`, and the names that need no definition.
//!
//! As in keepalived a name is expanded where it is used, so a definition may use others and may be
//! changed between two uses; a name that isn't defined above stays as it is written. A definition
//! whose lines end in a backslash has several lines, and each is read as a line of the file where
//! the name is used. What comes out of an expansion is pointed at where the name stands in the
//! file, and remembers its definition.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::mapped::{Mapped, Value};
use super::random::Random;
use crate::conf::Sources;
use crate::conf::source::{Report, Span};

/// Why a name that is made of itself isn't replaced any more.
pub(super) const ENDLESS: &str = "leads back to itself";

/// Bytes one line may grow to.
const LONGEST: usize = 1 << 20;

/// The definitions so far.
#[derive(Debug, Default)]
pub(super) struct Macros {
    defined: BTreeMap<String, Vec<BodyLine>>,
    /// The definition that the next line belongs to.
    open: Option<(String, Vec<BodyLine>)>,
    /// Names that lead back to themselves. They are left alone, lest a definition that uses itself
    /// twice double the lines with each replacement.
    endless: BTreeSet<String>,
}

/// One line of a definition.
#[derive(Debug)]
struct BodyLine {
    text: String,
    /// Its place, as the report numbers them.
    via: u32,
}

/// What became of a line.
#[derive(Debug)]
pub(super) enum Expansion {
    /// No name in it has a value.
    None,
    /// One or more lines; there may be names in them.
    Lines(Vec<Mapped>),
    /// It would be too long.
    TooLarge,
}

/// What names without a definition depend on.
pub(super) struct Surroundings<'a> {
    pub(super) sources: &'a mut dyn Sources,
    pub(super) random: &'a mut Random,
    /// The file being read.
    pub(super) file: &'a str,
}

impl Macros {
    /// Takes a line that is a definition or part of one; false when it isn't.
    pub(super) fn define(&mut self, line: &Mapped, place: Span, report: &mut Report) -> bool {
        let text = line.text.trim_end();
        let goes_on = text.ends_with('\\');
        let text = text.strip_suffix('\\').unwrap_or(text);
        let (name, mut lines, value) = match self.open.take() {
            Some((name, lines)) => (name, lines, text),
            None => match definition(text) {
                Some((name, value)) => (name.to_owned(), Vec::new(), value),
                None => return false,
            },
        };
        let (_, _, via) = line.locate(0, 0);
        lines.push(BodyLine {
            text: without_comment(value).trim().to_owned(),
            via: report.origin(&name, Span { via, ..place }),
        });
        if goes_on {
            self.open = Some((name, lines));
        } else {
            self.insert(name, lines);
        }
        true
    }

    /// Whether the next line belongs to a definition.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Ends a definition that the end of its file cuts off.
    pub(super) fn end_of_file(&mut self) {
        if let Some((name, lines)) = self.open.take() {
            self.insert(name, lines);
        }
    }

    fn insert(&mut self, name: String, lines: Vec<BodyLine>) {
        self.endless.remove(&name);
        self.defined.insert(name, lines);
    }

    /// Leaves the names in a line alone from now on, until they are defined anew.
    pub(super) fn give_up(&mut self, line: &Mapped) {
        let known = names(&line.text).filter(|used| self.defined.contains_key(used.name));
        let known: Vec<_> = known.map(|used| used.name.to_owned()).collect();
        self.endless.extend(known);
    }

    /// Gives a name a value, as a repeated line does.
    pub(super) fn set(&mut self, name: &str, value: String) {
        let line = BodyLine {
            text: value,
            via: 0,
        };
        self.insert(name.to_owned(), vec![line]);
    }

    /// Replaces each name in a line by its value, once: the values may hold names again.
    pub(super) fn expand(&self, line: &Mapped, around: &mut Surroundings<'_>) -> Expansion {
        let mut lines = Vec::new();
        let mut current = Mapped::default();
        let (mut from, mut grown) = (0, 0);
        for used in names(&line.text) {
            let predefined = predefined(&used, around);
            let one;
            let body = match (predefined, self.defined.get(used.name)) {
                (Some(text), _) => {
                    one = [BodyLine {
                        text: text.into_owned(),
                        via: 0,
                    }];
                    &one[..]
                }
                (None, Some(body)) if !self.endless.contains(used.name) => &body[..],
                (None, _) => continue,
            };
            grown += body.iter().map(|line| line.text.len()).sum::<usize>();
            if grown > LONGEST {
                return Expansion::TooLarge;
            }
            current.copy(line, from, used.start);
            for (index, BodyLine { text, via }) in body.iter().enumerate() {
                if index > 0 {
                    lines.push(core::mem::take(&mut current));
                }
                current.replace(line, (used.start, used.end), Value { text, via: *via });
            }
            from = used.end;
        }
        if from == 0 {
            return Expansion::None;
        }
        current.copy(line, from, line.text.len());
        lines.push(current);
        Expansion::Lines(lines)
    }

    /// What there is to say about the names in a line of the file, before they are replaced.
    pub(super) fn remark(&self, line: &Mapped, place: Span, report: &mut Report) {
        for used in names(&line.text) {
            let braced = line.text[used.start..].starts_with("${");
            let known = self.defined.contains_key(used.name);
            let next = line.text[used.end..].chars().next();
            if known && !braced && next.is_some_and(|c| !c.is_whitespace()) {
                let name = used.name;
                let message = format!("keepalived replaces `${name}` only in front of a blank");
                report
                    .note(used.span(line, place), message)
                    .hint(format!("write `${{{name}}}`, which both read the same"));
            }
        }
    }

    /// Reports the names that stay although they are written like ones that have a value.
    pub(super) fn leftover(&self, line: &Mapped, place: Span, why: &str, report: &mut Report) {
        for used in names(&line.text) {
            let written = &line.text[used.start..used.end];
            if written.starts_with("${") || self.defined.contains_key(used.name) {
                let shown: String = written.chars().take(60).collect();
                let endless = self.endless.contains(used.name);
                let why = if endless { ENDLESS } else { why };
                let message = format!("`{shown}` {why} and stays as it is written");
                report.warning(used.span(line, place), message);
            }
        }
    }
}

/// The value of a name that keepalived defines.
fn predefined(used: &Used<'_>, around: &mut Surroundings<'_>) -> Option<Cow<'static, str>> {
    // What would start a comment must not, and within quotes it doesn't anyway.
    match (used.name, used.quoted) {
        ("_HASH", true) => return Some("#".into()),
        ("_HASH", false) => return Some("\\#".into()),
        ("_BANG", true) => return Some("!".into()),
        ("_BANG", false) => return Some("\\!".into()),
        _ => {}
    }
    let mut words = used.name.split_whitespace();
    let value = match words.next()? {
        "_PWD" => around.sources.directory(around.file)?,
        "_INSTANCE" => around.sources.config_id()?.to_owned(),
        "_ENV" => around.sources.variable(words.next()?)?,
        "_RANDOM" => {
            let low = words.next().map_or(Ok(0), str::parse).ok()?;
            let high = words.next().map_or(Ok(32_767), str::parse).ok()?;
            around.random.draw(low, high, around.sources).to_string()
        }
        _ => return None,
    };
    if words.next().is_some() {
        return None;
    }
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    Some(value.chars().map(blank).collect::<String>().into())
}

/// The name and value of `$NAME=value`.
fn definition(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix('$')?.split_once('=')?;
    let plain = name.bytes().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit());
    (plain && !name.is_empty()).then_some((name, value))
}

/// The text up to a comment outside double quotes.
pub(super) fn without_comment(text: &str) -> &str {
    let end = Quotes::default().scan(text);
    &text[..end.unwrap_or(text.len())]
}

/// Follows double quotes and backslashes along a text.
#[derive(Default)]
struct Quotes {
    quoted: bool,
    escaped: bool,
}

impl Quotes {
    /// Goes over a stretch; where a comment starts in it, if one does.
    fn scan(&mut self, text: &str) -> Option<usize> {
        text.find(|c| {
            let starts = matches!(c, '#' | '!') && !self.quoted && !self.escaped;
            self.quoted ^= c == '"' && !self.escaped;
            self.escaped = c == '\\' && !self.escaped;
            starts
        })
    }
}

/// A name where it is used.
struct Used<'t> {
    /// With its `$`.
    start: usize,
    end: usize,
    name: &'t str,
    /// It stands in a double-quoted string.
    quoted: bool,
}

impl Used<'_> {
    fn span(&self, line: &Mapped, place: Span) -> Span {
        place.part(line.locate(self.start, self.end))
    }
}

/// The names used in a line, up to its comment.
fn names(text: &str) -> impl Iterator<Item = Used<'_>> {
    let (mut at, mut seen) = (0, 0);
    let last_close = text.rfind('}').unwrap_or(0);
    let mut quotes = Quotes::default();
    core::iter::from_fn(move || {
        loop {
            let start = at + text[at..].find('$')?;
            if quotes.scan(&text[seen..start]).is_some() {
                at = text.len();
                return None;
            }
            seen = start;
            let body = start + 1;
            at = body;
            let quoted = quotes.quoted;
            if let Some(rest) = text[body..].strip_prefix('{') {
                if last_close < body {
                    continue;
                }
                let len = rest.find('}').expect("there is one further on");
                at = body + 1 + len + 1;
                let name = &rest[..len];
                return Some(Used {
                    start,
                    end: at,
                    name,
                    quoted,
                });
            }
            let len = text[body..].bytes().take_while(|&b| is_name(b)).count();
            if len > 0 {
                at = body + len;
                let name = &text[body..at];
                return Some(Used {
                    start,
                    end: at,
                    name,
                    quoted,
                });
            }
        }
    })
}

pub(super) fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}
