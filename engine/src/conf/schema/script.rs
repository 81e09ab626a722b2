//! `vrrp_script`: what is run, how often, and what counts as failed.

use core::time::Duration;
use std::sync::Arc;

use super::track::{WeightDraft, weight};
use super::value::{bare, number, seconds};
use super::{Context, other};
use crate::conf::escape;
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::CheckCommand;
use crate::probe::parse::parse_probe;

/// A user and perhaps a group.
pub(in crate::conf) type User = (Arc<str>, Option<Arc<str>>);

/// One block.
#[derive(Debug)]
pub(in crate::conf) struct ScriptDraft {
    pub(in crate::conf) name: Word,
    pub(in crate::conf) command: Option<CheckCommand>,
    /// Where that stands.
    pub(in crate::conf) place: Span,
    /// Its probe is wrong, which is reported and fatal: nothing more need be said.
    pub(in crate::conf) broken: bool,
    pub(in crate::conf) interval: Option<(Duration, Span)>,
    pub(in crate::conf) timeout: Option<(Duration, Span)>,
    pub(in crate::conf) weight: WeightDraft,
    pub(in crate::conf) rise: Option<u32>,
    pub(in crate::conf) fall: Option<u32>,
    pub(in crate::conf) init_fail: bool,
    pub(in crate::conf) user: Option<User>,
}

/// The keywords that are acted on.
pub(super) const KEYWORDS: [&str; 8] = [
    "script",
    "interval",
    "timeout",
    "weight",
    "rise",
    "fall",
    "user",
    "init_fail",
];

/// The longest interval and timeout, in seconds.
const LONGEST: u64 = 1_000_000;

/// Reads one block.
pub(super) fn read(block: &Item, name: &Word, report: &mut Report) -> ScriptDraft {
    let mut draft = ScriptDraft {
        name: name.clone(),
        command: None,
        place: name.span,
        broken: false,
        interval: None,
        timeout: None,
        weight: WeightDraft::default(),
        rise: None,
        fall: None,
        init_fail: false,
        user: None,
    };
    for item in block.block.as_deref().unwrap_or_default() {
        line(item, &mut draft, report);
    }
    draft
}

fn line(item: &Item, draft: &mut ScriptDraft, report: &mut Report) {
    match item.keyword.text.as_str() {
        "script" => match command(item, report) {
            Ok(Some(command)) => {
                draft.command = Some(command);
                let words = &item.arguments;
                draft.place = words[0].span.to(words[words.len() - 1].span);
            }
            Ok(None) => {}
            Err(Broken) => draft.broken = true,
        },
        "interval" => draft.interval = span(item, "1 s applies", report).or(draft.interval),
        "timeout" => {
            draft.timeout = span(item, "the interval applies", report).or(draft.timeout);
        }
        "weight" => {
            if let Some(first) = item.arguments.first() {
                let given = weight(first, item.arguments.get(1), report);
                draft.weight = given.unwrap_or(draft.weight);
                super::value::extra(item, 2, report);
            } else {
                super::value::value(item, report);
            }
        }
        "rise" => draft.rise = count(item, report).or(draft.rise),
        "fall" => draft.fall = count(item, report).or(draft.fall),
        "user" => draft.user = user(item, report).or_else(|| draft.user.take()),
        "init_fail" => {
            bare(item, report);
            draft.init_fail = true;
        }
        _ => other(Context::Script, item, report),
    }
}

/// A span of time that isn't zero.
fn span(item: &Item, instead: &str, report: &mut Report) -> Option<(Duration, Span)> {
    let (duration, place) = seconds(item, LONGEST, instead, report)?;
    if duration.is_zero() {
        let message = format!("`{}` can't be zero: {instead}", item.keyword.text);
        report.warning(place, message);
        return None;
    }
    Some((duration, place))
}

fn count(item: &Item, report: &mut Report) -> Option<u32> {
    let (count, _) = number(item, 1..=1_000_000, "1 applies", report)?;
    Some(count)
}

/// `user` and `script_user`: a user and perhaps a group.
pub(super) fn user(item: &Item, report: &mut Report) -> Option<User> {
    let Some(user) = item.arguments.first() else {
        super::value::value(item, report);
        return None;
    };
    super::value::extra(item, 2, report);
    let group = item
        .arguments
        .get(1)
        .map(|group| group.text.as_str().into());
    Some((user.text.as_str().into(), group))
}

/// A probe that can't be carried out; reported.
struct Broken;

