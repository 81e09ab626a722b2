//! The configuration as typed values: what the engine runs on.
//!
//! [`conf`](crate::conf) makes these from the text of a keepalived.conf; tests may make them by
//! hand. A `Config` is valid by construction: ranges are in the types, and cross-references are
//! indices into its own lists. Units and defaults follow keepalived (2.2.7 and later).

mod address;
mod announce;
mod auth;
mod defaults;
mod device;
mod group;
mod lease;
mod notify;
mod object;
mod operation;
mod recording;
mod track;
mod tuning;
mod unicast;
mod watch;

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ids::{CheckId, FileId, GroupId, InstanceId, InterfaceId, Priority, ProcessId, Vrid};
use crate::time::Centis;
use crate::wire::Family;

pub use address::{AddressOptions, Broadcast, Preferred, VirtualAddress};
pub use announce::{GarpConfig, Pace};
pub use auth::{Auth, HMAC_KEY_MAX, HMAC_KEY_MIN, HeaderKey, Hmac, HmacKey, HmacMode};
pub use defaults::Defaults;
pub use device::{VirtualDevice, Vmac, virtual_mac_v4, virtual_mac_v6};
pub use group::GroupConfig;
pub use lease::{default_lease, refresh_period};
pub use notify::{Fifo, Hook, Mail, Notify, Reports};
pub use object::{
    Encap, Network, NextHop, Object, ObjectId, PROTOCOL_KEEPALIVED, Placement, Route, RouteExtras,
    RouteKind, RouteMetric, Rule, RuleAction, StaticItem, StaticTrack, Statics, TABLE_MAIN,
};
pub use operation::Operation;
pub use recording::Recording;
pub use track::{CheckCommand, CheckConfig, LinkDelay, Track, TrackLink, Weight};
pub use tuning::Tuning;
pub use unicast::{OldChecksum, Peer, Unicast};
pub use watch::{
    FileConfig, InitFile, ParameterMatch, ProcessConfig, ProcessPattern, TrackFile, TrackProcess,
};

/// Everything one daemon runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `router_id`: names this node in logs; the host name when absent.
    pub router_id: Option<Arc<str>>,
    /// `vrrp_startup_delay`: from the start of the daemon until its instances take part.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: from the start of the machine until the instances take part.
    pub delay_after_boot: Duration,
    /// `log_unknown_vrids`: adverts of other virtual routers are reported, each one once.
    pub log_unknown_vrids: bool,
    /// Interface names; an [`InterfaceId`] is a position in this list.
    pub interfaces: Vec<Arc<str>>,
    /// The interfaces among them that the daemon makes itself, for virtual MAC addresses.
    pub devices: Vec<VirtualDevice>,
    /// Addresses, routes and rules that belong to no instance.
    pub statics: Statics,
    /// How far announcements have to be apart. An interface is in one of them at most; without, its
    /// announcements leave together.
    pub pacing: Vec<Pace>,
    /// `vrrp_script` blocks that some instance tracks.
    pub checks: Vec<CheckConfig>,
    /// `track_file` blocks that some instance follows.
    pub files: Vec<FileConfig>,
    /// `track_process` blocks that some instance follows.
    pub processes: Vec<ProcessConfig>,
    /// `interface_up_down_delays`: links whose changes count only after a while.
    pub link_delays: Vec<LinkDelay>,
    /// `vrrp_instance` blocks.
    pub instances: Vec<InstanceConfig>,
    /// `vrrp_sync_group` blocks. No instance is in two of them.
    pub groups: Vec<GroupConfig>,
    /// Who else is told of changes. The engine doesn't look at it.
    pub reports: Reports,
    /// How the daemon is run. The engine doesn't look at it.
    pub operation: Operation,
    /// What instances have where they say nothing themselves. The engine looks at theirs.
    pub defaults: Defaults,
    /// What is kept of the run. The engine doesn't look at it either.
    pub recording: Recording,
}

