//! What a scenario may ask of a simulation but not of real machines; each said with its line.

use locum_engine::config::{Object, ObjectId};
use locum_sim::fault::{Fault, TimedFault};
use locum_sim::topology::{CableId, HostId, Path, Role, Topology};

use super::lab::{Joins, joins};
use super::rules::needs_netem;
use super::{Failure, Options, tool};
use crate::format::Problem;
use crate::say;
use crate::scenario::Scenario;

const CLOCKS: &str = "all clocks are this machine's in real time";
const SIMULATE: &str = "`rehearse run` can do it";

/// What the run is going to do.
pub(super) struct Plan {
    /// In order of time.
    pub(super) faults: Vec<TimedFault>,
    /// What can't be done without netem; all of it if this kernel has none.
    pub(super) netem: Vec<Problem>,
}

/// The plan, when all of it can be done.
pub(super) fn plan(scenario: &Scenario, options: &Options) -> Result<Plan, Failure> {
    let keepalived = tool::is_keepalived(&options.daemon);
    let mut problems = switches(scenario);
    problems.extend(clocks(scenario));
    let mut netem = cables(scenario);
    for (entry, timed) in scenario.timeline.iter().enumerate() {
        if let Some((message, help)) = impossible(&scenario.topology, &timed.fault, keepalived) {
            problems.push(scenario.problem(entry, &message, Some(help)));
        }
        if asks_netem(&timed.fault) {
            netem.push(scenario.problem(entry, NO_NETEM, Some(NETEM_HELP.to_owned())));
        }
    }
    let faults = scenario.plan(options.seed).faults;
    for timed in faults
        .iter()
        .filter(|timed| !scenario.timeline.contains(timed))
    {
        let toml = || say::as_toml(&scenario.topology, timed);
        if let Some((message, help)) = impossible(&scenario.topology, &timed.fault, keepalived) {
            let message = format!("{message}: [chaos] came to {}", toml());
            problems.push(scenario.problem(usize::MAX, &message, Some(help)));
        }
    }
    match problems.is_empty() {
        true => Ok(Plan { faults, netem }),
        false => Err(Failure::Impossible(problems)),
    }
}

const NO_NETEM: &str = "this needs the kernel's network emulator, which isn't there";
const NETEM_HELP: &str = "a kernel with CONFIG_NET_SCH_NETEM has it (Debian: modprobe sch_netem)";

/// Why a fault can't be done, and what to do instead.
fn impossible(topology: &Topology, fault: &Fault, keepalived: bool) -> Option<(String, String)> {
    let said = |message: &str, help: &str| Some((message.to_owned(), help.to_owned()));
    let between_hosts = |cable: CableId| matches!(joins(topology, cable).0, Joins::Hosts);
    match fault {
        Fault::Pull(cable)
        | Fault::Plug(cable)
        | Fault::Dark(cable, _)
        | Fault::Light(cable, _)
        | Fault::Loss(cable, ..)
        | Fault::Duplicate(cable, _)
        | Fault::Corrupt(cable, _)
        | Fault::Reorder(cable, ..)
        | Fault::Latency(cable, ..)
            if between_hosts(*cable) =>
        {
            said(
                "a cable between two hosts can't be broken in real time",
                "put a switch between them",
            )
        }
        Fault::PauseVm(_) | Fault::ResumeVm(_) => said(
            "a namespace can't be paused with its clock in real time",
            &format!("`hang` stops the daemon; {SIMULATE}"),
        ),
        Fault::Drift(..) | Fault::WallClock(..) => said(CLOCKS, SIMULATE),
        Fault::Service(..) => said("there is no web service in real time", SIMULATE),
        Fault::Processes(..) => said(
            "tracked processes aren't started in real time yet",
            SIMULATE,
        ),
        Fault::AddAddress(..) => said("an address can't be put back in real time", SIMULATE),
        Fault::Forge(..) | Fault::Replay(..) => {
            said("nobody forges adverts in real time", SIMULATE)
        }
        Fault::Drain(..) | Fault::Undrain(..) if keepalived => said(
            "keepalived has no planned maintenance",
            "`stop` and `start` come closest",
        ),
        Fault::Drain(..) | Fault::Undrain(..) => {
            said("a drain can't be asked for in real time yet", SIMULATE)
        }
        Fault::RemoveObject(host, object) if is_rule(topology, *host, *object) => {
            said("a rule can't be removed in real time yet", SIMULATE)
        }
        Fault::Pull(_)
        | Fault::Plug(_)
        | Fault::Dark(..)
        | Fault::Light(..)
        | Fault::Loss(..)
        | Fault::Duplicate(..)
        | Fault::Corrupt(..)
        | Fault::Reorder(..)
        | Fault::Latency(..)
        | Fault::Partition(..)
        | Fault::Heal
        | Fault::RebootSwitch(..)
        | Fault::PowerOff(_)
        | Fault::PowerOn(_)
        | Fault::Kill(_)
        | Fault::Stop(_)
        | Fault::Start(_)
        | Fault::Hang(_)
        | Fault::Resume(_)
        | Fault::ForceCheck(..)
        | Fault::WriteFile(..)
        | Fault::SetPriority(..)
        | Fault::Reload(..)
        | Fault::RemoveAddress(..)
        | Fault::RemoveObject(..) => None,
    }
}

fn is_rule(topology: &Topology, host: HostId, object: ObjectId) -> bool {
    let Role::Router(router) = &topology.hosts[host.index()].role else {
        return false;
    };
    matches!(router.config.object(object), Object::Rule(_))
}

fn asks_netem(fault: &Fault) -> bool {
    match fault {
        Fault::Duplicate(_, ppm) | Fault::Corrupt(_, ppm) | Fault::Reorder(_, ppm, _) => *ppm > 0,
        Fault::Latency(_, _, latency) => *latency != Path::default().latency,
        Fault::Loss(_, _, _, burst) => burst.is_some(),
        _ => false,
    }
}

/// Cables that lose, delay or change frames from the start.
fn cables(scenario: &Scenario) -> Vec<Problem> {
    let cables = scenario.topology.cables.iter();
    let asking = cables.filter(|c| needs_netem(&c.a_to_b) || needs_netem(&c.b_to_a));
    let name = |cable: &locum_sim::topology::CableSpec| {
        let [a, b] = [cable.a, cable.b].map(|end| scenario.topology.end_name(end));
        format!("{a} - {b}")
    };
    asking
        .map(|cable| {
            let message = format!("the cable {}: {NO_NETEM}", name(cable));
            scenario.problem_with("cables", &message, Some(NETEM_HELP.to_owned()))
        })
        .collect()
}

/// Nodes whose wall clocks are wrong from the start.
fn clocks(scenario: &Scenario) -> Vec<Problem> {
    let routers = scenario.topology.routers();
    let wrong = routers.filter(|(_, router)| router.wall_error != 0);
    wrong
        .map(|_| scenario.problem_with("clock", CLOCKS, Some(SIMULATE.to_owned())))
        .collect()
}

/// Linux forgets what it learned on a port that loses carrier, always.
fn switches(scenario: &Scenario) -> Vec<Problem> {
    let switches = scenario.topology.switches.iter();
    let odd = switches.filter(|switch| !switch.flush_on_carrier_loss);
    odd.map(|switch| {
        let message = format!(
            "{} would forget what it learned without carrier",
            switch.name
        );
        scenario.problem_with("switches", &message, Some(SIMULATE.to_owned()))
    })
    .collect()
}
