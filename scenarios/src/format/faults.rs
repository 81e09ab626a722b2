//! The verbs of the timeline: one for every fault the simulated network knows.

use core::net::IpAddr;
use core::time::Duration;
use std::path::Path;

use locum_engine::config::Config;
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::input::Outcome;
use locum_sim::fault::{Direction, Fault};
use locum_sim::topology::{CableId, HostId, Role, Topology};
use toml::de::DeValue;

use super::config::Configs;
use super::fields::{Fields, Word, integer};
use super::forge;
use super::network::Named;
use super::options::read_burst;
use super::route;
use super::watched;
use crate::units::{RATE_HELP, parse_rate};
use crate::words::did_you_mean;

/// Every verb, in the order of [`Fault`].
pub(crate) const VERBS: [&str; 36] = [
    "pull",
    "plug",
    "dark",
    "light",
    "loss",
    "duplicate",
    "corrupt",
    "reorder",
    "latency",
    "partition",
    "heal",
    "reboot",
    "power_off",
    "power_on",
    "kill",
    "stop",
    "start",
    "hang",
    "resume",
    "pause_vm",
    "resume_vm",
    "drift",
    "clock",
    "check",
    "file",
    "process",
    "priority",
    "drain",
    "undrain",
    "reload",
    "remove",
    "add",
    "remove_route",
    "service",
    "forge",
    "replay",
];
const CABLE_HELP: &str = r#"write on = "A - sw1", or on = "A -> sw1" for one direction"#;
const NODE_HELP: &str = r#"write node = "A""#;

/// Reads the verb of an entry and what belongs to it.
pub(super) fn read_fault(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    (configs, folder): (&mut Configs, Option<&Path>),
) -> Option<Fault> {
    let verb = entry.only(
        &VERBS,
        "an entry of the timeline says one thing that happens",
    )?;
    if verb == "reload" {
        let node = entry.word(verb)?;
        let (host, _) = topology.find_node(entry.sink, &node)?;
        return Some(Fault::Reload(host, configs.reload(&node, entry, folder)?));
    }
    cable_fault(entry, topology, verb)
        .or_else(|| life_fault(entry, topology, verb))
        .unwrap_or_else(|| other_fault(entry, topology, verb))
}

/// Faults of cables. The outer `None`: the verb is none of these.
fn cable_fault(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    verb: &'static str,
) -> Option<Option<Fault>> {
    let named = || topology.find_cable(entry.sink, &entry.word(verb)?);
    let on = || topology.find_cable(entry.sink, &entry.required("on", CABLE_HELP)?);
    Some(match verb {
        "pull" => whole(entry, named()).map(Fault::Pull),
        "plug" => whole(entry, named()).map(Fault::Plug),
        "dark" => named().map(|(cable, direction)| Fault::Dark(cable, direction)),
        "light" => named().map(|(cable, direction)| Fault::Light(cable, direction)),
        "loss" => on().and_then(|(cable, direction)| {
            Some(Fault::Loss(
                cable,
                direction,
                entry.rate(verb)?,
                read_burst(entry),
            ))
        }),
        "duplicate" => {
            whole(entry, on()).and_then(|c| Some(Fault::Duplicate(c, entry.rate(verb)?)))
        }
        "corrupt" => whole(entry, on()).and_then(|c| Some(Fault::Corrupt(c, entry.rate(verb)?))),
        "reorder" => whole(entry, on()).and_then(|cable| {
            let by = entry.span_of_time("by").unwrap_or(Duration::from_millis(5));
            Some(Fault::Reorder(cable, entry.rate(verb)?, by))
        }),
        "latency" => on().and_then(|(cable, direction)| {
            Some(Fault::Latency(cable, direction, entry.span_of_time(verb)?))
        }),
        _ => return None,
    })
}

/// A cable that is meant as a whole.
fn whole(entry: &Fields<'_, '_>, cable: Option<(CableId, Direction)>) -> Option<CableId> {
    match cable? {
        (cable, Direction::Both) => Some(cable),
        _ => entry.error(
            "this happens to the whole cable, not to one direction",
            r#"write "A - sw1""#.to_owned(),
        ),
    }
}

