//! Lines, words and braces: keepalived's `read_line`.
//!
//! A comment starts at `#` or `!` anywhere outside double quotes, even within a word; a backslash
//! before it makes it an ordinary character. Each brace outside quotes stands alone, glued to a
//! word or not. Before that, in this order: a line that starts with `@id` counts only on the node of
//! that name; `$NAME=...` defines; `~SEQ` and `~LST` repeat the rest of their line; `$NAME` is
//! replaced, and what comes out is read as a line again. An `include` line is replaced by the lines
//! of the files it names, so a block may begin in one file and end in another.

mod include;
mod macros;
mod mapped;
mod random;
mod repeat;
mod scan;

use super::Sources;
use super::source::{Report, Span};
use include::Checks;
use macros::{ENDLESS, Expansion, Macros, Surroundings};
use mapped::Mapped;
use random::Random;
use scan::Scanner;

/// Files included within included files, at most.
const DEEPEST: usize = 16;
/// Replacements within what was replaced, and repetitions within repetitions, at most.
const DEEPEST_EXPANSION: usize = 32;
/// Bytes for each line that [`Sources::most_lines`] allows, on average.
const BYTES_PER_LINE: usize = 80;
/// What each word or brace takes of them besides its own, and a block more than that: a few bytes of text
/// would make very many of these, which memory has to hold.
const BYTES_PER_PIECE: usize = 24;
const BYTES_PER_BLOCK: usize = 128;
/// Files read for one configuration, at most.
const MOST_FILES: usize = 512;

/// The longest line that every keepalived reads: 2.4.3 drops one of 1023 bytes, 2.2.7 cuts one of 1024.
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
    let checks = match sources.insists() {
        true => Checks::ALL,
        false => Checks::default(),
    };
    let mut reader = Reader {
        sources,
        report,
        out: Vec::new(),
        files: 0,
        macros: Macros::default(),
        random: Random::default(),
        checks,
        at: Span::default(),
        depth: 0,
        read: 0,
        bytes: 0,
    };
    reader.file(name, text);
    reader.out
}

struct Reader<'a> {
    sources: &'a mut dyn Sources,
    report: &'a mut Report,
    out: Vec<Line>,
    files: usize,
    macros: Macros,
    random: Random,
    /// What includes insist on.
    checks: Checks,
    /// The line of the file that is being read.
    at: Span,
    /// Included files that are open, without the first.
    depth: usize,
    /// Lines and bytes so far, counting repetitions and expansions, and what pieces take.
    read: usize,
    bytes: usize,
}

