//! Addresses that the kernel removes by itself, and the tag by which ours are known.

use std::time::Duration;

use locum_engine::config::VirtualAddress;

use super::address::{put, put_address};
use super::attributes;
use super::batch::Batch;

/// The protocol (`IFA_PROTO`) of every address that we add; nobody else's as far as is known.
/// `ip address show proto 76` lists them. Kernels before 5.18 pass over it.
pub(crate) const TAG: u8 = 76;

/// linux/if_addr.h
pub(super) const IFA_PROTO: u16 = 11;
const IFA_CACHEINFO: u16 = 6;

impl Batch {
    /// Adds an address. `EEXIST` says that it is there already.
    pub(crate) fn add_address(
        &mut self,
        index: u32,
        address: &VirtualAddress,
        lifetime: Option<Duration>,
    ) {
        self.add(|bytes| put_tagged(bytes, index, address, lifetime));
    }

    /// Lets the lifetime of an address of ours begin anew. One that isn't there is added.
    pub(crate) fn refresh_address(
        &mut self,
        index: u32,
        address: &VirtualAddress,
        lifetime: Duration,
    ) {
        self.replace(|bytes| put_tagged(bytes, index, address, Some(lifetime)));
    }

    /// Removes an address. `EADDRNOTAVAIL` says that it isn't there.
    pub(crate) fn remove_address(&mut self, index: u32, address: &VirtualAddress) {
        self.remove(|bytes| put_address(bytes, index, address));
    }
}

/// The address, ours, for so long or for ever.
fn put_tagged(
    bytes: &mut Vec<u8>,
    index: u32,
    address: &VirtualAddress,
    lifetime: Option<Duration>,
) {
    put_address(bytes, index, address);
    put(bytes, IFA_PROTO, &[TAG]);
    // The kernel counts in whole seconds, 2^32 - 1 being for ever.
    let valid = lifetime.map_or(u32::MAX, |lifetime| {
        u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
    });
    let preferred = address.preferred();
    if lifetime.is_some() || preferred.is_some() {
        // Nothing is preferred for longer than it is there.
        let preferred = preferred.unwrap_or(u32::MAX).min(valid);
        // `struct ifa_cacheinfo`; the kernel knows by itself when that was.
        let mut info = [0; 16];
        info[..4].copy_from_slice(&preferred.to_ne_bytes());
        info[4..8].copy_from_slice(&valid.to_ne_bytes());
        put(bytes, IFA_CACHEINFO, &info);
    }
}

/// Whether the attributes of an address have our tag.
pub(super) fn is_tagged(bytes: &[u8]) -> bool {
    attributes(bytes).any(|(kind, value)| kind == IFA_PROTO && value == [TAG])
}
