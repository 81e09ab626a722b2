//! What goes wrong, and when: the explicit plan that a run carries out.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::config::{Config, ObjectId};
use locum_engine::ids::{CheckId, FileId, InstanceId, Priority, ProcessId, Vrid};
use locum_engine::input::Outcome;

use crate::topology::{Burst, CableId, HostId, SwitchId};

/// Everything a run does that isn't the protocol: decided before it starts, printable, savable.
/// The run itself draws only per-frame noise, keyed by cable, direction and frame number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Keys the per-frame noise.
    pub seed: u64,
    /// How long the run lasts.
    pub duration: Duration,
    /// In order of time; equal times in order of the list.
    pub faults: Vec<TimedFault>,
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedFault {
    /// When.
    pub at: Instant,
    /// What.
    pub fault: Fault,
}

/// One direction of a cable, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the cable's `a` end.
    AToB,
    /// From the cable's `b` end.
    BToA,
    /// Both.
    Both,
}

/// One thing that goes wrong, or is put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The cable is pulled: both ends lose carrier, frames under way are lost.
    Pull(CableId),
    /// The cable is plugged in again.
    Plug(CableId),
    /// The cable loses every frame of a direction while both ends keep carrier.
    Dark(CableId, Direction),
    /// The cable carries frames again.
    Light(CableId, Direction),
    /// Replaces the loss of a direction: parts per million, and bursts.
    Loss(CableId, Direction, u32, Option<Burst>),
    /// Replaces the duplication of both directions, in parts per million.
    Duplicate(CableId, u32),
    /// Replaces the corruption of both directions, in parts per million.
    Corrupt(CableId, u32),
    /// Replaces the reordering of both directions: parts per million, held back by up to.
    Reorder(CableId, u32, Duration),
    /// Replaces the latency of a direction.
    Latency(CableId, Direction, Duration),
    /// Frames between the two groups of hosts are dropped, carrier stays. Adds to earlier ones.
    Partition(Vec<HostId>, Vec<HostId>),
    /// Ends every partition.
    Heal,
    /// The switch loses power for so long: its ports lose carrier, its table is gone.
    RebootSwitch(SwitchId, Duration),
    /// Power fails: daemon, kernel state and carrier are gone.
    PowerOff(HostId),
    /// Power returns: the host boots, its daemon starts.
    PowerOn(HostId),
    /// `kill -9`: the daemon is gone, its addresses stay.
    Kill(HostId),
    /// TERM: the daemon lets go and ends.
    Stop(HostId),
    /// The daemon is started (again).
    Start(HostId),
    /// The daemon is frozen (`SIGSTOP`, swap, a debugger): packets queue up, its clock goes on.
    Hang(HostId),
    /// The daemon goes on.
    Resume(HostId),
    /// The whole machine is paused: its clock stands still, its kernel answers nothing.
    PauseVm(HostId),
    /// The machine goes on.
    ResumeVm(HostId),
    /// From now on the host's clock runs fast by so many parts per million; negative is slow.
    Drift(HostId, i32),
    /// The node's wall clock shows another time from now on: so many nanoseconds after the true one;
    /// negative is before it. Its timers don't notice.
    WallClock(HostId, i64),
    /// A check ends like this until told otherwise; `None` returns to what it would say itself.
    ForceCheck(HostId, CheckId, Option<Outcome>),
    /// A number is written into a tracked file; `None` removes the file.
    WriteFile(HostId, FileId, Option<i32>),
    /// So many of a tracked process run from now on; `None` is as many as are wanted.
    Processes(HostId, ProcessId, Option<u32>),
    /// The operator changes a priority; `None` returns to the configured one.
    SetPriority(HostId, InstanceId, Option<Priority>),
    /// Planned maintenance begins, of one instance with its sync group or of all: hand over, at the
    /// latest after so long.
    Drain(HostId, Option<InstanceId>, Duration),
    /// Planned maintenance ends.
    Undrain(HostId, Option<InstanceId>),
    /// The node's keepalived.conf is replaced, and its daemon told to read it (`SIGHUP`).
    Reload(HostId, NewFile),
    /// Somebody else deletes an address from the host's NIC.
    RemoveAddress(HostId, IpAddr),
    /// It is put back there, for ever.
    AddAddress(HostId, IpAddr),
    /// Somebody else deletes a route or a rule of the host's.
    RemoveObject(HostId, ObjectId),
    /// What the host's own web service answers from now on: a status, or nothing at all.
    Service(HostId, Option<u16>),
    /// Somebody on that host's cable sends forged adverts.
    Forge(HostId, Forgery),
    /// Somebody on that host's cable listens, and then sends what was heard once more.
    Replay(HostId, Replay),
}

/// What stands in a keepalived.conf that was just written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its text.
    pub text: Arc<str>,
    /// What it says; daemons that are started later read it, too. `None`: it can't be used, and
    /// whoever wrote it puts the old one back.
    pub config: Option<Arc<Config>>,
}

/// Forged adverts, in the name of a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgery {
    /// IP source they claim.
    pub source: IpAddr,
    /// The virtual router they speak for.
    pub vrid: Vrid,
    /// The priority they claim.
    pub priority: Priority,
    /// The password they carry, in VRRPv2; `None` is authentication type 0.
    pub password: Option<[u8; 8]>,
    /// The addresses they list.
    pub addresses: Vec<IpAddr>,
    /// IP TTL.
    pub ttl: u8,
    /// How many.
    pub count: u32,
    /// Between two of them.
    pub every: Duration,
}

/// Adverts of a neighbour's, recorded and played again as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Whose: their IP source.
    pub source: IpAddr,
    /// How long they are recorded before the first is played.
    pub listens: Duration,
    /// How many are played: the oldest first, then over again.
    pub count: u32,
    /// Between two of them.
    pub every: Duration,
}
