//! Where the log goes: standard error, a file, the journal, syslog. Belongs to a thread of its own,
//! which may wait; a receiver that is stuck is waited for once, then passed over until it takes
//! something again.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::layer::Record;
use crate::sys::time::local;

const JOURNAL: &str = "/run/systemd/journal/socket";
const SYSLOG: &str = "/dev/log";
/// How long a receiver may take for one line.
const PATIENCE: Duration = Duration::from_millis(200);
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How lines look on the console and in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object of JSON each.
    Json,
}

/// One receiver.
#[derive(Debug)]
pub(super) enum Sink {
    /// Standard error; whether lines carry the time.
    Console(LogFormat, bool),
    File(LogFormat, File),
    Journal(Socket),
    /// With its facility.
    Syslog(u8, Socket),
}

impl Sink {
    /// The journal, where there is one.
    pub(super) fn journal() -> Option<Self> {
        Some(Self::Journal(Socket::open(JOURNAL)?))
    }

    /// syslog, where there is one.
    pub(super) fn syslog(facility: u8) -> Option<Self> {
        Some(Self::Syslog(facility, Socket::open(SYSLOG)?))
    }

    /// Writes a line. False when it is lost.
    pub(super) fn write(&mut self, record: &Record) -> bool {
        match self {
            Self::Console(format, timed) => {
                let line = line(record, *format, *timed);
                io::stderr().write_all(line.as_bytes()).is_ok()
            }
            Self::File(format, file) => file
                .write_all(line(record, *format, true).as_bytes())
                .is_ok(),
            Self::Journal(socket) => socket.send(&entry(record)),
            Self::Syslog(facility, socket) => socket.send(message(record, *facility).as_bytes()),
        }
    }
}

/// A receiver of datagrams.
#[derive(Debug)]
pub(super) struct Socket {
    path: &'static str,
    socket: UnixDatagram,
    stuck: bool,
}

impl Socket {
    fn open(path: &'static str) -> Option<Self> {
        let socket = connect(path).ok()?;
        Some(Self {
            path,
            socket,
            stuck: false,
        })
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        let mut sent = self.socket.send(bytes);
        let gone = |e: &io::Error| {
            matches!(
                e.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected
            )
        };
        // It was started anew.
        if sent.as_ref().is_err_and(gone)
            && let Ok(socket) = connect(self.path)
        {
            self.socket = socket;
            sent = self.socket.send(bytes);
        }
        let stuck = matches!(&sent, Err(e) if e.kind() == io::ErrorKind::WouldBlock);
        if stuck != self.stuck && self.socket.set_nonblocking(stuck).is_ok() {
            self.stuck = stuck;
        }
        sent.is_ok()
    }
}

fn connect(path: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// A line for the console or a file, with its end.
fn line(record: &Record, format: LogFormat, timed: bool) -> String {
    match format {
        LogFormat::Json => json(record),
        LogFormat::Text => {
            let time = if timed { &*record.time } else { "" };
            let space = if timed { " " } else { "" };
            format!(
                "{time}{space}{:>5} {}\n",
                record.level.as_str(),
                record.text()
            )
        }
    }
}

fn json(record: &Record) -> String {
    let mut object = serde_json::Map::new();
    object.insert("time".to_owned(), record.time.clone().into());
    let level = record.level.as_str().to_ascii_lowercase();
    object.insert("level".to_owned(), level.into());
    object.insert("message".to_owned(), record.message.clone().into());
    for (name, value) in &record.fields {
        let plain = value.trim_matches('"').to_owned();
        object.insert((*name).to_owned(), plain.into());
    }
    serde_json::Value::Object(object).to_string() + "\n"
}

/// The journal's own protocol: a field a line, or with its length when it has several lines.
fn entry(record: &Record) -> Vec<u8> {
    let mut entry = Vec::new();
    let mut field = |name: &str, value: &str| {
        entry.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            entry.push(b'\n');
            entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            entry.push(b'=');
        }
        entry.extend_from_slice(value.as_bytes());
        entry.push(b'\n');
    };
    field("PRIORITY", &record.severity().to_string());
    field("SYSLOG_IDENTIFIER", "locum");
    field("MESSAGE", &record.text());
    for (name, value) in &record.fields {
        field(&name.to_ascii_uppercase(), value.trim_matches('"'));
    }
    entry
}

