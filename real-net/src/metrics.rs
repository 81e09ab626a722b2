//! Metrics for Prometheus and `/healthz`, over HTTP on an address or a unix socket.
//!
//! Off unless configured. The text is made in portions at the [`Desk`](crate::desk::Desk), family by
//! family as the format demands it, and sent as it is made: neither many instances nor a client
//! that stalls hold anything up, and nothing is kept between two scrapes.

mod families;
mod http;

use std::fmt::{self, Write};

use crate::desk::{Portion, View};

pub use families::names;
pub use http::{Address, AddressError, Listener, serve};

use families::FAMILIES;

/// So many instances or others are looked at before a portion is handed out.
const AT_ONCE: usize = 256;

/// How far a scrape has come.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    family: usize,
    /// The next instance, check, ... within the family.
    next: usize,
}

/// What a family counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Samples of one name.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    /// Writes the samples of the things from the given position on, at most so many things. Returns
    /// how many things it has looked at; fewer than asked for when there are no more.
    write: fn(&View<'_>, std::ops::Range<usize>, &mut Text) -> usize,
}

/// The text in the making.
struct Text {
    text: String,
    name: &'static str,
}

impl Exposition {
    /// The next samples.
    pub(crate) fn portion(&mut self, view: &View<'_>) -> Portion {
        let Some(family) = FAMILIES.get(self.family) else {
            return Portion {
                text: Vec::new(),
                last: true,
            };
        };
        let mut text = Text {
            text: String::new(),
            name: family.name,
        };
        if self.next == 0 {
            text.head(family);
        }
        let seen = (family.write)(view, self.next..self.next + AT_ONCE, &mut text);
        self.next += seen;
        if seen < AT_ONCE {
            (self.family, self.next) = (self.family + 1, 0);
        }
        Portion {
            text: text.text.into_bytes(),
            last: self.family == FAMILIES.len(),
        }
    }
}

impl Text {
    fn head(&mut self, family: &Family) {
        let (name, help) = (family.name, family.help);
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One sample of the family.
    fn sample(&mut self, labels: &[(&str, &dyn fmt::Display)], value: impl fmt::Display) {
        self.suffixed("", labels, value);
    }

    fn suffixed(
        &mut self,
        suffix: &str,
        labels: &[(&str, &dyn fmt::Display)],
        value: impl fmt::Display,
    ) {
        let name = self.name;
        self.put(format_args!("{name}{suffix}"));
        let mut separator = '{';
        for (label, content) in labels {
            self.put(format_args!("{separator}{label}=\""));
            let _ = write!(Escaped(&mut self.text), "{content}");
            self.text.push('"');
            separator = ',';
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.put(format_args!(" {value}\n"));
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = self.text.write_fmt(text);
    }
}

/// What `/healthz` says of a loop that turns: how many instances are in which state.
pub(crate) fn health(view: &View<'_>) -> Portion {
    let mut counts = std::collections::BTreeMap::<_, usize>::new();
    for seen in view.status.instances() {
        *counts.entry(seen.state()).or_default() += 1;
    }
    let mut text = "ok\n".to_owned();
    for (state, count) in counts {
        let _ = writeln!(text, "{state} {count}");
    }
    Portion {
        text: text.into_bytes(),
        last: true,
    }
}

/// The content of a label: backslashes, quotes and line ends are escaped.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
