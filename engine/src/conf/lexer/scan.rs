//! One line cut into words, strings and braces.

use super::mapped::Mapped;
use super::{Line, Piece, Word};
use crate::conf::source::{Report, Span};

/// Cuts one line into pieces.
pub(super) struct Scanner<'a> {
    text: &'a str,
    /// The last `}`, so that nobody looks for one in vain.
    last_close: usize,
    /// Where the text stands in the file.
    origin: &'a Mapped,
    file: u16,
    line: u32,
    report: &'a mut Report,
    pieces: Line,
    /// The word being read, and where it started.
    word: Option<(String, usize)>,
}

impl<'a> Scanner<'a> {
    /// A scanner of an expanded line of a file.
    pub(super) fn new(origin: &'a Mapped, file: u16, line: u32, report: &'a mut Report) -> Self {
        Self {
            text: &origin.text,
            last_close: origin.text.rfind('}').unwrap_or(0),
            origin,
            file,
            line,
            report,
            pieces: Vec::new(),
            word: None,
        }
    }

    /// The pieces of the line.
    pub(super) fn scan(mut self) -> Line {
        let mut at = 0;
        while let Some(c) = self.text[at..].chars().next() {
            let next = at + c.len_utf8();
            at = match c {
                '#' | '!' => {
                    self.comment(at);
                    self.end_word(at);
                    return self.pieces;
                }
                '\\' if self.text[next..].starts_with(['#', '!']) => {
                    self.push(&self.text[next..=next], at);
                    next + 1
                }
                '"' => {
                    self.end_word(at);
                    self.quoted(at)
                }
                '$' if self.text[next..].starts_with('{') && next < self.last_close => {
                    let end = self.text[next..]
                        .find('}')
                        .map_or(next, |close| next + close + 1);
                    self.push(&self.text[at..end], at);
                    end
                }
                '{' | '}' => {
                    self.end_word(at);
                    let span = self.span(at, next);
                    self.pieces.push(if c == '{' {
                        Piece::Open(span)
                    } else {
                        Piece::Close(span)
                    });
                    next
                }
                c if c.is_whitespace() || c == '\0' => {
                    self.end_word(at);
                    next
                }
                _ => {
                    self.push(&self.text[at..next], at);
                    next
                }
            };
        }
        self.end_word(self.text.len());
        self.pieces
    }

    /// Reads a string from its opening quote; returns the offset after its closing one.
    fn quoted(&mut self, open: usize) -> usize {
        let body = open + 1;
        let mut escaped = false;
        let close = self.text[body..].char_indices().find_map(|(offset, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(body + offset)
        });
        let end = close.unwrap_or(self.text.len());
        let next = close.map_or(end, |close| close + 1);
        let span = self.span(open, next);
        if close.is_none() {
            self.report
                .warning(self.span(open, open + 1), "this quote is not closed")
                .hint("write `\"` where the string ends; it is taken to end with the line");
        }
        let text = self.text[body..end].to_owned();
        self.pieces.push(Piece::Word(Word {
            text,
            span,
            quoted: true,
        }));
        next
    }

    /// Says so when a comment starts in the middle of a word, as in `auth_pass se#cret`.
    fn comment(&mut self, at: usize) {
        if self.word.is_none() {
            return;
        }
        let mark = &self.text[at..=at];
        let message = format!("`{mark}` starts a comment even within a word: the rest is ignored");
        self.report
            .warning(self.span(at, self.text.len()), message)
            .hint(format!(
                "write `\\{mark}`, or put the word in double quotes, if the character is meant"
            ));
    }

    fn push(&mut self, text: &'a str, at: usize) {
        let (word, _) = self.word.get_or_insert_with(|| (String::new(), at));
        word.push_str(text);
    }

    fn end_word(&mut self, at: usize) {
        if let Some((text, start)) = self.word.take() {
            let span = self.span(start, at);
            self.pieces.push(Piece::Word(Word {
                text,
                span,
                quoted: false,
            }));
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let line = Span {
            file: self.file,
            line: self.line,
            ..Span::default()
        };
        line.part(self.origin.locate(start, end))
    }
}
