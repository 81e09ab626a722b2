//! One place where VRRP is heard: a raw socket on an interface, or an ear for a virtual MAC address.
//!
//! Opened when its interface is there, opened anew when the interface comes back as another one or the
//! socket fails. Beside each socket there is one for strays (`sieve`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU32;

use locum_engine::config::{Auth, Config, InstanceConfig};
use locum_engine::driver::Received;
use locum_engine::ids::InterfaceId;
use locum_engine::wire::{self, Family};
use tracing::{debug, warn};

use super::ready::Ready;
use super::sieve::{Passing, Sieve};
use super::socket::{Purpose, RawSocket};
use super::strays::{Queue, Second, Strays};

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
    /// Of what may be ours, read since its socket's queue was last looked at.
    read: u32,
    /// That queue has been full.
    overrun: bool,
}

#[derive(Debug)]
struct Open {
    likely: RawSocket,
    /// What its queue had no room for when it was last looked at.
    dropped: u32,
    /// `None` when the kernel doesn't take the filters: everything comes to the other one.
    strays: Option<Second>,
    /// While more comes than can be read, what may be ours and isn't from those that are known.
    crowd: Option<Second>,
    /// Those that are known, meanwhile.
    known: Vec<IpAddr>,
}

/// The queue is looked at after so many packets.
const LOOK: u32 = 256;
/// So many are known at once on a port: each costs a few instructions for each packet.
const KNOWN_MAX: usize = 32;

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
            read: 0,
            overrun: false,
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
        let mut done = strained.and_then(|()| ready.renumber(&open.likely, number));
        for second in open.strays.iter().chain(&open.crowd) {
            done = done.and_then(|()| strays.renumber(second, number));
        }
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

    /// One of the sockets that are read at leisure.
    pub(super) fn second(&mut self, queue: Queue) -> Option<&mut Second> {
        let open = self.open.as_mut()?;
        match queue {
            Queue::Strays => open.strays.as_mut(),
            Queue::Crowd => open.crowd.as_mut(),
        }
    }

    /// More has come than was read, and nothing has been done about it yet.
    pub(super) const fn is_overrun(&self) -> bool {
        self.overrun
    }

    /// Whether it matters who is known.
    pub(super) fn is_crowded(&self) -> bool {
        self.overrun || self.open.as_ref().is_some_and(|open| open.crowd.is_some())
    }

    /// Reads what comes from these first from now on, as the port of that number.
    pub(super) fn prefer(
        &mut self,
        name: &str,
        mut known: Vec<IpAddr>,
        watched: (&Ready, &Strays),
        number: usize,
    ) {
        self.overrun = false;
        known.truncate(KNOWN_MAX);
        let Some(open) = &mut self.open else { return };
        let begins = open.crowd.is_none();
        // Without the other filters, or anybody to prefer, there is nothing to gain.
        if open.known == known || begins && open.strays.is_none() {
            return;
        }
        let done = match begins.then(|| RawSocket::open(open.likely.index(), &self.purpose)) {
            None => Ok(()),
            Some(Ok(first)) => open.begin_crowd(name, first, watched, number),
            Some(Err(e)) => return debug!("nobody can be preferred: {e}"),
        };
        open.known = known;
        let done = done.and_then(|()| open.strain(&self.sieve));
        self.reconsider(done);
    }

    /// There is room for all again.
    pub(super) fn disperse(&mut self, ready: &Ready, strays: &Strays, number: usize) {
        let Some(open) = &mut self.open else { return };
        let Some(crowd) = open.crowd.take() else {
            return;
        };
        open.known.clear();
        let done = strays.ignore(&crowd).and_then(|()| {
            open.likely = crowd.into_socket();
            open.dropped = open.likely.dropped()?;
            ready.watch(&open.likely, number)?;
            open.strain(&self.sieve)
        });
        self.reconsider(done);
    }

    fn reconsider(&mut self, done: io::Result<()>) {
        if let Err(e) = done {
            warn!("can't go on with a socket, it is opened anew: {e}");
            self.open = None;
        }
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
        let received = self.hear(|open, on| Some(open.likely.receive(on, buffer)));
        self.read += 1;
        if self.read >= LOOK {
            self.look();
        }
        received
    }

    fn look(&mut self) {
        self.read = 0;
        if let Some(open) = &mut self.open
            && open.crowd.is_none()
            && let Ok(dropped) = open.likely.dropped()
        {
            let before = std::mem::replace(&mut open.dropped, dropped);
            self.overrun |= before != dropped;
        }
    }

    /// The same of what is read at leisure.
    pub(super) fn receive_at_leisure(
        &mut self,
        queue: Queue,
        buffer: &mut [u8],
    ) -> Option<Received> {
        self.hear(|open, on| {
            let second = match queue {
                Queue::Strays => &mut open.strays,
                Queue::Crowd => &mut open.crowd,
            };
            Some(second.as_mut()?.receive(on, buffer))
        })
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
            dropped: 0,
            strays: strays
                .map(|socket| Second::new(name, socket, Queue::Strays))
                .ok(),
            crowd: None,
            known: Vec::new(),
        };
        open.strain(sieve)?;
        Ok(open)
    }

    /// Puts a socket for known senders in front.
    fn begin_crowd(
        &mut self,
        name: &str,
        first: RawSocket,
        (ready, strays): (&Ready, &Strays),
        number: usize,
    ) -> io::Result<()> {
        ready.ignore(&self.likely)?;
        ready.watch(&first, number)?;
        let rest = std::mem::replace(&mut self.likely, first);
        let crowd = self.crowd.insert(Second::new(name, rest, Queue::Crowd));
        strays.watch(crowd, number)
    }

    /// Gives the sockets the filters of the sieve. In between a packet may come to both, never to
    /// neither: what is new to the one is still let through by the other.
    fn strain(&mut self, sieve: &Sieve) -> io::Result<()> {
        let both = |second: &Second, sieve: &Sieve| {
            match &self.crowd {
                None => self.likely.pass(&sieve.filter(Passing::Likely))?,
                Some(crowd) => {
                    let (known, rest) =
                        (Passing::Known(&self.known), Passing::Unknown(&self.known));
                    self.likely.pass(&sieve.filter(known))?;
                    crowd.socket().pass(&sieve.filter(rest))?;
                }
            }
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
            (self.strays, self.crowd) = (None, None);
            self.likely.pass(&sieve.filter(Passing::Everything))
        })
    }
}
