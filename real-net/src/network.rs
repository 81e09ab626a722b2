//! VRRP and gratuitous ARP on raw sockets: the engine's [`Network`].
//!
//! One raw socket per interface and family, bound to the device, receives and sends protocol 112:
//! what comes to our own addresses, and to the VRRP group, which it joins by interface index if some
//! instance there isn't unicast. The engine gives whole packets, so nothing is built here. Adverts to
//! peers go where the routing table of the device says.
//! Announcements leave through one packet socket that receives nothing. An interface that appears
//! later, or comes back with another index, gets its socket when it is there.
//! Adverts from a virtual MAC address leave as frames through its device, and are heard there (`ear`).

mod ear;
mod socket;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::task::{Context, Poll};

use locum_engine::Transmit;
use locum_engine::config::{Auth, Config, InstanceConfig, VirtualDevice};
use locum_engine::driver::{Network, Received};
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::plan::Reloaded;
use locum_engine::wire::{self, Family, ethernet};
use socket2::{Domain, Socket, Type};
use tracing::{debug, info, warn};

use crate::links::Links;
use crate::sys::packet::link_address;
use ear::Ear;
use socket::{Purpose, RawSocket};

/// Raw sockets on the interfaces that instances use.
#[derive(Debug)]
pub struct RawNetwork {
    ports: Vec<Port>,
    devices: Vec<Device>,
    announcer: Socket,
    links: Rc<Links>,
    /// The port that is asked first: the one behind the last that had something, so that a
    /// flooded interface can't silence the others.
    first: usize,
}

/// A device with a virtual MAC address.
#[derive(Debug)]
struct Device {
    id: InterfaceId,
    base: InterfaceId,
    mac: MacAddr,
    open: Option<Ear>,
    complained: bool,
}

/// One interface with at least one instance of a family.
#[derive(Debug)]
struct Port {
    id: InterfaceId,
    purpose: Purpose,
    open: Option<RawSocket>,
    /// Opening failed and it was said.
    complained: bool,
    /// By destination, packets that could not be sent since the last one that could.
    unsent: BTreeMap<IpAddr, u64>,
}

impl RawNetwork {
    /// Needs `CAP_NET_RAW`, also when no interface is there yet.
    pub fn new(config: &Config, links: Rc<Links>) -> io::Result<Self> {
        let device = |d: &VirtualDevice| Device {
            id: d.interface,
            base: d.base,
            mac: d.mac,
            open: None,
            complained: false,
        };
        let devices = config.devices.iter().map(device).collect();
        let ports = links.ids().flat_map(|id| ports(config, id)).collect();
        // Protocol 0: it receives nothing.
        let announcer = Socket::new(Domain::PACKET, Type::RAW, None)?;
        announcer.set_nonblocking(true)?;
        Ok(Self {
            ports,
            devices,
            announcer,
            links,
            first: 0,
        })
    }

    fn send_advert(&mut self, interface: InterfaceId, destination: IpAddr, packet: &[u8]) {
        self.refresh();
        if let Some(device) = self.devices.iter().find(|d| d.id == interface) {
            let frame = frame(device.mac, destination, packet);
            return self.send_frame(interface, &frame);
        }
        let family = Family::of(destination);
        // Of two sockets of a family either sends anything: the packets have their headers.
        let mut ports = self.ports.iter_mut();
        let Some(port) = ports.find(|p| p.id == interface && p.purpose.family == family) else {
            return;
        };
        let result = match &port.open {
            Some(socket) => socket.send(destination, packet),
            None => Err(io::Error::from_raw_os_error(libc::ENODEV)),
        };
        port.account(&self.links.name(interface), destination, result);
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
        for port in &mut self.ports {
            let wanted = self.links.index(port.id);
            let present = port.open.as_ref().map(RawSocket::index);
            if wanted != present {
                port.reopen(&self.links.name(port.id), wanted);
            }
        }
        for device in &mut self.devices {
            let wanted = self.links.index(device.id);
            if wanted != device.open.as_ref().map(Ear::index) {
                device.reopen(&self.links.name(device.id), wanted);
            }
        }
    }
}

