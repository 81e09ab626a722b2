//! One place where VRRP is heard: a raw socket on an interface, or an ear for a virtual MAC address.
//!
//! Opened when its interface is there, opened anew when the interface comes back as another one or the
//! socket fails.

use std::num::NonZeroU32;
use std::task::{Context, Poll};

use locum_engine::config::{Auth, Config, InstanceConfig};
use locum_engine::driver::Received;
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::wire::{self, Family};
use tracing::{debug, warn};

use super::ear::Ear;
use super::socket::{Purpose, RawSocket};

/// Where something may be heard, whether it is open or not.
#[derive(Debug)]
pub(super) struct Port {
    /// The interface it is on.
    pub(super) id: InterfaceId,
    /// The interface that what comes is counted to: the one below, for a device.
    pub(super) heard_on: InterfaceId,
    pub(super) kind: Kind,
    open: Option<Open>,
    /// Opening failed and it was said.
    complained: bool,
}

/// What is heard there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What comes to our own addresses and to groups.
    Socket(Purpose),
    /// What comes from our own virtual MAC address.
    Ear(MacAddr),
}

#[derive(Debug)]
enum Open {
    Socket(RawSocket),
    Ear(Ear),
}

/// Everything that a configuration needs, none of it open.
pub(super) fn ports(config: &Config) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for instance in &config.instances {
        add(&mut ports, instance);
    }
    let devices = config.devices.iter();
    ports.extend(devices.map(|d| Port::new(d.interface, d.base, Kind::Ear(d.mac))));
    ports
}

/// One socket for each interface, family and protocol, in all the groups that somebody needs there.
fn add(ports: &mut Vec<Port>, instance: &InstanceConfig) {
    let (id, family) = (instance.interface, family(instance));
    let protocol = match instance.auth {
        Auth::Header(_) => wire::ah::PROTOCOL,
        Auth::None | Auth::Password(_) => wire::PROTOCOL,
    };
    let group = instance.unicast.is_none().then(|| instance.group());
    let found = ports.iter_mut().find_map(|port| match &mut port.kind {
        Kind::Socket(p) if (port.id, p.family, p.protocol) == (id, family, protocol) => Some(p),
        Kind::Socket(_) | Kind::Ear(_) => None,
    });
    match found {
        Some(purpose) => purpose
            .groups
            .extend(group.filter(|g| !purpose.groups.contains(g))),
        None => {
            let purpose = Purpose {
                family,
                protocol,
                groups: Vec::from_iter(group),
            };
            ports.push(Port::new(id, id, Kind::Socket(purpose)));
        }
    }
}

/// Which protocol carries an instance's adverts.
fn family(instance: &InstanceConfig) -> Family {
    let peer = instance.unicast.as_ref().and_then(|u| u.peers.first());
    let peer = peer.map(|peer| peer.address);
    let first = peer.or_else(|| instance.addresses.first().map(|a| a.address));
    first.map_or(Family::V4, Family::of)
}

impl Port {
    const fn new(id: InterfaceId, heard_on: InterfaceId, kind: Kind) -> Self {
        Self {
            id,
            heard_on,
            kind,
            open: None,
            complained: false,
        }
    }

    /// Goes on with what the other has open, and with what waits in it.
    pub(super) fn take_over(&mut self, old: &mut Self) {
        self.open = old.open.take();
        self.complained = old.complained;
    }

    /// The kernel's index of the interface it is open on.
    pub(super) fn index(&self) -> Option<NonZeroU32> {
        match self.open.as_ref()? {
            Open::Socket(socket) => Some(socket.index()),
            Open::Ear(ear) => Some(ear.index()),
        }
    }

    /// The socket, if it sends over this family. Of two either sends anything: the packets have their
    /// headers.
    pub(super) fn sender(&self, family: Family) -> Option<&RawSocket> {
        match &self.open {
            Some(Open::Socket(socket)) if socket.family() == family => Some(socket),
            Some(Open::Socket(_) | Open::Ear(_)) | None => None,
        }
    }

    /// Closes it, and opens it on the interface of that index and name.
    pub(super) fn reopen(&mut self, name: &str, index: Option<NonZeroU32>) {
        self.open = None;
        let Some(index) = index else { return };
        let opened = match &self.kind {
            Kind::Socket(purpose) => RawSocket::open(index, purpose).map(Open::Socket),
            Kind::Ear(mac) => Ear::open(index, *mac).map(Open::Ear),
        };
        match opened {
            Ok(open) => {
                debug!(interface = name, index, kind = ?self.kind, "listening");
                self.open = Some(open);
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

    /// Ready with the next packet; what isn't a whole packet is passed over.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Received> {
        loop {
            let read = match &self.open {
                Some(Open::Socket(socket)) => socket.poll_receive(cx, self.heard_on, buffer),
                Some(Open::Ear(ear)) => ear.poll_receive(cx, self.heard_on, buffer),
                None => return Poll::Pending,
            };
            match read {
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
}