impl Reader<'_> {
    /// Calls itself for includes, at most [`DEEPEST`] deep.
    fn file(&mut self, name: &str, text: &str) {
        self.files += 1;
        let Some(file) = self.report.add_file(name, text) else {
            return;
        };
        let (at, checks) = (self.at, self.checks);
        let mut is_odd = false;
        for index in 0..self.report.lines(file).len() {
            let source = self.report.lines(file)[index].clone();
            self.at = Span {
                file,
                line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                ..Span::default()
            };
            is_odd = is_odd || self.is_odd(&source);
            let before = self.out.len();
            let text = source.trim_start();
            self.line(Mapped::plain(text, source.len() - text.len()), 0);
            if self.is_exhausted() {
                return;
            }
            if source.len() > KEEPALIVED_LINE && self.out.len() > before {
                let message = "keepalived drops a line of more than 1022 bytes (2.2.7 cuts it in two); here it is read";
                let start = Span { len: 1, ..self.at };
                self.report.note(start, message);
            }
        }
        self.macros.end_of_file();
        (self.at, self.checks) = (at, checks);
    }

    /// Whether a line shows that the file isn't UTF-8, which is said.
    fn is_odd(&mut self, line: &str) -> bool {
        // Nearly always there is nothing, which is found faster than comments are.
        if !line.contains('\0') && !line.contains('\u{fffd}') {
            return false;
        }
        let text = macros::without_comment(line);
        let odd = text.find(['\0', '\u{fffd}']);
        if let Some(start) = odd {
            let zero = text[start..].starts_with('\0');
            let message = match zero {
                true => "there are zero bytes in this file, which are read as blanks",
                false => "this file isn't UTF-8: what can't be read is replaced",
            };
            let place = self.at.part((start, start + if zero { 1 } else { 3 }, 0));
            let hint = "save it as UTF-8, or with ASCII alone";
            self.report.warning(place, message).hint(hint);
        }
        odd.is_some()
    }

    /// Reads a line of a file, or one that an expansion or a repetition of it has made. Calls
    /// itself at most [`DEEPEST_EXPANSION`] deep.
    fn line(&mut self, line: Mapped, depth: usize) {
        if !self.take(&line) {
            return;
        }
        if self.macros.is_open() {
            self.macros.define(&line, self.at, self.report);
            return;
        }
        let Some(line) = self.condition(line) else {
            return;
        };
        if self.macros.define(&line, self.at, self.report) {
        } else if repeat::is_repeat(&line.text) {
            self.repeat(&line, depth);
        } else {
            self.expand(line, depth);
        }
    }

    /// Counts a line; false when there have been too many, which is an error.
    fn take(&mut self, line: &Mapped) -> bool {
        let most = self.sources.most_lines();
        self.read += 1;
        self.bytes = self.bytes.saturating_add(line.text.len());
        if self.read <= most && self.bytes <= most.saturating_mul(BYTES_PER_LINE) {
            return true;
        }
        self.read = usize::MAX;
        // It can't be used: what has been read would only be taken apart, and found unfinished.
        self.out = Vec::new();
        let message = format!(
            "the configuration grows beyond {most} lines or {} bytes here: the rest is not read",
            most.saturating_mul(BYTES_PER_LINE)
        );
        let start = Span { len: 1, ..self.at };
        self.report
            .fatal(start, message)
            .hint("the limit counts every line that `$NAME`, `~SEQ` and `~LST` make; words and blocks have bytes of their own");
        false
    }

    fn is_exhausted(&self) -> bool {
        self.read == usize::MAX
    }

    /// What is left of a line after `@id` or `@^id`; `None` when the line is for another node.
    fn condition(&mut self, line: Mapped) -> Option<Mapped> {
        if !line.text.starts_with('@') {
            return Some(line);
        }
        let text = &line.text[1..];
        let (id, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim_start();
        let start = line.text.len() - rest.len();
        let (except, id) = match id.strip_prefix('^') {
            Some(id) => (true, id),
            None => (false, id),
        };
        let Some(own) = self.sources.config_id() else {
            let place = self.at.part(line.locate(0, start));
            let message =
                "this line is for one node, and which node this is isn't known: it is left out";
            self.report.warning(place, message);
            return None;
        };
        if (own == id) == except {
            return None;
        }
        self.condition(line.tail(start))
    }

    /// Reads the rest of a `~SEQ` or `~LST` line once for each of its values.
    fn repeat(&mut self, line: &Mapped, depth: usize) {
        let Some((start, end)) = repeat::parameters(&line.text) else {
            return;
        };
        let place = self.at.part(line.locate(0, (end + 1).min(line.text.len())));
        if depth >= DEEPEST_EXPANSION {
            let message = "lines are repeated within repeated lines too deeply: this is left out";
            self.report.error(place, message);
            return;
        }
        let parameters = self.resolved(line.slice(start, end));
        let repeat = match line.text[end..].strip_prefix(')') {
            Some(_) => repeat::parse(&line.text, &parameters),
            None => Err("a `)` is missing".to_owned()),
        };
        let repeat = match repeat {
            Ok(repeat) => repeat,
            Err(why) => {
                let message = format!("{why}: the line is left out");
                self.report.error(place, message);
                return;
            }
        };
        if repeat.incomplete {
            let message = "there are fewer values than names: the missing ones are empty";
            self.report.warning(place, message);
        }
        let rest = &line.text[end + 1..];
        let rest = line.tail(line.text.len() - rest.trim_start().len());
        let names = repeat.names.clone();
        self.read -= 1; // What it becomes counts instead.
        for values in repeat {
            for (name, value) in names.iter().zip(values) {
                self.macros.set(name, value);
            }
            self.line(rest.clone(), depth + 1);
            if self.is_exhausted() {
                return;
            }
        }
    }

    /// A stretch of a line with all its names replaced.
    fn resolved(&mut self, mut line: Mapped) -> String {
        for _ in 0..DEEPEST_EXPANSION {
            match self.expansion(&line) {
                Expansion::Lines(lines) => line = lines.into_iter().next().unwrap_or_default(),
                Expansion::None | Expansion::TooLarge => break,
            }
        }
        line.text
    }

    /// Replaces the names in a line and reads what comes out, as often as there is something to
    /// replace.
    fn expand(&mut self, line: Mapped, depth: usize) {
        if !line.text.contains('$') {
            return self.emit(&line);
        }
        self.macros.remark(&line, self.at, self.report);
        let too_deep = depth >= DEEPEST_EXPANSION;
        let why = match self.expansion(&line) {
            Expansion::Lines(lines) if !too_deep => {
                self.read -= 1; // What it becomes counts instead.
                for line in lines {
                    let indent = line.text.len() - line.text.trim_start().len();
                    let line = if indent == 0 { line } else { line.tail(indent) };
                    self.line(line, depth + 1);
                    if self.is_exhausted() {
                        return;
                    }
                }
                return;
            }
            Expansion::None => "is not defined above",
            Expansion::TooLarge => "grows too large",
            Expansion::Lines(_) => {
                self.macros.give_up(&line);
                ENDLESS
            }
        };
        self.macros.leftover(&line, self.at, why, self.report);
        self.emit(&line);
    }

    fn expansion(&mut self, line: &Mapped) -> Expansion {
        let file = self.report.file_name(self.at.file);
        let mut around = Surroundings {
            sources: self.sources,
            random: &mut self.random,
            file: &file,
        };
        self.macros.expand(line, &mut around)
    }

    /// Cuts a line that is what it is to be into pieces.
    fn emit(&mut self, line: &Mapped) {
        let keyword = line.text.split_whitespace().next().unwrap_or_default();
        if let Some(checks) = self.checks.of(keyword) {
            let path = macros::without_comment(&line.text[keyword.len()..]).trim();
            let path = path.trim_matches('"').to_owned();
            let end = macros::without_comment(&line.text).trim_end().len();
            let start = if path.is_empty() {
                0
            } else {
                keyword.len() + 1
            };
            let place = self.at.part(line.locate(start.min(end), end));
            return self.include(keyword, &path, checks, place);
        }
        let pieces = Scanner::new(line, self.at.file, self.at.line, self.report).scan();
        let opens = pieces
            .iter()
            .filter(|p| matches!(p, Piece::Open(_)))
            .count();
        self.bytes = self
            .bytes
            .saturating_add(pieces.len() * BYTES_PER_PIECE + opens * BYTES_PER_BLOCK);
        if let [Piece::Word(keyword), values @ ..] = &pieces[..] {
            match keyword.text.as_str() {
                "include_check" => self.include_check(values),
                "random_seed" => {
                    if let [Piece::Word(seed), ..] = values
                        && let Ok(seed) = seed.text.parse::<u32>()
                    {
                        self.random.seed(seed.into());
                    }
                }
                _ => {}
            }
        }
        if !pieces.is_empty() {
            self.out.push(pieces);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{NoIncludes, SourceText};

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
                text: Ok(text),
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
