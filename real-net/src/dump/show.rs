//! How keepalived writes things in its dumps: addresses, routes, rules, commands, times.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use locum_engine::config::{
    AddressOptions, Broadcast, Config, InstanceConfig, Network, Object, Placement, Preferred,
    Route, RouteKind, Rule, RuleAction, TABLE_MAIN, VirtualAddress,
};
use locum_engine::event::StateKind;
use locum_engine::ids::InterfaceId;

use crate::sys::time::local;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

pub(super) const fn state(state: StateKind) -> &'static str {
    match state {
        StateKind::Init => "INIT",
        StateKind::Backup => "BACKUP",
        StateKind::Master => "MASTER",
        StateKind::Fault => "FAULT",
    }
}

/// Seconds since 1970 with six decimals.
pub(super) fn stamp(utc: Duration) -> String {
    format!("{}.{:06}", utc.as_secs(), utc.subsec_micros())
}

/// The same, with the local date behind it.
pub(super) fn date(utc: Duration) -> String {
    let seconds = i64::try_from(utc.as_secs()).unwrap_or(i64::MAX);
    let Some(tm) = local(seconds) else {
        return stamp(utc);
    };
    let name = |names: &[&'static str], at: i32| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        names.get(at).copied().unwrap_or("?")
    };
    format!(
        "{} ({} {} {:2} {:02}:{:02}:{:02}.{:06} {})",
        stamp(utc),
        name(&DAYS, tm.tm_wday),
        name(&MONTHS, tm.tm_mon),
        tm.tm_mday,
        tm.tm_hour,
        tm.tm_min,
        tm.tm_sec,
        utc.subsec_micros(),
        i64::from(tm.tm_year) + 1900
    )
}

/// A command line: each word in quotes.
pub(super) fn command(words: &[Arc<str>]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(" ")
}

/// An interface, with what it lies on.
fn device(config: &Config, id: InterfaceId) -> String {
    let name = config.interface_name(id);
    match config.device(id) {
        Some(device) => format!("{name}@{}", config.interface_name(device.base)),
        None => name.to_owned(),
    }
}

/// An address of an instance. `set`: the kernel has it because of us.
pub(super) fn address(
    config: &Config,
    instance: &InstanceConfig,
    address: &VirtualAddress,
    set: bool,
) -> String {
    let mut text = network(address.address, address.prefix);
    if let Some(broadcast) = brd(address) {
        let _ = write!(text, " brd {broadcast}");
    }
    let _ = write!(text, " dev {}", device(config, address.interface));
    let _ = write!(text, " scope {}", scope(address.scope));
    if let Some(label) = &address.label {
        let _ = write!(text, " label {label}");
    }
    options(&mut text, address);
    if set {
        text += " set";
    }
    if set && instance.refuses_access() {
        text += " nftable_set";
    }
    text
}

/// What a line of `virtual_ipaddress` has besides.
fn options(text: &mut String, address: &VirtualAddress) {
    let AddressOptions {
        peer,
        detects_duplicates,
        home,
        makes_temporary,
        no_prefix_route,
        untracked,
        preferred,
    } = &*address.options;
    if let Some(peer) = peer {
        let host = if peer.is_ipv4() { 32 } else { 128 };
        let _ = write!(text, " peer {peer}/{host}");
    }
    let given = [
        (home, " home"),
        (detects_duplicates, " -nodad"),
        (makes_temporary, " mngtmpaddr"),
        (no_prefix_route, " noprefixroute"),
        (untracked, " no_track"),
    ];
    text.extend(given.iter().filter(|(on, _)| **on).map(|(_, word)| *word));
    if address.address.is_ipv4() {
        return;
    }
    match preferred {
        Preferred::Usual if address.prefix == 128 => text.push_str(" deprecated"),
        Preferred::Seconds(0) => text.push_str(" deprecated"),
        Preferred::Seconds(seconds) => _ = write!(text, " preferred_lft {seconds}"),
        Preferred::Usual | Preferred::Always => text.push_str(" preferred_lft forever"),
    }
}

fn brd(address: &VirtualAddress) -> Option<Ipv4Addr> {
    match (address.broadcast, address.address) {
        (Broadcast::Literal(broadcast), _) => Some(broadcast),
        (Broadcast::AllOnes, IpAddr::V4(ip)) => {
            let host = u32::MAX.checked_shr(u32::from(address.prefix)).unwrap_or(0);
            Some(Ipv4Addr::from_bits(ip.to_bits() | host))
        }
        _ => None,
    }
}

/// The length of a host's own prefix isn't written.
fn network(address: IpAddr, prefix: u8) -> String {
    let host = if address.is_ipv4() { 32 } else { 128 };
    match prefix == host {
        true => address.to_string(),
        false => format!("{address}/{prefix}"),
    }
}

fn scope(scope: u8) -> String {
    match scope {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        other => other.to_string(),
    }
}

fn prefix(network: &Network) -> String {
    format!("{}/{}", network.address, network.prefix)
}

/// A route or a rule.
pub(super) fn object(config: &Config, object: &Object) -> String {
    match object {
        Object::Route(each) => route(config, each),
        Object::Rule(each) => rule(each),
    }
}

fn route(config: &Config, route: &Route) -> String {
    let mut text = match route.kind {
        RouteKind::Unicast => match route.extras.placement {
            Placement::Prepend => "prepend ",
            Placement::Append => "append ",
            Placement::Add => "add ",
        },
        RouteKind::Blackhole => "add blackhole ",
        RouteKind::Unreachable => "add unreachable ",
        RouteKind::Prohibit => "add prohibit ",
        RouteKind::Throw => "add throw ",
    }
    .to_owned();
    text += &prefix(&route.destination);
    if let Some(source) = route.source {
        let _ = write!(text, " src {source}");
    }
    for hop in &route.hops {
        if let Some(gateway) = hop.gateway {
            let family = if gateway.is_ipv4() { "inet" } else { "inet6" };
            let _ = write!(text, " via {family} {gateway}");
        }
        if let Some(interface) = hop.interface {
            let _ = write!(text, " dev {}", device(config, interface));
        }
    }
    if route.table != TABLE_MAIN {
        let _ = write!(text, " table {}", route.table);
    }
    let _ = write!(text, " proto {}", route.protocol);
    if let Some(scope) = route.scope {
        let _ = write!(text, " scope {scope}");
    }
    if let Some(metric) = route.metric {
        let _ = write!(text, " metric {metric}");
    }
    // keepalived tracks a route by its interface, and says so of those that name none.
    if !route.tracked || route.hops.iter().all(|hop| hop.interface.is_none()) {
        text += " no_track";
    }
    text
}

fn rule(rule: &Rule) -> String {
    let mut text = String::new();
    if rule.invert {
        text += "not ";
    }
    if let Some(from) = &rule.from {
        let _ = write!(text, "from {} ", prefix(from));
    }
    if let Some(to) = &rule.to {
        let _ = write!(text, "to {} ", prefix(to));
    }
    let _ = write!(text, "priority {} tos {:#x}", rule.priority, rule.tos);
    let _ = write!(text, " protocol {}", rule.protocol);
    let _ = match rule.action {
        RuleAction::Table(table) => write!(text, " lookup {table}"),
        RuleAction::Goto(priority) => write!(text, " goto {priority}"),
        RuleAction::Nop => write!(text, " nop"),
        RuleAction::Blackhole => write!(text, " blackhole"),
        RuleAction::Unreachable => write!(text, " unreachable"),
        RuleAction::Prohibit => write!(text, " prohibit"),
    };
    if !rule.tracked {
        text += " no_track";
    }
    text
}
