//! A router's seat in the network: the driver's five traits, answered by the simulation.

use core::net::IpAddr;
use core::task::{Context, Poll};
use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use locum_engine::config::{CheckCommand, Config, InstanceConfig, VirtualAddress};
use locum_engine::driver::{
    Clock, Driver, Hooks, Host, HostChange, Network, Probes, Received, Watched, World,
};
use locum_engine::ids::{CheckId, InterfaceId, MacAddr};
use locum_engine::plan::Reloaded;
use locum_engine::{Command, Effect, Engine, Event, Instant, Outcome, Transmit};

use super::net::{Net, Node};
use crate::kernel::Delivery;
use crate::record::Observed;
use crate::topology::HostId;

/// Where a router's daemon sits. Clones are the same seat.
#[derive(Clone)]
pub(super) struct Seat {
    net: Rc<RefCell<Net>>,
    host: HostId,
}

/// The production driver in a simulated world.
pub(super) type Daemon = Driver<Seat, Seat, Seat, Seat, Seat>;

impl Seat {
    pub(super) fn new(net: &Rc<RefCell<Net>>, host: HostId) -> Self {
        Self {
            net: Rc::clone(net),
            host,
        }
    }

    /// A new process of the daemon, with its configuration read afresh.
    pub(super) fn daemon(&self) -> Daemon {
        let config = self
            .with(|_, node| node.config.clone())
            .expect("only routers have daemons");
        let world = World {
            clock: self.clone(),
            network: self.clone(),
            host: self.clone(),
            probes: self.clone(),
            hooks: self.clone(),
        };
        let uptime = Clock::now(self).saturating_since(self.with(|_, node| node.booted_at));
        let engine = Engine::new(Config::clone(&config)).with_uptime(uptime);
        let driver = Driver::new(engine, world);
        match self.net.borrow().listeners.of(self.host, &config) {
            Some(tap) => driver.with_tap(tap),
            None => driver,
        }
    }

    fn with<T>(&self, act: impl FnOnce(HostId, &mut Node) -> T) -> T {
        act(self.host, self.net.borrow_mut().node(self.host))
    }

    /// Keeps the waker, for the runner to use when something has happened.
    fn wait<T>(&self, cx: &Context<'_>) -> Poll<T> {
        self.with(|_, node| {
            if !node
                .waker
                .as_ref()
                .is_some_and(|known| known.will_wake(cx.waker()))
            {
                node.waker = Some(cx.waker().clone());
            }
        });
        Poll::Pending
    }

    /// Takes what the kernel has for the daemon, if it is of the wanted kind.
    fn take<T>(&self, wanted: impl FnOnce(Delivery) -> Result<T, Delivery>) -> Option<T> {
        self.take_from(wanted).map(|(_, taken)| taken)
    }

    /// The same with the interface it comes from.
    fn take_from<T>(
        &self,
        wanted: impl FnOnce(Delivery) -> Result<T, Delivery>,
    ) -> Option<(InterfaceId, T)> {
        let mut net = self.net.borrow_mut();
        let (nic, delivery) = match net.node(self.host).pending.take() {
            Some(pending) => pending,
            None => net.fabric.poll_all(self.host)?,
        };
        match wanted(delivery) {
            Ok(taken) => Some((interface(net.node(self.host), nic), taken)),
            Err(other) => {
                net.node(self.host).pending = Some((nic, other));
                None
            }
        }
    }

    /// The NIC behind an interface and the hardware address on it, which is another for one of the
    /// daemon's own devices.
    fn port(&self, net: &mut Net, interface: InterfaceId) -> (HostId, Option<MacAddr>) {
        let config = net.node(self.host).config.clone();
        let device = config.as_ref().and_then(|config| config.device(interface));
        match device {
            Some(device) => (self.nic(net, device.base), Some(device.mac)),
            None => (self.nic(net, interface), None),
        }
    }

