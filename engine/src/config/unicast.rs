//! Adverts from peer to peer.

use core::net::IpAddr;
use core::ops::RangeInclusive;

/// Adverts from peer to peer, without the group (keepalived's `unicast_*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unicast {
    /// `unicast_peer`, in order. Empty: the instance is in fault (`unicast_fault_no_peer`).
    pub peers: Vec<Peer>,
    /// `unicast_ttl`: the TTL of our adverts.
    pub ttl: u8,
    /// `check_unicast_src`: adverts from anybody else are discarded. On by default, unlike in
    /// keepalived, where it is off.
    pub check_source: bool,
    /// `old_unicast_checksum`.
    pub old_checksum: OldChecksum,
}

impl Unicast {
    /// The peer of that address.
    pub fn peer(&self, address: IpAddr) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.address == address)
    }
}

/// One line of `unicast_peer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: IpAddr,
    /// `min_ttl` and `max_ttl`: which TTLs its adverts may arrive with. All of them by default.
    pub ttl: RangeInclusive<u8>,
}

/// `old_unicast_checksum`: the VRRPv3 checksum of keepalived 1.3.6 and before, whose pseudo-header
/// names the multicast group although the packet goes to a peer. Concerns VRRPv3 over IPv4 only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldChecksum {
    /// Accepted, and sent to the peers that last sent it.
    #[default]
    Detect,
    /// `old_unicast_checksum`: the only form that is sent and accepted.
    Always,
    /// `old_unicast_checksum never`: neither sent nor accepted.
    Never,
}
