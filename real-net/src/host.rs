//! The kernel's links and addresses: the engine's [`Host`].
//!
//! Two netlink sockets. One is subscribed to links and IPv4 addresses; what it says is kept as a
//! small table, and differences in it become [`HostChange`]s. The other carries our own requests, in
//! portions (`work`): the kernel has carried them out when `sendmsg` returns. When the monitor's queue
//! overflows, the table is read anew.

mod belongings;
mod devices;
mod filter;
mod lease;
mod leftovers;
mod made;
mod netlink;
mod sources;
mod sysctl;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use locum_engine::config::{Config, VirtualAddress, VirtualDevice};
use locum_engine::driver::{Host, HostChange};
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::plan::Reloaded;
use locum_engine::{Effect, LinkState};
use tokio::time::{Sleep, sleep};
use tracing::{debug, error, warn};

use self::belongings::Belongings;
use self::devices::Devices;
use self::filter::Filter;
use self::made::Made;
use self::netlink::{Change, Netlink};
use self::sources::Sources;
use self::sysctl::Sysctls;
use self::work::Work;
use crate::links::Links;
use crate::sys::readable::Readable;

/// The host this process runs on (more exactly: its network namespace).
#[derive(Debug)]
pub struct KernelHost {
    monitor: Readable<Netlink>,
    requests: Netlink,
    links: Rc<Links>,
    devices: Devices,
    belongings: Belongings,
    made: Made,
    filter: Filter,
    /// Addresses that come and go with mastership; never the source of adverts.
    virtual_addresses: BTreeSet<IpAddr>,
    /// Those that are up because of us, and whether their lifetime is ours to prolong.
    held: BTreeMap<VirtualAddress, bool>,
    work: Work,
    /// What the engine was told last.
    told: Vec<LinkState>,
    sources: Sources,
    changes: VecDeque<HostChange>,
    /// Reading everything anew has failed, and is tried again then.
    again: Option<Pin<Box<Sleep>>>,
    buffer: Vec<u8>,
}

