//! A daemon's side of its host: send, addresses, socket, checks.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Transmit;
use locum_engine::config::{ObjectId, VirtualAddress};
use locum_engine::ids::{CheckId, MacAddr};
use locum_engine::probe::Probe;

use super::Fabric;
use crate::kernel::{Delivery, Kernel, Socket};
use crate::record::{Observed, Remover};
use crate::topology::HostId;

impl Fabric {
    /// Sends what a daemon wants sent out of a NIC, now, and records it whether or not the wire takes it. An
    /// advert is wrapped by the kernel, to a neighbour through ARP; an announcement goes as it is.
    pub fn send(&mut self, nic: HostId, transmit: Transmit) {
        let from = self.hosts[nic.index()].kernel.mac();
        self.send_from(nic, from, transmit);
    }

    /// The same from the device on the NIC that has this hardware address; lost without one.
    pub fn send_from(&mut self, nic: HostId, from: MacAddr, transmit: Transmit) {
        let host = self.topology.owner(nic);
        if !self.hosts[host.index()].powered || !self.hosts[nic.index()].kernel.has_mac(from) {
            return;
        }
        match transmit {
            Transmit::Advert {
                instance,
                destination,
                priority,
                copy,
                packet,
                ..
            } => {
                // To several peers it is one advert.
                if !copy {
                    self.record(Observed::Advert {
                        host,
                        instance,
                        priority,
                    });
                }
                self.with_kernel(nic, |kernel, cx| {
                    kernel.send_packet(cx, from, destination, &packet);
                });
            }
            Transmit::GratuitousArp {
                instance,
                address,
                frame,
                ..
            } => {
                self.record(Observed::Announcement {
                    host,
                    instance,
                    address: address.into(),
                });
                self.transmit(nic, frame.as_slice().into());
            }
            Transmit::NeighbourAdvert {
                instance,
                address,
                frame,
                ..
            } => {
                self.record(Observed::Announcement {
                    host,
                    instance,
                    address: address.into(),
                });
                self.transmit(nic, frame.as_slice().into());
            }
        }
    }

    /// Adds an address to a host's NIC, or renews the lifetime of one that is there; `None` is for
    /// ever. Lifetimes run on the host's clock. False when the kernel refuses: no power.
    pub fn add_address(
        &mut self,
        host: HostId,
        address: &VirtualAddress,
        lifetime: Option<Duration>,
    ) -> bool {
        let on = self.hosts[host.index()].kernel.mac();
        self.add_address_on(host, on, address, lifetime)
    }

    /// The same on the device on the NIC that has this hardware address.
    pub fn add_address_on(
        &mut self,
        nic: HostId,
        on: MacAddr,
        address: &VirtualAddress,
        lifetime: Option<Duration>,
    ) -> bool {
        let address = address.address;
        if !self.hosts[nic.index()].powered {
            return false;
        }
        self.with_kernel(nic, |kernel, cx| {
            kernel.add_address(cx, address, lifetime, on);
        });
        true
    }

    /// Makes a device with a hardware address of its own on a NIC.
    pub fn create_device(&mut self, nic: HostId, mac: MacAddr) {
        self.with_kernel(nic, |kernel, _| kernel.create_device(mac));
    }

    /// Removes it, with the addresses on it.
    pub fn remove_device(&mut self, nic: HostId, mac: MacAddr) {
        self.with_kernel(nic, |kernel, cx| kernel.remove_device(cx, mac));
    }

    /// Puts up a route or a rule.
    pub fn install(&mut self, host: HostId, object: ObjectId) {
        self.with_kernel(host, |kernel, cx| kernel.install(cx, object));
    }

    /// Takes it down; that it isn't there is fine.
    pub fn uninstall(&mut self, host: HostId, object: ObjectId) {
        self.with_kernel(host, |kernel, cx| {
            kernel.uninstall(cx, object, Remover::Daemon);
        });
    }

    /// Drops what is addressed to these addresses, whichever NIC it comes to.
    pub fn shut(&mut self, host: HostId, addresses: &[IpAddr]) {
        self.each_part(host, |fabric, part| {
            fabric.with_kernel(part, |kernel, _| kernel.shut(addresses));
        });
    }

    /// Undoes that.
    pub fn unshut(&mut self, host: HostId, addresses: &[IpAddr]) {
        self.each_part(host, |fabric, part| {
            fabric.with_kernel(part, |kernel, _| kernel.unshut(addresses));
        });
    }

    /// Removes an address that a daemon added. That it isn't there is fine; the NIC's own address
    /// stays.
    pub fn remove_address(&mut self, host: HostId, address: impl Into<IpAddr>) {
        let address = address.into();
        self.with_kernel(host, |kernel, cx| kernel.release_address(cx, address));
    }