/// Faults of switches, hosts and daemons as a whole. The outer `None`: the verb is none of these.
fn life_fault(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    verb: &'static str,
) -> Option<Option<Fault>> {
    let host = || topology.find_host(entry.sink, &entry.word(verb)?);
    let node = || Some(topology.find_node(entry.sink, &entry.word(verb)?)?.0);
    Some(match verb {
        "reboot" => reboot(entry, topology),
        "power_off" => host().map(Fault::PowerOff),
        "power_on" => host().map(Fault::PowerOn),
        "kill" => node().map(Fault::Kill),
        "stop" => node().map(Fault::Stop),
        "start" => node().map(Fault::Start),
        "hang" => node().map(Fault::Hang),
        "resume" => node().map(Fault::Resume),
        "pause_vm" => host().map(Fault::PauseVm),
        "resume_vm" => host().map(Fault::ResumeVm),
        "undrain" => one_or_all(entry, topology, verb).map(|(n, of)| Fault::Undrain(n, of)),
        "drain" => one_or_all(entry, topology, verb).map(|(node, of)| {
            let within = entry
                .span_of_time("within")
                .unwrap_or(Duration::from_secs(10));
            Fault::Drain(node, of, within)
        }),
        _ => return None,
    })
}

/// `drain = "A"`, `drain = "A", instance = "VI_1"`.
fn one_or_all(
    entry: &Fields<'_, '_>,
    topology: &Topology,
    verb: &'static str,
) -> Option<(HostId, Option<InstanceId>)> {
    let (host, config) = topology.find_node(entry.sink, &entry.word(verb)?)?;
    match entry.value("instance") {
        Some(_) => Some((host, Some(instance(entry, config)?))),
        None => Some((host, None)),
    }
}

