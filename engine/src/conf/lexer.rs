//! Lines, words and braces (keepalived's `read_line`, without its macros).
//!
//! A comment starts at `#` or `!` anywhere outside double quotes, even within a word; a backslash
//! before it makes it an ordinary character. Each brace outside quotes stands alone, glued to a
//! word or not. An `include` line is replaced by the lines of the files it names, so a block may
//! begin in one file and end in another.

use super::source::{Report, Span};
use super::{SourceText, Sources};

/// Files included within included files, at most.
const DEEPEST: usize = 16;
/// Files read for one configuration, at most.
const MOST_FILES: usize = 512;

/// The longest line keepalived reads: 1024 bytes with its end and a zero.
const KEEPALIVED_LINE: usize = 1022;

/// One word, or one double-quoted string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes; `\#` and `\!` resolved.
    pub(super) text: String,
    /// With its quotes.
    pub(super) span: Span,
}

/// One piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A word.
    Word(Word),
    /// `{`
    Open(Span),
    /// `}`
    Close(Span),
}

/// The pieces of one line; never empty.
pub(super) type Line = Vec<Piece>;

/// All lines that say something, with includes in their place.
pub(super) fn lines(
    name: &str,
    text: &str,
    sources: &mut dyn Sources,
    report: &mut Report,
) -> Vec<Line> {
    let mut reader = Reader {
        sources,
        report,
        out: Vec::new(),
        files: 0,
    };
    reader.file(name, text, 0);
    reader.out
}

struct Reader<'a> {
    sources: &'a mut dyn Sources,
    report: &'a mut Report,
    out: Vec<Line>,
    files: usize,
}

impl Reader<'_> {
    /// Calls itself for includes, at most [`DEEPEST`] deep.
    fn file(&mut self, name: &str, text: &str, depth: usize) {
        self.files += 1;
        let Some(file) = self.report.add_file(name, text) else {
            return;
        };
        for index in 0..self.report.lines(file).len() {
            let source = self.report.lines(file)[index].clone();
            let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let pieces = Scanner::new(&source, file, line, self.report).scan();
            if source.len() > KEEPALIVED_LINE && !pieces.is_empty() {
                let start = Span {
                    file,
                    line,
                    start: 0,
                    len: 1,
                };
                let message = "keepalived drops a line of more than 1022 bytes; here it is read";
                self.report.note(start, message);
            }
            match pieces.first() {
                None => {}
                Some(Piece::Word(word)) if word.text.starts_with("include") && is_include(word) => {
                    self.include(&pieces, depth);
                }
                Some(_) => self.out.push(pieces),
            }
        }
    }

    /// Replaces an `include` line by what it names.
    fn include(&mut self, pieces: &[Piece], depth: usize) {
        let [Piece::Word(keyword), Piece::Word(path), ..] = pieces else {
            if let Some(Piece::Word(keyword)) = pieces.first() {
                let message = format!("`{}` needs the name of a file", keyword.text);
                self.report.fatal(keyword.span, message);
            }
            return;
        };
        let strict = keyword.text != "include";
        if depth + 1 >= DEEPEST || self.files >= MOST_FILES {
            self.report
                .fatal(path.span, "too many files include one another")
                .hint("is a file including itself?");
            return;
        }
        let from = self.report.file_name(keyword.span.file);
        let found = match self.sources.read(&path.text, &from) {
            Ok(found) if found.is_empty() => Err("no file of that name".to_owned()),
            other => other,
        };
        match found {
            Ok(files) => self.included(files, depth + 1),
            Err(why) if strict => {
                let message = format!("`{}` can't be included: {why}", path.text);
                self.report.fatal(path.span, message);
            }
            Err(why) => {
                let message = format!("`{}` is not included: {why}", path.text);
                self.report
                    .warning(path.span, message)
                    .hint("the rest of the file is used without it, as keepalived does");
            }
        }
    }

    fn included(&mut self, files: Vec<SourceText>, depth: usize) {
        for SourceText { name, text } in files {
            if self.files < MOST_FILES {
                self.file(&name, &text, depth);
            }
        }
    }
}

/// `include` and its stricter forms (`includer`, `includem`, `includew`, `includeb`, `includea`).
fn is_include(word: &Word) -> bool {
    let rest = word.text.strip_prefix("include");
    matches!(rest, Some("" | "r" | "m" | "w" | "b" | "a"))
}

/// Cuts one line into pieces.
struct Scanner<'a> {
    text: &'a str,
    file: u16,
    line: u32,
    report: &'a mut Report,
    pieces: Line,
    /// The word being read, and where it started.
    word: Option<(String, usize)>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, file: u16, line: u32, report: &'a mut Report) -> Self {
        Self {
            text,
            file,
            line,
            report,
            pieces: Vec::new(),
            word: None,
        }
    }

    fn scan(mut self) -> Line {
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
                .hint("the string is taken to end with the line");
        }
        let text = self.text[body..end].to_owned();
        self.pieces.push(Piece::Word(Word { text, span }));
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
            self.pieces.push(Piece::Word(Word { text, span }));
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let clip = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span {
            file: self.file,
            line: self.line,
            start: clip(start),
            len: clip(end - start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::NoIncludes;

    /// One line's pieces, braces included.
    fn pieces(text: &str) -> Vec<String> {
        let mut report = Report::default();
        let lines = lines("t", text, &mut NoIncludes, &mut report);
        let show = |piece| match piece {
            Piece::Word(word) => word.text,
            Piece::Open(_) => "{".to_owned(),
            Piece::Close(_) => "}".to_owned(),
        };
        lines.into_iter().flatten().map(show).collect()
    }

    #[test]
    fn braces_stand_alone_wherever_they_are() {
        assert_eq!(
            pieces("vrrp_instance VI_1{"),
            ["vrrp_instance", "VI_1", "{"]
        );
        assert_eq!(
            pieces("track_script { chk }}"),
            ["track_script", "{", "chk", "}", "}"]
        );
        assert_eq!(pieces("a{b}\r\n"), ["a", "{", "b", "}"]);
    }

    #[test]
    fn comments_start_anywhere_outside_quotes() {
        assert_eq!(pieces("! Configuration File\n# x\n  state # y"), ["state"]);
        assert_eq!(pieces("auth_pass se#cret"), ["auth_pass", "se"]);
        assert_eq!(pieces(r"auth_pass se\#cr\!et"), ["auth_pass", "se#cr!et"]);
        assert_eq!(
            pieces(r##"script "/a #b {c}" # d"##),
            ["script", "/a #b {c}"]
        );
    }

    #[test]
    fn strings_keep_their_blanks_and_may_lack_their_end() {
        assert_eq!(
            pieces(r#"script "a \"b\" c" d"#),
            ["script", r#"a \"b\" c"#, "d"]
        );
        assert_eq!(pieces("script \"a b"), ["script", "a b"]);
        assert_eq!(pieces("a\"b c\"d"), ["a", "b c", "d"]);
    }

    struct Endless;

    impl Sources for Endless {
        fn read(&mut self, path: &str, _: &str) -> Result<Vec<SourceText>, String> {
            let text = format!("include {path}\ninclude {path}\nword");
            Ok(vec![SourceText {
                name: path.into(),
                text,
            }])
        }
    }

    #[test]
    fn a_file_that_includes_itself_comes_to_an_end() {
        let mut report = Report::default();
        let read = lines("t", "include t", &mut Endless, &mut report);
        assert!(read.len() <= MOST_FILES);
        assert!(report.is_fatal());
    }
}
