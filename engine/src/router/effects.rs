//! What a transition does to the host and the wire, from the pair of states alone.

use crate::event::StateKind;

/// What becomes of the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Nothing changes.
    Leave,
    /// They are added and announced, after a first advert.
    Take,
    /// They are removed. `resign` says whether a priority-0 advert follows.
    Drop {
        /// See [`Resign`].
        resign: Resign,
    },
}

/// Whether letting go is said on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resign {
    /// Nothing is said: this router wasn't master.
    Silent,
    /// A priority-0 advert, so that the best backup takes over after its skew time.
    Always,
    /// The same, when `audible_yield` is on: the winner of a contest then announces itself. With
    /// `higher_prio_send_advert` a last advert went out before.
    Audible,
}

/// The effect of a transition. Every pair is spelled out, without wildcards: a new state must not
/// compile before somebody has decided what becomes of the addresses.
pub const fn effects(from: StateKind, to: StateKind) -> Addresses {
    use Addresses::{Drop, Leave, Take};
    use StateKind::{Backup, Fault, Init, Master};
    match (from, to) {
        // A crash may have left addresses behind: whoever starts as anything but master cleans up.
        (Init, Backup | Fault) => Drop {
            resign: Resign::Silent,
        },
        (Init | Backup | Fault, Master) => Take,
        (Master, Backup) => Drop {
            resign: Resign::Audible,
        },
        (Master, Fault | Init) => Drop {
            resign: Resign::Always,
        },
        (Init, Init)
        | (Backup, Init | Backup | Fault)
        | (Master, Master)
        | (Fault, Init | Backup | Fault) => Leave,
    }
}
