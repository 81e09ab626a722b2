//! Lines, words and braces: keepalived's `read_line`.
//!
//! A comment starts at `#` or `!` anywhere outside double quotes, even within a word; a backslash
//! before it makes it an ordinary character. Each brace outside quotes stands alone, glued to a
//! word or not. An `include` line is replaced by the lines of the files it names, so a block may
//! begin in one file and end in another. `$NAME` stands for what a line `$NAME=...` above says, and
//! a line that starts with `@id` counts only on the node of that name. `~SEQ` and `~LST`, which
//! repeat a line, are reported and left out.

mod macros;
mod scan;

use super::source::{Report, Span};
use super::{SourceText, Sources};
use macros::Macros;
use scan::Scanner;

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
    /// It is in double quotes.
    pub(super) quoted: bool,
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
        macros: Macros::default(),
    };
    reader.file(name, text, 0);
    reader.out
}

struct Reader<'a> {
    sources: &'a mut dyn Sources,
    report: &'a mut Report,
    out: Vec<Line>,
    files: usize,
    macros: Macros,
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
            let start = Span {
                file,
                line,
                start: 0,
                len: 0,
            };
            let pieces = self.line(&source, start);
            match pieces.first() {
                None => {}
                Some(Piece::Word(word)) if is_include(word) => self.include(&pieces, depth),
                Some(_) => self.out.push(pieces),
            }
        }
    }

    /// The pieces of one line; none when it is empty, defines something or is for another node.
    fn line(&mut self, source: &str, start: Span) -> Line {
        let Some(text) = self.condition(source, start) else {
            return Line::new();
        };
        let offset = source.len() - text.len();
        let place = Span {
            start: u32::try_from(offset).unwrap_or(u32::MAX),
            len: u32::try_from(text.len()).unwrap_or(u32::MAX),
            ..start
        };
        if self.macros.define(text, place, self.report) {
            return Line::new();
        }
        if text.starts_with("~SEQ") || text.starts_with("~LST") {
            self.report
                .warning(
                    place,
                    "repeated lines are not supported: this one is left out",
                )
                .hint("write the lines out");
            return Line::new();
        }
        let expanded = self
            .macros
            .expand(text, offset, place, self.sources, self.report);
        let pieces = Scanner::new(&expanded, start.file, start.line, self.report).scan();
        if source.len() > KEEPALIVED_LINE && !pieces.is_empty() {
            let message = "keepalived drops a line of more than 1022 bytes; here it is read";
            self.report.note(Span { len: 1, ..start }, message);
        }
        pieces
    }

    /// What is left of a line after `@id` or `@^id`; `None` when the line is for another node.
    fn condition<'t>(&mut self, source: &'t str, start: Span) -> Option<&'t str> {
        let text = source.trim_start();
        let Some(rest) = text.strip_prefix('@') else {
            return Some(text);
        };
        let (id, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (except, id) = match id.strip_prefix('^') {
            Some(id) => (true, id),
            None => (false, id),
        };
        let Some(own) = self.sources.config_id() else {
            let offset = source.len() - text.len();
            let place = Span {
                start: u32::try_from(offset).unwrap_or(u32::MAX),
                len: u32::try_from(text.len() - rest.len()).unwrap_or(u32::MAX),
                ..start
            };
            let message =
                "this line is for one node, and which node this is isn't known: it is left out";
            self.report.warning(place, message);
            return None;
        };
        ((own == id) != except).then(|| rest.trim_start())
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
