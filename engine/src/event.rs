//! What the engine reports: state changes with their reasons, discards, warnings.

mod labels;
mod words;

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, ObjectId, StaticItem};
use crate::ids::{CheckId, FileId, GroupId, InstanceId, InterfaceId, Priority, ProcessId, Vrid};
use crate::input::{NotRun, Outcome};
pub use crate::router::accept::Discard;
use crate::time::Centis;

/// The four states, as operators call them (RFC 9568 calls the master *Active*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StateKind {
    /// Not started, or waiting for the first result of a check.
    Init,
    /// Listening.
    Backup,
    /// Holding the addresses.
    Master,
    /// Unable to serve: no link, no source address, a failed check.
    Fault,
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Init => "init",
            Self::Backup => "backup",
            Self::Master => "master",
            Self::Fault => "fault",
        })
    }
}

/// Why a state changed. Every transition carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The daemon started and nothing stands in the way.
    Started,
    /// Priority 255: the addresses are ours.
    Owner,
    /// No advert from the master for the master-down time.
    MasterSilent {
        /// The last master heard, if there was one.
        master: Option<IpAddr>,
        /// How long nothing was heard.
        silence: Duration,
    },
    /// The master resigned with a priority-0 advert, and the skew time has passed.
    MasterResigned {
        /// Who resigned.
        master: IpAddr,
    },
    /// Only masters of lower priority were heard until the timer ran out.
    Preempted {
        /// The master of lower priority.
        master: IpAddr,
        /// Its priority.
        priority: Priority,
    },
    /// A master heard an advert that outranks it.
    HigherPriority {
        /// The winner.
        master: IpAddr,
        /// Its priority.
        priority: Priority,
    },
    /// A master heard one of its own priority with a higher address.
    EqualPriorityHigherAddress {
        /// The winner.
        master: IpAddr,
    },
    /// The interface lost carrier or was set down.
    LinkDown,
    /// The interface has no address to send from.
    NoSourceAddress,
    /// This host doesn't have the address that adverts are sent from (`track_src_ip`).
    SourceGone {
        /// Which.
        address: IpAddr,
    },
    /// A tracked interface of weight 0 went down, or came up if it is tracked in reverse.
    TrackedLink {
        /// Which.
        interface: InterfaceId,
        /// Its state.
        up: bool,
    },
    /// A unicast instance without peers (`unicast_fault_no_peer`).
    NoPeers,
    /// A check with weight 0 failed.
    CheckFailed {
        /// The check.
        check: CheckId,
    },
    /// A check with weight 0 has no result yet.
    CheckPending {
        /// The check.
        check: CheckId,
    },
    /// The number in a tracked file says so.
    FileFault {
        /// The file.
        file: FileId,
        /// Its number.
        value: i32,
    },
    /// A tracked file of weight 0 has not been read yet.
    FilePending {
        /// The file.
        file: FileId,
    },
    /// Too few or too many of a tracked process of weight 0, or as many as wanted in reverse.
    ProcessFault {
        /// Which.
        process: ProcessId,
    },
    /// A tracked process of weight 0 has not been counted yet.
    ProcessPending {
        /// Which.
        process: ProcessId,
    },
    /// A static address, route or rule that the instance depends on is missing (`track_group`).
    StaticMissing {
        /// Which.
        item: StaticItem,
    },
    /// Another member of its group can't serve, so none of them does.
    PartnerFault {
        /// Which.
        partner: InstanceId,
    },
    /// Another member of its group is no longer master, so none of them is.
    PartnerYielded {
        /// Which.
        partner: InstanceId,
    },
    /// The kernel refused one of the addresses.
    AddressRefused {
        /// Which.
        address: IpAddr,
    },
    /// Everything that stood in the way is gone.
    Recovered,
    /// A master was held up, and may have been replaced meanwhile (`timer_expired_backup`).
    HeldUp {
        /// How late its advert is.
        by: Duration,
    },
    /// The operator asked for it.
    Drained,
    /// The daemon stops.
    Stopping,
    /// The new configuration doesn't have it, or not like this.
    Removed,
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An instance changed state.
    StateChanged {
        /// Which.
        instance: InstanceId,
        /// From.
        from: StateKind,
        /// To; may equal `from` when only the reason changed (fault for another cause).
        to: StateKind,
        /// Why.
        why: Reason,
    },
    /// All members of a group have changed state; told after them.
    GroupChanged {
        /// Which.
        group: GroupId,
        /// From.
        from: StateKind,
        /// To.
        to: StateKind,
        /// Why, as the member that began it has it.
        why: Reason,
    },
    /// An instance's effective priority changed.
    PriorityChanged {
        /// Which.
        instance: InstanceId,
        /// From.
        from: Priority,
        /// To.
        to: Priority,
    },
    /// A check went bad, one more time in a row, without having reached `fall` yet.
    CheckFailing {
        /// Which.
        check: CheckId,
        /// How this run ended.
        outcome: Outcome,
        /// Failures in a row, this one included.
        failures: u32,
        /// Failures in a row that make it count.
        fall: u32,
    },
    /// A check's verdict changed.
    CheckChanged {
        /// Which.
        check: CheckId,
        /// Good from now on, or failed.
        good: bool,
    },
    /// A check's script can't be run any more, or never could, or for another reason than before.
    CheckNotRun {
        /// Which.
        check: CheckId,
        /// Why.
        why: NotRun,
        /// What it still counts as; `None`: whoever tracks it serves without it.
        good: Option<bool>,
    },
    /// The number in a tracked file changed, or is known for the first time.
    FileChanged {
        /// The file.
        file: FileId,
        /// Its number from now on.
        value: i32,
    },
    /// The verdict on a tracked process changed, or is known for the first time.
    ProcessChanged {
        /// Which.
        process: ProcessId,
        /// How many there are.
        count: u32,
        /// As many as wanted.
        good: bool,
    },
    /// Another router acts as master of our addresses while we do.
    Contested {
        /// Which of ours.
        instance: InstanceId,
        /// Who.
        by: IpAddr,
        /// The priority it sent; 0 when it is giving up.
        priority: Priority,
    },
    /// Addresses are announced (one event per burst, not per frame).
    Announced {
        /// Which instance.
        instance: InstanceId,
        /// Why now.
        why: Announcement,
    },
    /// A packet was not used. Repetitions from the same source are counted, not reported.
    Discarded {
        /// Which instance it was for, when that could be told.
        instance: Option<InstanceId>,
        /// Where it came in.
        interface: InterfaceId,
        /// Who sent it.
        source: IpAddr,
        /// What was wrong with it.
        why: Discard,
    },
    /// An address was removed by someone else and is put back.
    AddressPutBack {
        /// Whose.
        instance: InstanceId,
        /// Which.
        address: IpAddr,
    },
    /// A route or a rule was removed by someone else, or was refused before, and is put back.
    ObjectPutBack {
        /// Which.
        object: ObjectId,
    },
    /// The kernel refused a route or a rule. It is tried again later.
    ObjectRefused {
        /// Which.
        object: ObjectId,
    },
    /// A static address was removed by someone else and is put back.
    StaticAddressPutBack {
        /// Its position in [`Statics`](crate::config::Statics).
        index: u16,
    },
    /// The peer advertises other addresses than ours: the configurations differ.
    AddressListDiffers {
        /// Which instance.
        instance: InstanceId,
        /// Who.
        source: IpAddr,
    },
    /// A VRRPv3 router advertises at another interval than ours: legal, and seldom meant.
    IntervalDiffers {
        /// Which instance.
        instance: InstanceId,
        /// Who.
        source: IpAddr,
        /// Its interval.
        theirs: Centis,
    },
    /// The instances take part only after a while, as `vrrp_startup_delay` or
    /// `vrrp_delay_after_boot` says.
    StartDelayed {
        /// How long they wait.
        by: Duration,
    },
    /// An advert of a virtual router that isn't configured on that interface
    /// (`log_unknown_vrids`); told once of each.
    UnknownVrid {
        /// Where it came in.
        interface: InterfaceId,
        /// Who sent it.
        source: IpAddr,
        /// Of which virtual router.
        vrid: Vrid,
    },
    /// A link was lost, or has come back; that counts only once it has lasted for a while
    /// (`interface_up_down_delays`).
    LinkWaits {
        /// Which.
        interface: InterfaceId,
        /// How it is now.
        up: bool,
        /// How long that has to last.
        by: Duration,
    },
    /// A link is again as it was before such a change, which therefore doesn't count.
    LinkUndone {
        /// Which.
        interface: InterfaceId,
        /// How it is now.
        up: bool,
    },
    /// A master woke up late: others may have taken over meanwhile.
    Late {
        /// Which.
        instance: InstanceId,
        /// How late its advert is.
        by: Duration,
    },
}

