//! VRRP and gratuitous ARP on raw sockets: the engine's [`Network`].
//!
//! One raw socket per interface and family, bound to the device, receives and sends protocol 112
//! (beside it, one receives what can't be ours, see `sieve`):
//! what comes to our own addresses, and to the VRRP group, which it joins by interface index if some
//! instance there isn't unicast. The engine gives whole packets, so nothing is built here. Adverts to
//! peers go where the routing table of the device says.
//! Announcements leave through one packet socket that receives nothing. An interface that appears
//! later, or comes back with another index, gets its socket when it is there (`port`).
//! Adverts from a virtual MAC address leave as frames through its device, and are heard there (`ear`).

mod ear;
mod held;
mod port;
mod ready;
mod sieve;
mod socket;
mod strays;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use locum_engine::Transmit;
use locum_engine::config::{Config, VirtualDevice};
use locum_engine::driver::{Network, Received};
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::plan::Reloaded;
use locum_engine::wire::{Family, ethernet};
use socket2::{Domain, Socket, Type};
use tracing::{debug, info, warn};

use crate::links::Links;
use crate::sys::packet::link_address;
use held::Held;
use port::{Port, ports};
use ready::Ready;
use strays::Strays;

/// Raw sockets on the interfaces that instances use.
#[derive(Debug)]
pub struct RawNetwork {
    ports: Vec<Port>,
    /// Interfaces with a virtual MAC address.
    devices: Vec<VirtualDevice>,
    announcer: Socket,
    links: Rc<Links>,
    ready: Ready,
    strays: Strays,
    /// More has come to some port than was read: who is known there has to be found out.
    crowded: bool,
    held: Held,
    /// The state of `links` that `ports` is up to date with; `None` when it isn't, or some port is to
    /// be opened again.
    seen: Option<u64>,
    /// By interface and destination, packets that could not be sent since the last one that could.
    unsent: BTreeMap<(InterfaceId, IpAddr), u64>,
}

impl RawNetwork {
    /// Needs `CAP_NET_RAW`, also when no interface is there yet. Must be called inside a tokio runtime.
    pub fn new(config: &Config, links: Rc<Links>) -> io::Result<Self> {
        // Protocol 0: it receives nothing.
        let announcer = Socket::new(Domain::PACKET, Type::RAW, None)?;
        announcer.set_nonblocking(true)?;
        Ok(Self {
            ports: ports(config),
            devices: config.devices.clone(),
            announcer,
            links,
            ready: Ready::new()?,
            strays: Strays::new()?,
            crowded: false,
            held: Held::default(),
            seen: None,
            unsent: BTreeMap::new(),
        })
    }

    fn send_advert(&mut self, interface: InterfaceId, destination: IpAddr, packet: &[u8]) {
        self.refresh();
        if let Some(device) = self.devices.iter().find(|d| d.interface == interface) {
            let frame = frame(device.mac, destination, packet);
            return self.send_frame(interface, &frame);
        }
        let family = Family::of(destination);
        let mut here = self.ports.iter().filter(|port| port.id == interface);
        let result = match here.find_map(|port| port.sender(family)) {
            Some(socket) => socket.send(destination, packet),
            None => Err(io::Error::from_raw_os_error(libc::ENODEV)),
        };
        self.account(interface, destination, result);
    }

    fn account(&mut self, interface: InterfaceId, to: IpAddr, result: io::Result<()>) {
        let unsent = &mut self.unsent;
        match result {
            Ok(()) if unsent.is_empty() => {}
            Ok(()) => {
                if let Some(unsent) = unsent.remove(&(interface, to)) {
                    let interface = &*self.links.name(interface);
                    info!(interface, %to, unsent, "sending again");
                }
            }
            Err(e) => {
                let unsent = unsent.entry((interface, to)).or_insert(0);
                if *unsent == 0 {
                    let interface = &*self.links.name(interface);
                    warn!(interface, %to, "can't send an advert: {e}");
                }
                *unsent += 1;
            }
        }
    }

    fn send_frame(&mut self, interface: InterfaceId, frame: &[u8]) {
        let Some(index) = self.links.index(interface) else {
            return;
        };
        let to = link_address(index.get(), 0);
        if let Err(e) = self.announcer.send_to(frame, &to) {
            let interface = &*self.links.name(interface);
            debug!(interface, "can't announce: {e}");
        }
    }

    /// Opens and closes sockets as interfaces come and go.
    fn refresh(&mut self) {
        let generation = self.links.generation();
        if self.seen == Some(generation) {
            return;
        }
        self.seen = Some(generation);
        for (number, port) in self.ports.iter_mut().enumerate() {
            let wanted = self.links.index(port.id);
            if wanted != port.index() {
                let watched = (&self.ready, &self.strays);
                port.reopen(&self.links.name(port.id), wanted, watched, number);
            }
            if wanted != port.index() {
                // Tried again at the next occasion.
                self.seen = None;
            }
        }
    }