fn reboot(entry: &Fields<'_, '_>, topology: &Topology) -> Option<Fault> {
    let name = entry.word("reboot")?;
    let Some(switch) = topology.switch(name.text) else {
        let names = topology.switches.iter().map(|switch| &*switch.name);
        let help = did_you_mean(name.text, names);
        let message = format!("there is no switch `{}`", name.text);
        return entry.sink.error(name.span, message, help);
    };
    match entry.span_of_time("for") {
        Some(lasting) => Some(Fault::RebootSwitch(switch, lasting)),
        None => entry.missing("for", r#"write for = "2s", the time it takes to come back"#),
    }
}

fn other_fault(entry: &Fields<'_, '_>, topology: &Topology, verb: &'static str) -> Option<Fault> {
    let node = || topology.find_node(entry.sink, &entry.required("node", NODE_HELP)?);
    match verb {
        "partition" => partition(entry, topology),
        "heal" => match entry.boolean(verb)? {
            true => Some(Fault::Heal),
            false => entry.error(
                "`heal` ends every partition",
                "write heal = true".to_owned(),
            ),
        },
        "drift" => {
            let (host, _) = node()?;
            Some(Fault::Drift(host, drift(entry)?))
        }
        "clock" => {
            let (host, _) = node()?;
            Some(Fault::WallClock(host, entry.clock_error(verb)?))
        }
        "check" => {
            let (host, config) = node()?;
            check(entry, host, config)
        }
        "file" => {
            let (host, config) = node()?;
            watched::file(entry, host, config)
        }
        "process" => {
            let (host, config) = node()?;
            watched::process(entry, host, config)
        }
        "priority" => {
            let (host, config) = node()?;
            let instance = instance(entry, config)?;
            Some(Fault::SetPriority(host, instance, priority(entry)?))
        }
        "remove" => {
            let (host, _) = node()?;
            Some(Fault::RemoveAddress(
                host,
                address(entry, &entry.word(verb)?)?,
            ))
        }
        "add" => {
            let (host, _) = node()?;
            let address = address(entry, &entry.word(verb)?)?;
            Some(Fault::AddAddress(host, address))
        }
        "remove_route" => {
            let (host, config) = node()?;
            Some(Fault::RemoveObject(host, route::route(entry, config)?))
        }
        "service" => {
            let (host, _) = node()?;
            Some(Fault::Service(host, status(entry)?))
        }
        "replay" => forge::replay(entry, topology),
        _ => forge::forge(entry, topology),
    }
}

/// `partition = "A | B, X"`.
fn partition(entry: &Fields<'_, '_>, topology: &Topology) -> Option<Fault> {
    let groups = entry.word("partition")?;
    let Some((left, right)) = groups.text.split_once('|') else {
        let help = r#"write partition = "A | B, X""#.to_owned();
        return entry
            .sink
            .error(groups.span, "a partition has two sides", help);
    };
    let side = |names: &str| -> Option<Vec<HostId>> {
        let names = names.split(',').map(|name| Word {
            text: name.trim(),
            span: groups.span.clone(),
        });
        names
            .map(|name| topology.find_host(entry.sink, &name))
            .collect()
    };
    Some(Fault::Partition(side(left)?, side(right)?))
}

/// `drift = "300ppm"`, `drift = "-0.1%"`.
fn drift(entry: &Fields<'_, '_>) -> Option<i32> {
    let word = entry.word("drift")?;
    let (sign, rate) = match word.text.strip_prefix('-') {
        Some(rate) => (-1, rate),
        None => (1, word.text.strip_prefix('+').unwrap_or(word.text)),
    };
    match parse_rate(rate).and_then(|ppm| i32::try_from(ppm).ok()) {
        Some(ppm) => Some(sign * ppm),
        None => entry
            .sink
            .error(word.span, "this is no rate", RATE_HELP.to_owned()),
    }
}

/// `check = "chk_web", node = "A", says = "failure"`.
fn check(entry: &Fields<'_, '_>, host: HostId, config: &Config) -> Option<Fault> {
    let name = entry.word("check")?;
    let Some(id) = config.find_check(name.text) else {
        let names = config.checks.iter().map(|check| &*check.name);
        let help = did_you_mean(name.text, names.clone())
            .unwrap_or_else(|| format!("tracked checks: {}", names.collect::<Vec<_>>().join(", ")));
        let message = format!("this node tracks no check `{}`", name.text);
        return entry.sink.error(name.span, message, help);
    };
    let help = r#"write says = "success", "failure", "timeout" or "the truth""#;
    let says = entry.required("says", help)?;
    let outcome = match says.text {
        "success" => Some(Outcome::Success),
        "failure" => Some(Outcome::Failure(1)),
        "timeout" => Some(Outcome::TimedOut),
        "the truth" => None,
        other => {
            let message = format!("no check says `{other}`");
            return entry.sink.error(says.span, message, help.to_owned());
        }
    };
    Some(Fault::ForceCheck(host, id, outcome))
}

/// `instance`, which may be left out when there is only one.
pub(super) fn instance(entry: &Fields<'_, '_>, config: &Config) -> Option<InstanceId> {
    let Some(name) = entry.word("instance") else {
        if config.instances.len() < 2 {
            return Some(InstanceId(0));
        }
        return entry.missing(
            "instance",
            "this node has several; write instance = \"VI_1\"",
        );
    };
    config.find_instance(name.text).or_else(|| {
        let names = config.instances.iter().map(|instance| &*instance.name);
        let message = format!("this node has no vrrp_instance `{}`", name.text);
        entry
            .sink
            .error(name.span, message, did_you_mean(name.text, names))
    })
}

fn priority(entry: &Fields<'_, '_>) -> Option<Option<Priority>> {
    let value = entry.value("priority")?;
    if let DeValue::String(text) = value.get_ref()
        && text == "configured"
    {
        return Some(None);
    }
    let number = integer(entry.sink, value, &(1..=254))?;
    Some(u8::try_from(number).ok().map(Priority))
}

/// `service = 500` or `service = "silent"`.
fn status(entry: &Fields<'_, '_>) -> Option<Option<u16>> {
    let value = entry.value("service")?;
    if let DeValue::String(text) = value.get_ref()
        && text == "silent"
    {
        return Some(None);
    }
    let number = integer(entry.sink, value, &(100..=599))?;
    Some(u16::try_from(number).ok())
}

pub(super) fn address(entry: &Fields<'_, '_>, word: &Word<'_>) -> Option<IpAddr> {
    word.text.parse().ok().or_else(|| {
        let message = format!("`{}` is no IP address", word.text);
        entry.sink.error(
            word.span.clone(),
            message,
            "write it like 192.168.0.200 or fd00::200".to_owned(),
        )
    })
}

/// What a node's wall clock shows after the true time at first.
fn wall_error(topology: &Topology, host: HostId) -> i64 {
    match &topology.hosts[host.index()].role {
        Role::Router(router) => router.wall_error,
        Role::Plain | Role::Client(_) | Role::Nic(_) => 0,
    }
}

/// What puts a fault right again, if anything does.
pub(crate) fn undo(fault: &Fault, topology: &Topology) -> Option<Vec<Fault>> {
    let cable = |id: CableId| &topology.cables[id.index()];
    let each = |id: CableId, direction: Direction| match direction {
        Direction::Both if cable(id).a_to_b != cable(id).b_to_a => {
            vec![Direction::AToB, Direction::BToA]
        }
        one => vec![one],
    };
    let path = |id: CableId, direction| match direction {
        Direction::BToA => cable(id).b_to_a,
        Direction::AToB | Direction::Both => cable(id).a_to_b,
    };
    Some(match *fault {
        Fault::Pull(c) => vec![Fault::Plug(c)],
        Fault::Dark(c, d) => vec![Fault::Light(c, d)],
        Fault::Loss(c, d, ..) => each(c, d)
            .into_iter()
            .map(|d| Fault::Loss(c, d, path(c, d).loss_ppm, path(c, d).burst))
            .collect(),
        Fault::Latency(c, d, _) => each(c, d)
            .into_iter()
            .map(|d| Fault::Latency(c, d, path(c, d).latency))
            .collect(),
        Fault::Duplicate(c, _) => vec![Fault::Duplicate(c, cable(c).a_to_b.duplicate_ppm)],
        Fault::Corrupt(c, _) => vec![Fault::Corrupt(c, cable(c).a_to_b.corrupt_ppm)],
        Fault::Reorder(c, ..) => {
            let path = cable(c).a_to_b;
            vec![Fault::Reorder(c, path.reorder_ppm, path.reorder_by)]
        }
        Fault::Partition(..) => vec![Fault::Heal],
        Fault::PowerOff(h) => vec![Fault::PowerOn(h)],
        Fault::Kill(h) | Fault::Stop(h) => vec![Fault::Start(h)],
        Fault::Hang(h) => vec![Fault::Resume(h)],
        Fault::PauseVm(h) => vec![Fault::ResumeVm(h)],
        Fault::Drift(h, _) => vec![Fault::Drift(h, 0)],
        Fault::WallClock(h, _) => vec![Fault::WallClock(h, wall_error(topology, h))],
        Fault::ForceCheck(h, check, _) => vec![Fault::ForceCheck(h, check, None)],
        Fault::WriteFile(h, file, _) => vec![Fault::WriteFile(h, file, None)],
        Fault::Processes(h, process, _) => vec![Fault::Processes(h, process, None)],
        Fault::SetPriority(h, i, _) => vec![Fault::SetPriority(h, i, None)],
        Fault::Drain(h, of, _) => vec![Fault::Undrain(h, of)],
        Fault::Service(h, _) => vec![Fault::Service(h, Some(200))],
        Fault::RemoveAddress(h, address) => vec![Fault::AddAddress(h, address)],
        Fault::Plug(_)
        | Fault::Light(..)
        | Fault::Heal
        | Fault::RebootSwitch(..)
        | Fault::PowerOn(_)
        | Fault::Start(_)
        | Fault::Resume(_)
        | Fault::ResumeVm(_)
        | Fault::Undrain(..)
        | Fault::Reload(..)
        | Fault::AddAddress(..)
        | Fault::RemoveObject(..)
        | Fault::Forge(..)
        | Fault::Replay(..) => return None,
    })
}
