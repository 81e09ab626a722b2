//! Routes and rules as netlink messages, and what the kernel tells of those that are gone.

use std::io;
use std::net::IpAddr;

use locum_engine::config::{Network, NextHop, Route, RouteKind, Rule, RuleAction};
use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::{
    RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteMetric as Metric, RouteNextHop,
    RouteNextHopFlags, RouteRealm, RouteScope, RouteType,
};
use netlink_packet_route::rule::{
    RuleAction as Action, RuleAttribute, RuleFlags, RuleMessage, RulePortRange, RuleUidRange,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Netlink, attributes};

/// `struct rtmsg` and `struct fib_rule_hdr` are of one size.
const HEADER: usize = 12;
/// IPv6 routes have this metric unless they are given one.
const METRIC_V6: u32 = 1024;
/// The names of FR_ACT_*.
const ACT_TO_TABLE: u8 = 1;
const ACT_GOTO: u8 = 2;
/// `FRA_*` and `RTA_*` that are read.
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_GOTO: u16 = 4;
const FRA_PRIORITY: u16 = 6;
const FRA_TABLE: u16 = 15;
/// The congestion control algorithm among a route's metrics.
const RTAX_CC_ALGO: u16 = 16;

impl Netlink {
    /// Adds or removes a route. An equal one is `EEXIST`, none is `ESRCH`; another route to the same
    /// place stays, behind ours.
    pub(crate) fn route(
        &mut self,
        route: &Route,
        index: impl Fn(&NextHop) -> Option<u32>,
        add: bool,
    ) -> io::Result<()> {
        let message = route_message(route, index);
        match add {
            true => self.ask(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE),
            false => self.ask(RouteNetlinkMessage::DelRoute(message), 0),
        }
    }

    /// Adds or removes a rule. An equal one is `EEXIST`, none is `ENOENT`.
    pub(crate) fn rule(&mut self, rule: &Rule, add: bool) -> io::Result<()> {
        let message = rule_message(rule);
        match add {
            true => {
                let flags = NLM_F_CREATE | NLM_F_EXCL;
                self.ask(RouteNetlinkMessage::NewRule(message), flags)
            }
            false => self.ask(RouteNetlinkMessage::DelRule(message), 0),
        }
    }
}

/// What tells one of our routes from others, as far as the kernel says it when one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteKey {
    destination: Network,
    table: u32,
    tos: u8,
    metric: u32,
    protocol: u8,
    kind: u8,
    /// Of a route with one next hop.
    gateway: Option<IpAddr>,
}

/// The same of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleKey {
    ipv6: bool,
    priority: u32,
    from: Option<Network>,
    to: Option<Network>,
    tos: u8,
    action: u8,
    target: u32,
}

impl RouteKey {
    /// The key of a configured route.
    pub(crate) fn of(route: &Route) -> Self {
        let metric_v6 = route.destination.address.is_ipv6().then_some(METRIC_V6);
        Self {
            destination: route.destination,
            table: route.table,
            tos: route.tos,
            metric: route.metric.or(metric_v6).unwrap_or(0),
            protocol: route.protocol,
            kind: kind(route.kind).into(),
            gateway: match &route.hops[..] {
                [hop] => hop.gateway,
                _ => None,
            },
        }
    }

    /// The key of the route that a message is about.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let [family, prefix, _, tos, table, protocol, _, kind] = *payload.first_chunk()?;
        let mut key = Self {
            destination: Network {
                address: nowhere(family)?,
                prefix,
            },
            table: table.into(),
            tos,
            metric: 0,
            protocol,
            kind,
            gateway: None,
        };
        for (kind, value) in attributes(payload.get(HEADER..)?) {
            match kind {
                libc::RTA_DST => key.destination.address = address(value)?,
                libc::RTA_TABLE => key.table = number(value)?,
                libc::RTA_PRIORITY => key.metric = number(value)?,
                libc::RTA_GATEWAY => key.gateway = address(value),
                _ => {}
            }
        }
        Some(key)
    }
}

impl RuleKey {
    /// The key of a configured rule.
    pub(crate) fn of(rule: &Rule) -> Self {
        let (action, target) = match rule.action {
            RuleAction::Table(table) => (ACT_TO_TABLE, table),
            RuleAction::Goto(priority) => (ACT_GOTO, priority),
            RuleAction::Nop => (Action::Nop.into(), 0),
            RuleAction::Blackhole => (Action::Blackhole.into(), 0),
            RuleAction::Unreachable => (Action::Unreachable.into(), 0),
            RuleAction::Prohibit => (Action::Prohibit.into(), 0),
        };
        Self {
            ipv6: rule.ipv6,
            priority: rule.priority,
            from: rule.from,
            to: rule.to,
            tos: rule.tos,
            action,
            target,
        }
    }