    fn add_address(&self, net: &mut Net, address: &VirtualAddress, lifetime: Option<Duration>) {
        let (nic, device) = self.port(net, address.interface);
        match device {
            Some(mac) => net.fabric.add_address_on(nic, mac, address, lifetime),
            None => net.fabric.add_address(nic, address, lifetime),
        };
    }

    fn remove_address(&self, net: &mut Net, address: &VirtualAddress) {
        let (nic, _) = self.port(net, address.interface);
        net.fabric.remove_address(nic, address.address);
    }

    /// The interface that an address of the configuration's is on, when that is a device of the
    /// daemon's on the interface it was seen on.
    fn interface_of(&self, address: IpAddr, seen: InterfaceId) -> InterfaceId {
        self.with(|_, node| {
            let config = node.config.as_deref()?;
            let instances = config.instances.iter();
            let mut held = instances.flat_map(InstanceConfig::held_addresses);
            let held = held.find(|held| {
                held.address == address
                    && (config.device(held.interface)).is_some_and(|device| device.base == seen)
            });
            held.map(|held| held.interface)
        })
        .unwrap_or(seen)
    }

    /// The NIC behind an interface; one that isn't there is the first.
    fn nic(&self, net: &mut Net, interface: InterfaceId) -> HostId {
        let ports = &net.node(self.host).ports;
        ports
            .get(interface.index())
            .copied()
            .flatten()
            .unwrap_or(self.host)
    }
}

/// What the wall clocks say when a run begins: 2026-01-01, so that runs are the same on any day.
const UTC_AT_START: Duration = Duration::from_secs(1_767_225_600);

impl Clock for Seat {
    fn now(&self) -> Instant {
        let mut net = self.net.borrow_mut();
        let now = net.fabric.local_now(self.host);
        net.node(self.host).sabotage.clock(now)
    }

    /// Drift and pauses show in the other clock only: somebody keeps this one right, unless a fault says
    /// otherwise.
    fn utc(&self) -> Duration {
        let mut net = self.net.borrow_mut();
        let truth = UTC_AT_START + net.fabric.now().saturating_since(Instant::ZERO);
        let error = net.node(self.host).wall_error;
        let apart = Duration::from_nanos(error.unsigned_abs());
        match error {
            ..0 => truth.saturating_sub(apart),
            0.. => truth.saturating_add(apart),
        }
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        if self.now() >= until {
            return Poll::Ready(());
        }
        self.with(|_, node| node.sleep_until = Some(node.sabotage.alarm(until)));
        self.wait(cx)
    }
}

impl Network for Seat {
    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        let packet = self.take_from(|delivery| match delivery {
            Delivery::Packet(packet) => Ok(packet),
            other @ (Delivery::Link(_)
            | Delivery::Source(..)
            | Delivery::AddressRemoved(_)
            | Delivery::ObjectRemoved(_)
            | Delivery::Probe(..)) => Err(other),
        });
        let Some((interface, packet)) = packet else {
            return self.wait(cx);
        };
        let length = packet.payload.len().min(buffer.len());
        buffer[..length].copy_from_slice(&packet.payload[..length]);
        let received = Received {
            interface,
            source: packet.source,
            destination: packet.destination,
            ttl: packet.ttl,
            protocol: packet.protocol,
            id: packet.id,
            payload: 0..length,
        };
        match self.with(|_, node| node.sabotage.hear(received, buffer)) {
            Some(received) => Poll::Ready(received),
            None => self.poll_receive(cx, buffer),
        }
    }

    fn reload(&mut self, _reloaded: &Reloaded) {
        let again = self.with(|_, node| node.sabotage.chatter());
        if let Some(transmit) = again {
            self.send(transmit);
        }
    }

    fn send(&mut self, transmit: Transmit) {
        let mut net = self.net.borrow_mut();
        let (said, delayed) = net.node(self.host).sabotage.say(transmit);
        if let Some(transmit) = said {
            let (Transmit::Advert { interface, .. }
            | Transmit::GratuitousArp { interface, .. }
            | Transmit::NeighbourAdvert { interface, .. }) = &transmit;
            match self.port(&mut net, *interface) {
                (nic, Some(mac)) => net.fabric.send_from(nic, mac, transmit),
                (nic, None) => net.fabric.send(nic, transmit),
            }
        }
        for (interface, address) in delayed {
            let (nic, _) = self.port(&mut net, interface);
            net.fabric.remove_address(nic, address);
        }
    }
}

