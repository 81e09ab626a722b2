//! `virtual_rules` and `static_rules`: one policy rule a line, in the words of `ip rule`.

use std::sync::Arc;

use super::line::{Line, PROTOCOLS, TABLE_HINT, TABLES, whole};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::{PROTOCOL_KEEPALIVED, Rule, RuleAction};

/// One line.
#[derive(Debug)]
pub(in crate::conf) struct RuleDraft {
    pub(in crate::conf) span: Span,
    pub(in crate::conf) rule: Rule,
    /// The line has no priority; one is chosen when all lines are known.
    pub(in crate::conf) no_priority: bool,
    /// `track_group`, of a static rule.
    pub(in crate::conf) group: Option<Word>,
}

/// A line in the making.
struct Making {
    rule: Rule,
    action: Option<RuleAction>,
    priority: Option<u32>,
    group: Option<Word>,
}

/// Protocols by name.
const IP_PROTOCOLS: [(&str, u32); 10] = [
    ("icmp", 1),
    ("ICMP", 1),
    ("tcp", 6),
    ("TCP", 6),
    ("udp", 17),
    ("UDP", 17),
    ("gre", 47),
    ("esp", 50),
    ("icmpv6", 58),
    ("sctp", 132),
];

/// Reads the block's lines. `fixed` says that they are static, and may have a `track_group`.
pub(super) fn read(block: &Item, fixed: bool, rules: &mut Vec<RuleDraft>, report: &mut Report) {
    for item in block.block.as_deref().unwrap_or_default() {
        if item.keyword.text.is_empty() {
            continue;
        }
        if item.block.is_some() {
            let shown: String = item.keyword.text.chars().take(60).collect();
            let message = format!("`{shown}` takes no block: the block is skipped");
            report.warning(item.keyword.span, message);
        }
        rules.extend(line(item, fixed, report));
    }
}

fn line(item: &Item, fixed: bool, report: &mut Report) -> Option<RuleDraft> {
    let mut line = Line::new(item, "rule");
    let mut making = Making {
        rule: empty(),
        action: None,
        priority: None,
        group: None,
    };
    while let Some(option) = line.next() {
        let read = selector(&mut line, option, &mut making.rule, report)
            || action(&mut line, option, &mut making, report);
        match option.text.as_str() {
            _ if read => {}
            "no_track" => making.rule.tracked = false,
            "track_group" if fixed => {
                let name = line.value(option, report);
                making.group = name.map(|value| Word {
                    text: value.text.to_owned(),
                    span: value.span,
                    quoted: false,
                });
            }
            "nat" => {
                let hint = "Linux itself has given up routes that translate addresses";
                line.unsupported(option, hint, report);
            }
            _ => {
                let shown: String = option.text.chars().take(60).collect();
                let why = format!("`{shown}` is not understood here");
                let hint = "one rule a line: [from NETWORK] [to NETWORK] table NUMBER ...";
                line.reject(option.span, &why, hint, report);
            }
        }
        if !line.is_whole() {
            return None;
        }
    }
    finish(&mut line, making, item.keyword.span, report)
}

fn finish(
    line: &mut Line<'_>,
    making: Making,
    span: Span,
    report: &mut Report,
) -> Option<RuleDraft> {
    let mut rule = making.rule;
    let families = [rule.from, rule.to].map(|n| n.map(|n| n.address.is_ipv6()));
    if families == [Some(true), Some(false)] || families == [Some(false), Some(true)] {
        let why = "`from` and `to` are of different families";
        line.reject(span, why, "", report);
        return None;
    }
    rule.ipv6 |= families.contains(&Some(true));
    if rule.ipv6 && rule.realms.is_some() {
        line.reject(span, "only IPv4 rules have realms", "", report);
        return None;
    }
    let by_device = rule.l3mdev.then_some(RuleAction::Table(0));
    let Some(action) = making.action.or(by_device) else {
        let hint = "say what to do with matching packets, such as `table 100`";
        line.reject(span, "this rule does nothing", hint, report);
        return None;
    };
    if let (RuleAction::Goto(to), Some(at)) = (action, making.priority)
        && to <= at
    {
        line.reject(span, "`goto` leads to a later rule only", "", report);
        return None;
    }
    rule.action = action;
    rule.priority = making.priority.unwrap_or_default();
    Some(RuleDraft {
        span,
        rule,
        no_priority: making.priority.is_none(),
        group: making.group,
    })
}

fn empty() -> Rule {
    Rule {
        ipv6: false,
        action: RuleAction::Nop,
        priority: 0,
        invert: false,
        from: None,
        to: None,
        tos: 0,
        mark: None,
        input: None,
        output: None,
        users: None,
        ip_protocol: None,
        source_ports: None,
        destination_ports: None,
        suppress_prefix: None,
        suppress_group: None,
        l3mdev: false,
        realms: None,
        tunnel: None,
        protocol: PROTOCOL_KEEPALIVED,
        tracked: true,
    }
}

