//! The values of scalar keywords: numbers, spans of time, switches, addresses.
//!
//! A value that is wrong is reported and left out, so that the default applies, as keepalived does
//! it; a value that is missing is an error, as it is there. A semicolon after a value, which
//! keepalived takes as part of it, is understood as the habit that it is.

use core::net::IpAddr;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;

/// The text of a value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
}

/// The only value of an item.
pub(super) fn value<'a>(item: &'a Item, report: &mut Report) -> Option<Value<'a>> {
    let literal = literal(item, report)?;
    Some(without_semicolon(literal, report))
}

/// The only value of an item exactly as written.
pub(super) fn literal<'a>(item: &'a Item, report: &mut Report) -> Option<Value<'a>> {
    if let [equals, value, ..] = &item.arguments[..]
        && equals.text == "="
    {
        let keyword = &item.keyword.text;
        report
            .warning(
                equals.span.to(value.span),
                format!("`{keyword}` takes its value without `=`: the line is ignored"),
            )
            .hint(format!("write `{keyword} VALUE`"));
        return None;
    }
    extra(item, 1, report);
    let Some(word) = item.arguments.first() else {
        let message = format!("`{}` needs a value", item.keyword.text);
        report
            .fatal(item.keyword.span, message)
            .hint("write it behind the keyword, or remove the line: keepalived doesn't start with it either");
        return None;
    };
    Some(Value {
        text: &word.text,
        span: word.span,
    })
}

/// A word without the semicolon at its end, if it has one.
pub(super) fn without_semicolon<'a>(value: Value<'a>, report: &mut Report) -> Value<'a> {
    match value.text.strip_suffix(';') {
        Some(text) if !text.is_empty() => {
            let message = format!("read as `{text}`: a line doesn't end with a semicolon here");
            report.warning(value.span, message).hint(
                "keepalived takes the semicolon as part of the value and rejects it; remove it",
            );
            Value { text, ..value }
        }
        _ => value,
    }
}

/// Keywords with a name and a block.
pub(super) const STRUCTURAL: [&str; 8] = [
    "vrrp_script",
    "vrrp_instance",
    "vrrp_sync_group",
    "track_group",
    "track_file",
    "vrrp_track_file",
    "track_process",
    "vrrp_track_process",
];

/// Reports words beyond the first `allowed` arguments, and a block where none belongs.
pub(super) fn extra(item: &Item, allowed: usize, report: &mut Report) {
    let keyword = item.keyword.text.as_str();
    if let Some(first) = item.arguments.get(allowed) {
        let last = item.arguments.last().unwrap_or(first);
        let message =
            format!("`{keyword}` takes no more than this: the rest of the line is ignored");
        report
            .warning(first.span.to(last.span), message)
            .hint("remove it; what has blanks in it and is one value stands in double quotes");
    }
    if item.block.is_some() && !STRUCTURAL.contains(&keyword) {
        let message = format!("`{keyword}` takes no block: the block is skipped");
        report.warning(item.keyword.span, message);
    }
}

/// A whole number within a range; otherwise it is reported and `instead` says what applies.
pub(super) fn number(
    item: &Item,
    range: RangeInclusive<u32>,
    instead: &str,
    report: &mut Report,
) -> Option<(u32, Span)> {
    let value = value(item, report)?;
    let number = value
        .text
        .parse()
        .ok()
        .filter(|number| range.contains(number));
    if number.is_none() {
        let (low, high) = range.into_inner();
        let keyword = &item.keyword.text;
        let what = if high == u32::MAX {
            format!("`{keyword}` must be a whole number of at least {low}")
        } else {
            format!("`{keyword}` must be a whole number from {low} to {high}")
        };
        let diagnostic = report.warning(value.span, format!("{what}: {instead}"));
        if let Some(hint) = without_unit(value.text) {
            diagnostic.hint(hint);
        }
    }
    Some((number?, value.span))
}

/// A decimal number of seconds, to the microsecond.
pub(super) fn seconds(
    item: &Item,
    longest: u64,
    instead: &str,
    report: &mut Report,
) -> Option<(Duration, Span)> {
    let value = value(item, report)?;
    let span = decimal_micros(value.text).filter(|&micros| micros <= longest * 1_000_000);
    if span.is_none() {
        let keyword = &item.keyword.text;
        let message =
            format!("`{keyword}` must be a number of seconds from 0 to {longest}: {instead}");
        let diagnostic = report.warning(value.span, message);
        if let Some(hint) = without_unit(value.text) {
            diagnostic.hint(hint);
        }
    }
    Some((Duration::from_micros(span?), value.span))
}