impl Host for Seat {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<HostChange> {
        let change = self.take_from(|delivery| match delivery {
            change @ (Delivery::Link(_)
            | Delivery::Source(..)
            | Delivery::AddressRemoved(_)
            | Delivery::ObjectRemoved(_)) => Ok(change),
            other @ (Delivery::Packet(_) | Delivery::Probe(..)) => Err(other),
        });
        match change {
            Some((interface, Delivery::Link(state))) => {
                Poll::Ready(HostChange::Link(interface, state))
            }
            // On another NIC it is as good.
            Some((_, Delivery::Source(address, _))) => {
                let mut net = self.net.borrow_mut();
                let present = net.fabric.has_address(self.host, address);
                Poll::Ready(HostChange::Source(address, present))
            }
            Some((interface, Delivery::AddressRemoved(address))) => {
                let interface = self.interface_of(address, interface);
                Poll::Ready(HostChange::AddressRemoved(interface, address))
            }
            Some((_, Delivery::ObjectRemoved(object))) => {
                Poll::Ready(HostChange::ObjectRemoved(object))
            }
            Some(_) | None => self.wait(cx),
        }
    }

    fn reload(&mut self, reloaded: &Reloaded) {
        let (old, new, moves) = (&reloaded.before, &reloaded.config, &reloaded.plan.moves);
        let mut net = self.net.borrow_mut();
        for object in net.node(self.host).sabotage.shuffle_objects() {
            net.fabric.uninstall(self.host, object);
            net.fabric.install(self.host, object);
        }
        let heir = |id| moves.heir(id, old, new);
        net.fabric.move_objects(self.host, heir);
        if let Some((_, Delivery::ObjectRemoved(object))) = &mut net.node(self.host).pending {
            match heir(*object) {
                Some(moved) => *object = moved,
                None => net.node(self.host).pending = None,
            }
        }
        net.node(self.host).config = Some(Arc::clone(&reloaded.config));
        net.find_ports(self.host);
        let ports = net.node(self.host).ports.clone();
        for (interface, nic) in (0..).map(InterfaceId).zip(ports) {
            if let (Some(nic), None) = (nic, moves.interface_before(interface)) {
                net.fabric.tell_link(nic);
            }
        }
        for address in net.node(self.host).sabotage.shuffle() {
            net.fabric.remove_address(self.host, address);
            net.fabric.put_address(self.host, address);
        }
    }

    fn apply(&mut self, effect: Effect) {
        let mut net = self.net.borrow_mut();
        let Some(effect) = net.node(self.host).sabotage.apply(effect) else {
            return;
        };
        match effect {
            // A kernel without power refuses, but then there is no daemon either.
            Effect::AddAddress {
                address, lifetime, ..
            } => self.add_address(&mut net, &address, lifetime),
            Effect::RefreshAddress {
                address, lifetime, ..
            } => self.add_address(&mut net, &address, Some(lifetime)),
            Effect::AddStaticAddress { address, .. } => {
                self.add_address(&mut net, &address, None);
            }
            Effect::RemoveAddress { address, .. } | Effect::RemoveStaticAddress { address, .. } => {
                self.remove_address(&mut net, &address);
            }
            Effect::Install { id, .. } => net.fabric.install(self.host, id),
            Effect::Uninstall { id, .. } => net.fabric.uninstall(self.host, id),
            Effect::CreateDevice { device } => {
                let nic = self.nic(&mut net, device.base);
                net.fabric.create_device(nic, device.mac);
            }
            Effect::RemoveDevice { device } => {
                let nic = self.nic(&mut net, device.base);
                net.fabric.remove_device(nic, device.mac);
            }
            Effect::Shut { addresses, .. } => net.fabric.shut(self.host, &addresses),
            Effect::Unshut { addresses, .. } => net.fabric.unshut(self.host, &addresses),
            Effect::StartCheck { .. } | Effect::CancelCheck { .. } => {
                unreachable!("checks go to Probes")
            }
        }
    }
}

