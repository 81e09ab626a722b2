//! The state machine of one virtual router (RFC 9568 6.4, RFC 3768 6.4): a pure function.
//!
//! ```text
//!             start, priority 255
//!    +------------------------------------+
//!    |                                    v
//!  init --start--> backup --timer--> master
//!    |              ^  ^               |  |
//!    |              |  +--outranked----+  |
//!    |           recovered                |
//!    |              |                     |
//!    +--obstacle--> fault <---obstacle----+   (from backup as well)
//! ```
//!
//! [`step`] takes a state and a [`Signal`], and returns the next state with what is to be said on
//! the wire and why. Deadlines live inside the states that need them, so a timer that belongs to a
//! state already left can't exist. What a transition does to the host is decided in
//! [`effects`](crate::router::effects), from the pair of states alone.

mod backup;
mod master;
#[cfg(test)]
mod tests;
mod timers;

use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Preempt, Version};
use crate::event::{Reason, StateKind};
use crate::ids::Priority;
use crate::time::{Centis, Instant};

pub use timers::{master_down, patience, skew};

/// Where a virtual router is, with the deadlines that matter there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Not started, or waiting for the first result of a check.
    Init,
    /// Listening.
    Backup(Backup),
    /// Holding the addresses.
    Master(Master),
    /// Unable to serve.
    Fault,
}

/// A backup's timer and what it knows of the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Master_Down_Timer: takes over then.
    pub down_at: Instant,
    /// When the timer was last armed by an advert, or the state entered.
    pub heard_at: Instant,
    /// Master_Adver_Interval: learned from the master in v3, our own in v2.
    pub interval: Centis,
    /// The master whose adverts arm the timer.
    pub master: Option<Heard>,
    /// The last master of lower priority, whose adverts are let pass.
    pub outranked: Option<Heard>,
    /// Who resigned, when the timer runs on skew alone.
    pub resigned: Option<IpAddr>,
    /// `preempt_delay`.
    pub preempt: PreemptDelay,
    /// The timer has run out, and the partners in its group aren't ready yet. It takes over with
    /// them; a master that holds it back makes it unripe again.
    pub ripe: bool,
}

/// Progress of `preempt_delay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreemptDelay {
    /// No master of lower priority was heard yet.
    Idle,
    /// Lower-priority masters are tolerated until then.
    Until(Instant),
}

/// A master's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Master {
    /// Adver_Timer: the next advert is due then.
    pub advert_at: Instant,
}

/// An accepted advert, reduced to what the election needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// IP source.
    pub source: IpAddr,
    /// Priority; 0 resigns.
    pub priority: Priority,
    /// The interval it carries.
    pub interval: Centis,
}

/// What the state machine has to know of its router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Protocol version.
    pub version: Version,
    /// Effective priority.
    pub priority: Priority,
    /// Our own `advert_int`.
    pub interval: Centis,
    /// Adverts that must be missing before a backup takes over.
    pub missed_adverts: u8,
    /// What to do about a master of lower priority.
    pub preempt: Preempt,
    /// The address our adverts come from; breaks ties.
    pub source: IpAddr,
    /// Answer an advert of lower priority at once.
    pub answer_lower: bool,
    /// It has partners in a group, and takes over only with them ([`Signal::Promote`]).
    pub grouped: bool,
    /// A partner that counts before it is winning its contest: it doesn't lose its own.
    pub stands: bool,
    /// `timer_expired_backup`: a master whose advert is so late that a backup of this priority may
    /// have replaced it becomes backup.
    pub steps_back: Option<Priority>,
}

impl Params {
    /// Whether it goes before us: by priority, then by address.
    fn outranked_by(&self, heard: &Heard) -> bool {
        (heard.priority, heard.source) > (self.priority, self.source)
    }

    /// The interval in force after hearing an advert: v3 follows the master, v2 must agree.
    fn learned(&self, heard: &Heard) -> Centis {
        match self.version {
            Version::V2 => self.interval,
            Version::V3 => heard.interval,
        }
    }

    /// Skew_Time with the interval in force.
    pub fn skew(&self, interval: Centis) -> Duration {
        skew(self.version, self.priority, interval)
    }

    /// Master_Down_Interval with the interval in force.
    pub fn master_down(&self, interval: Centis) -> Duration {
        master_down(self.version, self.priority, interval, self.missed_adverts)
    }
}

