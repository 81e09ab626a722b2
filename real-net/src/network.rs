//! VRRP and gratuitous ARP on raw sockets: the engine's [`Network`].
//!
//! One raw socket per interface, bound to the device, receives and sends protocol 112: what comes
//! to our own addresses, and to the VRRP group, which it joins by interface index if some instance
//! there isn't unicast. The engine gives whole packets, so nothing is built here. Adverts to peers
//! go where the routing table of the device says.
//! Announcements leave through one packet socket that receives nothing. An interface that appears
//! later, or comes back with another index, gets its socket when it is there.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::task::{Context, Poll};

use locum_engine::Transmit;
use locum_engine::config::Config;
use locum_engine::driver::{Network, Received};
use locum_engine::ids::InterfaceId;
use locum_engine::wire::{self, ipv4};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};
use tracing::{debug, info, warn};

use crate::links::Links;
use crate::sys::packet::link_address;
use crate::sys::readable::Readable;

/// Raw sockets on the interfaces that instances use.
#[derive(Debug)]
pub struct RawNetwork {
    ports: Vec<Port>,
    announcer: Socket,
    links: Rc<Links>,
    /// The port that is asked first: the one behind the last that had something, so that a
    /// flooded interface can't silence the others.
    first: usize,
}

/// One interface with at least one instance.
#[derive(Debug)]
struct Port {
    id: InterfaceId,
    /// Some instance talks to the group.
    group: bool,
    open: Option<(NonZeroU32, Readable<Socket>)>,
    /// Opening failed and it was said.
    complained: bool,
    /// By destination, packets that could not be sent since the last one that could.
    unsent: BTreeMap<IpAddr, u64>,
}

impl RawNetwork {
    /// Needs `CAP_NET_RAW`, also when no interface is there yet.
    pub fn new(config: &Config, links: Rc<Links>) -> io::Result<Self> {
        let used = |id: &InterfaceId| config.instances.iter().any(|i| i.interface == *id);
        let group = |id: InterfaceId| {
            let mut multicast = config.instances.iter().filter(|i| i.unicast.is_none());
            multicast.any(|i| i.interface == id)
        };
        let port = |id| Port {
            id,
            group: group(id),
            open: None,
            complained: false,
            unsent: BTreeMap::new(),
        };
        let ports = links.ids().filter(used).map(port).collect();
        // Protocol 0: it receives nothing.
        let announcer = Socket::new(Domain::PACKET, Type::RAW, None)?;
        announcer.set_nonblocking(true)?;
        Ok(Self {
            ports,
            announcer,
            links,
            first: 0,
        })
    }

    fn send_advert(&mut self, interface: InterfaceId, destination: IpAddr, packet: &[u8]) {
        self.refresh();
        let Some(port) = self.ports.iter_mut().find(|p| p.id == interface) else {
            return;
        };
        let result = match &port.open {
            Some((_, socket)) => send(socket.get(), destination, packet),
            None => Err(io::Error::from_raw_os_error(libc::ENODEV)),
        };
        port.account(self.links.name(interface), destination, result);
    }

    fn send_frame(&mut self, interface: InterfaceId, frame: &[u8]) {
        let Some(index) = self.links.index(interface) else {
            return;
        };
        let to = link_address(index.get(), 0);
        if let Err(e) = self.announcer.send_to(frame, &to) {
            let interface = self.links.name(interface);
            debug!(interface, "can't announce: {e}");
        }
    }

    /// Opens and closes sockets as interfaces come and go.
    fn refresh(&mut self) {
        for port in &mut self.ports {
            let wanted = self.links.index(port.id);
            let present = port.open.as_ref().map(|(index, _)| *index);
            if wanted != present {
                port.reopen(self.links.name(port.id), wanted);
            }
        }
    }
}

impl Network for RawNetwork {
    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        self.refresh();
        let count = self.ports.len();
        for offset in 0..count {
            let at = (self.first + offset) % count;
            if let Poll::Ready(received) = self.ports[at].poll_receive(cx, buffer) {
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
        }
    }
}

impl Port {
    fn reopen(&mut self, name: &str, index: Option<NonZeroU32>) {
        self.open = None;
        let Some(index) = index else { return };
        match open(index, self.group).and_then(Readable::new) {
            Ok(socket) => {
                debug!(interface = name, index, "listening");
                self.open = Some((index, socket));
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
            let Some((_, socket)) = &self.open else {
                return Poll::Pending;
            };
            match socket.poll_read(cx, |mut s| s.read(buffer)) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(length)) => {
                    if let Some(received) = received(self.id, &buffer[..length]) {
                        return Poll::Ready(received);
                    }
                }
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

fn open(index: NonZeroU32, group: bool) -> io::Result<Socket> {
    let protocol = Protocol::from(i32::from(wire::PROTOCOL));
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    socket.set_header_included_v4(true)?;
    // By index: a device of the same name that comes later is another one.
    socket.bind_device_by_index_v4(Some(index))?;
    // Only the group joined here, not every group that some other program has joined.
    socket.set_multicast_all_v4(false)?;
    socket.set_multicast_loop_v4(false)?;
    // Sets the queueing priority; the bytes of the header are the engine's.
    socket.set_tos_v4(wire::TOS.into())?;
    if group {
        let interface = InterfaceIndexOrAddress::Index(index.get());
        socket.join_multicast_v4_n(&wire::GROUP_V4, &interface)?;
    }
    Ok(socket)
}

fn send(socket: &Socket, destination: IpAddr, packet: &[u8]) -> io::Result<()> {
    let to = SockAddr::from(SocketAddr::new(destination, 0));
    // The group is on this link by definition, whatever the routing table says.
    let direct = destination.is_multicast();
    let flags = if direct { libc::MSG_DONTROUTE } else { 0 };
    socket.send_to_with_flags(packet, &to, flags).map(drop)
}

/// What the IP header says. `None` for what isn't a whole IPv4 packet: nothing to tell of, since
/// the kernel lets none through.
fn received(interface: InterfaceId, packet: &[u8]) -> Option<Received> {
    let view = ipv4::View::new(packet).ok()?;
    let start = view.header_len();
    Some(Received {
        interface,
        source: view.source().into(),
        destination: view.destination().into(),
        ttl: view.ttl(),
        protocol: view.protocol(),
        payload: start..start + view.payload().len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_lies_behind_the_header_and_ends_with_the_packet() {
        let header = ipv4::Header {
            source: [192, 168, 0, 11].into(),
            destination: wire::GROUP_V4,
            ttl: 255,
            tos: wire::TOS,
            id: 1,
            protocol: wire::PROTOCOL,
        };
        let mut packet = header.encode(3).to_vec();
        packet.extend([1, 2, 3, 0, 0]);
        let received = received(InterfaceId(4), &packet).expect("a sound packet");
        assert_eq!(&packet[received.payload.clone()], [1, 2, 3]);
        assert_eq!((received.ttl, received.protocol), (255, 112));
        assert_eq!(received.interface, InterfaceId(4));
    }

    #[test]
    fn half_a_header_is_nothing() {
        assert_eq!(received(InterfaceId(0), &[0x45; 19]), None);
        assert_eq!(received(InterfaceId(0), &[]), None);
    }
}
