//! The text of a scenario file, and how a byte range in it becomes a line and a column.

use core::ops::Range;
use std::sync::Arc;

use super::{Problem, Severity};

/// A named text.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// An error about a stretch of the text; of several lines only the first is pointed at.
    pub(crate) fn error(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        let place = self.place(span);
        Problem {
            severity: Severity::Error,
            file: self.name.clone(),
            line: place.line,
            column: place.column,
            source_line: place.text,
            length: place.length,
            message: message.into(),
            origin: None,
            help: None,
        }
    }

    /// Where a stretch of the text is.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end.max(start));
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or("");
        let line_end = line_start + line.len();
        let pointed = &self.text[start.min(line_end)..end.min(line_end).max(start.min(line_end))];
        Place {
            line: 1 + count(before.matches('\n').count()),
            column: 1 + count(self.text[line_start..start.min(line_end)].chars().count()),
            length: count(pointed.chars().count()).max(1),
            text: line.into(),
        }
    }
}

/// A stretch of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
    /// In characters, at least 1.
    pub(crate) length: u32,
    /// The whole line.
    pub(crate) text: Arc<str>,
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_from_one() {
        let source = Source::new("x", "a = 1\nüb = \"zwei\"\n");
        let place = source.place(12..18);
        assert_eq!((place.line, place.column, place.length), (2, 6, 6));
        assert_eq!(&*place.text, "üb = \"zwei\"");
    }

    #[test]
    fn a_stretch_over_several_lines_ends_with_its_first() {
        let source = Source::new("x", "a = [\n 1,\n]\n");
        let place = source.place(4..11);
        assert_eq!((place.line, place.column, place.length), (1, 5, 1));
        assert_eq!(source.place(400..500).line, 4);
    }
}
