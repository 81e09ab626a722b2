//! Places in the text, and the collection of what is said about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diag::{Diagnostic, Origin, Severity};

mod secret;

/// A stretch of one line of one file. Offsets are bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// Position in the report's list of files.
    pub(super) file: u16,
    /// From 1.
    pub(super) line: u32,
    /// First byte in the line.
    pub(super) start: u32,
    /// Bytes.
    pub(super) len: u32,
    /// The definition that what stands here was made from, as the report numbers them; 0 for none.
    pub(super) via: u32,
}

impl Span {
    /// The bytes `start..end` of the same line, made from the definition `via`.
    pub(super) fn part(self, (start, end, via): (usize, usize, u32)) -> Self {
        let clip = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            start: clip(start),
            len: clip(end - start),
            via,
            ..self
        }
    }

    /// From the start of `self` to the end of `last`, when both are on one line.
    pub(super) fn to(self, last: Self) -> Self {
        if (self.file, self.line) != (last.file, last.line) {
            return self;
        }
        let end = (last.start + last.len).max(self.start + self.len);
        Self {
            len: end - self.start,
            ..self
        }
    }
}

/// The files read so far, and everything said about them.
#[derive(Debug, Default)]
pub(super) struct Report {
    files: Vec<File>,
    /// Where the definitions of names stand, each once.
    origins: Vec<(u16, u32, Arc<str>)>,
    known_origins: BTreeMap<(u16, u32, Arc<str>), u32>,
    /// What is said about one place, to say nothing twice.
    places: BTreeMap<(Span, Severity), Place>,
    entries: Vec<(Span, Diagnostic)>,
    /// There was no more room.
    full: bool,
    /// What isn't kept.
    dropped: Option<Diagnostic>,
    fatal: bool,
    /// The last line that something was said about, without the secrets in it: a line may be long,
    /// and much may be said about it.
    shown: Option<((u16, u32), Arc<str>)>,
    /// File and line of what must not be shown, and from which byte on.
    secrets: BTreeSet<(u16, u32, u32)>,
}

/// Notes and warnings kept, and as many errors beside them: nobody reads more, and a file of
/// nothing but mistakes must not take long.
const MOST: usize = 500;

/// Remarks kept about one place, of each severity: a repeated line would have one for each turn.
const MOST_ALIKE: usize = 3;

/// What is said about one place.
#[derive(Debug, Default)]
struct Place {
    /// Positions of the entries.
    entries: Vec<usize>,
    /// Further remarks.
    more: usize,
}

#[derive(Debug)]
struct File {
    name: Arc<str>,
    lines: Vec<Arc<str>>,
}

impl Report {
    /// Adds a file; `None` once there are too many.
    pub(super) fn add_file(&mut self, name: &str, text: &str) -> Option<u16> {
        let id = u16::try_from(self.files.len()).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text
            .split('\n')
            .map(|line| line.trim_end_matches('\r').into());
        self.files.push(File {
            name: name.into(),
            lines: lines.collect(),
        });
        Some(id)
    }

    /// The lines of a file.
    pub(super) fn lines(&self, file: u16) -> &[Arc<str>] {
        &self.files[file as usize].lines
    }

    /// The name of a file.
    pub(super) fn file_name(&self, file: u16) -> Arc<str> {
        self.files[file as usize].name.clone()
    }

    /// The text of a span.
    pub(super) fn text(&self, span: Span) -> &str {
        let line = self.line(span);
        let (start, end) = bounds(line, span);
        &line[start..end]
    }

    /// The number of the definition of a name that stands at `place`, or of the one that this line
    /// itself comes from. Never 0.
    pub(super) fn origin(&mut self, name: &str, place: Span) -> u32 {
        let outer = self.origins.get((place.via as usize).wrapping_sub(1));
        let (file, line) = outer.map_or((place.file, place.line), |(file, line, _)| (*file, *line));
        let key = (file, line, Arc::from(name));
        if let Some(&number) = self.known_origins.get(&key) {
            return number;
        }
        self.origins.push(key.clone());
        let number = u32::try_from(self.origins.len()).unwrap_or(u32::MAX);
        self.known_origins.insert(key, number);
        number
    }

    /// An error that makes the configuration unusable.
    pub(super) fn fatal(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.fatal = true;
        self.add(Severity::Error, span, message.into())
    }

