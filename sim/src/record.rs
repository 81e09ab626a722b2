//! What is seen of a run: one stream of records, read by the trace, the oracles and the report.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::config::ObjectId;
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::plan::Reloaded;
use locum_engine::{Event, Instant};

use crate::fault::Fault;
use crate::topology::HostId;

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Instant,
    /// What.
    pub what: Observed,
}

/// What can be observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The plan did something.
    Fault(Fault),
    /// A switch came back by itself after [`Fault::RebootSwitch`].
    SwitchBack(crate::topology::SwitchId),
    /// A daemon was started, or ended in one of three ways.
    Daemon(HostId, DaemonChange),
    /// A daemon goes on with another configuration. Ids in later records of it are positions there.
    Reloaded(HostId, Reloaded),
    /// The engine of a router reported something.
    Engine(HostId, Event),
    /// An advert left a daemon (whether or not the wire took it).
    Advert {
        /// Who sent it.
        host: HostId,
        /// For which virtual router.
        instance: InstanceId,
        /// With which priority; 0 resigns.
        priority: Priority,
    },
    /// A gratuitous ARP or a neighbour advertisement left a daemon.
    Announcement {
        /// Who sent it.
        host: HostId,
        /// For which virtual router.
        instance: InstanceId,
        /// For which address.
        address: IpAddr,
    },
    /// An address appeared on a host.
    AddressAdded {
        /// Where.
        host: HostId,
        /// Which.
        address: IpAddr,
    },
    /// An address went from a host.
    AddressRemoved {
        /// Where.
        host: HostId,
        /// Which.
        address: IpAddr,
        /// How.
        by: Remover,
    },
    /// A route or a rule was put up on a host.
    ObjectAdded {
        /// Where.
        host: HostId,
        /// Which, in that host's configuration.
        object: ObjectId,
    },
    /// A route or a rule went from a host.
    ObjectRemoved {
        /// Where.
        host: HostId,
        /// Which.
        object: ObjectId,
        /// How.
        by: Remover,
    },
    /// A client's pings are answered again. `at` is the end of the outage.
    Outage {
        /// Which client.
        client: HostId,
        /// From the last answered ping before, to the first after.
        lasted: Duration,
    },
    /// A client is answered by another machine than before.
    ServedBy {
        /// Which client.
        client: HostId,
        /// Who answers now.
        server: HostId,
    },
}

/// Life and death of a daemon's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DaemonChange {
    /// Started.
    Started,
    /// Ended after a TERM.
    Stopped,
    /// Killed.
    Killed,
    /// Lost with the power.
    PowerLost,
}

/// Who removed an address, a route or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remover {
    /// The daemon.
    Daemon,
    /// Somebody else ([`Fault::RemoveAddress`], [`Fault::RemoveObject`]).
    Foreigner,
    /// Its lifetime ran out.
    Lifetime,
    /// The power failed.
    PowerLoss,
}
