//! Random faults: the seed expands into an explicit list before the run starts.
//!
//! Each fault draws from a stream of its own ([`Purpose::Plan`] with its number), so that asking for one
//! fault more leaves the others as they are. Every fault is put right again before `to`; what
//! follows `to` is quiet, and has to converge.

use core::time::Duration;
use std::collections::BTreeSet;

use locum_engine::Instant;
use locum_sim::fabric::noise::{Purpose, stream};
use locum_sim::fault::{Direction, Fault, TimedFault};
use locum_sim::topology::{CableId, HostId, Role, SwitchId, Topology};
use rand::Rng;

use crate::format::undo;

/// The `[chaos]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// No fault before.
    pub from: Instant,
    /// Everything is right again.
    pub to: Instant,
    /// How many are drawn. One that would meet an earlier one at the same place is left out.
    pub faults: u32,
    /// The longest that one lasts.
    pub longest: Duration,
    /// What may happen.
    pub kinds: Vec<Kind>,
    /// What is left alone.
    pub spare: BTreeSet<Place>,
}

/// Something that a fault happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A cable.
    Cable(CableId),
    /// A host.
    Host(HostId),
    /// A switch.
    Switch(SwitchId),
    /// The network as a whole.
    Network,
}

/// What may happen; named like the verbs of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `pull`.
    Pull,
    /// `dark`, in both directions.
    Dark,
    /// `one_way`: `dark` in one direction.
    OneWay,
    /// `loss`, of 5 % to 40 %.
    Loss,
    /// `partition`: one node from all other hosts.
    Partition,
    /// `reboot`.
    Reboot,
    /// `power_off`.
    PowerOff,
    /// `kill`.
    Kill,
    /// `stop`.
    Stop,
    /// `hang`.
    Hang,
    /// `pause_vm`.
    PauseVm,
    /// `service`: the web service answers 500.
    Service,
}

/// Every kind with its word.
pub const KINDS: [(&str, Kind); 12] = [
    ("pull", Kind::Pull),
    ("dark", Kind::Dark),
    ("one_way", Kind::OneWay),
    ("loss", Kind::Loss),
    ("partition", Kind::Partition),
    ("reboot", Kind::Reboot),
    ("power_off", Kind::PowerOff),
    ("kill", Kind::Kill),
    ("stop", Kind::Stop),
    ("hang", Kind::Hang),
    ("pause_vm", Kind::PauseVm),
    ("service", Kind::Service),
];

impl Chaos {
    /// The faults of a seed, each with what ends it, in order of time.
    pub fn expand(&self, seed: u64, topology: &Topology) -> Vec<TimedFault> {
        let mut faults = Vec::new();
        let mut busy: Vec<(Place, Instant, Instant)> = Vec::new();
        for number in 0..self.faults {
            let mut rng = stream(seed, Purpose::Plan(number));
            let Some((place, begin, end, fault)) = self.draw(&mut rng, topology) else {
                continue;
            };
            // At the end of one fault another may begin, but not the other way round at one
            // instant: the list's order would decide.
            if busy
                .iter()
                .any(|&(p, b, e)| p == place && begin <= e && b <= end)
            {
                continue;
            }
            busy.push((place, begin, end));
            let back = match fault {
                Fault::RebootSwitch(..) => Vec::new(),
                _ => undo(&fault, topology).unwrap_or_default(),
            };
            faults.push(TimedFault { at: begin, fault });
            faults.extend(back.into_iter().map(|fault| TimedFault { at: end, fault }));
        }
        faults.sort_by_key(|fault| fault.at);
        faults
    }

    /// One fault: where, from when, until when, what.
    fn draw(
        &self,
        rng: &mut impl Rng,
        topology: &Topology,
    ) -> Option<(Place, Instant, Instant, Fault)> {
        let kind = *pick(rng, &self.kinds)?;
        let span = millis(self.to.saturating_since(self.from));
        let begin = rng.random_range(0..span.max(1));
        let longest = millis(self.longest).min(span - begin).max(1);
        let lasts = Duration::from_millis(rng.random_range(1..=longest));
        let place = *pick(rng, &self.places(kind, topology))?;
        let fault = fault(rng, kind, place, lasts, topology)?;
        let begin = self.from + Duration::from_millis(begin);
        Some((place, begin, begin + lasts, fault))
    }

    /// Where a kind may happen.
    fn places(&self, kind: Kind, topology: &Topology) -> Vec<Place> {
        let count = |n: usize| 0..u16::try_from(n).unwrap_or(u16::MAX);
        let all: Vec<Place> = match kind {
            Kind::Pull | Kind::Dark | Kind::OneWay | Kind::Loss => count(topology.cables.len())
                .map(|id| Place::Cable(CableId(id)))
                .collect(),
            Kind::Reboot => count(topology.switches.len())
                .map(|id| Place::Switch(SwitchId(id)))
                .collect(),
            Kind::Partition => vec![Place::Network],
            _ => topology.routers().map(|(id, _)| Place::Host(id)).collect(),
        };
        let spared = |place: &Place| self.spare.contains(place);
        all.into_iter().filter(|place| !spared(place)).collect()
    }
}

fn fault(
    rng: &mut impl Rng,
    kind: Kind,
    place: Place,
    lasts: Duration,
    topology: &Topology,
) -> Option<Fault> {
    Some(match (kind, place) {
        (Kind::Pull, Place::Cable(cable)) => Fault::Pull(cable),
        (Kind::Dark, Place::Cable(cable)) => Fault::Dark(cable, Direction::Both),
        (Kind::OneWay, Place::Cable(cable)) => Fault::Dark(cable, direction(rng)),
        (Kind::Loss, Place::Cable(cable)) => {
            let rate = rng.random_range(50_000..=400_000);
            Fault::Loss(cable, Direction::Both, rate, None)
        }
        (Kind::Partition, _) => {
            let nodes: Vec<HostId> = topology.routers().map(|(id, _)| id).collect();
            let alone = *pick(rng, &nodes)?;
            let hosts = topology.hosts.iter().enumerate();
            let others = hosts
                .filter(|(_, host)| !matches!(host.role, Role::Client(_) | Role::Nic(_)))
                .map(|(index, _)| HostId(index as u16))
                .filter(|id| *id != alone);
            Fault::Partition(vec![alone], others.collect())
        }
        (Kind::Reboot, Place::Switch(switch)) => Fault::RebootSwitch(switch, lasts),
        (Kind::PowerOff, Place::Host(host)) => Fault::PowerOff(host),
        (Kind::Kill, Place::Host(host)) => Fault::Kill(host),
        (Kind::Stop, Place::Host(host)) => Fault::Stop(host),
        (Kind::Hang, Place::Host(host)) => Fault::Hang(host),
        (Kind::PauseVm, Place::Host(host)) => Fault::PauseVm(host),
        (Kind::Service, Place::Host(host)) => Fault::Service(host, Some(500)),
        _ => return None,
    })
}

fn direction(rng: &mut impl Rng) -> Direction {
    match rng.random_range(0..2u32) {
        0 => Direction::AToB,
        _ => Direction::BToA,
    }
}

/// One of the items, drawn through 32 bits so that every platform draws the same.
fn pick<'a, T>(rng: &mut impl Rng, items: &'a [T]) -> Option<&'a T> {
    let count = u32::try_from(items.len()).ok().filter(|&count| count > 0)?;
    items.get(rng.random_range(0..count) as usize)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