impl Config {
    /// The same in memory of its own. Reading leaves what stays of thousands of instances scattered
    /// over the memory that it took, which can't be given back then.
    #[must_use]
    pub fn compacted(self) -> Self {
        let mut copy = self.clone();
        for instance in &mut copy.instances {
            instance.name = Arc::from(&*instance.name);
            let held = instance.addresses.iter_mut();
            for address in held.chain(&mut instance.excluded) {
                address.label = address.label.as_deref().map(Arc::from);
            }
        }
        copy
    }

    /// The name of an interface.
    pub fn interface_name(&self, id: InterfaceId) -> &str {
        &self.interfaces[id.index()]
    }

    /// The virtual device that this interface is, if it is one.
    pub fn device(&self, interface: InterfaceId) -> Option<&VirtualDevice> {
        self.devices.iter().find(|d| d.interface == interface)
    }

    /// An instance by its position.
    pub fn instance(&self, id: InstanceId) -> &InstanceConfig {
        &self.instances[id.index()]
    }

    /// A check by its position.
    pub fn check(&self, id: CheckId) -> &CheckConfig {
        &self.checks[id.index()]
    }

    /// A tracked file by its position.
    pub fn file(&self, id: FileId) -> &FileConfig {
        &self.files[id.index()]
    }

    /// A tracked process by its position.
    pub fn process(&self, id: ProcessId) -> &ProcessConfig {
        &self.processes[id.index()]
    }

    /// A group by its position.
    pub fn group(&self, id: GroupId) -> &GroupConfig {
        &self.groups[id.index()]
    }

    /// All groups with their positions.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &GroupConfig)> {
        (0..=u16::MAX).map(GroupId).zip(&self.groups)
    }

    /// The group that an instance belongs to.
    pub fn group_of(&self, instance: InstanceId) -> Option<GroupId> {
        let mut groups = self.groups();
        groups
            .find(|(_, group)| group.members.contains(&instance))
            .map(|(id, _)| id)
    }

    /// The instance of that name.
    pub fn find_instance(&self, name: &str) -> Option<InstanceId> {
        let position = self.instances.iter().position(|i| &*i.name == name)?;
        u16::try_from(position).ok().map(InstanceId)
    }

    /// The tracked file of that name.
    pub fn find_file(&self, name: &str) -> Option<FileId> {
        let position = self.files.iter().position(|f| &*f.name == name)?;
        u16::try_from(position).ok().map(FileId)
    }

    /// The tracked process of that name.
    pub fn find_process(&self, name: &str) -> Option<ProcessId> {
        let position = self.processes.iter().position(|p| &*p.name == name)?;
        u16::try_from(position).ok().map(ProcessId)
    }

    /// The addresses whose presence on this host matters (`track_src_ip`), each once.
    pub fn watched_sources(&self) -> BTreeSet<IpAddr> {
        let tracking = self.instances.iter().filter(|i| i.track_source);
        tracking.filter_map(|i| i.source).collect()
    }

    /// The check of that name.
    pub fn find_check(&self, name: &str) -> Option<CheckId> {
        let position = self.checks.iter().position(|c| &*c.name == name)?;
        u16::try_from(position).ok().map(CheckId)
    }
}

