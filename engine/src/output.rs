//! What the engine wants done: one closed enum, drained in order.
//!
//! The order is a contract. Becoming master: advert, addresses, announcements, event. Letting go:
//! addresses, then the priority-0 advert (so that a peer can't take over before we are silent;
//! keepalived does it the other way round), then the event.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use crate::config::{Object, ObjectId, VirtualAddress, VirtualDevice};
use crate::event::Event;
use crate::ids::{CheckId, InstanceId, InterfaceId, MacAddr, Priority};
use crate::plan::Reloaded;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Put bytes on the wire.
    Transmit(Transmit),
    /// Change the host.
    Effect(Effect),
    /// Tell whoever listens; nothing depends on it.
    Event(Event),
    /// The answer to [`Command::Reload`](crate::Command::Reload).
    Reloaded(Reloaded),
    /// The answer to [`Command::Stop`](crate::Command::Stop): everything is let go. The last output.
    Stopped,
}

/// Bytes for the wire, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// An advert.
    Advert {
        /// Whose.
        instance: InstanceId,
        /// Out of this interface, and with its hardware address: the instance's, or its virtual
        /// device's.
        interface: InterfaceId,
        /// To the group, or to a peer.
        destination: IpAddr,
        /// The priority inside, for those who keep books.
        priority: Priority,
        /// The same advert as the one before, for another peer.
        copy: bool,
        /// The whole IP packet, IPv4 or IPv6 as the destination, header and checksums included.
        packet: Vec<u8>,
    },
    /// A gratuitous ARP.
    GratuitousArp {
        /// Whose.
        instance: InstanceId,
        /// Out of this interface.
        interface: InterfaceId,
        /// The address announced.
        address: Ipv4Addr,
        /// The hardware address it is announced at.
        mac: MacAddr,
        /// The whole Ethernet frame.
        frame: [u8; 42],
    },
    /// An unsolicited neighbour advertisement: what a gratuitous ARP is to IPv6.
    NeighbourAdvert {
        /// Whose.
        instance: InstanceId,
        /// Out of this interface.
        interface: InterfaceId,
        /// The address announced.
        address: Ipv6Addr,
        /// The hardware address it is announced at.
        mac: MacAddr,
        /// The whole Ethernet frame.
        frame: [u8; crate::wire::ndp::ANNOUNCEMENT_LEN],
    },
}

/// A change to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Add an address. That it is there already is success.
    AddAddress {
        /// For whom.
        instance: InstanceId,
        /// What.
        address: VirtualAddress,
        /// The kernel removes it by itself after so many whole seconds, unless it is refreshed. An
        /// address that was there before, and isn't ours, stays as it is.
        lifetime: Option<Duration>,
    },
    /// Let the lifetime of an address that was added begin anew.
    RefreshAddress {
        /// For whom.
        instance: InstanceId,
        /// What.
        address: VirtualAddress,
        /// In whole seconds.
        lifetime: Duration,
    },
    /// Remove an address. That it isn't there is success.
    RemoveAddress {
        /// For whom.
        instance: InstanceId,
        /// What.
        address: VirtualAddress,
    },
    /// Add an address that belongs to no instance.
    AddStaticAddress {
        /// Its position in [`Statics`](crate::config::Statics).
        index: u16,
        /// What.
        address: VirtualAddress,
    },
    /// Remove it.
    RemoveStaticAddress {
        /// Its position.
        index: u16,
        /// What.
        address: VirtualAddress,
    },
    /// Add a route or a rule. That it is there already is success. A refusal comes back as
    /// [`Input::ObjectRefused`](crate::Input::ObjectRefused).
    Install {
        /// Which.
        id: ObjectId,
        /// What it is.
        object: Object,
    },
    /// Remove a route or a rule. That it isn't there is success.
    Uninstall {
        /// Which.
        id: ObjectId,
        /// What it is.
        object: Object,
    },
    /// Make an interface with a virtual MAC address, up and without addresses. That it is there
    /// already, with this address, is success.
    CreateDevice {
        /// What.
        device: VirtualDevice,
    },
    /// Remove that interface, and with it what is on it.
    RemoveDevice {
        /// What.
        device: VirtualDevice,
    },
    /// Drop what is addressed to these addresses, as `no_accept` has it; forwarding goes on.
    Shut {
        /// For whom.
        instance: InstanceId,
        /// Which.
        addresses: Vec<IpAddr>,
    },
    /// Undo that.
    Unshut {
        /// For whom.
        instance: InstanceId,
        /// Which.
        addresses: Vec<IpAddr>,
    },
    /// Run a check now; answer with [`Input::CheckDone`](crate::Input::CheckDone).
    StartCheck {
        /// Which.
        check: CheckId,
        /// Give up, and answer `TimedOut`, after this long. The engine gives up by itself too.
        timeout: Duration,
    },
    /// The engine has given up on a run: kill it. Its answer, if one still comes, is ignored.
    CancelCheck {
        /// Which.
        check: CheckId,
    },
}
