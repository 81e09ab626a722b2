//! `track_script` and `track_interface`: which checks and links an instance follows, and with what
//! weight.

use super::value::{Value, without_semicolon, word};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::Weight;

/// A weight and where it is written, if it is.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::conf) struct WeightDraft {
    pub(in crate::conf) weight: Weight,
    pub(in crate::conf) span: Option<Span>,
}

/// One line of the block.
#[derive(Clone, Debug)]
pub(in crate::conf) struct TrackDraft {
    pub(in crate::conf) name: Word,
    /// The script's own weight applies when absent, and 0 for a link.
    pub(in crate::conf) weight: Option<WeightDraft>,
    /// Who has written it.
    pub(in crate::conf) origin: Origin,
}

/// Where a line comes from, which decides what is said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::conf) enum Origin {
    /// The instance's own block.
    #[default]
    Own,
    /// The sync group's block. What is wrong with the line is said here.
    Group,
    /// The same, for another member: it has been said already.
    GroupAgain,
}

/// Reads the block's lines: `NAME [weight N [reverse]]`.
pub(super) fn read(block: &Item, tracks: &mut Vec<TrackDraft>, report: &mut Report) {
    for item in block.block.as_deref().unwrap_or_default() {
        if item.keyword.text.is_empty() {
            continue;
        }
        if item.block.is_some() {
            let message = format!(
                "`{}` takes no block: the block is skipped",
                item.keyword.text
            );
            report.warning(item.keyword.span, message);
        }
        let name = without_semicolon(word(&item.keyword), report);
        let name = Word {
            text: name.text.to_owned(),
            span: name.span,
            quoted: false,
        };
        let weight = options(item, report);
        tracks.push(TrackDraft {
            name,
            weight,
            origin: Origin::Own,
        });
    }
}

fn options(item: &Item, report: &mut Report) -> Option<WeightDraft> {
    let mut given = None;
    let mut arguments = item.arguments.iter().peekable();
    while let Some(option) = arguments.next() {
        if option.text != "weight" {
            let message = format!("`{}` is not understood here and ignored", option.text);
            report
                .warning(option.span, message)
                .hint("write one name a line: NAME [weight NUMBER [reverse]]");
            continue;
        }
        let Some(number) = arguments.next() else {
            report.fatal(option.span, "`weight` needs a value");
            break;
        };
        let reverse =
            arguments.next_if(|word| ["reverse", "noreverse"].contains(&word.text.as_str()));
        given = weight(number, reverse, report).or(given);
    }
    given
}

/// Reads `NUMBER [reverse]`; a number out of range is reported and limited, what is no number
/// left out.
pub(super) fn weight(
    number: &Word,
    reverse: Option<&Word>,
    report: &mut Report,
) -> Option<WeightDraft> {
    let Value { text, span } = without_semicolon(word(number), report);
    let reverse = reverse.is_some_and(|word| {
        if !["reverse", "noreverse"].contains(&word.text.as_str()) {
            let message = format!("`{}` is not understood here and ignored", word.text);
            report
                .warning(word.span, message)
                .hint("only `reverse` or `noreverse` may follow a weight");
        }
        word.text == "reverse"
    });
    let Ok(value) = text.parse::<i32>() else {
        report.warning(
            span,
            "a weight is a whole number from -253 to 253: this one is ignored",
        );
        return None;
    };
    let limited = value.clamp(-253, 253);
    if limited != value {
        let message = format!("a weight goes to {limited} at most, which is used");
        report.warning(span, message);
    }
    let value = i16::try_from(limited).expect("at most 253");
    Some(WeightDraft {
        weight: Weight { value, reverse },
        span: Some(span),
    })
}
