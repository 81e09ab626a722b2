//! From tracing's events to records of the log.

use std::fmt::{Debug, Write as _};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime as Rfc3339};
use tracing_subscriber::layer::Context;

/// What the engine reports: its fields repeat what the sentence says, for machines.
pub(super) const ENGINE: &str = "engine";

/// One line of the log.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) at: SystemTime,
    /// The same as RFC 3339 has it.
    pub(super) time: String,
    pub(super) level: Level,
    pub(super) message: String,
    /// What goes with it, in order: a name and a text.
    pub(super) fields: Vec<(&'static str, String)>,
    /// The fields are for machines only.
    pub(super) told: bool,
}

impl Record {
    /// syslog's number of the level.
    pub(super) const fn severity(&self) -> u8 {
        match self.level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        }
    }

    /// The message, and the fields unless the message says the same.
    pub(super) fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in self.fields.iter().filter(|_| !self.told) {
            // Writing to a string doesn't fail.
            let _ = write!(text, " {name}={value}");
        }
        text
    }
}

/// Gives each event that passes the filter to a function, which must not wait.
#[derive(Debug)]
pub(super) struct Records(pub(super) fn(Record));

impl<S: Subscriber> Layer<S> for Records {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut time = String::new();
        // A clock that can't be shown is no reason to lose the line.
        let _ = Rfc3339.format_time(&mut Writer::new(&mut time));
        let mut record = Record {
            at: SystemTime::now(),
            time,
            level: *event.metadata().level(),
            message: String::new(),
            fields: Vec::new(),
            told: event.metadata().target() == ENGINE,
        };
        event.record(&mut Collect(&mut record));
        (self.0)(record);
    }
}

struct Collect<'a>(&'a mut Record);

impl Collect<'_> {
    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.0.message = value,
            name => self.0.fields.push((name, value)),
        }
    }
}

impl Visit for Collect<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let quoted = !self.0.told && field.name() != "message";
        let value = if quoted {
            format!("{value:?}")
        } else {
            value.to_owned()
        };
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }
}
