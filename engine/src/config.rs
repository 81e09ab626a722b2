//! The configuration as typed values: what the engine runs on.
//!
//! [`conf`](crate::conf) makes these from the text of a keepalived.conf; tests may make them by
//! hand. A `Config` is valid by construction: ranges are in the types, and cross-references are
//! indices into its own lists. Units and defaults follow keepalived (2.2.7 and later).

use core::net::IpAddr;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::sync::Arc;

use crate::ids::{CheckId, InstanceId, InterfaceId, Priority, Vrid};
use crate::probe::Probe;
use crate::time::Centis;

/// Everything one daemon runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `router_id`: names this node in logs; the host name when absent.
    pub router_id: Option<Arc<str>>,
    /// `vrrp_startup_delay`: from the start of the daemon until its instances take part.
    pub startup_delay: Duration,
    /// Interface names; an [`InterfaceId`] is a position in this list.
    pub interfaces: Vec<Arc<str>>,
    /// `vrrp_script` blocks that some instance tracks.
    pub checks: Vec<CheckConfig>,
    /// `vrrp_instance` blocks.
    pub instances: Vec<InstanceConfig>,
}

impl Config {
    /// The name of an interface.
    pub fn interface_name(&self, id: InterfaceId) -> &str {
        &self.interfaces[id.index()]
    }

    /// An instance by its position.
    pub fn instance(&self, id: InstanceId) -> &InstanceConfig {
        &self.instances[id.index()]
    }

    /// A check by its position.
    pub fn check(&self, id: CheckId) -> &CheckConfig {
        &self.checks[id.index()]
    }

    /// The instance of that name.
    pub fn find_instance(&self, name: &str) -> Option<InstanceId> {
        let position = self.instances.iter().position(|i| &*i.name == name)?;
        u16::try_from(position).ok().map(InstanceId)
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
    /// `priority` as configured, before tracking changes it.
    pub priority: Priority,
    /// `advert_int`.
    pub advert_interval: Centis,
    /// `preempt`, `nopreempt`, `preempt_delay`.
    pub preempt: Preempt,
    /// `authentication`.
    pub auth: Auth,
    /// `virtual_ipaddress`: carried in adverts, in this order.
    pub addresses: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held by the master, not carried in adverts.
    pub excluded: Vec<VirtualAddress>,
    /// `mcast_src_ip` or `unicast_src_ip`; the interface's primary address when absent.
    pub source: Option<IpAddr>,
    /// Adverts go to these peers; to the group when absent.
    pub unicast: Option<Unicast>,
    /// `track_script`, in order.
    pub tracks: Vec<Track>,
    /// `track_interface`: other links it depends on.
    pub links: Vec<TrackLink>,
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
    /// What is rarely changed.
    pub tuning: Tuning,
}

/// Deviations from the protocol as everybody runs it; all of an instance's routers should agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// `down_timer_adverts`, 1 to 100: so many adverts must be missing before a backup takes over.
    pub down_timer_adverts: u8,
    /// `v3_checksum_as_v2`: VRRPv3 over IPv4 is sent with a checksum of the message alone, as RFC
    /// 9568 5.2.8 has it, instead of keepalived's, which includes a pseudo-header. Both are
    /// understood, always.
    pub v3_checksum_as_v2: bool,
    /// `higher_prio_send_advert`: a master that loses to a higher advert sends one last advert with
    /// its own priority, before it lets go, instead of a priority-0 one after. The winner answers
    /// it and announces itself again.
    pub higher_prio_send_advert: bool,
    /// `owner_ignore_adverts`: an owner of the addresses (priority 255) hears no adverts, not even
    /// of another owner.
    pub owner_ignore_adverts: bool,
    /// `skip_check_adv_addr`: the addresses in an advert are compared with ours only when another
    /// router than before advertises them.
    pub skip_check_adv_addr: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            down_timer_adverts: 3,
            v3_checksum_as_v2: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            skip_check_adv_addr: false,
        }
    }
}

impl InstanceConfig {
    /// Every address the master holds: the advertised ones, then the excluded ones.
    pub fn held_addresses(&self) -> impl Iterator<Item = &VirtualAddress> {
        self.addresses.iter().chain(&self.excluded)
    }

    /// Priority 255: this node owns the addresses and takes them without waiting.
    pub fn is_owner(&self) -> bool {
        self.priority == Priority::OWNER
    }
}

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

/// How adverts are authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// No authentication.
    #[default]
    None,
    /// `auth_type PASS`: eight bytes in clear, zero padded (RFC 2338; VRRPv2 only).
    Password([u8; 8]),
}

/// One line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualAddress {
    /// The address.
    pub address: IpAddr,
    /// Prefix length; 32 or 128 when the line has none.
    pub prefix: u8,
    /// `dev`; the instance's interface by default.
    pub interface: InterfaceId,
    /// `label` of an IPv4 address, such as `eth0:1`.
    pub label: Option<Arc<str>>,
    /// `scope` as the kernel's number: 0 global, 200 site, 253 link, 254 host.
    pub scope: u8,
    /// `brd`.
    pub broadcast: Broadcast,
}

/// `brd` of an IPv4 address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broadcast {
    /// None (also `brd -`).
    #[default]
    None,
    /// `brd +`: all host bits set.
    AllOnes,
    /// A literal address.
    Literal(core::net::Ipv4Addr),
}

/// One entry of `track_script`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    /// The check.
    pub check: CheckId,
    /// Its weight for this instance.
    pub weight: Weight,
}

/// One entry of `track_interface`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackLink {
    /// The interface; one that isn't there is down.
    pub interface: InterfaceId,
    /// What its state does to the instance: up is success, down is failure.
    pub weight: Weight,
}

/// What a check's result does to an instance (keepalived's `weight`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// -253 to 253. Zero: a failure puts the instance in fault.
    pub value: i16,
    /// `reverse`: success and failure change places.
    pub reverse: bool,
}

/// One `vrrp_script` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckConfig {
    /// The block's name.
    pub name: Arc<str>,
    /// What is run.
    pub command: CheckCommand,
    /// `interval`: from the start of one run to the start of the next.
    pub interval: Duration,
    /// `timeout`: a run that takes longer has failed. The interval by default.
    pub timeout: Duration,
    /// `rise`: successes in a row before a failed check counts as good again.
    pub rise: u32,
    /// `fall`: failures in a row before a good check counts as failed.
    pub fall: u32,
    /// `init_fail`: failed until `rise` successes; otherwise the first result decides.
    pub init_fail: bool,
    /// `user`: user and group the script runs as.
    pub user: Option<(Arc<str>, Option<Arc<str>>)>,
}

/// What a check runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckCommand {
    /// A command line, split as keepalived splits it; no shell. Exit 0 is success.
    Script(Vec<Arc<str>>),
    /// `script "locum probe ..."`: run in process, without a fork.
    Probe(Probe),
}

/// Gratuitous ARP timing of one instance (keepalived's `garp_master_*`, `garp_lower_prio_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GarpConfig {
    /// `garp_master_delay`: from becoming master to the second burst; zero for none.
    pub delay: Duration,
    /// `garp_master_repeat`: rounds over all addresses in a burst.
    pub repeat: u32,
    /// `garp_master_refresh`: between single announcements while master; zero for none.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`: rounds in a refresh.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`: from a contest to its second burst; zero for none.
    pub contest_delay: Duration,
    /// `garp_lower_prio_repeat`: rounds in a burst after a contest; zero for none.
    pub contest_repeat: u32,
}

impl Default for GarpConfig {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            contest_delay: Duration::from_secs(5),
            contest_repeat: 5,
        }
    }
}
