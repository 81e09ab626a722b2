//! `virtual_routes` and `static_routes`: one route a line, in the words of `ip route`.

use core::net::IpAddr;

use super::encap;
use super::line::{Line, PROTOCOLS, SCOPES, TABLE_HINT, TABLES};
use super::value::{Value, without_semicolon, word};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::{
    Network, PROTOCOL_KEEPALIVED, Placement, Route, RouteExtras, RouteKind, RouteMetric, TABLE_MAIN,
};

/// One line.
#[derive(Debug)]
pub(in crate::conf) struct RouteDraft {
    pub(in crate::conf) span: Span,
    /// Without its next hops, which name interfaces.
    pub(in crate::conf) route: Route,
    pub(in crate::conf) hops: Vec<HopDraft>,
    /// `track_group`, of a static route.
    pub(in crate::conf) group: Option<Word>,
}

/// One next hop.
#[derive(Clone, Debug, Default)]
pub(in crate::conf) struct HopDraft {
    pub(in crate::conf) gateway: Option<IpAddr>,
    pub(in crate::conf) interface: Option<Word>,
    pub(in crate::conf) weight: u16,
    pub(in crate::conf) on_link: bool,
}

/// The numbers a route carries: their name, Linux's number, and what theirs is multiplied by.
const METRICS: [(&str, u16, u32); 14] = [
    ("mtu", 2, 1),
    ("window", 3, 1),
    ("rtt", 4, 8),
    ("rttvar", 5, 4),
    ("ssthresh", 6, 1),
    ("cwnd", 7, 1),
    ("advmss", 8, 1),
    ("reordering", 9, 1),
    ("hoplimit", 10, 1),
    ("initcwnd", 11, 1),
    ("rto_min", 13, 1),
    ("initrwnd", 14, 1),
    ("quickack", 15, 1),
    ("fastopen_no_cookie", 17, 1),
];
/// `features`, whose one feature is `ecn`.
const FEATURES: (u16, u32) = (12, 1);

/// Options of keepalived's that aren't carried out, and what may help.
const UNSUPPORTED: [(&str, &str); 2] = [
    (
        "vrf",
        "write `table NUMBER` with the table of the VRF, which `ip -d link show NAME` tells",
    ),
    ("nhid", "write the next hops themselves: `via ADDRESS`"),
];

fn unsupported(name: &str) -> Option<&'static str> {
    let mut known = UNSUPPORTED.iter();
    known
        .find(|(known, _)| *known == name)
        .map(|(_, hint)| *hint)
}

/// Reads the block's lines. `fixed` says that they are static, and may have a `track_group`.
pub(super) fn read(block: &Item, fixed: bool, routes: &mut Vec<RouteDraft>, report: &mut Report) {
    for item in block.block.as_deref().unwrap_or_default() {
        if item.keyword.text.is_empty() {
            continue;
        }
        if item.block.is_some() {
            let shown: String = item.keyword.text.chars().take(60).collect();
            let message = format!("`{shown}` takes no block: the block is skipped");
            report.warning(item.keyword.span, message);
        }
        routes.extend(line(item, fixed, report));
    }
}

fn line(item: &Item, fixed: bool, report: &mut Report) -> Option<RouteDraft> {
    let mut line = Line::new(item, "route");
    let mut destination = None;
    let mut draft = RouteDraft {
        span: item.keyword.span,
        route: Route {
            kind: RouteKind::Unicast,
            destination: Network {
                address: [0, 0, 0, 0].into(),
                prefix: 0,
            },
            hops: Vec::new(),
            source: None,
            table: TABLE_MAIN,
            scope: None,
            metric: None,
            tos: 0,
            protocol: PROTOCOL_KEEPALIVED,
            metrics: Vec::new(),
            extras: RouteExtras::default(),
            tracked: true,
        },
        hops: Vec::new(),
        group: None,
    };
    while let Some(option) = line.next() {
        let read = way(&mut line, option, &mut draft, report)
            || attribute(&mut line, option, &mut draft.route, report);
        match option.text.as_str() {
            _ if read => {}
            "track_group" if fixed => {
                let name = line.value(option, report);
                draft.group = name.map(|value| named(value));
            }
            "to" => {
                let value = line.value(option, report)?;
                destination = line.network(value, report);
            }
            name if unsupported(name).is_some() => {
                line.unsupported(option, unsupported(name).unwrap_or_default(), report);
            }
            _ if destination.is_none() => {
                let value = without_semicolon(word(option), report);
                destination = line.network(value, report);
            }
            _ => {
                let shown: String = option.text.chars().take(60).collect();
                let why = format!("`{shown}` is not understood here");
                let hint = "one route a line: NETWORK/PREFIX [via ADDRESS] [dev INTERFACE] ...";
                line.reject(option.span, &why, hint, report);
            }
        }
        if !line.is_whole() {
            return None;
        }
    }
    if destination.is_none() && line.is_whole() {
        let span = draft.span;
        line.reject(span, "this route leads nowhere", "name a network", report);
    }
    draft.route.destination = fit(destination?, &draft);
    // The kernel removes it, as it was told to.
    draft.route.tracked &= draft.route.extras.expires.is_none();
    complete(&mut line, &draft, report);
    line.is_whole().then_some(draft)
}

