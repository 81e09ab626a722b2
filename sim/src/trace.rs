//! The trace: a run as text, one line an event, made to be read and to be compared byte for byte.
//!
//! ```text
//! 00:00:10.000000  -        cable sw1 - sw2 is pulled
//! 00:00:13.114000  a        VI_1 backup -> master: no advert from 192.168.0.12 for 3.113 s
//! ```
//!
//! Adverts and single announcements are left out, resignations are in; everything else is there.

use core::fmt::{self, Write as _};
use core::time::Duration;
use std::sync::Arc;

use locum_engine::config::{Config, ObjectId};
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::plan::Plan;
use locum_engine::{Event, Instant};

use crate::fault::{Direction, Fault, Forgery, NewFile, Replay};
use crate::record::{DaemonChange, Observed, Record, Remover};
use crate::topology::{CableId, HostId, HostSpec, Role, Topology};

/// The whole trace, each line ending in a line feed.
pub fn render(topology: &Topology, records: &[Record]) -> String {
    let mut text = String::new();
    let mut names = Names::new(topology);
    for record in records {
        if let Some(line) = line(&mut names, record) {
            writeln!(text, "{line}").expect("a String takes everything");
        }
    }
    text
}

/// One record as a line, or `None` when the trace leaves it out. Records must come in order.
pub fn line(names: &mut Names<'_>, record: &Record) -> Option<String> {
    names.follow(&record.what);
    let (who, what) = names.describe(&record.what)?;
    Some(format!("{}  {who:8} {what}", time(record.at)))
}

/// Virtual time with microseconds, always equally wide.
pub fn time(at: Instant) -> String {
    let full = at.to_string();
    full[..full.len() - 3].to_owned()
}

/// Puts names to ids.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    topology: &'a Topology,
    /// What each router's file says, by host; routers only.
    files: Vec<Option<Arc<Config>>>,
    /// What each router's daemon runs on.
    configs: Vec<Option<Arc<Config>>>,
}

impl<'a> Names<'a> {
    /// Before the first record.
    pub fn new(topology: &'a Topology) -> Self {
        let config = |host: &HostSpec| match &host.role {
            Role::Router(router) => Some(Arc::clone(&router.config)),
            Role::Nic(_) | Role::Plain | Role::Client(_) => None,
        };
        let files: Vec<_> = topology.hosts.iter().map(config).collect();
        Self {
            topology,
            configs: files.clone(),
            files,
        }
    }

    /// Takes in what says which configuration is in force. To be told of every record, in order.
    pub fn follow(&mut self, what: &Observed) {
        match what {
            Observed::Fault(Fault::Reload(host, file)) => {
                if let Some(config) = &file.config {
                    self.files[host.index()] = Some(Arc::clone(config));
                }
            }
            Observed::Daemon(host, DaemonChange::Started) => {
                self.configs[host.index()] = self.files[host.index()].clone();
            }
            Observed::Reloaded(host, reloaded) => {
                self.configs[host.index()] = Some(Arc::clone(&reloaded.config));
            }
            _ => {}
        }
    }

    fn config(&self, host: HostId) -> &Config {
        let config = self.configs[host.index()].as_deref();
        config.expect("only routers have engines")
    }

    /// The name of a host.
    pub fn host(&self, host: HostId) -> &str {
        &self.topology.hosts[host.index()].name
    }

    /// A cable by its ends.
    pub fn cable(&self, cable: CableId) -> String {
        let spec = &self.topology.cables[cable.index()];
        format!(
            "{} - {}",
            self.topology.end_name(spec.a),
            self.topology.end_name(spec.b)
        )
    }

    /// An instance of a router, or the router.
    fn one_or_all(&self, host: HostId, instance: Option<InstanceId>) -> String {
        let node = self.host(host);
        match instance {
            Some(id) => format!("{node}'s {}", self.config(host).instance(id).name),
            None => node.to_owned(),
        }
    }

