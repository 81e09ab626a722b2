//! Routes and rules by what the kernel says of them, when it tells that one is gone.

use std::net::IpAddr;

use locum_engine::config::{Network, Route, Rule, RuleAction};
use netlink_packet_route::rule::RuleAction as Action;

use super::attributes;
use super::objects::kind;

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

/// What tells one of our routes from others, as far as the kernel says it when one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteKey {
    destination: Network,
    from: Option<Network>,
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
            from: route.extras.from.filter(|from| from.prefix > 0),
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
        let [family, prefix, from, tos, table, protocol, _, kind] = *payload.first_chunk()?;
        let mut key = Self {
            destination: Network {
                address: nowhere(family)?,
                prefix,
            },
            from: None,
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
                libc::RTA_SRC => {
                    let address = address(value)?;
                    key.from = (from > 0).then_some(Network {
                        address,
                        prefix: from,
                    });
                }
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
    use locum_engine::config::{NextHop, RouteExtras, RouteKind};
    use netlink_packet_core::Emitable;

    use super::super::objects::{route_message, rule_message};
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
        let mut other = route();
        other.extras.from = Some(net([10, 1, 0, 0], 16));
        assert_ne!(RouteKey::read(&message), Some(RouteKey::of(&other)));
        let source = bytes(&route_message(&other, |_| Some(3)));
        assert_eq!(RouteKey::read(&source), Some(RouteKey::of(&other)));
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
            realms: None,
            tunnel: None,
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