/// RFC 3164, as syslog(3) writes it.
fn message(record: &Record, facility: u8) -> String {
    let since = record.at.duration_since(std::time::UNIX_EPOCH);
    let seconds = since.map_or(0, |span| i64::try_from(span.as_secs()).unwrap_or(0));
    let stamp = local(seconds).map_or_else(String::new, |tm| {
        let month = usize::try_from(tm.tm_mon).ok().and_then(|m| MONTHS.get(m));
        let (day, hour, minute, second) = (tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        let month = month.copied().unwrap_or("Jan");
        format!("{month} {day:2} {hour:02}:{minute:02}:{second:02} ")
    });
    let priority = facility * 8 + record.severity();
    let id = std::process::id();
    format!("<{priority}>{stamp}locum[{id}]: {}", record.text())
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use tracing::Level;

    use super::*;

    fn record() -> Record {
        Record {
            at: SystemTime::UNIX_EPOCH,
            time: "1970-01-01T00:00:00.000000Z".to_owned(),
            level: Level::WARN,
            message: "VI_1: backup -> fault: the link is down".to_owned(),
            fields: vec![
                ("instance", "VI_1".to_owned()),
                ("state", "fault".to_owned()),
            ],
            told: true,
        }
    }

    #[test]
    fn a_record_is_written_as_each_receiver_wants_it() {
        let text = line(&record(), LogFormat::Text, true);
        let sentence = "VI_1: backup -> fault: the link is down";
        assert_eq!(
            text,
            format!("1970-01-01T00:00:00.000000Z  WARN {sentence}\n")
        );
        let json: serde_json::Value =
            serde_json::from_str(&line(&record(), LogFormat::Json, false)).expect("JSON");
        assert_eq!(
            (&json["level"], &json["state"]),
            (&"warn".into(), &"fault".into())
        );
        let entry = String::from_utf8(entry(&record())).expect("text");
        let start = "PRIORITY=4\nSYSLOG_IDENTIFIER=locum\nMESSAGE=VI_1: backup";
        assert!(entry.starts_with(start), "{entry}");
        assert!(entry.ends_with("\nINSTANCE=VI_1\nSTATE=fault\n"), "{entry}");
        let syslog = message(&record(), 16);
        assert!(syslog.starts_with("<132>"), "{syslog}");
        let end = format!("locum[{}]: {sentence}", std::process::id());
        assert!(syslog.ends_with(&end), "{syslog}");
    }

    #[test]
    fn several_lines_are_one_field_of_the_journal() {
        let mut record = record();
        record.message = "a\nb".to_owned();
        let entry = entry(&record);
        let wanted = b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n";
        assert!(entry.windows(wanted.len()).any(|part| part == wanted));
    }

    #[test]
    fn a_receiver_that_is_stuck_is_waited_for_once() {
        let (ours, theirs) = UnixDatagram::pair().expect("two sockets");
        ours.set_write_timeout(Some(PATIENCE)).expect("it can");
        let mut socket = Socket {
            path: "/no/where",
            socket: ours,
            stuck: false,
        };
        let start = Instant::now();
        let taken = (0..10_000).filter(|_| socket.send(b"line")).count();
        assert!((1..10_000).contains(&taken), "{taken}");
        // Each of the lines lost would take 200 ms.
        assert!(start.elapsed() < PATIENCE * 50, "{:?}", start.elapsed());
        theirs.recv(&mut [0; 16]).expect("one is there");
        assert!(socket.send(b"again"), "it takes lines again");
    }
}