    /// The key of the rule that a message is about.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let [family, to, from, tos, table, _, _, action] = *payload.first_chunk()?;
        let any = nowhere(family)?;
        let mut key = Self {
            ipv6: any.is_ipv6(),
            priority: 0,
            from: None,
            to: None,
            tos,
            action,
            target: u32::from(table),
        };
        for (kind, value) in attributes(payload.get(HEADER..)?) {
            let network = |prefix| {
                let address = address(value)?;
                Some(Network { address, prefix })
            };
            match kind {
                FRA_DST => key.to = network(to),
                FRA_SRC => key.from = network(from),
                FRA_PRIORITY => key.priority = number(value)?,
                FRA_TABLE if action == ACT_TO_TABLE => key.target = number(value)?,
                FRA_GOTO => key.target = number(value)?,
                _ => {}
            }
        }
        if ![ACT_TO_TABLE, ACT_GOTO].contains(&action) {
            key.target = 0;
        }
        Some(key)
    }
}

/// The message that adds or removes a route. `index` finds the kernel's index of an interface.
fn route_message(route: &Route, index: impl Fn(&NextHop) -> Option<u32>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: family(route.destination.address),
        destination_prefix_length: route.destination.prefix,
        tos: route.tos,
        table: u8::try_from(route.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC),
        protocol: route.protocol.into(),
        scope: RouteScope::from(scope(route)),
        kind: kind(route.kind),
        ..RouteHeader::default()
    };
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Table(route.table));
    if route.destination.prefix > 0 {
        let destination = route.destination.address.into();
        attributes.push(RouteAttribute::Destination(destination));
    }
    if let Some(metric) = route.metric {
        attributes.push(RouteAttribute::Priority(metric));
    }
    if let Some(source) = route.source {
        attributes.push(RouteAttribute::PrefSource(source.into()));
    }
    match &route.hops[..] {
        [] => {}
        [hop] => {
            attributes.extend(hop_attributes(hop));
            attributes.extend(index(hop).map(RouteAttribute::Oif));
            if hop.on_link {
                message.header.flags = RouteFlags::Onlink;
            }
        }
        hops => {
            let hops = hops.iter().map(|hop| next_hop(hop, index(hop))).collect();
            attributes.push(RouteAttribute::MultiPath(hops));
        }
    }
    let extras = &route.extras;
    if let Some((source, destination)) = extras.realms {
        let realm = RouteRealm {
            source,
            destination,
        };
        attributes.push(RouteAttribute::Realm(realm));
    }
    if let Some(preference) = extras.preference {
        attributes.push(RouteAttribute::Preference(preference.into()));
    }
    if !route.metrics.is_empty() || extras.congestion.is_some() {
        attributes.push(RouteAttribute::Metrics(metrics(route)));
    }
    message
}

/// The message that adds or removes a rule.
fn rule_message(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    let header = &mut message.header;
    header.family = match rule.ipv6 {
        true => AddressFamily::Inet6,
        false => AddressFamily::Inet,
    };
    header.dst_len = rule.to.map_or(0, |to| to.prefix);
    header.src_len = rule.from.map_or(0, |from| from.prefix);
    header.tos = rule.tos;
    if rule.invert {
        header.flags = RuleFlags::Invert;
    }
    let list = &mut message.attributes;
    header.action = match rule.action {
        RuleAction::Table(table) => {
            if !rule.l3mdev {
                header.table = u8::try_from(table).unwrap_or_default();
                list.push(RuleAttribute::Table(table));
            }
            Action::ToTable
        }
        RuleAction::Goto(priority) => {
            list.push(RuleAttribute::Goto(priority));
            Action::Goto
        }
        RuleAction::Nop => Action::Nop,
        RuleAction::Blackhole => Action::Blackhole,
        RuleAction::Unreachable => Action::Unreachable,
        RuleAction::Prohibit => Action::Prohibit,
    };
    list.push(RuleAttribute::Priority(rule.priority));
    list.push(RuleAttribute::Protocol(rule.protocol.into()));
    list.extend(rule.from.map(|n| RuleAttribute::Source(n.address)));
    list.extend(rule.to.map(|n| RuleAttribute::Destination(n.address)));
    if let Some((mark, mask)) = rule.mark {
        list.extend([RuleAttribute::FwMark(mark), RuleAttribute::FwMask(mask)]);
    }
    list.extend(
        rule.input
            .as_deref()
            .map(|n| RuleAttribute::Iifname(n.to_owned())),
    );
    list.extend(
        rule.output
            .as_deref()
            .map(|n| RuleAttribute::Oifname(n.to_owned())),
    );
    list.extend(
        rule.users
            .map(|(start, end)| RuleAttribute::UidRange(RuleUidRange { start, end })),
    );
    list.extend(
        rule.ip_protocol
            .map(|p| RuleAttribute::IpProtocol(i32::from(p).into())),
    );
    let range = |(start, end)| RulePortRange { start, end };
    list.extend(
        rule.source_ports
            .map(|r| RuleAttribute::SourcePortRange(range(r))),
    );
    list.extend(
        rule.destination_ports
            .map(|r| RuleAttribute::DestinationPortRange(range(r))),
    );
    list.extend(rule.suppress_prefix.map(RuleAttribute::SuppressPrefixLen));
    list.extend(rule.suppress_group.map(RuleAttribute::SuppressIfGroup));
    list.extend(rule.l3mdev.then_some(RuleAttribute::L3MDev(true)));
    message
}