/// Protocol version of one virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds, optional plain-text password.
    V2,
    /// RFC 9568 (and 5798): IPv4 and IPv6, centiseconds.
    V3,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceConfig {
    /// The block's name, used in logs and traces.
    pub name: Arc<str>,
    /// Where adverts are sent and heard.
    pub interface: InterfaceId,
    /// `virtual_router_id`.
    pub vrid: Vrid,
    /// `version`.
    pub version: Version,
    /// Over which of the two adverts go. `addresses`, `source` and the peers are all of this
    /// family; `excluded` may hold addresses of both.
    pub family: Family,
    /// `priority` as configured, before tracking changes it.
    pub priority: Priority,
    /// `advert_int`.
    pub advert_interval: Centis,
    /// `preempt`, `nopreempt`, `preempt_delay`.
    pub preempt: Preempt,
    /// `authentication`; none beside `hmac`.
    pub auth: Auth,
    /// `auth_hmac`.
    pub hmac: Option<Arc<Hmac>>,
    /// `virtual_ipaddress`: carried in adverts, in this order.
    pub addresses: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held by the master, not carried in adverts.
    pub excluded: Vec<VirtualAddress>,
    /// `virtual_routes`, then `virtual_rules`: installed by the master, after the addresses.
    pub objects: Vec<Object>,
    /// `accept`: the master takes packets that are addressed to the virtual addresses. With
    /// `no_accept` it only forwards for others, unless it owns the addresses.
    pub accept: bool,
    /// `use_vmac`: the addresses are at a virtual MAC address, which moves with them.
    pub vmac: Option<Vmac>,
    /// `mcast_src_ip` or `unicast_src_ip`; the interface's primary address when absent.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: that this host doesn't have `source` is a fault.
    pub track_source: bool,
    /// The group that adverts go to (`mcast_dst_ip`, `vrrp_mcast_group4`, `vrrp_mcast_group6`), of the
    /// same family, when it isn't the usual one; not used with peers.
    pub group: Option<IpAddr>,
    /// Adverts go to these peers; to the group when absent.
    pub unicast: Option<Unicast>,
    /// `track_script`, in order.
    pub tracks: Vec<Track>,
    /// `track_interface`: other links it depends on.
    pub links: Vec<TrackLink>,
    /// `track_file`, in order.
    pub files: Vec<TrackFile>,
    /// `track_process`, in order.
    pub processes: Vec<TrackProcess>,
    /// `dont_track_primary`: its own link's loss is no fault.
    pub dont_track_primary: bool,
    /// Gratuitous ARP timing.
    pub garp: GarpConfig,
    /// `lower_prio_no_advert`: a master doesn't answer a lower-priority advert at once.
    pub lower_prio_no_advert: bool,
    /// A master that loses to a higher advert says so with a last priority-0 advert, so that the
    /// winner announces itself again. On by default; `quiet_yield` turns it off, which is what
    /// keepalived does; `higher_prio_send_advert` goes before it.
    pub audible_yield: bool,
    /// `address_lease`, in whole seconds: how long the kernel keeps the addresses of a master that no
    /// longer refreshes them. `None`, `address_lease off`, is for ever, as keepalived has it.
    pub lease: Option<Duration>,
    /// `notify*`, if there is any. The engine doesn't look at it.
    pub notify: Option<Arc<Notify>>,
    /// What is rarely changed.
    pub tuning: Tuning,
}

impl InstanceConfig {
    /// Every address the master holds: the advertised ones, then the excluded ones.
    pub fn held_addresses(&self) -> impl Iterator<Item = &VirtualAddress> + Clone {
        self.addresses.iter().chain(&self.excluded)
    }

    /// The group its adverts go to, unless it has peers.
    pub fn group(&self) -> IpAddr {
        self.group.unwrap_or_else(|| self.family.group())
    }

    /// Where its adverts leave.
    pub fn sends_through(&self) -> InterfaceId {
        match self.vmac {
            Some(vmac) if !vmac.xmit_base => vmac.device,
            Some(_) | None => self.interface,
        }
    }

    /// Whether packets that are addressed to the virtual addresses are dropped.
    pub fn refuses_access(&self) -> bool {
        !self.accept && !self.is_owner()
    }

    /// Priority 255: this node owns the addresses and takes them without waiting.
    pub fn is_owner(&self) -> bool {
        self.priority == Priority::OWNER
    }
}

/// What a backup does about a master of lower priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preempt {
    /// Takes over once its master-down timer has run out.
    #[default]
    Always,
    /// `preempt_delay`: waits this long from the first lower-priority advert, then as `Always`.
    After(Duration),
    /// `nopreempt`: leaves it alone for as long as it is heard.
    Never,
}
