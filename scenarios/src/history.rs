//! A run as a history: who held which address when, who was in which state, what clients felt.
//!
//! Made from the records alone. Several records of one instant count as one step: what holds
//! within an instant is not visible to anybody.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use locum_engine::Event;
use locum_engine::Instant;
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::plan::Plan;
use locum_sim::record::{DaemonChange, Observed, Record};
use locum_sim::topology::HostId;

use crate::expect::{Sent, Window};

/// Who holds an address.
pub type Holders = BTreeSet<HostId>;

/// A transition of a virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Instant,
    /// Of which node.
    pub node: HostId,
    /// Of which of its virtual routers.
    pub instance: InstanceId,
    /// From.
    pub from: StateKind,
    /// To.
    pub to: StateKind,
    /// Why.
    pub why: Reason,
}

/// A time for which a client went unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Who pinged.
    pub client: HostId,
    /// When it was answered again.
    pub end: Instant,
    /// How long.
    pub lasted: Duration,
}

/// Who holds which address as the records go by.
#[derive(Clone, Debug, Default)]
pub struct Held {
    now: BTreeMap<IpAddr, Holders>,
    told: BTreeMap<IpAddr, Holders>,
}

impl Held {
    /// Takes the next record.
    pub fn take(&mut self, record: &Record) {
        match &record.what {
            Observed::AddressAdded { host, address } => {
                self.now.entry(*address).or_default().insert(*host);
            }
            Observed::AddressRemoved { host, address, .. } => {
                self.now.entry(*address).or_default().remove(host);
            }
            _ => {}
        }
    }

    /// The addresses that changed hands since this was last asked, with who holds them now.
    pub fn changes(&mut self) -> Vec<(IpAddr, &Holders)> {
        let told = core::mem::replace(&mut self.told, self.now.clone());
        let nobody = Holders::new();
        self.now
            .iter()
            .filter(|(address, now)| told.get(*address).unwrap_or(&nobody) != *now)
            .map(|(address, now)| (*address, now))
            .collect()
    }
}

/// A value over time: each entry holds until the next.
type Steps<T> = Vec<(Instant, T)>;

/// What the records say.
#[derive(Clone, Debug, Default)]
pub struct History {
    holders: BTreeMap<IpAddr, Steps<Holders>>,
    states: BTreeMap<(HostId, InstanceId), Steps<Option<StateKind>>>,
    /// After a reload: by present position, the position in the first configuration, or a number
    /// beyond all of them.
    moved: BTreeMap<HostId, Vec<InstanceId>>,
    /// Every change of state, in order.
    pub transitions: Vec<Transition>,
    /// Everything that daemons sent, in order.
    pub sent: Vec<(Instant, (HostId, InstanceId, Sent))>,
    /// Every outage, in the order of their ends.
    pub outages: Vec<Outage>,
}

impl History {
    /// The history of a run.
    pub fn new(records: &[Record]) -> Self {
        let mut history = Self::default();
        for record in records {
            history.take(record);
        }
        history
    }

    fn take(&mut self, record: &Record) {
        let at = record.at;
        match &record.what {
            Observed::AddressAdded { host, address } => self.hold(at, *address, |holders| {
                holders.insert(*host);
            }),
            Observed::AddressRemoved { host, address, .. } => self.hold(at, *address, |holders| {
                holders.remove(host);
            }),
            Observed::Engine(
                node,
                Event::StateChanged {
                    instance,
                    from,
                    to,
                    why,
                },
            ) => {
                let (node, from, to, why) = (*node, *from, *to, *why);
                let instance = self.first_id(node, *instance);
                set(
                    self.states.entry((node, instance)).or_default(),
                    at,
                    Some(to),
                );
                self.transitions.push(Transition {
                    at,
                    node,
                    instance,
                    from,
                    to,
                    why,
                });
            }
            Observed::Daemon(node, change) => {
                let state = match change {
                    DaemonChange::Started => Some(StateKind::Init),
                    DaemonChange::Stopped | DaemonChange::Killed | DaemonChange::PowerLost => None,
                };
                let first = (*node, InstanceId(0));
                self.states.entry(first).or_default();
                for (_, steps) in self.states.iter_mut().filter(|(key, _)| key.0 == *node) {
                    set(steps, at, state);
                }
            }
            Observed::Reloaded(node, reloaded) => self.reload(*node, &reloaded.plan),
            Observed::Outage { client, lasted } => self.outages.push(Outage {
                client: *client,
                end: at,
                lasted: *lasted,
            }),
            Observed::Advert {
                host,
                instance,
                priority,
                ..
            } => {
                let what = match *priority {
                    Priority::RELEASE => Sent::Resignation,
                    _ => Sent::Advert,
                };
                self.sent.push((at, (*host, *instance, what)));
            }
            Observed::Announcement { host, instance, .. } => {
                let what = Sent::Announcement;
                self.sent.push((at, (*host, *instance, what)));
            }
            Observed::ObjectAdded { .. }
            | Observed::ObjectRemoved { .. }
            | Observed::Fault(_)
            | Observed::SwitchBack(_)
            | Observed::Engine(..)
            | Observed::ServedBy { .. } => {}
        }
    }

