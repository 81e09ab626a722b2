//! A plan as a scenario file would say it: what a seed expanded into can be kept, and edited.

use core::fmt::Write;

use locum_engine::config::ObjectId;
use locum_engine::input::Outcome;
use locum_sim::fault::{Direction, Fault, Forgery, NewFile, TimedFault};
use locum_sim::topology::{Burst, CableId, HostId, Role, Topology};

use crate::check::show_instant;
use crate::format::{Named, route};
use crate::units::{show_error, show_rate, show_span};

/// The plan's fault as an entry of a timeline: `{ at = "8s", pull = "A - sw1" }`.
pub fn as_toml(topology: &Topology, fault: &TimedFault) -> String {
    let at = show_instant(fault.at);
    format!("{{ at = \"{at}\", {} }}", entry(topology, &fault.fault))
}

/// What a route or a rule is called.
fn route_name(topology: &Topology, host: HostId, object: ObjectId) -> String {
    let Role::Router(router) = &topology.hosts[host.index()].role else {
        unreachable!("only routers have routes")
    };
    route::name(&router.config, object)
}

fn entry(topology: &Topology, fault: &Fault) -> String {
    let cable = |id: CableId| topology.cable_name(id);
    let one_way = |id, direction| way(topology, id, direction);
    let host = |id: HostId| &*topology.hosts[id.index()].name;
    let list = |hosts: &[HostId]| {
        hosts
            .iter()
            .map(|h| host(*h))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match fault {
        Fault::Pull(c) => format!(r#"pull = "{}""#, cable(*c)),
        Fault::Plug(c) => format!(r#"plug = "{}""#, cable(*c)),
        Fault::Dark(c, d) => format!(r#"dark = "{}""#, one_way(*c, *d)),
        Fault::Light(c, d) => format!(r#"light = "{}""#, one_way(*c, *d)),
        Fault::Loss(c, d, ppm, burst) => {
            let burst = burst.map(burst_keys).unwrap_or_default();
            format!(
                r#"loss = "{}"{burst}, on = "{}""#,
                show_rate(*ppm),
                one_way(*c, *d)
            )
        }
        Fault::Duplicate(c, ppm) => {
            format!(r#"duplicate = "{}", on = "{}""#, show_rate(*ppm), cable(*c))
        }
        Fault::Corrupt(c, ppm) => {
            format!(r#"corrupt = "{}", on = "{}""#, show_rate(*ppm), cable(*c))
        }
        Fault::Reorder(c, ppm, by) => {
            let (rate, by) = (show_rate(*ppm), show_span(*by));
            format!(r#"reorder = "{rate}", by = "{by}", on = "{}""#, cable(*c))
        }
        Fault::Latency(c, d, latency) => {
            format!(
                r#"latency = "{}", on = "{}""#,
                show_span(*latency),
                one_way(*c, *d)
            )
        }
        Fault::Partition(a, b) => format!(r#"partition = "{} | {}""#, list(a), list(b)),
        Fault::Heal => "heal = true".to_owned(),
        Fault::RebootSwitch(s, lasts) => {
            let name = &topology.switches[s.index()].name;
            format!(r#"reboot = "{name}", for = "{}""#, show_span(*lasts))
        }
        Fault::PowerOff(h) => format!(r#"power_off = "{}""#, host(*h)),
        Fault::PowerOn(h) => format!(r#"power_on = "{}""#, host(*h)),
        Fault::Kill(h) => format!(r#"kill = "{}""#, host(*h)),
        Fault::Stop(h) => format!(r#"stop = "{}""#, host(*h)),
        Fault::Start(h) => format!(r#"start = "{}""#, host(*h)),
        Fault::Hang(h) => format!(r#"hang = "{}""#, host(*h)),
        Fault::Resume(h) => format!(r#"resume = "{}""#, host(*h)),
        Fault::PauseVm(h) => format!(r#"pause_vm = "{}""#, host(*h)),
        Fault::ResumeVm(h) => format!(r#"resume_vm = "{}""#, host(*h)),
        Fault::Drift(h, ppm) => format!(r#"drift = "{ppm}ppm", node = "{}""#, host(*h)),
        Fault::WallClock(h, error) => {
            format!(r#"clock = "{}", node = "{}""#, show_error(*error), host(*h))
        }
        Fault::ForceCheck(h, check, outcome) => {
            let (check, says) = (check_name(topology, *h, *check), says(*outcome));
            format!(
                r#"check = "{check}", says = "{says}", node = "{}""#,
                host(*h)
            )
        }
        Fault::WriteFile(h, file, value) => {
            let name = router(topology, *h).map_or("?", |c| &c.file(*file).name);
            let says = value.map_or(r#""nothing""#.to_owned(), |v| v.to_string());
            format!(r#"file = "{name}", says = {says}, node = "{}""#, host(*h))
        }
        Fault::Processes(h, process, count) => {
            let name = router(topology, *h).map_or("?", |c| &c.process(*process).name);
            let runs = count.map_or(r#""as wanted""#.to_owned(), |v| v.to_string());
            format!(
                r#"process = "{name}", runs = {runs}, node = "{}""#,
                host(*h)
            )
        }
        Fault::SetPriority(h, instance, priority) => {
            let value = priority.map_or(r#""configured""#.to_owned(), |p| p.to_string());
            let instance = instance_name(topology, *h, *instance);
            format!(
                r#"priority = {value}, node = "{}", instance = "{instance}""#,
                host(*h)
            )
        }
        Fault::Drain(h, instance, within) => {
            let of = one_or_all(topology, *h, *instance);
            format!(r#"drain = {of}, within = "{}""#, show_span(*within))
        }
        Fault::Undrain(h, instance) => format!("undrain = {}", one_or_all(topology, *h, *instance)),
        Fault::Reload(h, NewFile { text, config }) => {
            let broken = if config.is_some() {
                ""
            } else {
                ", broken = true"
            };
            format!("reload = \"{}\", config = '''\n{text}'''{broken}", host(*h))
        }
        Fault::RemoveAddress(h, address) => {
            format!(r#"remove = "{address}", node = "{}""#, host(*h))
        }
        Fault::AddAddress(h, address) => {
            format!(r#"add = "{address}", node = "{}""#, host(*h))
        }
        Fault::RemoveObject(h, object) => {
            let name = route_name(topology, *h, *object);
            format!(r#"remove_route = "{name}", node = "{}""#, host(*h))
        }
        Fault::Service(h, status) => {
            let value = status.map_or(r#""silent""#.to_owned(), |s| s.to_string());
            format!(r#"service = {value}, node = "{}""#, host(*h))
        }
        Fault::Forge(h, forgery) => forge_entry(host(*h), forgery),
        Fault::Replay(h, replay) => {
            let [after, every] = [replay.listens, replay.every].map(show_span);
            let (source, count, from) = (replay.source, replay.count, host(*h));
            format!(
                r#"replay = "{source}", from = "{from}", after = "{after}", count = {count}, every = "{every}""#
            )
        }
    }
}

fn forge_entry(from: &str, forgery: &Forgery) -> String {
    let mut text = format!(
        r#"forge = "{}", from = "{from}", vrid = {}, claims = {}"#,
        forgery.source, forgery.vrid, forgery.priority
    );
    if let Some(password) = forgery.password {
        let password = String::from_utf8_lossy(&password);
        let _ = write!(
            text,
            r#", password = "{}""#,
            password.trim_end_matches('\0')
        );
    }
    let every = show_span(forgery.every);
    let (ttl, count) = (forgery.ttl, forgery.count);
    let _ = write!(text, r#", ttl = {ttl}, count = {count}, every = "{every}""#);
    text
}

/// A cable, or one direction of it.
fn way(topology: &Topology, id: CableId, direction: Direction) -> String {
    let cable = &topology.cables[id.index()];
    let (a, b) = (topology.end_name(cable.a), topology.end_name(cable.b));
    match direction {
        Direction::AToB => format!("{a} -> {b}"),
        Direction::BToA => format!("{b} -> {a}"),
        Direction::Both => format!("{a} - {b}"),
    }
}

fn burst_keys(burst: Burst) -> String {
    let (begins, ends) = (show_rate(burst.enter_ppm), show_rate(burst.leave_ppm));
    format!(r#", burst_begins = "{begins}", burst_ends = "{ends}""#)
}

fn says(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Success) => "success",
        Some(Outcome::Failure(_)) => "failure",
        Some(Outcome::TimedOut) => "timeout",
        Some(Outcome::NotRun(_)) => "not run",
        None => "the truth",
    }
}

fn router(topology: &Topology, host: HostId) -> Option<&locum_engine::config::Config> {
    match &topology.hosts[host.index()].role {
        Role::Router(spec) => Some(&spec.config),
        Role::Plain | Role::Client(_) | Role::Nic(_) => None,
    }
}

fn check_name(topology: &Topology, host: HostId, check: locum_engine::ids::CheckId) -> &str {
    match &topology.hosts[host.index()].role {
        Role::Router(spec) => &spec.config.check(check).name,
        Role::Plain | Role::Client(_) | Role::Nic(_) => "?",
    }
}

/// A node, or one instance of it.
fn one_or_all(
    topology: &Topology,
    host: HostId,
    instance: Option<locum_engine::ids::InstanceId>,
) -> String {
    let node = &topology.hosts[host.index()].name;
    let of = instance.map(|id| instance_name(topology, host, id));
    let of = of.map(|name| format!(r#", instance = "{name}""#));
    format!(r#""{node}"{}"#, of.unwrap_or_default())
}

fn instance_name(
    topology: &Topology,
    host: HostId,
    instance: locum_engine::ids::InstanceId,
) -> &str {
    match &topology.hosts[host.index()].role {
        Role::Router(spec) => &spec.config.instance(instance).name,
        Role::Plain | Role::Client(_) | Role::Nic(_) => "?",
    }
}