/// `script`: one quoted string that is split again, or the words of the line.
fn command(item: &Item, report: &mut Report) -> Result<Option<CheckCommand>, Broken> {
    let (Some(first), Some(last)) = (item.arguments.first(), item.arguments.last()) else {
        super::value::value(item, report);
        return Ok(None);
    };
    if item.block.is_some() {
        super::value::extra(item, usize::MAX, report);
    }
    let whole = first.span.to(last.span);
    if item.arguments.len() > 1 {
        report
            .note(
                whole,
                "this command is read with all its words although it isn't in double quotes",
            )
            .hint("keepalived runs the first word alone; with quotes both do the same");
    }
    let raw = report.text(whole);
    let made = item.arguments.iter().any(|word| word.span.via > 0);
    let mut words = match made || raw.contains('$') {
        true => split(&joined(&item.arguments), whole), // A name may have been replaced.
        false => split(raw, whole),
    };
    if let [only] = &words[..]
        && only.quoted
    {
        words = split(&only.text.clone(), only.body);
    }
    if words.is_empty() {
        report.warning(whole, "there is no command here: the line is ignored");
        return Ok(None);
    }
    shell_habits(&words, whole, report);
    let text = |word: &Part| word.text.clone();
    let file = words[0].text.rsplit('/').next().unwrap_or_default();
    if file != "locum" || words.get(1).map(text).as_deref() != Some("probe") {
        let words = words.iter().map(|word| word.text.as_str().into());
        return Ok(Some(CheckCommand::Script(words.collect())));
    }
    let arguments: Vec<&str> = words[2..].iter().map(|word| word.text.as_str()).collect();
    match parse_probe(&arguments) {
        Ok(probe) => Ok(Some(CheckCommand::Probe(probe))),
        Err(error) => {
            let place = words.get(2 + error.word).or_else(|| words.last());
            let place = place.map_or(whole, |part| part.body);
            let diagnostic = report.fatal(place, error.message);
            if let Some(help) = error.help {
                diagnostic.hint(help);
            }
            Err(Broken)
        }
    }
}

/// The words of a line put together again.
fn joined(words: &[Word]) -> String {
    let word = |word: &Word| match word.quoted {
        true => format!("\"{}\"", word.text),
        false => word.text.clone(),
    };
    let words: Vec<String> = words.iter().map(word).collect();
    words.join(" ")
}

/// Says so when a command is written for a shell, which nobody starts.
fn shell_habits(words: &[Part], whole: Span, report: &mut Report) {
    let shell = words.iter().find(|word| {
        !word.quoted
            && ["|", "||", "&&", ";", ">", "2>&1", "&", ">/dev/null"].contains(&word.text.as_str())
    });
    if let Some(word) = shell {
        let message = format!(
            "no shell reads this line: `{}` is passed to the command as a word",
            word.text
        );
        report
            .warning(whole, message)
            .hint("put the commands in a script file, or write /bin/sh -c '...'");
    }
}

/// One word of a command line.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) text: String,
    /// The whole word was in quotes.
    quoted: bool,
    /// Where its text stands, without quotes.
    body: Span,
}

/// Splits a command line as a shell would: blanks, single and double quotes, backslashes. `place`
/// is where the text stands.
pub(super) fn split(text: &str, place: Span) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some(&(start, c)) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
            continue;
        }
        let mut word = Vec::new();
        let mut quote: Option<char> = None;
        let mut quotes = 0;
        let mut end = start;
        while let Some(&(at, c)) = chars.peek() {
            if quote.is_none() && c.is_whitespace() {
                break;
            }
            chars.next();
            end = at + c.len_utf8();
            match c {
                '\\' => {
                    end += escape::push(&text[end..], &mut word);
                    while chars.next_if(|(at, _)| *at < end).is_some() {}
                }
                '"' | '\'' if quote.is_none() => {
                    quote = Some(c);
                    quotes += 1;
                }
                _ if quote == Some(c) => quote = None,
                _ => word.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        let quoted = quotes == 1 && c_is_quote(c) && quote.is_none() && text[..end].ends_with(c);
        let inset = usize::from(quoted);
        let clip = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let body = Span {
            start: place.start + clip(start + inset),
            len: clip((end - inset).saturating_sub(start + inset)),
            ..place
        };
        parts.push(Part {
            text: String::from_utf8_lossy(&word).into_owned(),
            quoted,
            body,
        });
    }
    parts
}

fn c_is_quote(c: char) -> bool {
    c == '"' || c == '\''
}
