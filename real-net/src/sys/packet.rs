//! Link-layer socket addresses: `sockaddr_ll`, which socket2 can carry but not build.
#![expect(unsafe_code, reason = "see the argument at the block")]

use socket2::{SockAddr, SockAddrStorage};

/// The address of an interface for an `AF_PACKET` socket: to bind to it, or to send through it.
///
/// `protocol` is an EtherType such as 0x0806; 0 receives nothing.
pub(crate) fn link_address(ifindex: u32, protocol: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    let length = size_of::<libc::sockaddr_ll>();
    // SAFETY: `SockAddrStorage` is as large and as aligned as any socket address, `sockaddr_ll`
    // included; it is zeroed, and all zeros is a valid `sockaddr_ll`.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = ifindex.cast_signed();
    // SAFETY: `storage` holds a `sockaddr_ll` with its family set, and `length` is its size.
    unsafe { SockAddr::new(storage, length as libc::socklen_t) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_family_and_length() {
        let address = link_address(7, 0x0806);
        assert_eq!(i32::from(address.family()), libc::AF_PACKET);
        assert_eq!(address.len() as usize, size_of::<libc::sockaddr_ll>());
    }
}
