//! Diagnostics: what the reader has to say, with the place in the text it is about.
//!
//! A diagnostic is self-contained (it carries its source line), so that it can be kept, sent or
//! printed long after the text is gone. Printing is plain text without colours.

use core::fmt;
use std::sync::Arc;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// The file is used, and something in it doesn't do what it seems to say.
    Warning,
    /// The file is wrong. Usually it can't be used; where keepalived survives the mistake it is.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One remark about one place in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// The name of the file.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1; at most one past the end of the line.
    pub column: u32,
    /// The whole line as it stands in the file, without its end.
    pub source_line: Arc<str>,
    /// Characters the remark is about; at least 1 when printed.
    pub length: u32,
    /// What is the matter.
    pub message: String,
    /// Where the text comes from, when what stands at the place is the use of a definition.
    pub origin: Option<Origin>,
    /// What to do about it.
    pub help: Option<String>,
}

/// The definition (`$NAME=...`) of a text that is used elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Without its `$`.
    pub name: Arc<str>,
    /// The file of the definition.
    pub file: Arc<str>,
    /// The line within the definition that the text is on, from 1.
    pub line: u32,
}

impl Diagnostic {
    /// Adds advice.
    pub(super) fn hint(&mut self, text: impl Into<String>) {
        self.help = Some(text.into());
    }
}

/// Columns a tab moves to a multiple of.
const TAB: usize = 4;
/// Characters shown of a line; the rest of a longer one is cut.
const SHOWN: usize = 120;
/// Characters shown before the place when the line is cut on the left.
const LEAD: usize = 40;

impl fmt::Display for Diagnostic {
    /// `file:line:column: severity: message`, the line, a pointer under the text, `from: ...`,
    /// `help: ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file, line, column, ..
        } = self;
        write!(
            f,
            "{file}:{line}:{column}: {}: {}",
            self.severity, self.message
        )?;
        if !self.source_line.is_empty() {
            let (text, pointer) = self.excerpt();
            write!(f, "\n  {text}\n  {pointer}")?;
        }
        if let Some(Origin { name, file, line }) = &self.origin {
            write!(f, "\nfrom: `${name}`, defined at {file}:{line}")?;
        }
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl Diagnostic {
    /// The visible part of the line with tabs expanded and control characters replaced, and the
    /// pointer that belongs under it.
    fn excerpt(&self) -> (String, String) {
        let first = self.column.saturating_sub(1) as usize;
        let last = first + (self.length.max(1) as usize);
        let skipped = if last > SHOWN {
            first.saturating_sub(LEAD)
        } else {
            0
        };
        let (mut text, mut pointer) = (String::new(), String::new());
        if skipped > 0 {
            text.push_str("...");
            pointer.push_str("   ");
        }
        let mut end = skipped;
        for (position, c) in self
            .source_line
            .chars()
            .enumerate()
            .skip(skipped)
            .take(SHOWN)
        {
            let mark = if (first..last).contains(&position) {
                '^'
            } else {
                ' '
            };
            let width = if c == '\t' {
                TAB - text.chars().count() % TAB
            } else {
                1
            };
            let c = if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            };
            text.extend(core::iter::repeat_n(c, width));
            pointer.extend(core::iter::repeat_n(mark, width));
            end = position + 1;
        }
        if end <= first {
            pointer.push('^');
        }
        (text.trim_end().to_owned(), pointer.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(line: &str, column: u32, length: u32) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            file: "a.conf".into(),
            line: 3,
            column,
            source_line: line.into(),
            length,
            message: "odd".into(),
            origin: None,
            help: None,
        }
    }

    #[test]
    fn points_under_the_text() {
        let mut d = diagnostic("  auth_type PASS;", 13, 5);
        d.hint("drop it");
        let printed =
            "a.conf:3:13: warning: odd\n    auth_type PASS;\n              ^^^^^\nhelp: drop it";
        assert_eq!(d.to_string(), printed);
    }

    #[test]
    fn names_the_definition() {
        let mut d = diagnostic("$X", 1, 2);
        d.origin = Some(Origin {
            name: "X".into(),
            file: "b.conf".into(),
            line: 9,
        });
        let printed = "a.conf:3:1: warning: odd\n  $X\n  ^^\nfrom: `$X`, defined at b.conf:9";
        assert_eq!(d.to_string(), printed);
    }

    #[test]
    fn tabs_move_the_pointer_with_the_text() {
        let (text, pointer) = diagnostic("\tab\tcd", 5, 2).excerpt();
        assert_eq!(text, "    ab  cd");
        assert_eq!(pointer, "        ^^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}WORD{}", "x ".repeat(5000), " y".repeat(5000));
        let (text, pointer) = diagnostic(&line, 10_001, 4).excerpt();
        assert!(text.chars().count() <= SHOWN + 3);
        let at = pointer.find('^').expect("there is a pointer");
        assert_eq!(&text[at..at + 4], "WORD");
    }

    #[test]
    fn the_end_of_a_line_can_be_pointed_at_and_control_characters_are_not_printed() {
        let (text, pointer) = diagnostic("a\u{1b}[2Jb", 7, 0).excerpt();
        assert!(!text.contains('\u{1b}'));
        assert_eq!(pointer, "      ^");
    }
}
