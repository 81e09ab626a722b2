//! One place where VRRP is heard: a raw socket on an interface, or an ear for a virtual MAC address.
//!
//! Opened when its interface is there, opened anew when the interface comes back as another one or the
//! socket fails. Beside each socket there is one for strays (`sieve`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroU32;

use locum_engine::config::{Auth, Config, InstanceConfig};
use locum_engine::driver::Received;
use locum_engine::ids::InterfaceId;
use locum_engine::wire::{self, Family};
use tracing::{debug, warn};

use super::ready::Ready;
use super::sieve::{Passing, Sieve};
use super::socket::{Purpose, RawSocket};
use super::strays::{Second, Strays};

/// Where something may be heard, whether it is open or not.
#[derive(Debug)]
pub(super) struct Port {
    /// The interface it is on.
    pub(super) id: InterfaceId,
    /// The interface that what comes is counted to: the one below, for a device.
    pub(super) heard_on: InterfaceId,
    pub(super) purpose: Purpose,
    /// What is read first.
    sieve: Sieve,
    open: Option<Open>,
    /// Opening failed and it was said.
    complained: bool,
}

#[derive(Debug)]
struct Open {
    likely: RawSocket,
    /// `None` when the kernel doesn't take the filters: everything comes to the other one.
    strays: Option<Second>,
}

/// Everything that a configuration needs, none of it open.
pub(super) fn ports(config: &Config) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    let mut behind: BTreeMap<InterfaceId, Vec<&InstanceConfig>> = BTreeMap::new();
    for instance in &config.instances {
        add(&mut ports, instance);
        if let Some(vmac) = instance.vmac {
            behind.entry(vmac.device).or_default().push(instance);
        }
    }
    let mut spoken: BTreeMap<InterfaceId, BTreeSet<Family>> = BTreeMap::new();
    for port in &ports {
        let families = spoken.entry(port.id).or_default();
        families.insert(port.purpose.family);
    }
    for device in &config.devices {
        for family in spoken.get(&device.base).into_iter().flatten() {
            let mut sieve = Sieve::new(*family, Some(device.mac));
            let instances = behind.get(&device.interface).into_iter().flatten();
            for instance in instances.filter(|i| self::family(i) == *family) {
                sieve.add(instance);
            }
            let purpose = Purpose {
                family: *family,
                protocol: wire::PROTOCOL,
                groups: Vec::new(),
                sender: Some(device.mac),
            };
            ports.push(Port::new(device.interface, device.base, purpose, sieve));
        }
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
    let found = ports.iter_mut().find(|port| {
        let Purpose {
            family: f,
            protocol: p,
            ..
        } = port.purpose;
        (port.id, f, p) == (id, family, protocol)
    });
    match found {
        Some(Port { purpose, sieve, .. }) => {
            let new = group.filter(|g| !purpose.groups.contains(g));
            purpose.groups.extend(new);
            sieve.add(instance);
        }
        None => {
            let purpose = Purpose {
                family,
                protocol,
                groups: Vec::from_iter(group),
                sender: None,
            };
            let mut sieve = Sieve::new(family, None);
            sieve.add(instance);
            ports.push(Port::new(id, id, purpose, sieve));
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
    const fn new(id: InterfaceId, heard_on: InterfaceId, purpose: Purpose, sieve: Sieve) -> Self {
        Self {
            id,
            heard_on,
            purpose,
            sieve,
            open: None,
            complained: false,
        }
    }

    /// Goes on with what the other has open, and with what waits in it, as the port of that number.
    pub(super) fn take_over(
        &mut self,
        old: &mut Self,
        ready: &Ready,
        strays: &Strays,
        number: usize,
    ) {
        self.complained = old.complained;
        let Some(mut open) = old.open.take() else {
            return;
        };
        let strained = match self.sieve == old.sieve {
            true => Ok(()),
            false => open.strain(&self.sieve),
        };
        let done = strained
            .and_then(|()| ready.renumber(&open.likely, number))
            .and_then(|()| match &open.strays {
                Some(second) => strays.renumber(second, number),
                None => Ok(()),
            });
        match done {
            Ok(()) => self.open = Some(open),
            Err(e) => warn!("can't go on with a socket, it is opened anew: {e}"),
        }
    }

    /// The kernel's index of the interface it is open on.
    pub(super) fn index(&self) -> Option<NonZeroU32> {
        self.open.as_ref().map(|open| open.likely.index())
    }

    /// The socket, if it sends over this family.
    pub(super) fn sender(&self, family: Family) -> Option<&RawSocket> {
        let socket = self.open.as_ref().map(|open| &open.likely);
        socket.filter(|socket| socket.sends(family))
    }

    /// The socket for strays.
    pub(super) fn strays(&mut self) -> Option<&mut Second> {
        self.open.as_mut()?.strays.as_mut()
    }

    /// Closes it, and opens it on the interface of that index and name, as the port of that number.
    pub(super) fn reopen(
        &mut self,
        name: &str,
        index: Option<NonZeroU32>,
        (ready, strays): (&Ready, &Strays),
        number: usize,
    ) {
        self.open = None;
        let Some(index) = index else { return };
        let opened = Open::new(name, index, &self.purpose, &self.sieve).and_then(|open| {
            ready.watch(&open.likely, number)?;
            if let Some(second) = &open.strays {
                strays.watch(second, number)?;
            }
            Ok(open)
        });
        match opened {
            Ok(open) => {
                debug!(interface = name, index, purpose = ?self.purpose, "listening");
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

    /// The next packet, if there is one; what isn't a whole packet is passed over. After a failure
    /// such as `ENETDOWN` it is closed, to be opened anew.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Option<Received> {
        self.hear(|open, on| Some(open.likely.receive(on, buffer)))
    }

    /// The same of the strays.
    pub(super) fn receive_stray(&mut self, buffer: &mut [u8]) -> Option<Received> {
        self.hear(|open, on| Some(open.strays.as_mut()?.receive(on, buffer)))
    }

    fn hear(
        &mut self,
        mut read: impl FnMut(&mut Open, InterfaceId) -> Option<io::Result<Option<Received>>>,
    ) -> Option<Received> {
        loop {
            match read(self.open.as_mut()?, self.heard_on)? {
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

impl Open {
    fn new(name: &str, index: NonZeroU32, purpose: &Purpose, sieve: &Sieve) -> io::Result<Self> {
        let likely = RawSocket::open(index, purpose)?;
        let strays = RawSocket::open_for_strays(index, purpose);
        let mut open = Self {
            likely,
            strays: strays.map(|socket| Second::new(name, socket)).ok(),
        };
        open.strain(sieve)?;
        Ok(open)
    }

    /// Gives the sockets the filters of the sieve. In between a packet may come to both, never to
    /// neither: what is new to the one is still let through by the other.
    fn strain(&mut self, sieve: &Sieve) -> io::Result<()> {
        let both = |second: &Second, sieve: &Sieve| {
            self.likely.pass(&sieve.filter(Passing::Likely))?;
            second.socket().pass(&sieve.filter(Passing::Strays))
        };
        let Some(second) = &self.strays else {
            return self.likely.pass(&sieve.filter(Passing::Everything));
        };
        let done = both(second, sieve).or_else(|e| {
            debug!("a coarse filter instead: {e}");
            both(second, &sieve.coarse())
        });
        done.or_else(|e| {
            debug!("no filter: {e}");
            self.strays = None;
            self.likely.pass(&sieve.filter(Passing::Everything))
        })
    }
}