    /// A route or a rule of a router's configuration.
    pub fn object(&self, host: HostId, object: ObjectId) -> String {
        let config = self.config(host);
        config.object(object).display(config).to_string()
    }

    /// An event of a router's engine, with the instance it is about.
    pub fn event(&self, host: HostId, event: &Event) -> String {
        let config = self.config(host);
        let words = event.display(config);
        match event.instance() {
            Some(instance) => format!("{} {words}", config.instance(instance).name),
            None => words.to_string(),
        }
    }

    /// Who and what; `None` for what would drown the rest.
    fn describe(&self, what: &Observed) -> Option<(&str, String)> {
        let (host, text) = match what {
            Observed::Fault(fault) => return Some(("-", self.fault(fault))),
            Observed::SwitchBack(switch) => {
                let name = &self.topology.switches[switch.index()].name;
                return Some(("-", format!("switch {name} is back")));
            }
            Observed::Daemon(host, change) => (host, daemon(*change).to_owned()),
            Observed::Reloaded(host, reloaded) => (host, plan(&reloaded.plan)),
            Observed::Engine(host, event) => (host, self.event(*host, event)),
            Observed::Advert {
                host,
                priority: Priority::RELEASE,
                ..
            } => (host, "resigns with priority 0".to_owned()),
            Observed::Advert { .. } | Observed::Announcement { .. } => return None,
            Observed::AddressAdded { host, address } => (host, format!("+ {address}")),
            Observed::AddressRemoved { host, address, by } => {
                (host, format!("- {address}{}", remover(*by)))
            }
            Observed::ObjectAdded { host, object } => {
                (host, format!("+ {}", self.object(*host, *object)))
            }
            Observed::ObjectRemoved { host, object, by } => {
                let object = self.object(*host, *object);
                (host, format!("- {object}{}", remover(*by)))
            }
            Observed::Outage { client, lasted } => (
                client,
                format!("answered again after {} ms", lasted.as_millis()),
            ),
            Observed::ServedBy { client, server } => {
                (client, format!("is served by {}", self.host(*server)))
            }
        };
        Some((self.host(*host), text))
    }

    /// A fault in words.
    pub fn fault(&self, fault: &Fault) -> String {
        let mut text = String::new();
        self.write_fault(&mut text, fault)
            .expect("a String takes everything");
        text
    }

