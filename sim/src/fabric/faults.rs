//! Faults: what each does to network and kernels. What they do to daemons is the runner's part.

use core::time::Duration;

use super::cable::{Cable, Lane, Way};
use super::{Event, Fabric, Frame};
use crate::fault::{Direction, Fault, Forgery};
use crate::forge::Forger;
use crate::record::{Observed, Remover};
use crate::topology::{CableId, HostId, SwitchId};

impl Fabric {
    /// Carries a fault out, now, and records it. Faults of a daemon's process are only recorded;
    /// of those that concern both (power, pauses, drift) this is the kernel's part.
    pub fn apply(&mut self, fault: &Fault) {
        self.record(Observed::Fault(fault.clone()));
        match *fault {
            Fault::Pull(cable) => self.set_plugged(cable, false),
            Fault::Plug(cable) => self.set_plugged(cable, true),
            Fault::RebootSwitch(switch, lasting) => self.reboot_switch(switch, lasting),
            Fault::Partition(ref left, ref right) => self.part(left, right),
            Fault::Heal => self.parted.fill(false),
            Fault::PowerOff(host) => self.each_part(host, Self::power_off),
            Fault::PowerOn(host) => self.each_part(host, Self::power_on),
            Fault::PauseVm(host) => self.each_part(host, |fabric, part| {
                let now = fabric.now;
                fabric.hosts[part.index()].clock.pause(now);
                fabric.rearm(part);
            }),
            Fault::ResumeVm(host) => self.each_part(host, Self::resume),
            Fault::Drift(host, ppm) => self.each_part(host, |fabric, part| {
                let now = fabric.now;
                fabric.hosts[part.index()].clock.set_drift(now, ppm);
                fabric.rearm(part);
            }),
            Fault::RemoveAddress(host, address) => self.each_part(host, |fabric, part| {
                fabric.with_kernel(part, |kernel, cx| {
                    kernel.drop_address(cx, address, Remover::Foreigner);
                });
            }),
            Fault::AddAddress(host, address) => self.put_address(host, address),
            Fault::RemoveObject(host, object) => self.with_kernel(host, |kernel, cx| {
                kernel.uninstall(cx, object, Remover::Foreigner);
            }),
            Fault::Service(host, status) => self.each_part(host, |fabric, part| {
                fabric.services[part.index()].status = status;
            }),
            Fault::Forge(host, ref forgery) => self.start_forging(host, forgery),
            Fault::Replay(host, ref replay) => {
                let forger = self.forgers.len();
                self.forgers.push(Forger::listening(host, replay));
                self.queue
                    .push(self.now + replay.listens, Event::Forge { forger });
            }
            Fault::Kill(_)
            | Fault::Stop(_)
            | Fault::Start(_)
            | Fault::Hang(_)
            | Fault::Resume(_)
            | Fault::WallClock(..)
            | Fault::ForceCheck(..)
            | Fault::WriteFile(..)
            | Fault::Processes(..)
            | Fault::SetPriority(..)
            | Fault::Drain(..)
            | Fault::Undrain(..)
            | Fault::Reload(..) => {}
            Fault::Dark(..)
            | Fault::Light(..)
            | Fault::Loss(..)
            | Fault::Duplicate(..)
            | Fault::Corrupt(..)
            | Fault::Reorder(..)
            | Fault::Latency(..) => self.impair(fault),
        }
    }

    /// The faults of a cable that leave its carrier alone.
    fn impair(&mut self, fault: &Fault) {
        let both = Direction::Both;
        match *fault {
            Fault::Dark(cable, way) => self.lanes(cable, way, |lane| lane.set_dark(true)),
            Fault::Light(cable, way) => self.lanes(cable, way, |lane| lane.set_dark(false)),
            Fault::Loss(cable, way, ppm, burst) => {
                self.lanes(cable, way, |lane| lane.set_loss(ppm, burst));
            }
            Fault::Duplicate(cable, ppm) => {
                self.lanes(cable, both, |lane| lane.set_duplicate(ppm));
            }
            Fault::Corrupt(cable, ppm) => self.lanes(cable, both, |lane| lane.set_corrupt(ppm)),
            Fault::Reorder(cable, ppm, by) => {
                self.lanes(cable, both, |lane| lane.set_reorder(ppm, by));
            }
            Fault::Latency(cable, way, latency) => {
                self.lanes(cable, way, |lane| lane.set_latency(latency));
            }
            _ => {}
        }
    }

