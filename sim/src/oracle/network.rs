//! Who can reach whom: the cables and switches as the faults have left them.
//!
//! Recomputed on network faults only. One breadth-first search per host gives the route to every
//! other host, in one direction: switched networks without spanning tree have no loops, so there
//! is one route or none, and its latency is exact.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::VecDeque;

use crate::fault::{Direction, Fault};
use crate::topology::{CableId, End, HostId, Path, Topology};

/// What frames from one host to another go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Time under way of an undisturbed frame.
    pub(super) latency: Duration,
    /// How much longer a frame may take at most, because it is held back.
    pub(super) jitter: Duration,
    /// Frames may be lost or broken.
    pub(super) lossy: bool,
}

impl Route {
    /// The longest time under way.
    pub(super) fn longest(&self) -> Duration {
        self.latency + self.jitter
    }
}

/// A cable as it is now; index 0 is `a` to `b`, index 1 is `b` to `a`.
#[derive(Clone, Debug)]
struct Cable {
    ends: [End; 2],
    pulled: bool,
    dark: [bool; 2],
    path: [Path; 2],
}

/// The network as it is now.
#[derive(Clone, Debug)]
pub(super) struct Network {
    cables: Vec<Cable>,
    switch_up: Vec<bool>,
    powered: Vec<bool>,
    /// By NIC: the host it belongs to.
    owners: Vec<HostId>,
    partitions: Vec<(Vec<HostId>, Vec<HostId>)>,
    /// Addresses that were taken from a host, and not given back.
    taken: Vec<(HostId, IpAddr)>,
    /// By NIC: what its host's wall clock shows after the true time, in nanoseconds, and whether that
    /// was ever otherwise.
    wall: Vec<(i64, bool)>,
    routes: Vec<Option<Route>>,
}

impl Network {
    /// Everything plugged in and powered.
    pub(super) fn new(topology: &Topology) -> Self {
        let cables = topology.cables.iter().map(|c| Cable {
            ends: [c.a, c.b],
            pulled: false,
            dark: [false; 2],
            path: [c.a_to_b, c.b_to_a],
        });
        let mut network = Self {
            cables: cables.collect(),
            switch_up: vec![true; topology.switches.len()],
            powered: vec![true; topology.hosts.len()],
            owners: (0..topology.hosts.len())
                .map(|i| topology.owner(HostId(i as u16)))
                .collect(),
            partitions: Vec::new(),
            taken: Vec::new(),
            wall: vec![(0, false); topology.hosts.len()],
            routes: Vec::new(),
        };
        for (host, router) in topology.routers() {
            network.of(host, |n, nic| n.wall[nic].0 = router.wall_error);
        }
        network.recompute();
        network
    }

    /// The route of frames, if there is one. A host reaches itself.
    pub(super) fn route(&self, from: HostId, to: HostId) -> Option<Route> {
        self.routes[from.index() * self.powered.len() + to.index()]
    }

    /// Somebody has taken this address from the host.
    pub(super) fn lacks(&self, host: HostId, address: IpAddr) -> bool {
        self.taken.contains(&(host, address))
    }

    /// What the wall clocks of these NICs' hosts show after the true time, in nanoseconds; and whether that
    /// of the first was ever otherwise.
    pub(super) fn wall(&self, of: HostId, and: HostId) -> (i64, i64, bool) {
        let (first, set) = self.wall[of.index()];
        (first, self.wall[and.index()].0, set)
    }

    /// The host's NIC has carrier: power and a plugged cable at both ends.
    pub(super) fn carrier(&self, host: HostId) -> bool {
        self.cables
            .iter()
            .any(|c| c.ends.contains(&End::Host(host)) && self.has_carrier(c))
    }

    /// Carries out what concerns the network; false when the fault is of another kind.
    pub(super) fn apply(&mut self, fault: &Fault) -> bool {
        match fault {
            Fault::Pull(id) => self.cable(*id).pulled = true,
            Fault::Plug(id) => self.cable(*id).pulled = false,
            Fault::Dark(id, d) => self.directions(*id, *d, |c, i| c.dark[i] = true),
            Fault::Light(id, d) => self.directions(*id, *d, |c, i| c.dark[i] = false),
            Fault::Loss(id, d, ppm, burst) => self.directions(*id, *d, |c, i| {
                c.path[i].loss_ppm = *ppm;
                c.path[i].burst = *burst;
            }),
            Fault::Corrupt(id, ppm) => {
                self.directions(*id, Direction::Both, |c, i| c.path[i].corrupt_ppm = *ppm);
            }
            Fault::Reorder(id, ppm, by) => self.directions(*id, Direction::Both, |c, i| {
                c.path[i].reorder_ppm = *ppm;
                c.path[i].reorder_by = *by;
            }),
            Fault::Latency(id, d, latency) => {
                self.directions(*id, *d, |c, i| c.path[i].latency = *latency);
            }
            Fault::Partition(a, b) => self.partitions.push((a.clone(), b.clone())),
            Fault::Heal => self.partitions.clear(),
            Fault::RebootSwitch(id, _) => self.switch_up[id.index()] = false,
            Fault::PowerOff(host) => self.power(*host, false),
            Fault::PowerOn(host) => self.power(*host, true),
            Fault::WallClock(host, error) => self.of(*host, |n, nic| n.wall[nic] = (*error, true)),
            Fault::RemoveAddress(host, address) => {
                self.taken.push((*host, *address));
                return false;
            }
            Fault::AddAddress(host, address) => {
                self.taken.retain(|taken| taken != &(*host, *address));
                return false;
            }
            _ => return false,
        }
        self.recompute();
        true
    }

