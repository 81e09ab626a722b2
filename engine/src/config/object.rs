//! Routes and policy rules: what a master installs besides its addresses, and what the daemon
//! installs for as long as it runs.

use core::fmt;
use core::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Config, VirtualAddress};
use crate::ids::{InstanceId, InterfaceId};

/// A route or a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// One line of `virtual_routes` or `static_routes`.
    Route(Arc<Route>),
    /// One line of `virtual_rules` or `static_rules`.
    Rule(Arc<Rule>),
}

/// Which one: its owner, and its position among the owner's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// The instance that installs it as master; `None` for what is static.
    pub owner: Option<InstanceId>,
    /// The position in [`InstanceConfig::objects`](super::InstanceConfig::objects), or in
    /// [`Statics::objects`].
    pub index: u16,
}

/// What is there for as long as the daemon runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statics {
    /// `static_ipaddress`.
    pub addresses: Vec<VirtualAddress>,
    /// `static_routes`, then `static_rules`.
    pub objects: Vec<Object>,
    /// `track_group`: what stands or falls with which instances.
    pub tracked: Vec<StaticTrack>,
}

/// Instances that are in fault while something static is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticTrack {
    /// What.
    pub what: StaticItem,
    /// Whose fault it is.
    pub instances: Vec<InstanceId>,
}

/// Something static, by its position in [`Statics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StaticItem {
    /// One of the addresses.
    Address(u16),
    /// One of the objects.
    Object(u16),
}

/// An address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// Any address in it; host bits are zero in what the reader makes.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
}

/// A route, in the words of `ip route`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What becomes of packets.
    pub kind: RouteKind,
    /// Where to.
    pub destination: Network,
    /// `via`, or the next hops of a multipath route; of several kinds only `Unicast` has any.
    pub hops: Vec<NextHop>,
    /// `src`: the source address of packets that have none yet.
    pub source: Option<IpAddr>,
    /// `table`: 254 is the main one.
    pub table: u32,
    /// `scope` as the kernel's number; chosen by what else is given when absent.
    pub scope: Option<u8>,
    /// `metric`, `preference` or `priority`.
    pub metric: Option<u32>,
    /// `tos` or `dsfield`.
    pub tos: u8,
    /// `protocol`: 18, keepalived's, when absent.
    pub protocol: u8,
    /// `mtu`, `advmss` and their like.
    pub metrics: Vec<RouteMetric>,
    /// What is rarely said.
    pub extras: RouteExtras,
    /// Put back when somebody removes it; `no_track` says no.
    pub tracked: bool,
}

/// The rarer words of a route. The default is that none of them is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteExtras {
    /// `pref` of an IPv6 route, as the kernel's number (RFC 4191): 0 medium, 1 high, 3 low.
    pub preference: Option<u8>,
    /// `realms` of an IPv4 route: from and to, 0 for none.
    pub realms: Option<(u16, u16)>,
    /// `congctl`: an algorithm for TCP, and whether it is locked.
    pub congestion: Option<(Arc<str>, bool)>,
    /// `from` of an IPv6 route: it is for packets from there only.
    pub from: Option<Network>,
    /// `expires` of an IPv6 route, in seconds: the kernel removes it then.
    pub expires: Option<u32>,
    /// `encap`, of a route with one next hop at most.
    pub encap: Option<Encap>,
    /// Where it goes among routes of the same destination, metric and TOS.
    pub placement: Placement,
}

/// Where a route goes among those of the same destination, metric and TOS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Before them.
    #[default]
    Prepend,
    /// Behind them.
    Append,
    /// Nowhere, if there is one.
    Add,
}

/// `encap ip` or `encap ip6`: packets leave within others, which IP tunnel devices make of them. 0
/// is whatever the device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encap {
    /// `dst`; its family says whether it is `ip` or `ip6`.
    pub destination: IpAddr,
    /// `src`, of the same family.
    pub source: Option<IpAddr>,
    /// `id`: the tunnel's key.
    pub id: u32,
    /// `ttl` or `hoplimit`.
    pub hops: u8,
    /// `tos` or `tc`.
    pub class: u8,
    /// `flags`, as the kernel's bits.
    pub flags: u16,
}

/// What becomes of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// They go on.
    #[default]
    Unicast,
    /// Dropped without a word.
    Blackhole,
    /// Dropped with ICMP "host unreachable".
    Unreachable,
    /// Dropped with ICMP "prohibited".
    Prohibit,
    /// The next table is looked into.
    Throw,
}

/// One way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    /// `via`.
    pub gateway: Option<IpAddr>,
    /// `dev`.
    pub interface: Option<InterfaceId>,
    /// `weight`, 1 to 256, of a multipath route.
    pub weight: u16,
    /// `onlink`: the gateway is there, whatever the routes say.
    pub on_link: bool,
}

/// One of the numbers a route carries along (RTAX_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteMetric {
    /// Linux's number of it.
    pub kind: u16,
    /// In the kernel's unit.
    pub value: u32,
    /// `lock`: path MTU discovery doesn't change it.
    pub locked: bool,
}