impl Probes for Seat {
    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<(CheckId, Outcome)> {
        let own = self.with(|_, node| node.results.pop_front());
        let result = own.or_else(|| {
            self.take(|delivery| match delivery {
                Delivery::Probe(check, outcome) => Ok((check, outcome)),
                other => Err(other),
            })
        });
        match result {
            Some((check, outcome)) => {
                Poll::Ready((check, self.with(|_, node| node.sabotage.judge(outcome))))
            }
            None => self.wait(cx),
        }
    }

    fn poll_watched(&mut self, cx: &mut Context<'_>) -> Poll<Watched> {
        let watched = self.with(|_, node| node.watched.pop_front());
        watched.map_or_else(|| self.wait(cx), Poll::Ready)
    }

    fn reload(&mut self, reloaded: &Reloaded) {
        let moves = &reloaded.plan.moves;
        let mut net = self.net.borrow_mut();
        let node = net.node(self.host);
        if let Some((_, Delivery::Probe(check, _))) = &mut node.pending {
            match moves.check(*check) {
                Some(moved) => *check = moved,
                None => node.pending = None,
            }
        }
        let results = node.results.drain(..);
        node.results = results
            .filter_map(|(check, outcome)| Some((moves.check(check)?, outcome)))
            .collect();
        net.fabric.move_probes(self.host, &moves.checks);
        // Positions mean other files and processes now, and new ones are looked at.
        net.node(self.host).see_anew();
    }

    fn start(&mut self, check: CheckId, timeout: Duration) {
        let mut net = self.net.borrow_mut();
        let node = net.node(self.host);
        let config = node.config.clone().expect("only routers have checks");
        let forced = node.forced.get(&config.check(check).name).copied();
        match (forced, &config.check(check).command) {
            // It never answers; the engine gives up on it.
            (Some(Outcome::TimedOut), _) => {}
            (Some(outcome), _) => node.results.push_back((check, outcome)),
            (None, CheckCommand::Script(_)) => {
                node.results.push_back((check, Outcome::Success));
            }
            (None, CheckCommand::Probe(probe)) => {
                net.fabric.start_probe(self.host, check, probe, timeout);
            }
        }
    }

    fn cancel(&mut self, check: CheckId) {
        self.net.borrow_mut().fabric.cancel_probe(self.host, check);
    }
}

impl Hooks for Seat {
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Command> {
        let command = self.with(|_, node| node.commands.pop_front());
        command.map_or_else(|| self.wait(cx), Poll::Ready)
    }

    fn reload(&mut self, _now: Instant, reloaded: &Reloaded) {
        let record = Observed::Reloaded(self.host, reloaded.clone());
        self.net.borrow_mut().fabric.record(record);
    }

    fn event(&mut self, _now: Instant, event: Event) {
        self.net
            .borrow_mut()
            .fabric
            .record(Observed::Engine(self.host, event));
    }
}

/// What a NIC is called in the configuration; one that it doesn't name can't be heard of.
fn interface(node: &Node, nic: HostId) -> InterfaceId {
    let position = node.ports.iter().position(|port| *port == Some(nic));
    InterfaceId(position.and_then(|i| u16::try_from(i).ok()).unwrap_or(0))
}