    /// A switch has power again.
    pub(super) fn switch_back(&mut self, switch: crate::topology::SwitchId) {
        self.switch_up[switch.index()] = true;
        self.recompute();
    }

    fn power(&mut self, host: HostId, on: bool) {
        self.of(host, |n, nic| n.powered[nic] = on);
    }

    /// Does something to each NIC of a host.
    fn of(&mut self, host: HostId, act: impl Fn(&mut Self, usize)) {
        let own = (0..self.owners.len()).filter(|nic| self.owners[*nic] == host);
        own.collect::<Vec<_>>()
            .into_iter()
            .for_each(|nic| act(self, nic));
    }

    fn cable(&mut self, id: CableId) -> &mut Cable {
        &mut self.cables[id.index()]
    }

    fn directions(&mut self, id: CableId, which: Direction, change: impl Fn(&mut Cable, usize)) {
        let cable = self.cable(id);
        if which != Direction::BToA {
            change(cable, 0);
        }
        if which != Direction::AToB {
            change(cable, 1);
        }
    }

    fn has_carrier(&self, cable: &Cable) -> bool {
        let up = |end| match end {
            End::Host(host) => self.powered[HostId::index(host)],
            End::Switch(switch) => self.switch_up[switch.index()],
        };
        !cable.pulled && up(cable.ends[0]) && up(cable.ends[1])
    }

    fn recompute(&mut self) {
        let hosts = self.powered.len();
        self.routes = vec![None; hosts * hosts];
        for i in 0..hosts {
            if self.powered[i] {
                self.search(HostId(i as u16));
            }
        }
    }

    /// Fills in every route that starts at `from`.
    fn search(&mut self, from: HostId) {
        let hosts = self.powered.len();
        let mut seen_switches = vec![false; self.switch_up.len()];
        let start = Route {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            lossy: false,
        };
        let mut found = vec![None; hosts];
        found[from.index()] = Some(start);
        let mut queue = VecDeque::from([(End::Host(from), start)]);
        while let Some((end, so_far)) = queue.pop_front() {
            for cable in self.cables.iter().filter(|c| self.has_carrier(c)) {
                for i in 0..2 {
                    if cable.ends[i] != end || cable.dark[i] || dead(&cable.path[i]) {
                        continue;
                    }
                    let route = extend(so_far, &cable.path[i]);
                    match cable.ends[1 - i] {
                        End::Host(host) => {
                            found[host.index()].get_or_insert(route);
                        }
                        End::Switch(switch) => {
                            if !core::mem::replace(&mut seen_switches[switch.index()], true) {
                                queue.push_back((End::Switch(switch), route));
                            }
                        }
                    }
                }
            }
        }
        for (to, route) in found.into_iter().enumerate() {
            if !self.partitioned(from, HostId(to as u16)) {
                self.routes[from.index() * hosts + to] = route;
            }
        }
    }

    fn partitioned(&self, x: HostId, y: HostId) -> bool {
        let (x, y) = (self.owners[x.index()], self.owners[y.index()]);
        self.partitions
            .iter()
            .any(|(a, b)| a.contains(&x) && b.contains(&y) || a.contains(&y) && b.contains(&x))
    }
}

/// A direction that loses every frame is as good as dark.
fn dead(path: &Path) -> bool {
    path.loss_ppm >= 1_000_000
}

fn extend(route: Route, path: &Path) -> Route {
    let reorders = path.reorder_ppm > 0;
    Route {
        latency: route.latency + path.latency,
        jitter: route.jitter
            + if reorders {
                path.reorder_by
            } else {
                Duration::ZERO
            },
        lossy: route.lossy || path.loss_ppm > 0 || path.burst.is_some() || path.corrupt_ppm > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{Play, cable, host};
    use crate::topology::SwitchId;

    fn mutual(network: &Network, a: HostId, b: HostId) -> bool {
        network.route(a, b).is_some() && network.route(b, a).is_some()
    }

    #[test]
    fn faults_open_and_close_routes() {
        let play = Play::founding();
        let t = play.topology();
        let mut network = Network::new(t);
        let (a, b, gw) = (host(t, "a"), host(t, "b"), host(t, "gw"));
        let trunk = cable(t, "sw1", "sw2");
        let route = network.route(a, b).unwrap();
        assert_eq!(route.latency, Duration::from_micros(150));
        network.apply(&Fault::Dark(trunk, Direction::AToB));
        assert!(network.route(a, b).is_none() && network.route(b, a).is_some());
        assert!(network.carrier(a) && network.carrier(b));
        network.apply(&Fault::Light(trunk, Direction::Both));
        network.apply(&Fault::Partition(vec![a], vec![b]));
        assert!(!mutual(&network, a, b) && mutual(&network, a, gw) && mutual(&network, b, gw));
        network.apply(&Fault::Heal);
        network.apply(&Fault::RebootSwitch(SwitchId(0), Duration::from_secs(1)));
        assert!(!network.carrier(a) && !mutual(&network, a, gw) && network.carrier(b));
        network.switch_back(SwitchId(0));
        assert!(mutual(&network, a, b));
        network.apply(&Fault::Loss(trunk, Direction::BToA, 1000, None));
        assert!(network.route(b, a).unwrap().lossy && !network.route(a, b).unwrap().lossy);
    }
}