    /// A daemon opens its sockets: from now on packets queue for it, the state of its link first.
    pub fn open(&mut self, host: HostId) {
        if self.hosts[host.index()].powered {
            self.each_part(host, |fabric, part| {
                fabric.with_kernel(part, |kernel, _| kernel.open());
            });
        }
    }

    /// The daemon's sockets join these groups in place of 224.0.0.18 and ff02::12.
    pub fn join(&mut self, host: HostId, groups: &[IpAddr]) {
        self.each_part(host, |fabric, part| {
            fabric.with_kernel(part, |kernel, _| kernel.join(groups));
        });
    }

    /// The daemon sends from these addresses, and is told whether its NICs have them.
    pub fn watch(&mut self, host: HostId, sources: &[IpAddr]) {
        self.each_part(host, |fabric, part| {
            fabric.with_kernel(part, |kernel, _| kernel.watch(sources));
        });
    }

    /// Whether one of a host's NICs has that address.
    pub(crate) fn has_address(&mut self, host: HostId, address: IpAddr) -> bool {
        let mut parts = self.parts[host.index()].iter();
        parts.any(|part| self.hosts[part.index()].kernel.holds(address))
    }

    /// A daemon is gone: its sockets close, its checks end. Its addresses stay.
    pub fn close(&mut self, host: HostId) {
        self.each_part(host, |fabric, part| {
            fabric.with_kernel(part, |kernel, _| kernel.close());
        });
    }

    /// The next thing for a daemon from one of its NICs: host changes, then packets, then results of
    /// checks.
    pub fn poll(&mut self, nic: HostId) -> Option<Delivery> {
        self.kernel_mut(nic).socket_mut()?.poll()
    }

    /// The next thing for a daemon, with the NIC it comes from; earlier NICs go first.
    pub fn poll_all(&mut self, host: HostId) -> Option<(HostId, Delivery)> {
        (0..self.parts[host.index()].len()).find_map(|i| {
            let part = self.parts[host.index()][i];
            self.poll(part).map(|delivery| (part, delivery))
        })
    }

    /// Whether [`poll_all`](Self::poll_all) has something.
    pub fn has_delivery(&self, host: HostId) -> bool {
        let mut parts = self.parts[host.index()].iter();
        parts.any(|&part| self.socket(part).is_some_and(|socket| !socket.is_empty()))
    }

    /// Packets that a daemon's receive buffer had no room for since it was opened.
    pub fn dropped(&self, host: HostId) -> u64 {
        self.socket(host).map_or(0, |socket| socket.dropped)
    }

    /// Starts a run of a check from a host. Its result is delivered: at once when it needs no
    /// network, at `timeout` or at the probe's own if that is earlier at the latest.
    pub fn start_probe(&mut self, host: HostId, check: CheckId, probe: &Probe, timeout: Duration) {
        let target = crate::probe::first_target(probe);
        let nic = target.map_or(host, |target| self.topology.port_towards(host, target));
        self.with_kernel(nic, |kernel, cx| {
            kernel.start_probe(cx, check, probe, timeout);
        });
    }

    /// Gives up on a run: it will deliver nothing.
    pub fn cancel_probe(&mut self, host: HostId, check: CheckId) {
        self.each_part(host, |fabric, part| {
            fabric.with_kernel(part, |kernel, _| kernel.cancel_probe(check));
        });
    }

    /// A daemon that uses the NIC from now on is told its state.
    pub(crate) fn tell_link(&mut self, host: HostId) {
        self.kernel_mut(host).tell_link();
    }

    /// Puts an address on a host's NIC, for ever.
    pub(crate) fn put_address(&mut self, host: HostId, address: IpAddr) {
        self.with_kernel(host, |kernel, cx| {
            let on = kernel.mac();
            kernel.add_address(cx, address, None, on);
        });
    }

    /// The checks of a daemon are elsewhere in its new configuration, or gone.
    pub(crate) fn move_probes(&mut self, host: HostId, moves: &[Option<CheckId>]) {
        self.each_part(host, |fabric, part| {
            fabric.kernel_mut(part).move_probes(moves);
        });
    }

    /// Routes and rules have new positions.
    pub(crate) fn move_objects(
        &mut self,
        host: HostId,
        moved: impl Fn(ObjectId) -> Option<ObjectId>,
    ) {
        self.kernel_mut(host).move_objects(moved);
    }

    fn socket(&self, host: HostId) -> Option<&Socket> {
        self.hosts[host.index()].kernel.socket()
    }

    fn kernel_mut(&mut self, host: HostId) -> &mut Kernel {
        &mut self.hosts[host.index()].kernel
    }
}