const READ_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The kernel's word for an address that stays.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

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
        let requests = Netlink::requests()?;
        let monitor = Readable::new(Netlink::monitor(has_objects(config), &requests)?)?;
        let mut host = Self {
            monitor,
            requests,
            devices: Devices::read()?,
            virtual_addresses: virtual_addresses(config),
            held: BTreeMap::new(),
            work: Work::default(),
            again: None,
            belongings: Belongings::new(config, Rc::clone(&links)),
            made: Made::new(Rc::clone(&links)),
            filter: Filter::new(refuses_access(config)),
            told: vec![ABSENT; config.interfaces.len()],
            sources: Sources::new(),
            changes: VecDeque::new(),
            buffer: netlink::buffer(),
            links,
        };
        host.remove_leftovers(config);
        for id in host.links.ids() {
            let state = host.look_up(id);
            // There is nothing to tell of a device of ours before it is made.
            if config.device(id).is_some() {
                continue;
            }
            host.told[id.index()] = state;
            host.changes.push_back(HostChange::Link(id, state));
        }
        host.watch_sources(config);
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
        let device = self.devices.find(&self.links.name(id));
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
        self.report_sources();
    }

    fn report_removed(&mut self, ifindex: u32, address: IpAddr) {
        for id in self.links.ids() {
            if self.links.index(id).is_some_and(|i| i.get() == ifindex) {
                self.changes
                    .push_back(HostChange::AddressRemoved(id, address));
            }
        }
    }

    fn report_objects(&mut self, change: &Change) {
        let ids = match change {
            Change::RouteGone(key) => self.belongings.route(key),
            Change::RuleGone(key) => self.belongings.rule(key),
            _ => &[],
        };
        let removed = ids.iter().copied().map(HostChange::ObjectRemoved);
        self.changes.extend(removed);
    }

    /// Makes a device; it can be used as soon as this is back. A failure is news of a device that
    /// is down, and the engine asks again.
    fn create(&mut self, device: &VirtualDevice) {
        let id = device.interface;
        let name = self.links.name(id).to_owned();
        let present = self.devices.find(&name).map(|(index, _)| index);
        match self.made.create(&mut self.requests, device, present) {
            Ok(None) => debug!(interface = &*name, "device set up again"),
            Ok(Some(index)) => {
                debug!(interface = &*name, index, mac = %device.mac, "device made");
                if let Some(old) = present {
                    self.devices.apply(Change::LinkGone { index: old.get() });
                }
                let (up, mac) = (true, device.mac);
                self.devices.apply(Change::Link {
                    index,
                    name: name.to_string(),
                    up,
                    mac,
                    forwards: Some(Sysctls::forwards_ipv6(&name)),
                });
            }
            Err(e) => {
                self.made.complain(device, &e);
                self.told[id.index()] = LinkState { up: true, ..ABSENT };
            }
        }
        self.report_differences();
    }

    /// Removes a device. The engine knows, so nothing is reported.
    fn remove_device(&mut self, device: &VirtualDevice) {
        if let Some(index) = self.made.remove(device) {
            self.devices.apply(Change::LinkGone { index });
        }
        self.links.set(device.interface, None);
        self.told[device.interface.index()] = ABSENT;
    }

    fn take(&mut self) {
        let changes: Vec<Change> = netlink::changes(&self.buffer).collect();
        // Refreshed addresses are no news, and many.
        let news = changes.iter().any(|change| !self.devices.knows(change));
        for change in changes {
            if self.made.is_stale(&change) {
                continue;
            }
            if let Change::AddressGone { index, address } = &change {
                self.report_removed(*index, *address);
            }
            self.report_objects(&change);
            self.devices.apply(change);
        }
        if news {
            self.report_differences();
        }
    }

    /// Reads everything anew; later once more if that fails, for as long as it takes.
    fn catch_up(&mut self) {
        self.again = None;
        if let Err(e) = self.resynchronise() {
            error!("can't read links and addresses: {e}");
            self.again = Some(Box::pin(sleep(READ_AGAIN_AFTER)));
        }
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
        let mut missing = self.devices.missing_in(&now);
        for held in self.held.keys() {
            // The table isn't told of those that we have added.
            if let Some(index) = self.links.index(held.interface)
                && !now.has(index.get(), held.address)
            {
                missing.insert((index.get(), held.address));
            }
        }
        for (index, address) in missing {
            self.report_removed(index, address);
        }
        self.devices = now;
        self.made.caught_up();
        self.belongings.renew(&mut self.requests);
        self.report_differences();
        Ok(())
    }
}

/// Whether routes and rules have to be watched.
fn has_objects(config: &Config) -> bool {
    let mut objects = config.instances.iter().map(|i| &i.objects);
    objects.any(|o| !o.is_empty()) || !config.statics.objects.is_empty()
}

/// Whether some address may have to be shut.
fn refuses_access(config: &Config) -> bool {
    config.instances.iter().any(|i| i.refuses_access())
}

/// What is never the source of adverts.
fn virtual_addresses(config: &Config) -> BTreeSet<IpAddr> {
    let held = config.instances.iter().flat_map(|i| i.held_addresses());
    held.map(|a| a.address).collect()
}

impl KernelHost {
    /// Interfaces that are new are told as at the start.
    fn tell_anew(&mut self, reloaded: &Reloaded) {
        let (config, moves) = (&reloaded.config, &reloaded.plan.moves);
        let told = core::mem::take(&mut self.told);
        for id in self.links.ids() {
            let state = self.look_up(id);
            let known = moves.interface_before(id).map(|old| told[old.index()]);
            if config.device(id).is_some() {
                // Kept as it is, or yet to be made.
                self.told.push(known.unwrap_or(ABSENT));
                continue;
            }
            if known != Some(state) {
                self.changes.push_back(HostChange::Link(id, state));
            }
            self.told.push(state);
        }
        self.watch_sources(config);
    }
}

