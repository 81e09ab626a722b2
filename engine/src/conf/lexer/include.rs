//! `include` and its stricter forms: which pattern, and how much is to be insisted on.
//!
//! The letters and what each of them insists on are keepalived's (measured with 2.2.7). Braces are
//! resolved here, as a shell does it; wildcards are the business of whoever has files. The files that
//! are found are read in place of the line.

use super::{DEEPEST, MOST_FILES, Piece, Reader};
use crate::conf::SourceText;
use crate::conf::source::Span;

/// What makes an include fail instead of being passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    /// A match that can't be read.
    pub(super) readable: bool,
    /// A plain name without a file.
    pub(super) matched: bool,
    /// A pattern with wildcards without a file.
    pub(super) wildcard: bool,
    /// One of several alternatives in braces without a file.
    pub(super) braces: bool,
}

impl Checks {
    pub(super) const ALL: Self = Self {
        readable: true,
        matched: true,
        wildcard: true,
        braces: true,
    };

    /// What the keyword adds; `None` when it isn't one of these keywords.
    pub(super) fn of(self, keyword: &str) -> Option<Self> {
        let letter = keyword.strip_prefix("include")?;
        let option = match letter {
            "" => return Some(self),
            "r" => "readable",
            "m" => "match",
            "w" => "wildcard_match",
            "b" => "brace_match",
            "a" => return Some(Self::ALL),
            _ => return None,
        };
        self.with(option, true)
    }

    /// As changed by the words of an `include_check` line; the word that isn't understood.
    pub(super) fn changed<'a>(self, words: impl Iterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut words = words.peekable();
        let signed = words.peek().is_some_and(|w| w.starts_with(['+', '-']));
        if words.peek().is_none() {
            return Ok(Self::ALL);
        }
        let mut checks = if signed { self } else { Self::default() };
        let mut on = true;
        for word in words {
            on = match word.as_bytes()[0] {
                b'+' => true,
                b'-' => false,
                _ => on,
            };
            checks = checks
                .with(word.trim_start_matches(['+', '-']), on)
                .ok_or(word)?;
        }
        Ok(checks)
    }

    /// All but the check of braces and wildcards insist that a match can be read.
    fn with(self, option: &str, on: bool) -> Option<Self> {
        let mut checks = self;
        match option {
            "readable" => checks.readable = on,
            "match" => checks.matched = on,
            "wildcard_match" => (checks.wildcard, checks.matched) = (on, on || self.matched),
            "brace_match" => checks.braces = on,
            _ => return None,
        }
        checks.readable |= on;
        Some(checks)
    }

    /// Whether a pattern must have a match. Braces are exempt from the other checks.
    pub(super) fn insist(self, pattern: &str) -> bool {
        if pattern.contains('{') {
            self.braces
        } else if is_wild(pattern) {
            self.wildcard
        } else {
            self.matched
        }
    }
}

impl Reader<'_> {
    /// `include_check` changes what the includes below it, in this file, insist on.
    pub(super) fn include_check(&mut self, values: &[Piece]) {
        let word = |piece: &Piece| match piece {
            Piece::Word(word) => Some((word.text.clone(), word.span)),
            Piece::Open(_) | Piece::Close(_) => None,
        };
        let words: Vec<_> = values.iter().map_while(word).collect();
        let texts = words.iter().map(|(text, _)| text.as_str());
        match self.checks.changed(texts.filter(|text| !text.is_empty())) {
            Ok(checks) => self.checks = checks,
            Err(odd) => {
                let span = words
                    .iter()
                    .find(|(text, _)| text == odd)
                    .map(|(_, span)| *span);
                let message = "this is no kind of check: the line is ignored";
                let hint = "there are readable, match, wildcard_match and brace_match";
                self.report
                    .warning(span.unwrap_or(self.at), message)
                    .hint(hint);
            }
        }
    }

    /// Reads what an `include` line names in place of the line.
    pub(super) fn include(&mut self, keyword: &str, path: &str, checks: Checks, place: Span) {
        if path.is_empty() {
            let message = format!("`{keyword}` needs the name of a file");
            self.report.fatal(place, message);
            return;
        }
        if self.depth + 1 >= DEEPEST || self.files >= MOST_FILES {
            self.report
                .fatal(place, "too many files include one another")
                .hint("is a file including itself?");
            return;
        }
        let Some(patterns) = alternatives(path) else {
            let message = "these braces stand for too many names: nothing is included";
            self.report.fatal(place, message);
            return;
        };
        let from = self.report.file_name(place.file);
        let mut missing = 0;
        let count = patterns.len();
        for pattern in patterns {
            match self.sources.read(&pattern, &from) {
                Ok(found) => {
                    missing += usize::from(found.is_empty());
                    self.included(found, checks, place);
                }
                Err(why) => self.not_included(path, &why, checks.readable, place),
            }
        }
        if missing > 0 && (checks.insist(path) || !is_wild(path) || path.contains('{')) {
            let why = match count {
                1 => "no file of that name".to_owned(),
                _ => format!("{missing} of {count} names have no file"),
            };
            self.not_included(path, &why, checks.insist(path), place);
        } else if missing > 0 {
            self.report
                .note(place, "no file matches: nothing is included");
        }
    }

    fn not_included(&mut self, path: &str, why: &str, fatal: bool, place: Span) {
        if fatal {
            let message = format!("`{path}` can't be included: {why}");
            self.report.fatal(place, message);
        } else {
            let message = format!("`{path}` is not included: {why}");
            self.report
                .warning(place, message)
                .hint("the rest is used without it, as keepalived does; a relative name is seen from the folder of this file");
        }
    }

    fn included(&mut self, files: Vec<SourceText>, checks: Checks, place: Span) {
        for SourceText { name, text } in files {
            match text {
                Err(why) => self.not_included(&name, &why, checks.readable, place),
                Ok(text) if self.files < MOST_FILES && !self.is_exhausted() => {
                    self.depth += 1;
                    self.file(&name, &text);
                    self.depth -= 1;
                }
                Ok(_) => {}
            }
        }
    }
}

