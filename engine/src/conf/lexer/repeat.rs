//! `~SEQ`, `~SEQx` and `~LST`: the values that a repeated line takes.
//!
//! Measured with keepalived 2.2.7: a number may be hexadecimal (`0x10`) or octal (`010`); a start
//! that is left out is 1, or -1 when the end is negative; a step that leads away from the end
//! makes the line invalid, which keepalived then leaves out.

/// What the words before the closing parenthesis mean: the names, and the values for each turn.
#[derive(Debug)]
pub(super) struct Repeat {
    pub(super) names: Vec<String>,
    values: Values,
    /// A tuple with fewer values than there are names.
    pub(super) incomplete: bool,
}

#[derive(Debug)]
enum Values {
    Numbers {
        next: i64,
        step: i64,
        end: i64,
        hex: bool,
    },
    /// Last turn first.
    Listed(Vec<Vec<String>>),
}

/// Whether a line is a repeated one.
pub(super) fn is_repeat(text: &str) -> bool {
    parameters(text).is_some()
}

/// The bytes of the parameters in a repeated line, without parentheses; `None` in another line.
/// Without a closing parenthesis they reach to the end.
pub(super) fn parameters(text: &str) -> Option<(usize, usize)> {
    let keyword = ["~SEQx", "~SEQ", "~LST"];
    let keyword = keyword.iter().find(|k| text.starts_with(**k))?;
    let rest = text[keyword.len()..].trim_start();
    rest.starts_with('(').then_some(())?;
    let start = text.len() - rest.len() + 1;
    let len = text[start..].find(')').unwrap_or(text.len() - start);
    Some((start, start + len))
}

/// Reads the parameters of a repeated line.
///
/// # Errors
/// What is wrong with them.
pub(super) fn parse(line: &str, parameters: &str) -> Result<Repeat, String> {
    if line.starts_with("~LST") {
        list(parameters)
    } else {
        sequence(parameters, line.starts_with("~SEQx"))
    }
}

fn sequence(parameters: &str, hex: bool) -> Result<Repeat, String> {
    let mut words = parameters.split(',').map(str::trim);
    let name = name(words.next().unwrap_or_default())?;
    let numbers: Vec<i64> = words.map(number).collect::<Result<_, _>>()?;
    let (start, step, end) = match numbers[..] {
        [end] => (if end < 0 { -1 } else { 1 }, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Err("a sequence is `~SEQ(NAME, START, STEP, END)`".to_owned()),
    };
    let step = step.unwrap_or(if end < start { -1 } else { 1 });
    let away = start != end && (step > 0) != (end > start);
    if step == 0 || away {
        return Err(format!("steps of {step} don't lead from {start} to {end}"));
    }
    Ok(Repeat {
        names: vec![name],
        values: Values::Numbers {
            next: start,
            step,
            end,
            hex,
        },
        incomplete: false,
    })
}

fn list(parameters: &str) -> Result<Repeat, String> {
    let mut entries = entries(parameters)?.into_iter();
    let names = entries.next().unwrap_or_default();
    let names: Vec<String> = names.iter().map(|n| name(n)).collect::<Result<_, _>>()?;
    let mut turns: Vec<Vec<String>> = entries.collect();
    if names.is_empty() || turns.is_empty() {
        return Err("a list is `~LST(NAME, VALUE, ...)`".to_owned());
    }
    if turns.iter().any(|values| values.len() > names.len()) {
        return Err("there are more values than names".to_owned());
    }
    let incomplete = turns.iter().any(|values| values.len() < names.len());
    turns.reverse();
    Ok(Repeat {
        names,
        values: Values::Listed(turns),
        incomplete,
    })
}

/// The parts between commas; a part in braces has parts of its own.
fn entries(text: &str) -> Result<Vec<Vec<String>>, String> {
    let plain = |text: &str| text.trim().trim_matches('"').to_owned();
    let mut entries = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let after = if let Some(inner) = rest.strip_prefix('{') {
            let (tuple, after) = inner.split_once('}').ok_or("a `}` is missing")?;
            entries.push(tuple.split(',').map(plain).collect());
            after.trim_start()
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            entries.push(vec![plain(&rest[..end])]);
            &rest[end..]
        };
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => return Ok(entries),
            None => return Err("a comma is missing after a `}`".to_owned()),
        };
    }
}

