//! `track_file` and `track_process`: what is followed besides scripts and links.

use core::time::Duration;

use super::track::{WeightDraft, weight};
use super::value::{bare, extra, number, seconds, value, without_semicolon, word};
use super::{Context, other};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::{InitFile, ParameterMatch, Weight};

/// One `track_file` block.
#[derive(Debug)]
pub(in crate::conf) struct FileDraft {
    pub(in crate::conf) name: Word,
    pub(in crate::conf) path: Option<Word>,
    /// 1 unless given, as keepalived has it.
    pub(in crate::conf) weight: WeightDraft,
    pub(in crate::conf) init: Option<InitFile>,
}

/// One `track_process` block.
#[derive(Debug)]
pub(in crate::conf) struct ProcessDraft {
    pub(in crate::conf) name: Word,
    /// The program, then its parameters.
    pub(in crate::conf) words: Vec<String>,
    pub(in crate::conf) parameters: Option<ParameterMatch>,
    pub(in crate::conf) full_command: bool,
    pub(in crate::conf) weight: WeightDraft,
    pub(in crate::conf) quorum: Option<u32>,
    pub(in crate::conf) quorum_max: Option<(u32, Span)>,
    pub(in crate::conf) fork_delay: Duration,
    pub(in crate::conf) terminate_delay: Duration,
}

/// The keywords of `track_file` that are acted on.
pub(super) const FILE_KEYWORDS: [&str; 3] = ["file", "weight", "init_file"];
/// The keywords of `track_process` that are acted on.
pub(super) const PROCESS_KEYWORDS: [&str; 9] = [
    "process",
    "param_match",
    "weight",
    "quorum",
    "quorum_max",
    "delay",
    "fork_delay",
    "terminate_delay",
    "full_command",
];

/// The longest delay, in seconds: keepalived's limit.
const LONGEST: u64 = 3600;

/// Reads one `track_file` block.
pub(super) fn file(block: &Item, name: &Word, report: &mut Report) -> FileDraft {
    let default = Weight {
        value: 1,
        reverse: false,
    };
    let mut draft = FileDraft {
        name: name.clone(),
        path: None,
        weight: WeightDraft {
            weight: default,
            span: None,
        },
        init: None,
    };
    for item in block.block.as_deref().unwrap_or_default() {
        match item.keyword.text.as_str() {
            "file" => draft.path = path(item, report).or(draft.path),
            "weight" => draft.weight = own_weight(item, draft.weight, report),
            "init_file" => draft.init = Some(init(item, report)),
            _ => other(Context::File, item, report),
        }
    }
    draft
}

/// An absolute path: the daemon's own directory means nothing.
fn path(item: &Item, report: &mut Report) -> Option<Word> {
    let path = value(item, report)?;
    if !path.text.starts_with('/') || path.text.ends_with('/') {
        report
            .error(path.span, "this is not the path of a file")
            .hint("write it from the root, such as `/run/load`");
        return None;
    }
    Some(Word {
        text: path.text.to_owned(),
        span: path.span,
        quoted: false,
    })
}

/// `[VALUE] [overwrite]`.
fn init(item: &Item, report: &mut Report) -> InitFile {
    extra(item, 2, report);
    let mut init = InitFile {
        value: 0,
        overwrite: false,
    };
    for argument in item.arguments.iter().take(2) {
        let given = without_semicolon(word(argument), report);
        match given.text.parse() {
            Ok(value) => init.value = value,
            Err(_) if given.text == "overwrite" => init.overwrite = true,
            Err(_) => {
                let message = format!("`{}` is not understood here and ignored", given.text);
                report
                    .warning(given.span, message)
                    .hint("write `init_file [NUMBER] [overwrite]`");
            }
        }
    }
    init
}

fn own_weight(item: &Item, known: WeightDraft, report: &mut Report) -> WeightDraft {
    let Some(first) = item.arguments.first() else {
        value(item, report);
        return known;
    };
    extra(item, 2, report);
    weight(first, item.arguments.get(1), report).unwrap_or(known)
}

/// Reads one `track_process` block.
pub(super) fn process(block: &Item, name: &Word, report: &mut Report) -> ProcessDraft {
    let mut draft = ProcessDraft {
        name: name.clone(),
        words: Vec::new(),
        parameters: None,
        full_command: false,
        weight: WeightDraft::default(),
        quorum: None,
        quorum_max: None,
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
    };
    for item in block.block.as_deref().unwrap_or_default() {
        line(item, &mut draft, report);
    }
    draft
}

fn line(item: &Item, draft: &mut ProcessDraft, report: &mut Report) {
    const NO_DELAY: &str = "there is no delay";
    match item.keyword.text.as_str() {
        "process" => draft.words = words(item, report),
        "param_match" => draft.parameters = parameters(item, report).or(draft.parameters),
        "weight" => draft.weight = own_weight(item, draft.weight, report),
        "quorum" => {
            let read = number(item, 1..=65_535, "1 applies", report);
            draft.quorum = read.map(|(quorum, _)| quorum).or(draft.quorum);
        }
        "quorum_max" => {
            draft.quorum_max = number(item, 0..=65_535, "there is no limit", report);
        }
        "delay" => {
            if let Some((delay, _)) = seconds(item, LONGEST, NO_DELAY, report) {
                draft.fork_delay = delay;
                draft.terminate_delay = delay;
            }
        }
        "fork_delay" => {
            if let Some((delay, _)) = seconds(item, LONGEST, NO_DELAY, report) {
                draft.fork_delay = delay;
            }
        }
        "terminate_delay" => {
            if let Some((delay, _)) = seconds(item, LONGEST, NO_DELAY, report) {
                draft.terminate_delay = delay;
            }
        }
        "full_command" => {
            bare(item, report);
            draft.full_command = true;
        }
        _ => other(Context::Process, item, report),
    }
}

/// The words of the line, or those of the one string it consists of.
fn words(item: &Item, report: &mut Report) -> Vec<String> {
    if item.block.is_some() {
        extra(item, usize::MAX, report);
    }
    match &item.arguments[..] {
        [] => {
            value(item, report);
            Vec::new()
        }
        [only] if only.quoted => only.text.split_whitespace().map(str::to_owned).collect(),
        several => several.iter().map(|word| word.text.clone()).collect(),
    }
}

fn parameters(item: &Item, report: &mut Report) -> Option<ParameterMatch> {
    let mode = value(item, report)?;
    match mode.text {
        "initial" => Some(ParameterMatch::Initial),
        "partial" => Some(ParameterMatch::Partial),
        _ => {
            let message = "`param_match` is `initial` or `partial`: the line is ignored";
            report
                .warning(mode.span, message)
                .hint("without it, all parameters must be the same");
            None
        }
    }
}