/// Whether the pattern has wildcards.
pub(super) fn is_wild(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Patterns that one with braces may stand for.
const MOST: usize = 256;

/// The patterns that a pattern with braces stands for, as in `{a,b/{c,d}}.conf`; `None` when there
/// are too many. A brace without its partner is itself.
pub(super) fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() >= MOST || pattern.len() > 1024 {
            return None;
        }
        let Some((start, commas, end)) = first_group(&pattern) else {
            done.push(pattern);
            continue;
        };
        let mut cuts = vec![start];
        cuts.extend(commas);
        cuts.push(end);
        let (before, after) = (&pattern[..start], &pattern[end + 1..]);
        // The last is done first, since the first is to come out first.
        for pair in cuts.windows(2).rev() {
            open.push(format!("{before}{}{after}", &pattern[pair[0] + 1..pair[1]]));
        }
    }
    Some(done)
}

/// The first pair of braces, and the commas directly within it.
fn first_group(pattern: &str) -> Option<(usize, Vec<usize>, usize)> {
    // A brace without its partner is passed over, and one within it may be a pair.
    let starts = pattern.match_indices('{').map(|(start, _)| start);
    starts.filter_map(|start| group(pattern, start)).next()
}

fn group(pattern: &str, start: usize) -> Option<(usize, Vec<usize>, usize)> {
    let (mut depth, mut commas) = (0, Vec::new());
    for (offset, c) in pattern[start..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some((start, commas, start + offset)),
            '}' => depth -= 1,
            ',' if depth == 1 => commas.push(start + offset),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(pattern: &str) -> String {
        alternatives(pattern).map_or_else(|| "too many".into(), |all| all.join(" "))
    }

    #[test]
    fn braces_stand_for_several_patterns() {
        assert_eq!(spread("a/*.conf"), "a/*.conf");
        assert_eq!(spread("{foo/{,cat,dog},bar}"), "foo/ foo/cat foo/dog bar");
        assert_eq!(spread("{a,b}{1,2}"), "a1 a2 b1 b2");
        assert_eq!(spread("{a,b"), "{a,b");
        assert_eq!(spread("{a{b,c}"), "{ab {ac");
        assert_eq!(spread("{}x"), "x");
        assert_eq!(spread(&"{a,b}".repeat(9)), "too many");
        assert_eq!(spread(&"{".repeat(9000)), "too many");
    }

    #[test]
    fn checks_add_up_and_can_be_taken_back() {
        let none = Checks::default();
        let words = |text: &'static str| none.changed(text.split_whitespace());
        assert_eq!(words(""), Ok(Checks::ALL));
        let readable = Checks {
            readable: true,
            ..none
        };
        assert_eq!(words("readable"), Ok(readable));
        let matched = Checks {
            matched: true,
            ..readable
        };
        assert_eq!(words("match"), Ok(matched));
        assert_eq!(words("+wildcard_match -wildcard_match"), Ok(matched));
        assert_eq!(words("match nonsense"), Err("nonsense"));
        assert_eq!(matched.of("include"), Some(matched));
        assert_eq!(none.of("includea"), Some(Checks::ALL));
        assert_eq!(none.of("includex"), None);
    }
}