/// Which packets. False when the option isn't one of these.
fn selector(line: &mut Line<'_>, option: &Word, rule: &mut Rule, report: &mut Report) -> bool {
    let name = option.text.as_str();
    match name {
        "not" => rule.invert = true,
        "inet6" => rule.ipv6 = true,
        "inet" => rule.ipv6 = false,
        "from" | "to" => {
            let Some(value) = line.value(option, report) else {
                return true;
            };
            let network = line.network(value, report).filter(|n| n.prefix > 0);
            *(if name == "from" {
                &mut rule.from
            } else {
                &mut rule.to
            }) = network;
        }
        "tos" | "dsfield" => {
            let tos = line.number(option, 0..=255, report);
            rule.tos = tos.and_then(|n| u8::try_from(n).ok()).unwrap_or_default();
        }
        "fwmark" => rule.mark = mark(line, option, report),
        "iif" | "dev" => rule.input = interface(line, option, report),
        "oif" => rule.output = interface(line, option, report),
        "uidrange" => rule.users = line.range(option, u32::MAX, report),
        "ipproto" | "ip_proto" => {
            let protocol = line.named(option, &IP_PROTOCOLS, 255, "", report);
            rule.ip_protocol = protocol.and_then(|n| u8::try_from(n).ok());
        }
        "sport" => rule.source_ports = ports(line, option, report),
        "dport" => rule.destination_ports = ports(line, option, report),
        "l3mdev" => rule.l3mdev = true,
        "realm" | "realms" => rule.realms = line.realms(option, report),
        "tunnel-id" => rule.tunnel = line.number(option, 0..=u32::MAX, report),
        "protocol" => {
            let protocol = line.named(option, &PROTOCOLS, 255, "", report);
            let protocol = protocol.and_then(|n| u8::try_from(n).ok());
            rule.protocol = protocol.unwrap_or(rule.protocol);
        }
        _ => return false,
    }
    true
}

/// What to do with them, and when. False when the option isn't one of these.
fn action(line: &mut Line<'_>, option: &Word, making: &mut Making, report: &mut Report) -> bool {
    let known = match option.text.as_str() {
        "table" | "lookup" => line
            .named(option, &TABLES, u32::MAX, TABLE_HINT, report)
            .map(RuleAction::Table),
        "goto" => line
            .number(option, 0..=u32::MAX, report)
            .map(RuleAction::Goto),
        "nop" => Some(RuleAction::Nop),
        "blackhole" => Some(RuleAction::Blackhole),
        "unreachable" => Some(RuleAction::Unreachable),
        "prohibit" => Some(RuleAction::Prohibit),
        // `type prohibit` is the same as `prohibit`, and `type unicast` is the usual.
        "type" => {
            line.next_if("unicast");
            None
        }
        "priority" | "preference" | "pref" | "order" => {
            making.priority = line.number(option, 0..=u32::MAX, report);
            None
        }
        "suppress_prefixlength" => {
            making.rule.suppress_prefix = line.number(option, 0..=128, report);
            None
        }
        "suppress_ifgroup" => {
            making.rule.suppress_group = line.number(option, 0..=u32::MAX, report);
            None
        }
        _ => return false,
    };
    making.action = known.or(making.action);
    true
}

fn interface(line: &mut Line<'_>, option: &Word, report: &mut Report) -> Option<Arc<str>> {
    let value = line.value(option, report)?;
    if value.text.len() > 15 {
        let why = "an interface has a name of 1 to 15 characters";
        line.reject(value.span, why, "", report);
        return None;
    }
    Some(value.text.into())
}

fn ports(line: &mut Line<'_>, option: &Word, report: &mut Report) -> Option<(u16, u16)> {
    let (low, high) = line.range(option, u32::from(u16::MAX), report)?;
    Some((u16::try_from(low).ok()?, u16::try_from(high).ok()?))
}

/// `MARK[/MASK]`.
fn mark(line: &mut Line<'_>, option: &Word, report: &mut Report) -> Option<(u32, u32)> {
    let value = line.value(option, report)?;
    let (mark, mask) = match value.text.split_once('/') {
        Some((mark, mask)) => (mark, whole(mask)),
        None => (value.text, Some(u32::MAX)),
    };
    let pair = whole(mark).zip(mask);
    if pair.is_none() {
        let why = "`fwmark` is a number, or two as in 0x10/0xff";
        line.reject(value.span, why, "", report);
    }
    pair
}
