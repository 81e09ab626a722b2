//! What the engine wants done: one closed enum, drained in order.
//!
//! The order is a contract. Becoming master: advert, addresses, announcements, event. Letting go:
//! addresses, then the priority-0 advert (so that a peer can't take over before we are silent;
//! keepalived does it the other way round), then the event.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use crate::config::VirtualAddress;
use crate::event::Event;
use crate::ids::{CheckId, InstanceId, InterfaceId, MacAddr, Priority};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Put bytes on the wire.
    Transmit(Transmit),
    /// Change the host.
    Effect(Effect),
    /// Tell whoever listens; nothing depends on it.
    Event(Event),
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
        /// Out of this interface.
        interface: InterfaceId,
        /// To the group, or to a peer.
        destination: IpAddr,
        /// The priority inside, for those who keep books.
        priority: Priority,
        /// The same advert as the one before, for another peer.
        copy: bool,
        /// The whole IP packet, header included.
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
    },
    /// Remove an address. That it isn't there is success.
    RemoveAddress {
        /// For whom.
        instance: InstanceId,
        /// What.
        address: VirtualAddress,
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
