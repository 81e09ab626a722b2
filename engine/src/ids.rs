//! Small names for things: newtypes, so that a VRID can't be passed where a priority is meant.
//!
//! The dense indices ([`InterfaceId`], [`InstanceId`], [`CheckId`]) point into the lists of
//! [`Config`](crate::config::Config) and stay valid for as long as that configuration does.

use core::fmt;
use core::num::NonZeroU8;

use serde::{Deserialize, Serialize};

/// Virtual router identifier, 1 to 255 (RFC 9568 5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// `None` for zero, which is not a VRID.
    pub const fn new(vrid: u8) -> Option<Self> {
        match NonZeroU8::new(vrid) {
            Some(vrid) => Some(Self(vrid)),
            None => None,
        }
    }

    /// The number on the wire.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Election priority as carried in adverts (RFC 9568 5.2.4): 1 to 254, 255 for the owner of the
/// addresses, 0 to say that the master resigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Priority(pub u8);

impl Priority {
    /// Sent by a master that lets go; never a router's own priority.
    pub const RELEASE: Self = Self(0);
    /// The lowest a router can have.
    pub const LOWEST: Self = Self(1);
    /// keepalived's and the RFC's default.
    pub const DEFAULT: Self = Self(100);
    /// The owner of the addresses.
    pub const OWNER: Self = Self(255);

    /// The number on the wire.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u16);

        impl $name {
            /// The position in the configuration's list.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A network interface the configuration names.
    InterfaceId
}
index! {
    /// A virtual router: one `vrrp_instance` block.
    InstanceId
}
index! {
    /// A health check: one `vrrp_script` block.
    CheckId
}
index! {
    /// A tracked file: one `track_file` block.
    FileId
}
index! {
    /// Tracked processes: one `track_process` block.
    ProcessId
}
index! {
    /// Virtual routers that are master together: one `vrrp_sync_group` block.
    GroupId
}

/// An Ethernet address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Every station of the segment.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Broadcast or multicast: the group bit of the first octet.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