fn named(value: Value<'_>) -> Word {
    Word {
        text: value.text.to_owned(),
        span: value.span,
        quoted: false,
    }
}

/// Where packets go. False when the option isn't one of these.
fn way(line: &mut Line<'_>, option: &Word, draft: &mut RouteDraft, report: &mut Report) -> bool {
    let kind = match option.text.as_str() {
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "prohibit" => RouteKind::Prohibit,
        "throw" => RouteKind::Throw,
        "unicast" => RouteKind::Unicast,
        "nexthop" => {
            draft.hops.push(HopDraft::default());
            return true;
        }
        "via" | "gw" => {
            let gateway = line.address(option, report);
            hop(draft, |hop| hop.gateway.is_none()).gateway = gateway;
            return true;
        }
        "or" => {
            let gateway = line.address(option, report);
            let interface = draft.hops.last().and_then(|hop| hop.interface.clone());
            draft.hops.push(HopDraft {
                gateway,
                interface,
                ..HopDraft::default()
            });
            return true;
        }
        "dev" | "oif" => {
            let name = line.value(option, report).map(|value| named(value));
            // `via A or B dev X`: both are there.
            for hop in &mut draft.hops {
                hop.interface = hop.interface.take().or_else(|| name.clone());
            }
            if draft.hops.is_empty() {
                hop(draft, |_| true).interface = name;
            }
            return true;
        }
        "weight" => {
            let weight = line.number(option, 1..=256, report);
            let weight = weight.and_then(|weight| u16::try_from(weight).ok());
            hop(draft, |_| true).weight = weight.unwrap_or_default();
            return true;
        }
        "onlink" => {
            hop(draft, |_| true).on_link = true;
            return true;
        }
        _ => return false,
    };
    draft.route.kind = kind;
    true
}

/// The next hop that is being described; the first is made when it is needed.
fn hop(draft: &mut RouteDraft, open: impl Fn(&HopDraft) -> bool) -> &mut HopDraft {
    if !draft.hops.last().is_some_and(open) {
        draft.hops.push(HopDraft::default());
    }
    draft.hops.last_mut().expect("there is one now")
}

/// What else a route has. False when the option isn't one of these.
fn attribute(line: &mut Line<'_>, option: &Word, route: &mut Route, report: &mut Report) -> bool {
    let byte = |number: Option<u32>| number.and_then(|n| u8::try_from(n).ok());
    match option.text.as_str() {
        "src" => route.source = line.address(option, report),
        "table" => {
            let table = line.named(option, &TABLES, u32::MAX, TABLE_HINT, report);
            route.table = table.unwrap_or(route.table);
        }
        "scope" => route.scope = byte(line.named(option, &SCOPES, 255, "", report)),
        "metric" | "priority" | "preference" => {
            route.metric = line.number(option, 0..=u32::MAX, report);
        }
        "tos" | "dsfield" => {
            route.tos = byte(line.number(option, 0..=255, report)).unwrap_or_default();
        }
        "protocol" | "proto" => {
            let protocol = byte(line.named(option, &PROTOCOLS, 255, "", report));
            route.protocol = protocol.unwrap_or(route.protocol);
        }
        "features" => {
            if line.next_if("ecn") {
                let (kind, value) = FEATURES;
                route.metrics.push(RouteMetric {
                    kind,
                    value,
                    locked: false,
                });
            } else {
                let hint = "the only feature is `ecn`";
                line.reject(option.span, "`features` needs one", hint, report);
            }
        }
        "no_track" => route.tracked = false,
        "pref" => {
            let names = [("medium", 0), ("high", 1), ("low", 3)];
            let preference = line.named(option, &names, 0, "low, medium or high", report);
            route.extras.preference = byte(preference);
        }
        "realm" | "realms" => route.extras.realms = line.realms(option, report),
        "congctl" => {
            let locked = line.next_if("lock");
            let name = line.value(option, report);
            route.extras.congestion = name.map(|name| (name.text.into(), locked));
        }
        "add" => route.extras.placement = Placement::Add,
        "append" => route.extras.placement = Placement::Append,
        "prepend" => route.extras.placement = Placement::Prepend,
        "from" => {
            let value = line.value(option, report);
            route.extras.from = value.and_then(|value| line.network(value, report));
        }
        "expires" => route.extras.expires = line.number(option, 1..=u32::MAX, report),
        "encap" => route.extras.encap = encap::read(line, option, report),
        "as" => {
            line.next_if("to");
            line.value(option, report);
            for_labels(option, report);
        }
        "ttl-propagate" => {
            let names = [("enabled", 1), ("disabled", 0)];
            if line
                .named(option, &names, 0, "enabled or disabled", report)
                .is_some()
            {
                for_labels(option, report);
            }
        }
        name => return metric(line, name, option, route, report),
    }
    true
}