impl Network for RawNetwork {
    /// What stays open goes on, with what waits in it; the rest is closed, and new ones are opened.
    fn reload(&mut self, reloaded: &Reloaded) {
        let config = &reloaded.config;
        let new = self.links.ids().flat_map(|id| ports(config, id));
        let mut old = std::mem::replace(&mut self.ports, new.collect());
        let moves = &reloaded.plan.moves;
        for port in &mut self.ports {
            let same =
                |o: &&mut Port| moves.interface(o.id) == Some(port.id) && o.purpose == port.purpose;
            if let Some(old) = old.iter_mut().find(same) {
                port.open = old.open.take();
                port.complained = old.complained;
                port.unsent = std::mem::take(&mut old.unsent);
            }
        }
        self.first = 0;
        self.refresh();
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        self.refresh();
        let ports = self.ports.len();
        let count = ports + self.devices.len();
        for offset in 0..count {
            let at = (self.first + offset) % count;
            let received = match self.ports.get_mut(at) {
                Some(port) => port.poll_receive(cx, buffer),
                None => self.devices[at - ports].poll_receive(cx, buffer),
            };
            if let Poll::Ready(received) = received {
                self.first = (at + 1) % count;
                return Poll::Ready(received);
            }
        }
        Poll::Pending
    }

    fn send(&mut self, transmit: Transmit) {
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

impl Device {
    fn reopen(&mut self, name: &str, index: Option<NonZeroU32>) {
        self.open = None;
        let Some(index) = index else { return };
        match Ear::open(index, self.mac) {
            Ok(ear) => {
                debug!(
                    interface = name,
                    index, "listening for the virtual MAC address"
                );
                (self.open, self.complained) = (Some(ear), false);
            }
            Err(e) if !self.complained => {
                warn!(interface = name, "can't listen for VRRP: {e}");
                self.complained = true;
            }
            Err(_) => {}
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        loop {
            let Some(ear) = &self.open else {
                return Poll::Pending;
            };
            match ear.poll_receive(cx, self.base, buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(received))) => return Poll::Ready(received),
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(e)) => {
                    debug!("reading failed: {e}");
                    self.open = None;
                    cx.waker().wake_by_ref();
                }
            }
        }
    }
}

impl Port {
    fn reopen(&mut self, name: &str, index: Option<NonZeroU32>) {
        self.open = None;
        let Some(index) = index else { return };
        match RawSocket::open(index, &self.purpose) {
            Ok(socket) => {
                debug!(interface = name, index, purpose = ?self.purpose, "listening");
                self.open = Some(socket);
                self.complained = false;
            }
            // Tried again at the next occasion.
            Err(e) if !self.complained => {
                warn!(interface = name, "can't listen for VRRP: {e}");
                self.complained = true;
            }
            Err(_) => {}
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        loop {
            let Some(socket) = &self.open else {
                return Poll::Pending;
            };
            match socket.poll_receive(cx, self.id, buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(received))) => return Poll::Ready(received),
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(e)) => {
                    // Such as ENETDOWN. A fresh socket is opened at the next poll.
                    debug!("reading failed: {e}");
                    self.open = None;
                    cx.waker().wake_by_ref();
                }
            }
        }
    }

    fn account(&mut self, name: &str, to: IpAddr, result: io::Result<()>) {
        match result {
            Ok(()) => {
                if let Some(unsent) = self.unsent.remove(&to) {
                    info!(interface = name, %to, unsent, "sending again");
                }
            }
            Err(e) => {
                let unsent = self.unsent.entry(to).or_insert(0);
                if *unsent == 0 {
                    warn!(interface = name, %to, "can't send an advert: {e}");
                }
                *unsent += 1;
            }
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

/// The sockets that the instances on an interface need, none of them open.
fn ports(config: &Config, id: InterfaceId) -> Vec<Port> {
    let mut purposes: Vec<Purpose> = Vec::new();
    for instance in config.instances.iter().filter(|i| i.interface == id) {
        let family = family(instance);
        let protocol = match instance.auth {
            Auth::Header(_) => wire::ah::PROTOCOL,
            Auth::None | Auth::Password(_) => wire::PROTOCOL,
        };
        let at = purposes
            .iter()
            .position(|p| (p.family, p.protocol) == (family, protocol));
        let at = at.unwrap_or_else(|| {
            purposes.push(Purpose {
                family,
                protocol,
                groups: Vec::new(),
            });
            purposes.len() - 1
        });
        let groups = &mut purposes[at].groups;
        let group = instance.group();
        if instance.unicast.is_none() && !groups.contains(&group) {
            groups.push(group);
        }
    }
    let port = |purpose| Port {
        id,
        purpose,
        open: None,
        complained: false,
        unsent: BTreeMap::new(),
    };
    purposes.into_iter().map(port).collect()
}

/// Which protocol carries an instance's adverts.
fn family(instance: &InstanceConfig) -> Family {
    let peer = instance.unicast.as_ref().and_then(|u| u.peers.first());
    let peer = peer.map(|peer| peer.address);
    let first = peer.or_else(|| instance.addresses.first().map(|a| a.address));
    first.map_or(Family::V4, Family::of)
}