/// Something the state machine reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Take part: nothing stands in the way.
    Start,
    /// Time passed; the state looks at its own deadlines.
    Timeout,
    /// An advert was accepted.
    Advert(Heard),
    /// Something stands in the way from now on.
    Obstacle(Reason),
    /// Nothing stands in the way any more.
    Clear,
    /// The effective priority changed; the parameters hold the new one.
    PriorityChanged {
        /// The old one.
        from: Priority,
    },
    /// A drain's deadline has passed: resign, although nobody has taken over.
    Resign,
    /// It and all its partners are ripe: take over.
    Promote,
    /// A partner is no longer master: let go.
    Yield(Reason),
    /// The daemon stops, or this router is no longer configured.
    Stop(Reason),
}

/// What to say on the wire besides what the transition itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// Nothing.
    Nothing,
    /// An advert, because it is due.
    Advert {
        /// How late it is.
        late: Duration,
    },
    /// An advert at once, because another router acts as master; and where the addresses are.
    Answer(Heard),
    /// Only where the addresses are, because another router acts as master.
    Point(Heard),
}

/// The outcome of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The next state.
    pub state: State,
    /// Why, when the kind of state changed.
    pub why: Option<Reason>,
    /// What to say.
    pub say: Say,
}

impl State {
    /// Which of the four.
    pub const fn kind(&self) -> StateKind {
        match self {
            Self::Init => StateKind::Init,
            Self::Backup(_) => StateKind::Backup,
            Self::Master(_) => StateKind::Master,
            Self::Fault => StateKind::Fault,
        }
    }

    /// The next deadline of this state.
    pub const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Init | Self::Fault => None,
            Self::Backup(backup) if backup.ripe => None,
            Self::Backup(backup) => Some(backup.down_at),
            Self::Master(master) => Some(master.advert_at),
        }
    }
}

impl Step {
    /// Nothing happens.
    const fn stay(state: State) -> Self {
        Self {
            state,
            why: None,
            say: Say::Nothing,
        }
    }

    /// The state changes; what that says is decided by the pair of states.
    const fn enter(state: State, why: Reason) -> Self {
        Self {
            state,
            why: Some(why),
            say: Say::Nothing,
        }
    }
}

/// One step of the state machine. Pure: same arguments, same result.
pub fn step(state: State, params: &Params, now: Instant, signal: Signal) -> Step {
    match signal {
        Signal::Stop(why) => match state {
            State::Init => Step::stay(state),
            State::Backup(_) | State::Master(_) | State::Fault => Step::enter(State::Init, why),
        },
        Signal::Obstacle(why) => match state {
            State::Fault => Step::stay(state),
            State::Init | State::Backup(_) | State::Master(_) => Step::enter(State::Fault, why),
        },
        Signal::Start => match state {
            State::Init => begin(params, now, Reason::Started),
            State::Backup(_) | State::Master(_) | State::Fault => Step::stay(state),
        },
        Signal::Clear => match state {
            State::Fault => begin(params, now, Reason::Recovered),
            State::Init | State::Backup(_) | State::Master(_) => Step::stay(state),
        },
        Signal::Timeout
        | Signal::Advert(_)
        | Signal::PriorityChanged { .. }
        | Signal::Resign
        | Signal::Promote
        | Signal::Yield(_) => match state {
            State::Init | State::Fault => Step::stay(state),
            State::Backup(backup) => backup.step(params, now, signal),
            State::Master(master) => master.step(params, now, signal),
        },
    }
}

/// The owner takes its addresses at once, everybody else listens first for a full
/// Master_Down_Interval, whatever `state` the configuration names (as keepalived does). An owner
/// with partners is ripe at once.
fn begin(params: &Params, now: Instant, why: Reason) -> Step {
    if params.priority == Priority::OWNER && params.grouped {
        let backup = Backup {
            down_at: now,
            ripe: true,
            ..Backup::begin(params, now)
        };
        Step::enter(State::Backup(backup), why)
    } else if params.priority == Priority::OWNER {
        Step::enter(State::Master(Master::begin(params, now)), Reason::Owner)
    } else {
        Step::enter(State::Backup(Backup::begin(params, now)), why)
    }
}