/// What to write instead of a span of time with its unit, such as `100ms`.
fn without_unit(text: &str) -> Option<String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let (times, parts) = match unit {
        "us" => (1, 1_000_000),
        "ms" | "msec" => (1, 1000),
        "s" | "sec" | "secs" | "second" | "seconds" => (1, 1),
        "m" | "min" | "minute" | "minutes" => (60, 1),
        "h" | "hour" | "hours" => (3600, 1),
        _ => return None,
    };
    let micros = decimal_micros(number)?.checked_mul(times)? / parts;
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    let number = format!("{seconds}.{rest:06}");
    let number = number.trim_end_matches('0').trim_end_matches('.');
    Some(format!(
        "write `{number}`: spans of time are in seconds, without a unit"
    ))
}

/// A switch: `on`, `true`, `yes`, their opposites, or nothing, which means on.
pub(super) fn switch(item: &Item, report: &mut Report) -> Option<bool> {
    extra(item, 1, report);
    let Some(word) = item.arguments.first() else {
        return Some(true);
    };
    let plain = Value {
        text: &word.text,
        span: word.span,
    };
    let value = without_semicolon(plain, report);
    match value.text {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => {
            let message = format!(
                "`{}` is `on` or `off`: the line is ignored",
                item.keyword.text
            );
            report.warning(value.span, message);
            None
        }
    }
}

/// An address without a prefix length, and where it stands.
pub(super) fn address(item: &Item, report: &mut Report) -> Option<(IpAddr, Span)> {
    let value = value(item, report)?;
    let address = value.text.parse().ok();
    if address.is_none() {
        let message = format!(
            "`{}` needs an IPv4 or IPv6 address: the line is ignored",
            item.keyword.text
        );
        report.warning(value.span, message);
    }
    address.map(|address| (address, value.span))
}

/// Reports a keyword that takes no value and has one.
pub(super) fn bare(item: &Item, report: &mut Report) {
    extra(item, 0, report);
}

/// Microseconds of a decimal number of seconds such as `1.5`; more than six decimals are rounded.
pub(super) fn decimal_micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let seconds: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut micros: u64 = 0;
    for position in 0..6 {
        let digit = fraction
            .as_bytes()
            .get(position)
            .map_or(0, |b| u64::from(b - b'0'));
        micros = micros * 10 + digit;
    }
    let round = fraction.as_bytes().get(6).is_some_and(|&b| b >= b'5');
    seconds
        .checked_mul(1_000_000)?
        .checked_add(micros + u64::from(round))
}

/// The first argument of an item as a value, whatever else there is.
pub(super) fn word(word: &Word) -> Value<'_> {
    Value {
        text: &word.text,
        span: word.span,
    }
}

#[cfg(test)]
mod tests {
    use super::{decimal_micros, without_unit};

    #[test]
    fn units_are_turned_into_seconds() {
        let written = |text| without_unit(text)?.split('`').nth(1).map(str::to_owned);
        for (text, seconds) in [
            ("100ms", "0.1"),
            ("1500us", "0.0015"),
            ("2s", "2"),
            ("1.5sec", "1.5"),
            ("5m", "300"),
            ("0.5h", "1800"),
        ] {
            assert_eq!(written(text).as_deref(), Some(seconds), "{text}");
        }
        for text in ["", "ms", "5x", "1e2", "-5s", "99999999999999h", "é5s"] {
            assert_eq!(written(text), None, "{text}");
        }
    }

    #[test]
    fn decimals_are_exact_to_the_microsecond() {
        assert_eq!(decimal_micros("1"), Some(1_000_000));
        assert_eq!(decimal_micros("0.05"), Some(50_000));
        assert_eq!(decimal_micros(".5"), Some(500_000));
        assert_eq!(decimal_micros("1."), Some(1_000_000));
        assert_eq!(decimal_micros("0.0000015"), Some(2));
        assert_eq!(decimal_micros("0.9999999"), Some(1_000_000));
    }

    #[test]
    fn what_is_no_decimal_is_none() {
        for text in [
            "",
            ".",
            "-1",
            "1s",
            "1e3",
            "+1",
            "1.2.3",
            "99999999999999999999",
        ] {
            assert_eq!(decimal_micros(text), None, "{text}");
        }
    }
}