    fn write_fault(&self, f: &mut String, fault: &Fault) -> fmt::Result {
        match fault {
            Fault::Pull(cable) => write!(f, "cable {} is pulled", self.cable(*cable)),
            Fault::Plug(cable) => write!(f, "cable {} is plugged in", self.cable(*cable)),
            Fault::Dark(cable, way) => {
                write!(
                    f,
                    "cable {} goes dark{}",
                    self.cable(*cable),
                    self.way(*cable, *way)
                )
            }
            Fault::Light(cable, way) => {
                write!(
                    f,
                    "cable {} carries again{}",
                    self.cable(*cable),
                    self.way(*cable, *way)
                )
            }
            Fault::Loss(cable, way, ppm, burst) => {
                let (name, way) = (self.cable(*cable), self.way(*cable, *way));
                write!(f, "cable {name} loses {}{way}", percent(*ppm))?;
                burst.map_or(Ok(()), |b| {
                    let (begins, ends) = (percent(b.enter_ppm), percent(b.leave_ppm));
                    write!(
                        f,
                        ", bursts begin at {begins} and end at {ends} of the frames"
                    )
                })
            }
            Fault::Duplicate(cable, ppm) => {
                write!(
                    f,
                    "cable {} duplicates {}",
                    self.cable(*cable),
                    percent(*ppm)
                )
            }
            Fault::Corrupt(cable, ppm) => {
                write!(f, "cable {} corrupts {}", self.cable(*cable), percent(*ppm))
            }
            Fault::Reorder(cable, ppm, by) => {
                let name = self.cable(*cable);
                let rate = percent(*ppm);
                write!(
                    f,
                    "cable {name} holds back {rate} by up to {} us",
                    by.as_micros()
                )
            }
            Fault::Latency(cable, way, by) => {
                let (name, way) = (self.cable(*cable), self.way(*cable, *way));
                write!(f, "cable {name} takes {} us{way}", by.as_micros())
            }
            Fault::Partition(left, right) => {
                write!(
                    f,
                    "{} and {} are parted",
                    self.hosts(left),
                    self.hosts(right)
                )
            }
            Fault::Heal => f.write_str("partitions are healed"),
            Fault::RebootSwitch(switch, span) => {
                let name = &self.topology.switches[switch.index()].name;
                write!(f, "switch {name} reboots for {} ms", span.as_millis())
            }
            Fault::PowerOff(host) => write!(f, "{} loses power", self.host(*host)),
            Fault::PowerOn(host) => write!(f, "{} has power again", self.host(*host)),
            Fault::Kill(host) => write!(f, "{}'s daemon is killed", self.host(*host)),
            Fault::Stop(host) => write!(f, "{}'s daemon is told to stop", self.host(*host)),
            Fault::Start(host) => write!(f, "{}'s daemon is started", self.host(*host)),
            Fault::Hang(host) => write!(f, "{}'s daemon hangs", self.host(*host)),
            Fault::Resume(host) => write!(f, "{}'s daemon goes on", self.host(*host)),
            Fault::PauseVm(host) => write!(f, "{} is paused", self.host(*host)),
            Fault::ResumeVm(host) => write!(f, "{} goes on", self.host(*host)),
            Fault::Drift(host, ppm) => write!(f, "{}'s clock drifts {ppm:+} ppm", self.host(*host)),
            Fault::WallClock(host, error) => {
                let span = Duration::from_nanos(error.unsigned_abs());
                let name = self.host(*host);
                match *error {
                    0 => write!(f, "{name}'s wall clock is right"),
                    ..0 => write!(f, "{name}'s wall clock is {span:?} slow"),
                    1.. => write!(f, "{name}'s wall clock is {span:?} fast"),
                }
            }
            Fault::ForceCheck(host, check, outcome) => {
                let name = self.check(*host, *check);
                match outcome {
                    Some(outcome) => write!(f, "{}'s check {name}: {outcome}", self.host(*host)),
                    None => write!(f, "{}'s check {name} speaks for itself", self.host(*host)),
                }
            }
            Fault::WriteFile(host, file, value) => {
                let (name, host) = (self.file(*host, *file), self.host(*host));
                match value {
                    Some(value) => write!(f, "{host}'s file {name} says {value}"),
                    None => write!(f, "{host}'s file {name} is removed"),
                }
            }
            Fault::Processes(host, process, count) => {
                let (name, host) = (self.process(*host, *process), self.host(*host));
                match count {
                    Some(count) => write!(f, "{host} runs {count} of process {name}"),
                    None => write!(f, "{host} runs process {name} as wanted"),
                }
            }
            Fault::SetPriority(host, _, Some(priority)) => {
                write!(f, "{}'s priority is set to {priority}", self.host(*host))
            }
            Fault::SetPriority(host, _, None) => {
                write!(f, "{}'s priority is the configured one", self.host(*host))
            }
            Fault::Drain(host, instance, within) => {
                let (who, within) = (self.one_or_all(*host, *instance), within.as_millis());
                write!(f, "{who} is drained within {within} ms")
            }
            Fault::Undrain(host, instance) => {
                write!(f, "{} is resumed", self.one_or_all(*host, *instance))
            }
            Fault::Reload(host, NewFile { config, .. }) => {
                let file = match config {
                    Some(_) => "its new file",
                    None => "a file that can't be used",
                };
                write!(f, "{}'s daemon is told to read {file}", self.host(*host))
            }
            Fault::RemoveAddress(host, address) => {
                write!(f, "somebody removes {address} from {}", self.host(*host))
            }
            Fault::AddAddress(host, address) => {
                write!(f, "{address} is put back on {}", self.host(*host))
            }
            Fault::RemoveObject(host, object) => {
                let name = self.object(*host, *object);
                write!(f, "somebody removes {name} from {}", self.host(*host))
            }
            Fault::Service(host, Some(status)) => {
                write!(f, "{}'s web service answers {status}", self.host(*host))
            }
            Fault::Service(host, None) => {
                write!(f, "{}'s web service answers nothing", self.host(*host))
            }
            Fault::Replay(host, replay) => {
                write!(f, "{} next to {}", replayed(replay), self.host(*host))
            }
            Fault::Forge(host, forgery) => {
                write!(
                    f,
                    "{} forged adverts next to {}",
                    forged(forgery),
                    self.host(*host)
                )
            }
        }
    }