    fn lanes(&mut self, id: CableId, direction: Direction, change: impl Fn(&mut Lane)) {
        let cable: &mut Cable = &mut self.cables[id.index()];
        if direction != Direction::BToA {
            change(cable.lane(Way::AToB));
        }
        if direction != Direction::AToB {
            change(cable.lane(Way::BToA));
        }
    }

    fn set_plugged(&mut self, cable: CableId, plugged: bool) {
        self.cables[cable.index()].plugged = plugged;
        self.refresh_carrier(cable);
    }

    fn part(&mut self, left: &[HostId], right: &[HostId]) {
        let hosts = self.hosts.len();
        let parts = |group: &[HostId]| {
            let parts = group.iter().flat_map(|host| &self.parts[host.index()]);
            parts.map(|part| part.index()).collect::<Vec<_>>()
        };
        for &a in &parts(left) {
            for &b in &parts(right) {
                if a != b {
                    self.parted[a * hosts + b] = true;
                    self.parted[b * hosts + a] = true;
                }
            }
        }
    }

    /// What happens to a host happens to each of its NICs.
    pub(super) fn each_part(&mut self, host: HostId, mut act: impl FnMut(&mut Self, HostId)) {
        for i in 0..self.parts[host.index()].len() {
            let part = self.parts[host.index()][i];
            act(self, part);
        }
    }

    fn power_off(&mut self, id: HostId) {
        let now = self.now;
        let host = &mut self.hosts[id.index()];
        host.powered = false;
        host.ring.clear();
        host.clock.resume(now);
        self.with_kernel(id, |kernel, cx| kernel.power_off(cx));
        self.refresh_nic(id);
    }

    fn power_on(&mut self, id: HostId) {
        if self.hosts[id.index()].powered {
            return;
        }
        self.hosts[id.index()].powered = true;
        self.with_kernel(id, |kernel, cx| kernel.power_on(cx.local));
        self.refresh_nic(id);
    }

    fn refresh_nic(&mut self, host: HostId) {
        if let Some((cable, _)) = self.hosts[host.index()].nic {
            self.refresh_carrier(cable);
        }
    }

    /// A paused machine goes on: first with the frames that its NIC kept.
    fn resume(&mut self, id: HostId) {
        let now = self.now;
        let host = &mut self.hosts[id.index()];
        host.clock.resume(now);
        let ring = core::mem::take(&mut host.ring);
        for frame in ring {
            self.with_kernel(id, |kernel, cx| kernel.receive(cx, &frame.bytes));
        }
        self.rearm(id);
    }

    fn reboot_switch(&mut self, id: SwitchId, lasting: Duration) {
        let switch = &mut self.switches[id.index()];
        switch.on = false;
        switch.epoch = switch.epoch.wrapping_add(1);
        switch.clear();
        let event = Event::SwitchBack {
            switch: id,
            epoch: switch.epoch,
        };
        self.queue.push(self.now + lasting, event);
        self.refresh_ports(id);
    }

    /// The end of a reboot, unless another has begun since.
    pub(super) fn switch_back(&mut self, id: SwitchId, epoch: u32) {
        let switch = &mut self.switches[id.index()];
        if switch.epoch != epoch {
            return;
        }
        switch.on = true;
        self.record(Observed::SwitchBack(id));
        self.refresh_ports(id);
    }

    fn refresh_ports(&mut self, id: SwitchId) {
        for port in 0..self.switches[id.index()].ports.len() {
            let cable = self.switches[id.index()].ports[port].cable;
            self.refresh_carrier(cable);
        }
    }

    fn start_forging(&mut self, host: HostId, forgery: &Forgery) {
        self.forgers
            .push(Forger::new(&self.topology, host, forgery));
        self.forge(self.forgers.len() - 1);
    }

    /// Puts a forged advert onto the host's cable, both ways, and sees to the next.
    pub(super) fn forge(&mut self, forger: usize) {
        let Some(bytes) = self.forgers[forger].next() else {
            return;
        };
        let Forger { host, every, .. } = self.forgers[forger];
        self.queue.push(self.now + every, Event::Forge { forger });
        let Some((cable, _)) = self.hosts[host.index()].nic else {
            return;
        };
        let frame = Frame {
            bytes,
            origin: host,
            hops: 0,
        };
        self.enter(cable, Way::AToB, &frame);
        self.enter(cable, Way::BToA, &frame);
    }
}
