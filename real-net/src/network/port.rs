//! One place where VRRP is heard: a raw socket on an interface, or an ear for a virtual MAC address.
//!
//! Opened when its interface is there, opened anew when the interface comes back as another one or the
//! socket fails. Beside a raw socket there is one for strays (`sieve`).

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use locum_engine::config::{Auth, Config, InstanceConfig};
use locum_engine::driver::Received;
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::wire::{self, Family};
use tracing::{debug, warn};

use super::ear::Ear;
use super::ready::Ready;
use super::sieve::{Passing, Sieve};
use super::socket::{Purpose, RawSocket};
use super::strays::Strays;

/// Where something may be heard, whether it is open or not.
#[derive(Debug)]
pub(super) struct Port {
    /// The interface it is on.
    pub(super) id: InterfaceId,
    /// The interface that what comes is counted to: the one below, for a device.
    pub(super) heard_on: InterfaceId,
    pub(super) kind: Kind,
    /// What is read first.
    sieve: Sieve,
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
    Ear(MacAddr, Family),
}

#[derive(Debug)]
enum Open {
    Socket {
        likely: RawSocket,
        /// `None` when the kernel doesn't take the filters: everything comes to the other one.
        strays: Option<Strays>,
    },
    Ear(Ear),
}

/// Everything that a configuration needs, none of it open.
pub(super) fn ports(config: &Config) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for instance in &config.instances {
        add(&mut ports, instance);
    }
    for device in &config.devices {
        let here = |port: &&Port| port.id == device.base;
        let families = ports.iter().filter(here).filter_map(Port::family);
        let families = BTreeSet::from_iter(families);
        let ears = families.into_iter().map(|family| {
            let sieve = Sieve::new(family, wire::PROTOCOL);
            let kind = Kind::Ear(device.mac, family);
            Port::new(device.interface, device.base, kind, sieve)
        });
        ports.extend(ears);
    }
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
        Kind::Socket(p) if (port.id, p.family, p.protocol) == (id, family, protocol) => {
            Some((p, &mut port.sieve))
        }
        Kind::Socket(_) | Kind::Ear(..) => None,
    });
    match found {
        Some((purpose, sieve)) => {
            let new = group.filter(|g| !purpose.groups.contains(g));
            purpose.groups.extend(new);
            sieve.add(instance);
        }
        None => {
            let purpose = Purpose {
                family,
                protocol,
                groups: Vec::from_iter(group),
            };
            let mut sieve = Sieve::new(family, protocol);
            sieve.add(instance);
            ports.push(Port::new(id, id, Kind::Socket(purpose), sieve));
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
    const fn new(id: InterfaceId, heard_on: InterfaceId, kind: Kind, sieve: Sieve) -> Self {
        Self {
            id,
            heard_on,
            kind,
            sieve,
            open: None,
            complained: false,
        }
    }

    const fn family(&self) -> Option<Family> {
        match &self.kind {
            Kind::Socket(purpose) => Some(purpose.family),
            Kind::Ear(..) => None,
        }
    }

    /// Goes on with what the other has open, and with what waits in it, as the port of that number.
    pub(super) fn take_over(&mut self, old: &mut Self, ready: &Ready, number: usize) {
        self.open = old.open.take();
        self.complained = old.complained;
        if self.sieve != old.sieve {
            self.strain();
        }
        if let Some(open) = &self.open
            && let Err(e) = ready.renumber(open, number)
        {
            warn!("can't watch a socket any more, it is opened anew: {e}");
            self.open = None;
        }
    }

    /// Gives the sockets the filters of the sieve. In between a packet may come to both, never to
    /// neither: what is new to the one is still let through by the other.
    fn strain(&mut self) {
        let Some(Open::Socket { likely, strays }) = &mut self.open else {
            return;
        };
        let Some(second) = strays else { return };
        let sieve = &self.sieve;
        let done = likely
            .pass(sieve, Passing::Likely)
            .and_then(|()| second.socket().pass(sieve, Passing::Strays));
        if let Err(e) = done {
            debug!("no filter: {e}");
            likely.pass_everything();
            *strays = None;
        }
    }

    /// The kernel's index of the interface it is open on.
    pub(super) fn index(&self) -> Option<NonZeroU32> {
        match self.open.as_ref()? {
            Open::Socket { likely, .. } => Some(likely.index()),
            Open::Ear(ear) => Some(ear.index()),
        }
    }

    /// The socket, if it sends over this family. Of two either sends anything: the packets have their
    /// headers.
    pub(super) fn sender(&self, family: Family) -> Option<&RawSocket> {
        match &self.open {
            Some(Open::Socket { likely, .. }) if likely.family() == family => Some(likely),
            Some(Open::Socket { .. } | Open::Ear(_)) | None => None,
        }
    }

    /// Closes it, and opens it on the interface of that index and name, as the port of that number.
    pub(super) fn reopen(
        &mut self,
        name: &str,
        index: Option<NonZeroU32>,
        ready: &Ready,
        number: usize,
    ) {
        self.open = None;
        let Some(index) = index else { return };
        let opened = match &self.kind {
            Kind::Socket(purpose) => {
                let sieve = &self.sieve;
                RawSocket::open(index, purpose).map(|likely| {
                    let strays = RawSocket::open_for_strays(index, purpose, sieve)
                        .and_then(|strays| Strays::new(name, strays));
                    Open::Socket {
                        likely,
                        strays: strays.ok(),
                    }
                })
            }
            Kind::Ear(mac, family) => Ear::open(index, *mac, *family).map(Open::Ear),
        };
        let opened = opened.and_then(|open| {
            ready.watch(&open, number)?;
            Ok(open)
        });
        match opened {
            Ok(open) => {
                debug!(interface = name, index, kind = ?self.kind, "listening");
                self.open = Some(open);
                self.complained = false;
                self.strain();
            }
            // Tried again at the next occasion.
            Err(e) if !self.complained => {
                warn!(interface = name, "can't listen for VRRP: {e}");
                self.complained = true;
            }
            Err(_) => {}
        }
    }

    /// Ready with the next stray. Strays wait for everything else.
    pub(super) fn poll_stray(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        loop {
            let Some(Open::Socket { strays, .. }) = &mut self.open else {
                return Poll::Pending;
            };
            let Some(second) = strays else {
                return Poll::Pending;
            };
            match ready!(second.poll_receive(cx, self.heard_on, buffer)) {
                Ok(Some(received)) => return Poll::Ready(received),
                Ok(None) => {}
                Err(e) => {
                    debug!("reading failed: {e}");
                    self.open = None;
                }
            }
        }
    }

    /// The next packet, if there is one; what isn't a whole packet is passed over. After a failure
    /// such as `ENETDOWN` it is closed, to be opened anew.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Option<Received> {
        loop {
            let read = match self.open.as_ref()? {
                Open::Socket { likely, .. } => likely.receive(self.heard_on, buffer),
                Open::Ear(ear) => ear.receive(self.heard_on, buffer),
            };
            match read {
                Ok(Some(received)) => return Some(received),
                Ok(None) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return None,
                Err(e) => {
                    debug!("reading failed: {e}");
                    self.open = None;
                }
            }
        }
    }
}

impl AsFd for Open {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Socket { likely, .. } => likely.as_fd(),
            Self::Ear(ear) => ear.as_fd(),
        }
    }
}