fn metric(
    line: &mut Line<'_>,
    name: &str,
    option: &Word,
    route: &mut Route,
    report: &mut Report,
) -> bool {
    let Some(&(_, kind, factor)) = METRICS.iter().find(|(known, ..)| *known == name) else {
        return false;
    };
    let locked = line.next_if("lock");
    if let Some(value) = line.number(option, 0..=u32::MAX / factor, report) {
        route.metrics.push(RouteMetric {
            kind,
            value: value * factor,
            locked,
        });
    }
    true
}

/// keepalived makes no route for MPLS either, and takes these words without effect.
fn for_labels(option: &Word, report: &mut Report) {
    let message = format!(
        "`{}` is for routes by MPLS labels, which this isn't: it has no effect",
        option.text
    );
    report.warning(option.span, message).hint("leave it out");
}

/// `default` is of the family that the rest of the line is of.
fn fit(destination: Network, draft: &RouteDraft) -> Network {
    let hops = draft.hops.iter().filter_map(|hop| hop.gateway);
    let from = draft.route.extras.from.map(|from| from.address);
    let mut addresses = hops.chain(draft.route.source).chain(from);
    let v6 = addresses.any(|a| a.is_ipv6());
    if destination.prefix == 0 && v6 {
        let address = core::net::Ipv6Addr::UNSPECIFIED.into();
        return Network { address, prefix: 0 };
    }
    destination
}

/// What only a route of the other family can have, and what helps.
fn unfit(route: &Route) -> Option<(&'static str, &'static str)> {
    let v6 = route.destination.address.is_ipv6();
    let extras = &route.extras;
    let other = extras
        .from
        .is_some_and(|from| from.prefix > 0 && from.address.is_ipv4());
    let rule = "a `virtual_rules` line with `from` leads to a table of its own";
    let unfit = [
        (
            v6 && extras.realms.is_some(),
            "only IPv4 routes have realms",
            "",
        ),
        (
            v6 && other,
            "`from` is of another family than the destination",
            "",
        ),
        (
            !v6 && extras.preference.is_some(),
            "only IPv6 routes have a `pref`",
            "",
        ),
        (
            !v6 && extras.expires.is_some(),
            "only IPv6 routes have a time",
            "leave `expires` out",
        ),
        (
            !v6 && extras.from.is_some(),
            "only IPv6 routes have a `from`",
            rule,
        ),
    ];
    let mut unfit = unfit.into_iter();
    unfit.find(|(is, ..)| *is).map(|(_, why, hint)| (why, hint))
}

fn complete(line: &mut Line<'_>, draft: &RouteDraft, report: &mut Report) {
    let route = &draft.route;
    let family = route.destination.address.is_ipv6();
    let mut addresses = draft.hops.iter().filter_map(|hop| hop.gateway);
    if let Some(other) = addresses.find(|a| a.is_ipv6() != family) {
        let why = format!("{other} is of another family than the destination");
        return line.reject(draft.span, &why, "", report);
    }
    if let Some((why, hint)) = unfit(route) {
        return line.reject(draft.span, why, hint, report);
    }
    if route.extras.encap.is_some() && draft.hops.len() > 1 {
        let why = "`encap` is for a route with one next hop";
        return line.reject(draft.span, why, "", report);
    }
    match route.kind {
        RouteKind::Unicast if draft.hops.is_empty() => {
            let hint = "say where it leads: `via ADDRESS`, `dev INTERFACE`, or both";
            line.reject(draft.span, "this route has no way out", hint, report);
        }
        RouteKind::Unicast => {}
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => {
            if !draft.hops.is_empty() {
                let why = "a route that drops packets has no way out";
                line.reject(draft.span, why, "", report);
            }
        }
    }
}
