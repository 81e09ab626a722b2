//! A cursor over one TOML table: takes what is expected, then complains about the rest.

use core::cell::{Cell, RefCell};
use core::ops::{Range, RangeInclusive};
use core::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Problem, Source};
use crate::units::{self, CLOCK_HELP, RATE_HELP, SPAN_HELP};
use crate::words;

/// A TOML value with its place.
pub(crate) type Value<'t> = Spanned<DeValue<'t>>;

/// Collects what is wrong with a file.
#[derive(Debug)]
pub(crate) struct Sink<'s> {
    pub(crate) source: &'s Source,
    problems: RefCell<Vec<Problem>>,
    fatal: Cell<bool>,
}

impl<'s> Sink<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self {
            source,
            problems: RefCell::default(),
            fatal: Cell::new(false),
        }
    }

    /// Adds an error, which makes the file unusable. Returns `None`, so that a reader can end with it.
    pub(crate) fn error<T>(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) -> Option<T> {
        let mut problem = self.source.error(span, message);
        problem.help = help.into();
        self.fatal.set(true);
        self.add(problem);
        None
    }

    /// Adds what somebody else found, once; whether the file can be used is another matter.
    pub(crate) fn add(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Whether the file can't be used.
    pub(crate) fn is_fatal(&self) -> bool {
        self.fatal.get()
    }

    /// Everything, in the order of the text.
    pub(crate) fn finish(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems
    }
}

/// A string with its place.
#[derive(Clone, Debug)]
pub(crate) struct Word<'v> {
    pub(crate) text: &'v str,
    pub(crate) span: Range<usize>,
}

/// One table, and which of its keys have been asked for.
pub(crate) struct Fields<'v, 's> {
    pub(crate) sink: &'v Sink<'s>,
    table: &'v DeTable<'v>,
    span: Range<usize>,
    known: RefCell<Vec<&'static str>>,
}

impl<'v, 's> Fields<'v, 's> {
    /// A cursor over a table.
    pub(crate) fn new(sink: &'v Sink<'s>, table: &'v DeTable<'v>, span: Range<usize>) -> Self {
        Self {
            sink,
            table,
            span,
            known: RefCell::default(),
        }
    }