    fn first_id(&self, node: HostId, instance: InstanceId) -> InstanceId {
        let moved = self.moved.get(&node);
        moved.map_or(instance, |ids| ids[instance.index()])
    }

    fn reload(&mut self, node: HostId, plan: &Plan) {
        let ids = plan.instances.iter().filter(|step| step.to.is_some());
        let ids = ids.enumerate().map(|(i, step)| match step.from {
            Some(from) => self.first_id(node, from),
            None => InstanceId(u16::MAX - i as u16),
        });
        let ids = ids.collect();
        self.moved.insert(node, ids);
    }

    fn hold(&mut self, at: Instant, address: IpAddr, change: impl FnOnce(&mut Holders)) {
        let steps = self.holders.entry(address).or_default();
        let mut holders = steps.last().map(|(_, h)| h.clone()).unwrap_or_default();
        change(&mut holders);
        set(steps, at, holders);
    }

    /// The holders of an address during a window, in order, each with when it began and ended.
    /// Consecutive entries differ.
    pub fn holders(&self, address: IpAddr, within: Window) -> Vec<(Window, Holders)> {
        cut(
            self.holders.get(&address).map_or(&[], Vec::as_slice),
            within,
        )
    }

    /// The states of a virtual router during a window; `None` while its daemon isn't running.
    pub fn states(
        &self,
        node: HostId,
        instance: InstanceId,
        within: Window,
    ) -> Vec<(Window, Option<StateKind>)> {
        let steps = self.states.get(&(node, instance));
        cut(steps.map_or(&[], Vec::as_slice), within)
    }

    /// The stretches of a window during which several hosts hold an address.
    pub fn double_masters(&self, address: IpAddr, within: Window) -> Vec<Window> {
        let mut found: Vec<Window> = Vec::new();
        for (stretch, holders) in self.holders(address, within) {
            if holders.len() < 2 {
                continue;
            }
            match found.last_mut() {
                Some(last) if last.to == stretch.from => last.to = stretch.to,
                _ => found.push(stretch),
            }
        }
        found
    }
}

/// Appends a step; of several in one instant the last counts.
fn set<T: PartialEq>(steps: &mut Steps<T>, at: Instant, value: T) {
    if steps.last().is_some_and(|(last, _)| *last == at) {
        steps.pop();
    }
    if steps.last().is_none_or(|(_, last)| *last != value) {
        steps.push((at, value));
    }
}

/// The part of the steps that lies in a window; before the first step the default holds.
fn cut<T: Clone + Default + PartialEq>(steps: &[(Instant, T)], within: Window) -> Vec<(Window, T)> {
    let before = steps.partition_point(|(at, _)| *at <= within.from);
    let mut value = match before.checked_sub(1) {
        Some(last) => steps[last].1.clone(),
        None => T::default(),
    };
    let mut from = within.from;
    let mut stretches = Vec::new();
    for (at, next) in steps[before..].iter().take_while(|(at, _)| *at < within.to) {
        if *next != value {
            stretches.push((Window { from, to: *at }, value));
            (from, value) = (*at, next.clone());
        }
    }
    let to = within.to;
    stretches.push((Window { from, to }, value));
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIP: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 168, 0, 200));

    fn added(ms: u64, host: u16) -> Record {
        let (host, address) = (HostId(host), VIP);
        let what = Observed::AddressAdded { host, address };
        Record {
            at: Instant::from_millis(ms),
            what,
        }
    }

    fn removed(ms: u64, host: u16) -> Record {
        let what = Observed::AddressRemoved {
            host: HostId(host),
            address: VIP,
            by: locum_sim::record::Remover::Daemon,
        };
        Record {
            at: Instant::from_millis(ms),
            what,
        }
    }

    fn window(from: u64, to: u64) -> Window {
        let (from, to) = (Instant::from_millis(from), Instant::from_millis(to));
        Window { from, to }
    }

    #[test]
    fn nobody_holds_before_the_first_record() {
        let history = History::new(&[added(10, 0)]);
        let found = history.holders(VIP, window(0, 20));
        assert_eq!(found[0], (window(0, 10), Holders::new()));
        assert_eq!(found[1], (window(10, 20), Holders::from([HostId(0)])));
        assert_eq!(history.holders(VIP, window(10, 20)).len(), 1);
    }

    #[test]
    fn a_change_within_one_instant_is_invisible() {
        let records = [added(10, 0), removed(20, 0), added(20, 0), removed(30, 0)];
        let found = History::new(&records).holders(VIP, window(10, 30));
        assert_eq!(found, [(window(10, 30), Holders::from([HostId(0)]))]);
    }

    #[test]
    fn double_masters_are_joined_across_changes_of_the_pair() {
        let records = [
            added(0, 0),
            added(10, 1),
            added(20, 2),
            removed(20, 0),
            removed(30, 2),
        ];
        let history = History::new(&records);
        assert_eq!(
            history.double_masters(VIP, window(0, 100)),
            [window(10, 30)]
        );
        assert_eq!(
            history.double_masters(VIP, window(15, 18)),
            [window(15, 18)]
        );
        assert_eq!(history.double_masters(VIP, window(30, 100)), []);
    }
}
