//! The kernel's links and addresses: the engine's [`Host`].
//!
//! Two netlink sockets. One is subscribed to links and IPv4 addresses; what it says is kept as a
//! small table, and differences in it become [`HostChange`]s. The other carries our own requests:
//! the kernel has carried a request out when `sendmsg` returns, so an address is up before the
//! announcement that follows it is sent. When the monitor's queue overflows, the table is read
//! anew.

mod devices;
mod netlink;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use locum_engine::config::{Config, VirtualAddress};
use locum_engine::driver::{Host, HostChange};
use locum_engine::ids::{InstanceId, InterfaceId, MacAddr};
use locum_engine::{Effect, LinkState};
use tracing::{debug, error, warn};

use self::devices::Devices;
use self::netlink::{Change, Netlink};
use crate::links::Links;
use crate::sys::readable::Readable;

/// The host this process runs on (more exactly: its network namespace).
#[derive(Debug)]
pub struct KernelHost {
    monitor: Readable<Netlink>,
    requests: Netlink,
    links: Rc<Links>,
    devices: Devices,
    /// Addresses that come and go with mastership; never the source of adverts.
    virtual_addresses: BTreeSet<IpAddr>,
    /// Those that are up because of us.
    held: BTreeSet<VirtualAddress>,
    /// What the engine was told last.
    told: Vec<LinkState>,
    changes: VecDeque<HostChange>,
    buffer: Vec<u8>,
}

/// What is said of an interface that doesn't exist.
const ABSENT: LinkState = LinkState {
    up: false,
    mac: MacAddr([0; 6]),
    address: None,
    link_local: None,
    forwards_ipv6: false,
};

impl KernelHost {
    /// Reads the present state; every configured interface is reported once, then changes.
    ///
    /// An interface that doesn't exist is reported as down and waited for. Must be called inside
    /// a tokio runtime.
    pub fn new(config: &Config, links: Rc<Links>) -> io::Result<Self> {
        // Subscribed before the table is read: a change in between is applied twice, not missed.
        let monitor = Readable::new(Netlink::monitor()?)?;
        let held = config.instances.iter().flat_map(|i| i.held_addresses());
        let mut host = Self {
            monitor,
            requests: Netlink::requests()?,
            devices: Devices::read()?,
            virtual_addresses: held.map(|a| a.address).collect(),
            held: BTreeSet::new(),
            told: vec![ABSENT; config.interfaces.len()],
            changes: VecDeque::new(),
            buffer: netlink::buffer(),
            links,
        };
        for id in host.links.ids() {
            let state = host.look_up(id);
            host.told[id.index()] = state;
            host.changes.push_back(HostChange::Link(id, state));
        }
        host.tell_of_the_end();
        Ok(host)
    }

    /// Once the changes queued at start are taken, the instances may start.
    fn tell_of_the_end(&self) {
        if self.changes.is_empty() {
            self.links.set_all_told();
        }
    }

    /// The present state of an interface; refreshes its index on the way.
    fn look_up(&self, id: InterfaceId) -> LinkState {
        let device = self.devices.find(self.links.name(id));
        self.links.set(id, device.map(|(index, _)| index));
        device.map_or(ABSENT, |(_, d)| d.state(&self.virtual_addresses))
    }

    fn report_differences(&mut self) {
        for id in self.links.ids() {
            let state = self.look_up(id);
            if self.told[id.index()] != state {
                self.told[id.index()] = state;
                self.changes.push_back(HostChange::Link(id, state));
            }
        }
    }

    fn report_removed(&mut self, ifindex: u32, address: IpAddr) {
        for id in self.links.ids() {
            if self.links.index(id).is_some_and(|i| i.get() == ifindex) {
                self.changes
                    .push_back(HostChange::AddressRemoved(id, address));
            }
        }
    }

    fn take(&mut self) {
        let changes: Vec<Change> = netlink::changes(&self.buffer).collect();
        for change in changes {
            if let Change::AddressGone { index, address } = change {
                self.report_removed(index, address);
            }
            self.devices.apply(change);
        }
        self.report_differences();
    }

    /// Changes were lost: forgets what is queued, reads everything anew, reports what differs.
    fn resynchronise(&mut self) -> io::Result<()> {
        warn!("the kernel's change queue overflowed; reading links and addresses anew");
        loop {
            match self.monitor.get().receive(&mut self.buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Ok(()) | Err(_) => {}
            }
        }
        let now = Devices::read()?;
        for (index, address) in self.devices.missing_in(&now) {
            self.report_removed(index, address);
        }
        self.devices = now;
        self.report_differences();
        Ok(())
    }

    fn add(&mut self, instance: InstanceId, address: &VirtualAddress) {
        let result = self.request(address, Netlink::add_address);
        match result {
            Ok(()) => debug!(address = %address.address, "address added"),
            Err(e) if e.raw_os_error() == Some(libc::EEXIST) => {
                debug!(address = %address.address, "address was there already");
            }
            Err(e) => {
                error!(address = %address.address, "the kernel refused an address: {e}");
                self.changes
                    .push_back(HostChange::AddressRefused(instance, address.address));
            }
        }
    }

    fn remove(&mut self, address: &VirtualAddress) {
        match self.request(address, Netlink::remove_address) {
            Ok(()) => debug!(address = %address.address, "address removed"),
            Err(e) if matches!(e.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV)) => {}
            Err(e) => error!(address = %address.address, "can't remove an address: {e}"),
        }
    }

    fn request(
        &mut self,
        address: &VirtualAddress,
        send: impl Fn(&mut Netlink, u32, &VirtualAddress) -> io::Result<()>,
    ) -> io::Result<()> {
        let no_device = || io::Error::from_raw_os_error(libc::ENODEV);
        let index = self.links.index(address.interface).ok_or_else(no_device)?;
        send(&mut self.requests, index.get(), address)
    }
}

impl Host for KernelHost {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<HostChange> {
        loop {
            if let Some(change) = self.changes.pop_front() {
                self.tell_of_the_end();
                return Poll::Ready(change);
            }
            let buffer = &mut self.buffer;
            match ready!(self.monitor.poll_read(cx, |m| m.receive(buffer))) {
                Ok(()) => self.take(),
                Err(_) => {
                    // ENOBUFS in practice. Whatever it is, the table can't be trusted any more.
                    if let Err(e) = self.resynchronise() {
                        error!("can't read links and addresses: {e}");
                    }
                }
            }
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::AddAddress { instance, address } => {
                self.add(instance, &address);
                self.held.insert(address);
            }
            Effect::RemoveAddress { address, .. } => {
                self.remove(&address);
                self.held.remove(&address);
            }
            Effect::AddStaticAddress { .. }
            | Effect::RemoveStaticAddress { .. }
            | Effect::Install { .. }
            | Effect::Uninstall { .. }
            | Effect::CreateDevice { .. }
            | Effect::RemoveDevice { .. }
            | Effect::Shut { .. }
            | Effect::Unshut { .. } => warn!("not carried out yet: {effect:?}"),
            // Checks are the business of `Probes`.
            Effect::StartCheck { .. } | Effect::CancelCheck { .. } => {}
        }
    }
}

/// Whoever stops in order holds nothing any more. A panic unwinds through here: a daemon that dies
/// of its own bug must not leave an address behind that nobody defends.
impl Drop for KernelHost {
    fn drop(&mut self) {
        for address in std::mem::take(&mut self.held) {
            self.remove(&address);
        }
    }
}
