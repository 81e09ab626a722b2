//! What is different when adverts go from peer to peer: who writes to whom, and what ARP does to
//! the time under way.
//!
//! The group is heard by everybody on the segment; a peer has to be on the sender's list, and the
//! sender on the peer's. A packet to a neighbour whose address isn't known waits for an answer,
//! which is one more way there and back; while the neighbour doesn't answer, the question is
//! repeated every second, up to three packets wait, and older ones are lost (see
//! [`kernel`](crate::kernel)). So for a while after the network has changed nothing is certain.

use core::time::Duration;

use super::member::Member;
use super::network::{Network, Route};
use super::stamps::Dates;

/// Between two questions about a neighbour (Linux's `retrans_time`).
const RETRANS: Duration = Duration::from_secs(1);
/// Questions before a neighbour is given up (Linux's `mcast_solicit`).
const SOLICIT_MAX: u32 = 3;

impl Member {
    /// Its adverts go to peers.
    pub(super) fn is_unicast(&self) -> bool {
        self.spec().unicast.is_some()
    }

    /// Whether its adverts go to `other`, and are accepted there. Both are of one class.
    fn writes_to(&self, other: &Self) -> bool {
        let (Some(ours), Some(theirs)) = (&self.spec().unicast, &other.spec().unicast) else {
            return true;
        };
        let to = ours.peer(other.source);
        let from = theirs.peer(self.source);
        to.is_some()
            && match from {
                Some(peer) => peer.ttl.contains(&ours.ttl),
                None => !theirs.check_source,
            }
    }

    /// The way of its adverts to `other`, if they go there and are accepted. A peer is found by
    /// ARP: where the way back is bad or missing, adverts may be lost although their own is good.
    pub(super) fn way(&self, network: &Network, other: &Self) -> Option<Route> {
        let route = network.route(self.port, other.port);
        let mut route = route.filter(|_| self.writes_to(other))?;
        match self.dates(network, other) {
            Dates::Good => {}
            Dates::Doubtful => route.lossy = true,
            Dates::Bad => return None,
        }
        if self.is_unicast() {
            let back = network.route(other.port, self.port);
            route.lossy |= back.is_none_or(|back| back.lossy);
        }
        Some(route)
    }

    /// The longest time that its adverts are under way.
    pub(super) fn longest_way(&self, route: Route) -> Duration {
        if !self.is_unicast() {
            return route.longest();
        }
        let lost = if route.lossy {
            RETRANS * SOLICIT_MAX
        } else {
            Duration::ZERO
        };
        route.longest() * 3 + lost
    }

    /// How long after a change of the network its adverts may be lost or late, besides the time
    /// under way: until the last question is given up, and the next advert asks again.
    pub(super) fn uncertainty(&self) -> Duration {
        if self.is_unicast() {
            RETRANS + self.interval
        } else {
            Duration::ZERO
        }
    }
}