fn name(text: &str) -> Result<String, String> {
    let named = !text.is_empty() && text.bytes().all(super::macros::is_name);
    let digit = text.starts_with(|c: char| c.is_ascii_digit());
    if named && !digit {
        return Ok(text.to_owned());
    }
    let shown: String = text.chars().take(60).collect();
    Err(format!("`{shown}` can't be a name"))
}

/// A number as C reads it: decimal, `0x` hexadecimal or `0` octal.
fn number(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let value = match (hex, digits.strip_prefix('0')) {
        (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
        (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => digits.parse().ok(),
    };
    let shown = |text: &str| text.chars().take(60).collect::<String>();
    let value = i64::from(value.ok_or_else(|| format!("`{}` is not a number", shown(text)))?);
    Ok(if negative { -value } else { value })
}

impl Iterator for Repeat {
    /// The value of each name.
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        match &mut self.values {
            Values::Listed(turns) => {
                let mut values = turns.pop()?;
                values.resize(self.names.len(), String::new());
                Some(values)
            }
            Values::Numbers {
                next,
                step,
                end,
                hex,
            } => {
                let value = *next;
                let over = if *step > 0 {
                    value > *end
                } else {
                    value < *end
                };
                *next = value + *step;
                let sign = if value < 0 { "-" } else { "" };
                let shown = match hex {
                    true => format!("{sign}{:x}", value.unsigned_abs()),
                    false => value.to_string(),
                };
                (!over).then(|| vec![shown])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Result<String, String> {
        let (start, end) = parameters(line).expect("a repeated line");
        let turns = parse(line, &line[start..end])?.map(|values| values.join("+"));
        Ok(turns.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn sequences_run_both_ways_and_in_hexadecimal() {
        let table = [
            ("~SEQ(N,3)", "1 2 3"),
            ("~SEQ(N,-2)", "-1 -2"),
            ("~SEQ(N,5,3)", "5 4 3"),
            ("~SEQ (N , 1 , 2 )", "1 2"),
            ("~SEQ(N,1,3,8)", "1 4 7"),
            ("~SEQ(N,5,-2,1)", "5 3 1"),
            ("~SEQ(N,01,011)", "1 2 3 4 5 6 7 8 9"),
            ("~SEQ(N,4,4)", "4"),
            ("~SEQx(N,0x90,0x10,0xc0)", "90 a0 b0 c0"),
            ("~SEQx(N,10,8)", "a 9 8"),
        ];
        for (line, expected) in table {
            assert_eq!(values(line), Ok(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn lists_hold_values_and_tuples() {
        let table = [
            ("~LST(N,1, 2 ,a b)", "1 2 a b"),
            ("~LST(N,)", ""),
            ("~LST({A, B},{10,1},{20 , 4})", "10+1 20+4"),
            ("~LST({A,B}, {1}, {2,3})", "1+ 2+3"),
            ("~LST({A},{1},2)", "1 2"),
        ];
        for (line, expected) in table {
            assert_eq!(values(line), Ok(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "~SEQ()",
            "~SEQ(N)",
            "~SEQ(N,a)",
            "~SEQ(N,1,0,3)",
            "~SEQ(N,1,-1,3)",
            "~SEQ(N,3,1,1)",
            "~SEQ(N,1,2,3,4)",
            "~SEQ(9,1,2)",
            "~SEQ(N,99999999999999999999)",
            "~SEQ(N,0x)",
            "~LST()",
            "~LST(N)",
            "~LST({A,B},{1,2,3})",
            "~LST({A,B},{1,2",
            "~LST({A,B}{1,2})",
            "~LST(N-,1)",
        ] {
            assert!(values(line).is_err(), "{line}");
        }
        assert!(!is_repeat("~SEQ 1") && !is_repeat("~LSTx(A,1)") && !is_repeat("SEQ(A,1)"));
    }
}
