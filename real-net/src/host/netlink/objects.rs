//! Routes and rules as netlink messages. What the kernel tells of those that are gone is in `keys`.

use std::io;
use std::net::IpAddr;

use locum_engine::config::{Encap, NextHop, Placement, Route, RouteKind, Rule, RuleAction};
use netlink_packet_core::{DefaultNla, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::{
    RouteAttribute, RouteFlags, RouteHeader, RouteIp6Tunnel, RouteIp6TunnelFlags, RouteIpTunnel,
    RouteIpTunnelFlags, RouteLwEnCapType, RouteLwTunnelEncap, RouteMessage, RouteMetric as Metric,
    RouteNextHop, RouteNextHopFlags, RouteRealm, RouteScope, RouteType,
};
use netlink_packet_route::rule::{
    RuleAction as Action, RuleAttribute, RuleFlags, RuleMessage, RulePortRange, RuleUidRange,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Netlink;

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
        let flags = match route.extras.placement {
            Placement::Prepend => NLM_F_CREATE,
            Placement::Append => NLM_F_CREATE | NLM_F_APPEND,
            Placement::Add => NLM_F_CREATE | NLM_F_EXCL,
        };
        match add {
            true => self.ask(RouteNetlinkMessage::NewRoute(message), flags),
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

/// The message that adds or removes a route. `index` finds the kernel's index of an interface.
pub(super) fn route_message(
    route: &Route,
    index: impl Fn(&NextHop) -> Option<u32>,
) -> RouteMessage {
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
    attributes.extend(extras.realms.map(|r| RouteAttribute::Realm(realm(r))));
    if let Some(from) = extras.from {
        message.header.source_prefix_length = from.prefix;
        attributes.push(RouteAttribute::Source(from.address.into()));
    }
    attributes.extend(extras.expires.map(RouteAttribute::Expires));
    if let Some(encap) = &extras.encap {
        let (kind, parts) = tunnel(encap);
        attributes.push(RouteAttribute::EncapType(kind));
        attributes.push(RouteAttribute::Encap(parts));
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
pub(super) fn rule_message(rule: &Rule) -> RuleMessage {
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
    list.extend(rule.realms.map(|r| RuleAttribute::Realm(realm(r))));
    list.extend(rule.tunnel.map(|id| RuleAttribute::TunId(id.into())));
    message
}

fn realm((source, destination): (u16, u16)) -> RouteRealm {
    RouteRealm {
        source,
        destination,
    }
}

/// A tunnel's kind and what is said about it; what is 0 is left to the device.
fn tunnel(encap: &Encap) -> (RouteLwEnCapType, Vec<RouteLwTunnelEncap>) {
    let Encap {
        id,
        hops,
        class,
        flags,
        ..
    } = *encap;
    let number = |n: u8| (n > 0).then_some(n);
    let id = (id > 0).then_some(u64::from(id));
    let flags = (flags > 0).then_some(flags);
    match (encap.destination, encap.source) {
        (IpAddr::V6(destination), source) => {
            let source = source.and_then(|source| match source {
                IpAddr::V6(source) => Some(source),
                IpAddr::V4(_) => None,
            });
            let flags = flags.map(RouteIp6TunnelFlags::from_bits_retain);
            let parts = [
                Some(RouteIp6Tunnel::Destination(destination)),
                source.map(RouteIp6Tunnel::Source),
                id.map(RouteIp6Tunnel::Id),
                number(hops).map(RouteIp6Tunnel::Hoplimit),
                number(class).map(RouteIp6Tunnel::Tc),
                flags.map(RouteIp6Tunnel::Flags),
            ];
            let parts = parts.into_iter().flatten();
            let parts = parts.map(RouteLwTunnelEncap::Ip6).collect();
            (RouteLwEnCapType::Ip6, parts)
        }
        (IpAddr::V4(destination), source) => {
            let source = source.and_then(|source| match source {
                IpAddr::V4(source) => Some(source),
                IpAddr::V6(_) => None,
            });
            let flags = flags.map(RouteIpTunnelFlags::from_bits_retain);
            let parts = [
                Some(RouteIpTunnel::Destination(destination)),
                source.map(RouteIpTunnel::Source),
                id.map(RouteIpTunnel::Id),
                number(hops).map(RouteIpTunnel::Ttl),
                number(class).map(RouteIpTunnel::Tos),
                flags.map(RouteIpTunnel::Flags),
            ];
            let parts = parts.into_iter().flatten();
            let parts = parts.map(RouteLwTunnelEncap::Ip).collect();
            (RouteLwEnCapType::Ip, parts)
        }
    }
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

pub(super) fn kind(kind: RouteKind) -> RouteType {
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
