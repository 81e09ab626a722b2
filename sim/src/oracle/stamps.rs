//! What wall clocks mean for who hears whom: adverts that `auth_hmac` dates are refused where the
//! receiver's clock is too far from the sender's.

use locum_engine::config::HmacMode;

use super::member::Member;
use super::network::Network;

const SECOND: u64 = 1_000_000_000;

/// What becomes of the dates of one member's adverts at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    /// They are believed, or nobody looks at them.
    Good,
    /// Some may be refused.
    Doubtful,
    /// All are refused.
    Bad,
}

impl Member {
    /// What `other` makes of the dates of this member's adverts.
    pub(super) fn dates(&self, network: &Network, other: &Self) -> Dates {
        let (Some(ours), Some(theirs)) = (&self.spec().hmac, &other.spec().hmac) else {
            return Dates::Good;
        };
        if ours.mode == HmacMode::ReceiveOnly {
            return Dates::Good;
        }
        let (sent, read, was_set) = network.wall(self.port, other.port);
        let Some(window) = theirs.window else {
            // Growth is all that counts, and a daemon that is started with a clock set back doesn't
            // have it.
            return if was_set {
                Dates::Doubtful
            } else {
                Dates::Good
            };
        };
        // Whole seconds are compared, which are up to one more or less apart than the clocks are.
        match sent.abs_diff(read) / SECOND {
            0 => Dates::Good,
            apart if apart > window.as_secs() => Dates::Bad,
            apart if apart + 1 >= window.as_secs() => Dates::Doubtful,
            _ => Dates::Good,
        }
    }
}