impl Host for KernelHost {
    fn reload(&mut self, reloaded: &Reloaded) {
        let Reloaded { config, plan, .. } = reloaded;
        let moves = &plan.moves;
        self.finish_work();
        self.virtual_addresses = virtual_addresses(config);
        let held = std::mem::take(&mut self.held);
        let moved_address = |(a, ours)| Some((moves.address(&a)?, ours));
        self.held = held.into_iter().filter_map(moved_address).collect();
        self.belongings.reload(reloaded);
        self.made.reload(moves);
        self.filter.reload(refuses_access(config));
        if has_objects(config)
            && let Err(e) = self.monitor.get().follow_objects()
        {
            error!("routes and rules that somebody removes go unnoticed: {e}");
        }
        let changes = self.changes.drain(..);
        self.changes = changes.filter_map(|c| moved(c, reloaded)).collect();
        self.links.replace(&config.interfaces);
        self.tell_anew(reloaded);
    }

    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<HostChange> {
        self.made.bury_doomed(&mut self.requests);
        loop {
            if let Some(change) = self.changes.pop_front() {
                self.tell_of_the_end();
                return Poll::Ready(change);
            }
            if let Some(again) = &mut self.again
                && again.as_mut().poll(cx).is_ready()
            {
                self.catch_up();
                continue;
            }
            let buffer = &mut self.buffer;
            match ready!(self.monitor.poll_read(cx, |m| m.receive(buffer))) {
                Ok(()) => self.take(),
                // ENOBUFS in practice. Whatever it is, the table can't be trusted any more.
                Err(_) => self.catch_up(),
            }
        }
    }

    fn apply(&mut self, effect: Effect) {
        if self.links.are_kept() {
            return self.keep(&effect);
        }
        match effect {
            Effect::AddAddress {
                instance,
                address,
                lifetime,
            } => {
                let refused = HostChange::AddressRefused(instance, address.address);
                self.add(address, lifetime, refused);
            }
            Effect::RefreshAddress {
                address, lifetime, ..
            } => self.refresh(address, lifetime),
            Effect::RemoveAddress { address, .. } | Effect::RemoveStaticAddress { address, .. } => {
                self.remove(address);
            }
            Effect::AddStaticAddress { index, address } => {
                self.add(address, None, HostChange::StaticAddressRefused(index));
            }
            Effect::Install { id, object } => {
                self.finish_work();
                if let Err(e) = self.belongings.install(&mut self.requests, object) {
                    warn!(?id, "the kernel refused a route or a rule: {e}");
                    self.changes.push_back(HostChange::ObjectRefused(id));
                }
            }
            Effect::Uninstall { object, .. } => {
                self.finish_work();
                self.belongings.uninstall(&mut self.requests, &object);
            }
            Effect::CreateDevice { device } => {
                self.finish_work();
                self.create(&device);
            }
            Effect::RemoveDevice { device } => {
                self.finish_work();
                self.remove_device(&device);
            }
            Effect::Shut { addresses, .. } => self.filter.set(&addresses, true),
            Effect::Unshut { addresses, .. } => {
                self.finish_work();
                self.filter.set(&addresses, false);
            }
            // Checks are the business of `Probes`.
            Effect::StartCheck { .. } | Effect::CancelCheck { .. } => {}
        }
    }

    fn work(&mut self) -> bool {
        self.work_a_portion()
    }
}

/// A change that was on its way while the configuration changed.
fn moved(change: HostChange, reloaded: &Reloaded) -> Option<HostChange> {
    let (old, new, moves) = (&reloaded.before, &reloaded.config, &reloaded.plan.moves);
    Some(match change {
        HostChange::Link(id, state) => HostChange::Link(moves.interface(id)?, state),
        change @ HostChange::Source(..) => change,
        HostChange::AddressRemoved(id, address) => {
            HostChange::AddressRemoved(moves.interface(id)?, address)
        }
        HostChange::AddressRefused(id, address) => {
            HostChange::AddressRefused(moves.instance(id)?, address)
        }
        HostChange::ObjectRemoved(id) => HostChange::ObjectRemoved(moves.object_id(id, old, new)?),
        HostChange::ObjectRefused(id) => HostChange::ObjectRefused(moves.object_id(id, old, new)?),
        HostChange::StaticAddressRefused(index) => {
            HostChange::StaticAddressRefused(moves.static_address(index, old, new)?)
        }
    })
}

/// Whoever stops in order holds nothing any more. A panic unwinds through here: a daemon that dies
/// of its own bug must not leave an address behind that nobody defends.
impl Drop for KernelHost {
    fn drop(&mut self) {
        if self.links.are_kept() {
            return self.filter.leave();
        }
        let held = std::mem::take(&mut self.held);
        self.remove_now(held.keys());
        self.belongings.clear(&mut self.requests);
        self.made.clear(&mut self.requests);
    }
}