/// A policy rule, in the words of `ip rule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// IPv6 rather than IPv4.
    pub ipv6: bool,
    /// What to do with packets that match.
    pub action: RuleAction,
    /// `priority`, `preference` or `order`: low numbers come first.
    pub priority: u32,
    /// `not`: packets that don't match.
    pub invert: bool,
    /// `from`; any when absent.
    pub from: Option<Network>,
    /// `to`; any when absent.
    pub to: Option<Network>,
    /// `tos` or `dsfield`.
    pub tos: u8,
    /// `fwmark`: mark and mask.
    pub mark: Option<(u32, u32)>,
    /// `iif` or `dev`.
    pub input: Option<Arc<str>>,
    /// `oif`.
    pub output: Option<Arc<str>>,
    /// `uidrange`.
    pub users: Option<(u32, u32)>,
    /// `ipproto`.
    pub ip_protocol: Option<u8>,
    /// `sport`.
    pub source_ports: Option<(u16, u16)>,
    /// `dport`.
    pub destination_ports: Option<(u16, u16)>,
    /// `suppress_prefixlength`.
    pub suppress_prefix: Option<u32>,
    /// `suppress_ifgroup`.
    pub suppress_group: Option<u32>,
    /// `l3mdev`.
    pub l3mdev: bool,
    /// `realms` of an IPv4 rule: from and to, 0 for none.
    pub realms: Option<(u16, u16)>,
    /// `tunnel-id`: the key of the tunnel that packets came out of.
    pub tunnel: Option<u32>,
    /// `protocol`: 18, keepalived's, when absent.
    pub protocol: u8,
    /// Put back when somebody removes it; `no_track` says no.
    pub tracked: bool,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleAction {
    /// `table` or `lookup`: looks into a routing table.
    Table(u32),
    /// `goto`: goes on at the rule of that priority.
    Goto(u32),
    /// `nop`.
    Nop,
    /// `blackhole`.
    Blackhole,
    /// `unreachable`.
    Unreachable,
    /// `prohibit`.
    Prohibit,
}

/// The routing protocol number by which keepalived marks what is its own; we mark the same way, so
/// that what either leaves behind is recognised by the other.
pub const PROTOCOL_KEEPALIVED: u8 = 18;
/// The main routing table.
pub const TABLE_MAIN: u32 = 254;

impl Config {
    /// A route or a rule by its position.
    pub fn object(&self, id: ObjectId) -> &Object {
        let objects = match id.owner {
            Some(instance) => &self.instance(instance).objects,
            None => &self.statics.objects,
        };
        &objects[usize::from(id.index)]
    }
}

impl Object {
    /// Whether it is put back when somebody removes it.
    pub fn is_tracked(&self) -> bool {
        match self {
            Self::Route(route) => route.tracked,
            Self::Rule(rule) => rule.tracked,
        }
    }

    /// Its essence in the words of `ip route` and `ip rule`, with the configuration's names.
    pub fn display<'a>(&'a self, config: &'a Config) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| match self {
            Self::Route(route) => route.write(config, f),
            Self::Rule(rule) => rule.write(f),
        })
    }
}

impl Route {
    fn write(&self, config: &Config, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            RouteKind::Unicast => "route ",
            RouteKind::Blackhole => "blackhole route ",
            RouteKind::Unreachable => "unreachable route ",
            RouteKind::Prohibit => "prohibit route ",
            RouteKind::Throw => "throw route ",
        })?;
        match self.destination.prefix {
            0 => f.write_str("default")?,
            _ => write!(f, "{}", self.destination)?,
        }
        if let Some(from) = self.extras.from {
            write!(f, " from {from}")?;
        }
        if let Some(encap) = self.extras.encap {
            let kind = if encap.destination.is_ipv4() {
                "ip"
            } else {
                "ip6"
            };
            write!(f, " encap {kind} dst {}", encap.destination)?;
        }
        for hop in &self.hops {
            if let Some(gateway) = hop.gateway {
                write!(f, " via {gateway}")?;
            }
            if let Some(interface) = hop.interface {
                write!(f, " dev {}", config.interface_name(interface))?;
            }
        }
        if self.table != TABLE_MAIN {
            write!(f, " table {}", self.table)?;
        }
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        Ok(())
    }
}

impl Rule {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}:", self.priority)?;
        if self.invert {
            f.write_str(" not")?;
        }
        match self.from {
            Some(from) => write!(f, " from {from}")?,
            None => f.write_str(" from all")?,
        }
        if let Some(to) = self.to {
            write!(f, " to {to}")?;
        }
        if let Some((mark, _)) = self.mark {
            write!(f, " fwmark {mark:#x}")?;
        }
        if let Some(input) = &self.input {
            write!(f, " iif {input}")?;
        }
        if let Some(output) = &self.output {
            write!(f, " oif {output}")?;
        }
        match self.action {
            RuleAction::Table(table) => write!(f, " lookup {table}"),
            RuleAction::Goto(priority) => write!(f, " goto {priority}"),
            RuleAction::Nop => f.write_str(" nop"),
            RuleAction::Blackhole => f.write_str(" blackhole"),
            RuleAction::Unreachable => f.write_str(" unreachable"),
            RuleAction::Prohibit => f.write_str(" prohibit"),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if self.prefix == host {
            return write!(f, "{}", self.address);
        }
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