    fn dispatch(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Advert {
                interface,
                destination,
                packet,
                ..
            } => self.send_advert(interface, destination, &packet),
            Transmit::GratuitousArp {
                interface, frame, ..
            } => self.send_frame(interface, &frame),
            Transmit::NeighbourAdvert {
                interface, frame, ..
            } => self.send_frame(interface, &frame),
        }
    }
}

impl Network for RawNetwork {
    /// What stays open goes on, with what waits in it; the rest is closed, and new ones are opened.
    fn reload(&mut self, reloaded: &Reloaded) {
        let moves = &reloaded.plan.moves;
        let mut old = std::mem::replace(&mut self.ports, ports(&reloaded.config));
        for (number, port) in self.ports.iter_mut().enumerate() {
            let same = |o: &&mut Port| {
                let moved = (moves.interface(o.id), moves.interface(o.heard_on));
                moved == (Some(port.id), Some(port.heard_on)) && o.purpose == port.purpose
            };
            if let Some(old) = old.iter_mut().find(same) {
                port.take_over(old, &self.ready, &self.strays, number);
            }
        }
        self.devices.clone_from(&reloaded.config.devices);
        let unsent = std::mem::take(&mut self.unsent).into_iter();
        let moved = unsent.filter_map(|((id, to), n)| Some(((moves.interface(id)?, to), n)));
        self.unsent = moved.collect();
        self.ready.forget();
        self.strays.renumbered(&mut self.ports);
        self.seen = None;
        self.refresh();
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        self.refresh();
        while let Poll::Ready(number) = self.ready.poll_next(cx) {
            let Some(port) = self.ports.get_mut(number) else {
                continue;
            };
            let received = port.receive(buffer);
            self.crowded |= port.is_overrun();
            if let Some(received) = received {
                return Poll::Ready(received);
            }
            if port.index().is_none() {
                self.seen = None;
                self.refresh();
            }
        }
        Poll::Pending
    }

    fn poll_stray(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        while let Poll::Ready((queue, number)) =
            self.strays.poll_next(cx, &mut self.ports, &self.ready)
        {
            let Some(port) = self.ports.get_mut(number) else {
                continue;
            };
            let received = port.receive_at_leisure(queue, buffer);
            match port.second(queue) {
                Some(second) => self.strays.was_read(cx, second, number),
                None => {
                    self.seen = None;
                    self.refresh();
                }
            }
            if let Some(received) = received {
                return Poll::Ready(received);
            }
        }
        Poll::Pending
    }

    fn is_crowded(&mut self) -> bool {
        std::mem::take(&mut self.crowded) | self.strays.asks()
    }

    fn prefer(&mut self, senders: &mut dyn Iterator<Item = (InterfaceId, IpAddr)>) {
        let mut known: BTreeMap<(InterfaceId, Family), BTreeSet<IpAddr>> = BTreeMap::new();
        for (interface, sender) in senders {
            let here = known.entry((interface, Family::of(sender))).or_default();
            here.insert(sender);
        }
        let watched = (&self.ready, &self.strays);
        for (number, port) in self.ports.iter_mut().enumerate() {
            if !port.is_crowded() {
                continue;
            }
            let known = known.get(&(port.heard_on, port.purpose.family));
            let known = known.into_iter().flatten().copied().collect();
            port.prefer(&self.links.name(port.id), known, watched, number);
            if port.index().is_none() {
                self.seen = None;
            }
        }
    }

    fn send(&mut self, transmit: Transmit) {
        if self.links.are_kept() {
            return;
        }
        let (asked, done) = (self.links.asked(), self.links.done());
        if let Some(transmit) = self.held.admit(transmit, asked, done) {
            self.dispatch(transmit);
        }
    }

    fn release(&mut self) {
        let done = self.links.done();
        while let Some(transmit) = self.held.next(done) {
            self.dispatch(transmit);
        }
    }
}

/// A packet to a group as a frame from a virtual MAC address.
fn frame(mac: MacAddr, destination: IpAddr, packet: &[u8]) -> Vec<u8> {
    let (to, kind) = match destination {
        IpAddr::V4(group) => (ethernet::multicast_mac(group), ethernet::ETHERTYPE_IPV4),
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            let to = MacAddr([0x33, 0x33, a, b, c, d]);
            (to, ethernet::ETHERTYPE_IPV6)
        }
    };
    ethernet::encode(to, mac, kind, packet)
}