    /// A cursor over a value, which has to be a table.
    pub(crate) fn of(sink: &'v Sink<'s>, value: &'v Value<'v>, shape: &str) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(sink, table, value.span())),
            other => sink.error(
                value.span(),
                format!("{} where a table is expected", kind(other)),
                format!("write {shape}"),
            ),
        }
    }

    /// The place of the whole table.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// An error about the whole table.
    pub(crate) fn error<T>(&self, message: &str, help: impl Into<Option<String>>) -> Option<T> {
        self.sink.error(self.span(), message, help)
    }

    /// Whether a key is there; asking makes it known.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// The value of a key.
    pub(crate) fn value(&self, key: &'static str) -> Option<&'v Value<'v>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// A string.
    pub(crate) fn word(&self, key: &'static str) -> Option<Word<'v>> {
        let value = self.value(key)?;
        word(self.sink, value, &format!("`{key}`"))
    }

    /// A string that has to be there.
    pub(crate) fn required(&self, key: &'static str, help: &str) -> Option<Word<'v>> {
        if !self.has(key) {
            return self.missing(key, help);
        }
        self.word(key)
    }

    /// Says that a key is missing.
    pub(crate) fn missing<T>(&self, key: &str, help: &str) -> Option<T> {
        self.error(&format!("`{key}` is missing"), help.to_owned())
    }

    /// A span of time.
    pub(crate) fn span_of_time(&self, key: &'static str) -> Option<Duration> {
        span_of_time(self.sink, self.value(key)?)
    }

    /// How wrong a wall clock is: nanoseconds after the true time, or before it.
    pub(crate) fn clock_error(&self, key: &'static str) -> Option<i64> {
        let word = self.word(key)?;
        units::parse_error(word.text).or_else(|| {
            let message = format!("`{}` doesn't say how wrong a clock is", word.text);
            self.sink.error(word.span, message, CLOCK_HELP.to_owned())
        })
    }

    /// A rate in parts per million.
    pub(crate) fn rate(&self, key: &'static str) -> Option<u32> {
        let word = self.word(key)?;
        units::parse_rate(word.text).or_else(|| {
            let message = format!("`{}` is no rate", word.text);
            self.sink.error(word.span, message, RATE_HELP.to_owned())
        })
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.value(key)?;
        integer(self.sink, value, &range)
    }

    /// True or false.
    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(is) => Some(*is),
            _ => self.sink.error(
                value.span(),
                format!("`{key}` is neither true nor false"),
                format!("write {key} = true"),
            ),
        }
    }

    /// A list; absent is empty.
    pub(crate) fn list(&self, key: &'static str) -> Vec<&'v Value<'v>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            other => {
                let message = format!("{} where a list is expected", kind(other));
                let help = format!("write {key} = [ ... ]");
                self.sink.error::<()>(value.span(), message, help);
                Vec::new()
            }
        }
    }

    /// A table's entries in the order of the text; absent is empty.
    pub(crate) fn entries(&self, key: &'static str) -> Vec<(Word<'v>, &'v Value<'v>)> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = value.get_ref() else {
            let help = format!("write [{key}] and below it NAME = ...");
            let message = format!("`{key}` is not a table");
            self.sink.error::<()>(value.span(), message, help);
            return Vec::new();
        };
        let mut entries: Vec<_> = table
            .iter()
            .map(|(name, value)| {
                let word = Word {
                    text: name.get_ref(),
                    span: name.span(),
                };
                (word, value)
            })
            .collect();
        entries.sort_by_key(|(name, _)| name.span.start);
        entries
    }

    /// The one of several keys that is there. When there is none but an unknown one,
    /// [`Fields::finish`] says what that was probably meant to be.
    pub(crate) fn only(&self, keys: &[&'static str], message: &str) -> Option<&'static str> {
        let mut found = keys.iter().filter(|key| self.has(key));
        match (found.next(), found.next()) {
            (Some(key), None) => Some(key),
            (None, _) if self.has_unknown() => None,
            _ => self.error(message, format!("write one of {}", keys.join(", "))),
        }
    }

    fn has_unknown(&self) -> bool {
        let known = self.known.borrow();
        self.table
            .keys()
            .any(|key| !known.contains(&&**key.get_ref()))
    }

    /// Complains about every key that nobody asked for.
    pub(crate) fn finish(self) {
        let mut known = self.known.into_inner();
        known.sort_unstable();
        known.dedup();
        for (key, _) in self.table {
            if known.contains(&&**key.get_ref()) {
                continue;
            }
            let help = words::did_you_mean(key.get_ref(), known.iter().copied())
                .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
            let message = format!("unknown key `{}`", key.get_ref());
            self.sink.error::<()>(key.span(), message, help);
        }
    }
}

/// A value that has to be a string.
pub(crate) fn word<'v>(sink: &Sink<'_>, value: &'v Value<'v>, what: &str) -> Option<Word<'v>> {
    match value.get_ref() {
        DeValue::String(text) => Some(Word {
            text,
            span: value.span(),
        }),
        other => sink.error(
            value.span(),
            format!("{} where {what} needs a string", kind(other)),
            "put it in quotes".to_owned(),
        ),
    }
}

/// A value that has to be a span of time.
pub(crate) fn span_of_time(sink: &Sink<'_>, value: &Value<'_>) -> Option<Duration> {
    match value.get_ref() {
        DeValue::String(text) => units::parse_span(text).or_else(|| {
            let message = format!("`{text}` is no span of time");
            sink.error(value.span(), message, SPAN_HELP.to_owned())
        }),
        DeValue::Integer(number) => sink.error(
            value.span(),
            "a span of time needs a unit",
            format!("write \"{number}s\" if seconds are meant"),
        ),
        DeValue::Float(number) => sink.error(
            value.span(),
            "a span of time needs a unit",
            format!("write \"{}s\" if seconds are meant", number.as_str()),
        ),
        other => sink.error(
            value.span(),
            format!("{} where a span of time is expected", kind(other)),
            SPAN_HELP.to_owned(),
        ),
    }
}

/// A value that has to be a whole number within bounds.
pub(crate) fn integer(
    sink: &Sink<'_>,
    value: &Value<'_>,
    range: &RangeInclusive<i64>,
) -> Option<i64> {
    let number = match value.get_ref() {
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok(),
        _ => None,
    };
    number.filter(|n| range.contains(n)).or_else(|| {
        sink.error(
            value.span(),
            "this is not a whole number in the range",
            format!("write a number from {} to {}", range.start(), range.end()),
        )
    })
}

/// What a value is, for messages.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