/// Why addresses are announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Became master.
    Takeover,
    /// The second burst, `garp_master_delay` later.
    Delayed,
    /// `garp_master_refresh`.
    Refresh,
    /// `garp_extra_if all`: only what is held on other interfaces than the instance's.
    Elsewhere,
    /// Another master was heard, and lost.
    Contest,
    /// Once more after a contest, for neighbours that lock a fresh entry for a second.
    Settled,
    /// This master was asleep, and may have been replaced.
    Late,
    /// An address came back after someone removed it.
    PutBack,
    /// A reload brought addresses; only these are announced.
    Configured,
}

impl Event {
    /// The event in words, with the names of the configuration. The instance isn't named; see
    /// [`Event::instance`].
    pub fn display<'a>(&'a self, config: &'a Config) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| self.write(config, f))
    }

    /// The instance it is about, if it is about one.
    pub const fn instance(&self) -> Option<InstanceId> {
        match *self {
            Self::StateChanged { instance, .. }
            | Self::PriorityChanged { instance, .. }
            | Self::Contested { instance, .. }
            | Self::Announced { instance, .. }
            | Self::AddressPutBack { instance, .. }
            | Self::AddressListDiffers { instance, .. }
            | Self::IntervalDiffers { instance, .. }
            | Self::Late { instance, .. } => Some(instance),
            Self::Discarded { instance, .. } => instance,
            Self::ObjectPutBack { object } | Self::ObjectRefused { object } => object.owner,
            Self::GroupChanged { .. }
            | Self::CheckFailing { .. }
            | Self::CheckChanged { .. }
            | Self::CheckNotRun { .. }
            | Self::FileChanged { .. }
            | Self::ProcessChanged { .. }
            | Self::StartDelayed { .. }
            | Self::UnknownVrid { .. }
            | Self::LinkWaits { .. }
            | Self::LinkUndone { .. }
            | Self::StaticAddressPutBack { .. } => None,
        }
    }
}
