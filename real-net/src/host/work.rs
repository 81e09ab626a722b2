//! What the kernel is still to be asked for, in the order in which the engine wanted it.
//!
//! Thousands of addresses take the kernel a while. They are asked for in portions, many requests in
//! one datagram, and between two portions adverts are sent and heard. Whatever has to come after an
//! address, its announcement above all, waits for its portion ([`Links::done`]).
//!
//! [`Links::done`]: crate::links::Links::done

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use locum_engine::config::VirtualAddress;
use locum_engine::driver::HostChange;
use tracing::{debug, error, warn};

use super::netlink::Batch;
use super::{FOR_EVER, KernelHost};

/// So many requests in one go: less than a millisecond.
const PORTION: usize = 64;

/// One address, and what is to become of it.
#[derive(Debug)]
pub(super) struct Request {
    address: VirtualAddress,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `refused` is told when the kernel refuses it.
    Add {
        lifetime: Option<Duration>,
        refused: HostChange,
    },
    Refresh(Duration),
    Remove,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Work {
    queue: VecDeque<Request>,
    batch: Batch,
}

impl KernelHost {
    pub(super) fn add(
        &mut self,
        address: VirtualAddress,
        lifetime: Option<Duration>,
        refused: HostChange,
    ) {
        self.put_off(address, Kind::Add { lifetime, refused });
    }

    /// Lets the lifetime of an address begin anew, if it is one that we have added: an address that
    /// was there before keeps the one it has.
    pub(super) fn refresh(&mut self, address: VirtualAddress, lifetime: Duration) {
        self.put_off(address, Kind::Refresh(lifetime));
    }

    pub(super) fn remove(&mut self, address: VirtualAddress) {
        self.put_off(address, Kind::Remove);
    }

    fn put_off(&mut self, address: VirtualAddress, kind: Kind) {
        let now = address.address.is_ipv6();
        self.work.queue.push_back(Request { address, kind });
        self.links.ask();
        if now {
            // Its device says things of its own about it: nothing may come in between.
            self.finish_work();
        }
    }

    /// Carries out all of it: something follows that must find it done.
    pub(super) fn finish_work(&mut self) {
        while self.work_a_portion() {}
    }

    /// Carries out a portion. True if there is more.
    pub(super) fn work_a_portion(&mut self) -> bool {
        // What an IPv6 address leaves behind on its device depends on who is still there: one by one.
        let alone = |r: &Request| matches!(r.kind, Kind::Remove) && r.address.address.is_ipv6();
        let portion = self.work.queue.len().min(PORTION);
        let together = self.work.queue.iter().take(portion).position(alone);
        let count = together.map_or(portion, |others| others.max(1));
        if count == 0 {
            return false;
        }
        let requests: Vec<Request> = self.work.queue.drain(..count).collect();
        let sent: Vec<bool> = requests.iter().map(|r| self.write(r)).collect();
        let mut results = self.requests.carry_out(&mut self.work.batch).into_iter();
        for (request, sent) in requests.into_iter().zip(sent) {
            let result = match sent {
                true => results.next().unwrap_or(Ok(())),
                false => Err(io::Error::from_raw_os_error(libc::ENODEV)),
            };
            self.settle(request, result);
        }
        self.links
            .carried_out(u64::try_from(count).unwrap_or_default());
        if self.work.queue.is_empty() {
            self.work.queue = VecDeque::new();
        }
        !self.work.queue.is_empty()
    }

    /// False when there is no interface.
    fn write(&mut self, Request { address, kind }: &Request) -> bool {
        let Some(index) = self.links.index(address.interface) else {
            return false;
        };
        match kind {
            Kind::Add { .. } if address.address.is_ipv6() => {
                self.made.speak_ipv6(address.interface, true);
            }
            Kind::Remove if address.address.is_ipv6() && self.is_last_ipv6(address) => {
                // Before the address goes: it would take its leave of its group in a report.
                self.made.speak_ipv6(address.interface, false);
            }
            Kind::Add { .. } | Kind::Refresh(_) | Kind::Remove => {}
        }
        let (index, batch) = (index.get(), &mut self.work.batch);
        match kind {
            Kind::Add { lifetime, .. } => batch.add_address(index, address, *lifetime),
            Kind::Refresh(lifetime) if self.held.get(address) == Some(&true) => {
                batch.refresh_address(index, address, *lifetime);
            }
            Kind::Refresh(_) => return false,
            Kind::Remove => batch.remove_address(index, address),
        }
        true
    }

    /// No other IPv6 address of ours is on its interface.
    fn is_last_ipv6(&self, address: &VirtualAddress) -> bool {
        let other = |held: &VirtualAddress| {
            let here = held.interface == address.interface && held.address.is_ipv6();
            here && held.address != address.address
        };
        !self.held.keys().any(other)
    }

    fn settle(&mut self, Request { address, kind }: Request, result: io::Result<()>) {
        match kind {
            Kind::Add { lifetime, refused } => self.added(address, lifetime, refused, result),
            Kind::Refresh(_) => match result {
                Ok(()) => {}
                // Its interface is gone, which is reported by itself; or it isn't ours to prolong.
                Err(e) if e.raw_os_error() == Some(libc::ENODEV) => {}
                Err(e) => warn!(address = %address.address, "can't refresh an address: {e}"),
            },
            Kind::Remove => {
                self.held.remove(&address);
                removed(&address, result);
            }
        }
    }

    fn added(
        &mut self,
        address: VirtualAddress,
        lifetime: Option<Duration>,
        refused: HostChange,
        result: io::Result<()>,
    ) {
        let there = |e: &io::Error| e.raw_os_error() == Some(libc::EEXIST);
        let ours = match &result {
            Ok(()) => true,
            Err(e) => {
                there(e) && (self.held.get(&address) == Some(&true) || self.has_tag(&address))
            }
        };
        match result {
            Ok(()) => debug!(address = %address.address, "address added"),
            Err(e) if there(&e) => {
                debug!(address = %address.address, "address was there already");
                if ours && let Some(index) = self.links.index(address.interface) {
                    let lifetime = lifetime.unwrap_or(FOR_EVER);
                    let batch = &mut self.work.batch;
                    batch.refresh_address(index.get(), &address, lifetime);
                    for result in self.requests.carry_out(batch) {
                        if let Err(e) = result {
                            warn!(address = %address.address, "can't refresh an address: {e}");
                        }
                    }
                }
            }
            Err(e) => {
                error!(address = %address.address, "the kernel refused an address: {e}");
                self.changes.push_back(refused);
            }
        }
        let is_source = self.sources.contains_key(&address.address);
        self.held.insert(address, ours);
        if is_source {
            self.report_sources();
        }
    }

    /// Removes them now, whatever else waits.
    pub(super) fn remove_now<'a>(&mut self, addresses: impl Iterator<Item = &'a VirtualAddress>) {
        let mut batch = Batch::default();
        let mut addresses = addresses.peekable();
        while addresses.peek().is_some() {
            let mut removing = Vec::new();
            for address in addresses.by_ref().take(PORTION) {
                if let Some(index) = self.links.index(address.interface) {
                    batch.remove_address(index.get(), address);
                    removing.push(address);
                }
            }
            for (address, result) in removing.iter().zip(self.requests.carry_out(&mut batch)) {
                removed(address, result);
            }
        }
    }
}

fn removed(address: &VirtualAddress, result: io::Result<()>) {
    match result {
        Ok(()) => debug!(address = %address.address, "address removed"),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV)) => {}
        Err(e) => error!(address = %address.address, "can't remove an address: {e}"),
    }
}
