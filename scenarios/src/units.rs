//! How spans of time and rates are written in scenario files: `"3.609375s"`, `"250ms"`, `"20%"`.
//!
//! Exact: everything is an integer, nanoseconds or parts per million, and what can't be
//! represented is refused instead of rounded.

use core::time::Duration;

/// What to write instead of a span that can't be read.
pub const SPAN_HELP: &str =
    r#"write a number and a unit, such as "3.609375s", "250ms", "50us", "2min""#;
/// What to write instead of a clock's error that can't be read.
pub const CLOCK_HELP: &str =
    r#"write by how much it is ahead, "+30s", or behind, "-2h"; "0s" puts it right"#;
/// What to write instead of a rate that can't be read.
pub const RATE_HELP: &str = r#"write a percentage such as "20%" or "0.5%", or "300ppm""#;

const UNITS: [(&str, u64); 6] = [
    ("min", 60_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
    ("h", 3_600_000_000_000),
    ("s", 1_000_000_000),
];

/// A span such as `"3.609375s"`; `None` when it has no unit, or is finer than a nanosecond.
pub fn parse_span(text: &str) -> Option<Duration> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))?;
    decimal(number.trim_end(), unit).map(Duration::from_nanos)
}

/// The shortest way to write a span.
pub fn show_span(span: Duration) -> String {
    let nanos = span.as_nanos();
    let (unit, suffix) = match nanos {
        0 => return "0s".to_owned(),
        n if n >= 1_000_000_000 => (1_000_000_000, "s"),
        n if n >= 1_000_000 => (1_000_000, "ms"),
        n if n >= 1_000 => (1_000, "us"),
        _ => (1, "ns"),
    };
    format!("{}{suffix}", fraction(nanos, unit))
}

/// How wrong a clock is, such as `"+30s"` or `"-250ms"`, in nanoseconds after the true time; `"0s"` is right.
/// `None` when it has no unit, or says neither fast nor slow.
pub fn parse_error(text: &str) -> Option<i64> {
    let (fast, span) = match text.strip_prefix('-') {
        Some(span) => (false, span),
        None => (true, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanos = i64::try_from(parse_span(span)?.as_nanos()).ok()?;
    let signed = text.starts_with(['+', '-']) || nanos == 0;
    signed.then_some(if fast { nanos } else { -nanos })
}

/// The shortest way to write how wrong a clock is.
pub fn show_error(nanos: i64) -> String {
    let span = show_span(Duration::from_nanos(nanos.unsigned_abs()));
    match nanos {
        ..0 => format!("-{span}"),
        0 => span,
        1.. => format!("+{span}"),
    }
}

/// A rate such as `"20%"` or `"300ppm"`, in parts per million; at most all of them.
pub fn parse_rate(text: &str) -> Option<u32> {
    let ppm = match text.strip_suffix("ppm") {
        Some(number) => decimal(number.trim_end(), 1)?,
        None => decimal(text.strip_suffix('%')?.trim_end(), 10_000)?,
    };
    u32::try_from(ppm).ok().filter(|&ppm| ppm <= 1_000_000)
}

/// A rate as a percentage.
pub fn show_rate(ppm: u32) -> String {
    format!("{}%", fraction(u128::from(ppm), 10_000))
}

/// `number` times `unit`, exactly.
fn decimal(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || number.ends_with('.') {
        return None;
    }
    let mut total = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in part.trim_end_matches('0').bytes() {
        if !place.is_multiple_of(10) {
            return None;
        }
        place /= 10;
        total = total.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(total)
}

/// `value / unit` in decimals without trailing zeros; `unit` is a power of ten.
fn fraction(value: u128, unit: u128) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{rest:0width$}")
        .trim_end_matches('0')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_exact() {
        let nanos = |text| parse_span(text).map(|span| span.as_nanos());
        assert_eq!(nanos("3.609375s"), Some(3_609_375_000));
        assert_eq!(nanos("3.61328125s"), Some(3_613_281_250));
        assert_eq!(nanos("250ms"), Some(250_000_000));
        assert_eq!(nanos("0.5 s"), Some(500_000_000));
        assert_eq!(nanos("2min"), Some(120_000_000_000));
        assert_eq!(nanos("50us"), Some(50_000));
        assert_eq!(nanos("1.0000000000s"), Some(1_000_000_000));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "s",
            "3",
            ".5s",
            "5.s",
            "-1s",
            "1e3s",
            "3 apples",
            "0.5ns",
            "99999999999h",
        ] {
            assert_eq!(parse_span(text), None, "{text:?}");
        }
    }

    #[test]
    fn rates_are_parts_per_million() {
        assert_eq!(parse_rate("20%"), Some(200_000));
        assert_eq!(parse_rate("0.05 %"), Some(500));
        assert_eq!(parse_rate("300ppm"), Some(300));
        assert_eq!(parse_rate("100%"), Some(1_000_000));
        for text in ["", "20", "101%", "-1%", "0.00001%"] {
            assert_eq!(parse_rate(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(nanos in any::<u64>(), ppm in 0u32..=1_000_000) {
            let span = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_span(&show_span(span)), Some(span));
            prop_assert_eq!(parse_rate(&show_rate(ppm)), Some(ppm));
        }
    }
}