    /// An error that keepalived survives, and so does the configuration.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Error, span, message.into())
    }

    /// A warning.
    pub(super) fn warning(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Warning, span, message.into())
    }

    /// A note.
    pub(super) fn note(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Note, span, message.into())
    }

    /// A key or a password stands there, or comes from there: no remark shows the line from there
    /// on, nor the value of the definition it was made from.
    pub(super) fn hide(&mut self, span: Span) {
        self.secrets.insert((span.file, span.line, span.start));
        let origin = (span.via as usize).checked_sub(1);
        if let Some((file, line, _)) = origin.and_then(|at| self.origins.get(at)) {
            let text = &self.files[*file as usize].lines[*line as usize - 1];
            let value = text.find('=').map_or(0, |at| at + 1);
            let value = u32::try_from(value).unwrap_or(u32::MAX);
            self.secrets.insert((*file, *line, value));
        }
    }

    /// Whether an error makes the configuration unusable.
    pub(super) fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// Whether one more warning about this place would hardly be seen: there is no room, or there
    /// is one already, as in a repeated line.
    pub(super) fn is_heard(&self, span: Span) -> bool {
        self.entries.len() >= MOST || self.places.contains_key(&(span, Severity::Warning))
    }

    /// The diagnostics in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        for Place { entries, more } in core::mem::take(&mut self.places).into_values() {
            if let (Some(&last), 1..) = (entries.last(), more) {
                let (_, last) = &mut self.entries[last];
                last.message += &format!(" (and {more} more like this)");
            }
        }
        self.entries
            .sort_by_key(|(span, _)| (span.file, span.line, span.start));
        self.shown = None;
        for (Span { file, line, .. }, diagnostic) in &mut self.entries {
            let place = (*file, *line);
            if let Some((last, shown)) = &self.shown
                && *last == place
            {
                diagnostic.source_line = shown.clone();
                continue;
            }
            let here = (*file, *line, 0)..=(*file, *line, u32::MAX);
            if let Some((_, _, start)) = self.secrets.range(here).next() {
                diagnostic.source_line = secret::masked_from(&diagnostic.source_line, *start);
            }
            self.shown = Some((place, diagnostic.source_line.clone()));
        }
        if let (true, Some((last, _))) = (self.full, self.entries.last()) {
            let message = "there is more to say about this configuration than is shown".to_owned();
            let last = *last;
            let dropped = self.unkept().clone();
            self.entries.push((last, Diagnostic { message, ..dropped }));
        }
        self.entries
            .into_iter()
            .map(|(_, diagnostic)| diagnostic)
            .collect()
    }

    /// Adds a diagnostic of any severity.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        span: Span,
        message: String,
    ) -> &mut Diagnostic {
        let room = if severity == Severity::Error {
            2 * MOST
        } else {
            MOST
        };
        let here = self.places.entry((span, severity)).or_default();
        let said = here.entries.iter().copied();
        if let Some(said) = said
            .into_iter()
            .find(|&at| self.entries[at].1.message == message)
        {
            return &mut self.entries[said].1;
        }
        if here.entries.len() >= MOST_ALIKE {
            here.more += 1;
            return self.unkept();
        }
        if self.entries.len() >= room {
            self.full = true;
            return self.unkept();
        }
        here.entries.push(self.entries.len());
        let line = self.line(span).clone();
        let (start, end) = bounds(&line, span);
        let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let diagnostic = Diagnostic {
            severity,
            file: self.file_name(span.file),
            line: span.line,
            column: count(&line[..start]).saturating_add(1),
            length: count(&line[start..end]),
            source_line: self.shown(span),
            message,
            origin: self.origin_of(span),
            help: None,
        };
        self.entries.push((span, diagnostic));
        let (_, diagnostic) = self.entries.last_mut().expect("just pushed");
        diagnostic
    }

    fn shown(&mut self, span: Span) -> Arc<str> {
        let place = (span.file, span.line);
        match &self.shown {
            Some((last, line)) if *last == place => line.clone(),
            _ => {
                let line = secret::masked(self.line(span));
                self.shown = Some((place, line.clone()));
                line
            }
        }
    }

    /// A diagnostic that nobody will see.
    fn unkept(&mut self) -> &mut Diagnostic {
        self.dropped.get_or_insert_with(|| Diagnostic {
            severity: Severity::Note,
            file: self.files[0].name.clone(),
            line: 1,
            column: 1,
            source_line: "".into(),
            length: 0,
            message: String::new(),
            origin: None,
            help: None,
        })
    }

    /// The definition that a place comes from.
    fn origin_of(&self, span: Span) -> Option<Origin> {
        let (file, line, name) = self.origins.get((span.via as usize).checked_sub(1)?)?;
        Some(Origin {
            name: name.clone(),
            file: self.file_name(*file),
            line: *line,
        })
    }

    fn line(&self, span: Span) -> &Arc<str> {
        &self.lines(span.file)[span.line as usize - 1]
    }
}

/// A span's bytes within its line, moved outwards to character boundaries.
fn bounds(line: &str, span: Span) -> (usize, usize) {
    let start = line.floor_char_boundary(span.start as usize);
    let end = line.ceil_char_boundary(span.start as usize + span.len as usize);
    (start, end.max(start))
}