fn hop_attributes(hop: &NextHop) -> Option<RouteAttribute> {
    hop.gateway.map(|g| RouteAttribute::Gateway(g.into()))
}

fn next_hop(hop: &NextHop, index: Option<u32>) -> RouteNextHop {
    let mut next = RouteNextHop::default();
    if hop.on_link {
        next.flags = RouteNextHopFlags::Onlink;
    }
    // The kernel counts from 0.
    next.hops = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    next.interface_index = index.unwrap_or(0);
    next.attributes = hop_attributes(hop).into_iter().collect();
    next
}

fn metrics(route: &Route) -> Vec<Metric> {
    let locked = route.metrics.iter().filter(|m| m.locked);
    let bit = |kind: u16| 1_u32.checked_shl(kind.into()).unwrap_or(0);
    let mut locked = locked.fold(0, |bits, m| bits | bit(m.kind));
    let number =
        |kind, value: u32| Metric::Other(DefaultNla::new(kind, value.to_ne_bytes().into()));
    let mut list: Vec<_> = route
        .metrics
        .iter()
        .map(|m| number(m.kind, m.value))
        .collect();
    if let Some((algorithm, is_locked)) = &route.extras.congestion {
        locked |= if *is_locked { bit(RTAX_CC_ALGO) } else { 0 };
        list.push(Metric::CcAlgo(algorithm.to_string()));
    }
    if locked != 0 {
        list.push(Metric::Lock(locked));
    }
    list
}

/// As `ip route` chooses it: a gateway is in the world, a mere interface on the link.
fn scope(route: &Route) -> u8 {
    let direct = route.kind == RouteKind::Unicast && route.hops.iter().all(|h| h.gateway.is_none());
    let usual = match direct && route.destination.address.is_ipv4() {
        true => libc::RT_SCOPE_LINK,
        false => libc::RT_SCOPE_UNIVERSE,
    };
    route.scope.unwrap_or(usual)
}

fn kind(kind: RouteKind) -> RouteType {
    match kind {
        RouteKind::Unicast => RouteType::Unicast,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Unreachable => RouteType::Unreachable,
        RouteKind::Prohibit => RouteType::Prohibit,
        RouteKind::Throw => RouteType::Throw,
    }
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn nowhere(family: u8) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => Some(IpAddr::from([0; 4])),
        libc::AF_INET6 => Some(IpAddr::from([0; 16])),
        _ => None,
    }
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from))
        .ok()
}

fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use locum_engine::config::RouteExtras;
    use netlink_packet_core::Emitable;

    use super::*;

    fn net(octets: [u8; 4], prefix: u8) -> Network {
        let address = octets.into();
        Network { address, prefix }
    }

    fn route() -> Route {
        Route {
            kind: RouteKind::Unicast,
            destination: net([10, 9, 0, 0], 16),
            hops: vec![NextHop {
                gateway: Some([192, 168, 0, 1].into()),
                ..NextHop::default()
            }],
            source: None,
            table: 1000,
            scope: None,
            metric: Some(7),
            tos: 4,
            protocol: 18,
            metrics: vec![],
            extras: RouteExtras::default(),
            tracked: true,
        }
    }

    fn bytes(message: &impl Emitable) -> Vec<u8> {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    #[test]
    fn a_route_is_recognised_when_it_goes() {
        let message = bytes(&route_message(&route(), |_| Some(3)));
        assert_eq!(RouteKey::read(&message), Some(RouteKey::of(&route())));
        let other = Route {
            metric: None,
            ..route()
        };
        assert_ne!(RouteKey::read(&message), Some(RouteKey::of(&other)));
        for end in 0..message.len() {
            let _ = RouteKey::read(&message[..end]);
        }
    }

    #[test]
    fn a_rule_is_recognised_when_it_goes() {
        let rule = Rule {
            ipv6: false,
            action: RuleAction::Table(1000),
            priority: 100,
            invert: false,
            from: Some(net([10, 1, 0, 0], 16)),
            to: None,
            tos: 0,
            mark: Some((1, 0xff)),
            input: Some("eth0".into()),
            output: None,
            users: None,
            ip_protocol: Some(17),
            source_ports: None,
            destination_ports: Some((53, 53)),
            suppress_prefix: None,
            suppress_group: None,
            l3mdev: false,
            protocol: 18,
            tracked: true,
        };
        let message = bytes(&rule_message(&rule));
        assert_eq!(RuleKey::read(&message), Some(RuleKey::of(&rule)));
        let other = Rule {
            action: RuleAction::Goto(200),
            ..rule
        };
        assert_ne!(RuleKey::read(&message), Some(RuleKey::of(&other)));
        let message = bytes(&rule_message(&other));
        assert_eq!(RuleKey::read(&message), Some(RuleKey::of(&other)));
    }
}