    fn way(&self, cable: CableId, way: Direction) -> String {
        let spec = &self.topology.cables[cable.index()];
        match way {
            Direction::Both => String::new(),
            Direction::AToB => format!(" from {}", self.topology.end_name(spec.a)),
            Direction::BToA => format!(" from {}", self.topology.end_name(spec.b)),
        }
    }

    fn hosts(&self, hosts: &[HostId]) -> String {
        hosts
            .iter()
            .map(|&host| self.host(host))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn file(&self, host: HostId, file: locum_engine::ids::FileId) -> &str {
        match &self.topology.hosts[host.index()].role {
            Role::Router(router) => &router.config.file(file).name,
            Role::Plain | Role::Client(_) | Role::Nic(_) => "?",
        }
    }

    fn process(&self, host: HostId, process: locum_engine::ids::ProcessId) -> &str {
        match &self.topology.hosts[host.index()].role {
            Role::Router(router) => &router.config.process(process).name,
            Role::Plain | Role::Client(_) | Role::Nic(_) => "?",
        }
    }

    fn check(&self, host: HostId, check: locum_engine::ids::CheckId) -> &str {
        match &self.topology.hosts[host.index()].role {
            Role::Router(router) => &router.config.check(check).name,
            Role::Plain | Role::Client(_) | Role::Nic(_) => "?",
        }
    }
}

/// Parts per million as people say them: `20 %`, `0.03 %`.
fn percent(ppm: u32) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    if rest == 0 {
        return format!("{whole} %");
    }
    let digits = format!("{rest:04}");
    format!("{whole}.{} %", digits.trim_end_matches('0'))
}

/// What a reload changes, in one line.
pub fn plan(plan: &Plan) -> String {
    let text = plan.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    format!("reloaded: {}", lines.join("; "))
}

/// What became of a daemon's process, in words.
pub fn daemon(change: DaemonChange) -> &'static str {
    match change {
        DaemonChange::Started => "daemon started",
        DaemonChange::Stopped => "daemon stopped",
        DaemonChange::Killed => "daemon killed",
        DaemonChange::PowerLost => "daemon lost with the power",
    }
}

fn remover(by: Remover) -> &'static str {
    match by {
        Remover::Daemon => "",
        Remover::Foreigner => " (by somebody else)",
        Remover::Lifetime => " (lifetime over)",
        Remover::PowerLoss => " (power lost)",
    }
}

fn forged(forgery: &Forgery) -> String {
    let Forgery {
        count,
        every,
        source,
        priority,
        ..
    } = forgery;
    format!(
        "{count} (one each {} us, from {source}, priority {priority})",
        every.as_micros()
    )
}

fn replayed(replay: &Replay) -> String {
    let Replay {
        source,
        listens,
        count,
        every,
    } = replay;
    format!(
        "adverts from {source} are recorded for {} us, {count} replayed (one each {} us)",
        listens.as_micros(),
        every.as_micros()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_percentages() {
        let rates = [0, 300, 5_000, 200_000, 1_000_000].map(percent);
        assert_eq!(rates, ["0 %", "0.03 %", "0.5 %", "20 %", "100 %"]);
    }
}
