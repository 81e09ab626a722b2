//! `interface_up_down_delays`: one interface a line, with the seconds a change of it has to last.

use core::time::Duration;

use super::value::{Value, decimal_micros, without_semicolon, word};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;

/// One line.
#[derive(Debug)]
pub(in crate::conf) struct DelayDraft {
    pub(in crate::conf) interface: Word,
    /// Where the delay of a loss stands.
    pub(in crate::conf) span: Span,
    pub(in crate::conf) down: Duration,
    pub(in crate::conf) up: Duration,
}

/// The longest delay, as in keepalived.
const LONGEST: Duration = Duration::from_secs(255);

const FORM: &str = "one interface a line: INTERFACE DOWN_SECONDS [UP_SECONDS]";

/// Reads the block; several add up.
pub(super) fn read(block: &Item, delays: &mut Vec<DelayDraft>, report: &mut Report) {
    if let Some(first) = block.arguments.first() {
        let message = "`interface_up_down_delays` has no name: the rest of the line is ignored";
        report.warning(first.span, message);
    }
    for item in block.block.as_deref().unwrap_or_default() {
        if !item.keyword.text.is_empty() {
            delays.extend(line(item, report));
        }
    }
}

fn line(item: &Item, report: &mut Report) -> Option<DelayDraft> {
    super::value::extra(item, 2, report);
    let Some(down) = item.arguments.first() else {
        let message = "a delay is missing: the line is ignored";
        report.warning(item.keyword.span, message).hint(FORM);
        return None;
    };
    let (down, span) = delay(word(down), report)?;
    let up = match item.arguments.get(1) {
        Some(up) => delay(word(up), report)?.0,
        None => down,
    };
    Some(DelayDraft {
        interface: item.keyword.clone(),
        span,
        down,
        up,
    })
}

fn delay(value: Value<'_>, report: &mut Report) -> Option<(Duration, Span)> {
    let Value { text, span } = without_semicolon(value, report);
    let delay = decimal_micros(text).map(Duration::from_micros);
    let delay = delay.filter(|delay| *delay <= LONGEST);
    if delay.is_none() {
        let message = "a delay is a number of seconds from 0 to 255: the line is ignored";
        report.warning(span, message).hint(FORM);
    }
    Some((delay?, span))
}
