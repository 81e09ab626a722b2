//! `virtual_ipaddress` and `virtual_ipaddress_excluded`: one address a line.
//!
//! Two readings differ from keepalived's on purpose and are announced: `192.168.0.200 /24`, which
//! people write and keepalived reads as a /32, is read as a /24; and a label that is too long
//! costs the label, not the address.

use core::net::IpAddr;

use super::family;
use super::value::word;
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::Broadcast;
use crate::wire::Family;

/// One address.
#[derive(Debug)]
pub(in crate::conf) struct AddressDraft {
    pub(in crate::conf) address: IpAddr,
    pub(in crate::conf) span: Span,
    /// `None` when the line has none.
    pub(in crate::conf) prefix: Option<u8>,
    pub(in crate::conf) interface: Option<Word>,
    pub(in crate::conf) label: Option<String>,
    pub(in crate::conf) scope: u8,
    pub(in crate::conf) broadcast: Broadcast,
    /// `use_vmac`
    pub(in crate::conf) vmac: bool,
    /// `track_group`, of a static address.
    pub(in crate::conf) group: Option<Word>,
}

/// The addresses of one instance's blocks of one kind.
#[derive(Debug, Default)]
pub(in crate::conf) struct AddressesDraft {
    pub(in crate::conf) list: Vec<AddressDraft>,
}

/// Address options that have no effect here, and what is lost.
const IGNORED: [(&str, usize, &str); 9] = [
    ("peer", 1, "the address gets no peer"),
    ("home", 0, "the address is not a Mobile IPv6 home address"),
    (
        "-nodad",
        0,
        "IPv6 addresses are held without duplicate address detection, so that a takeover doesn't wait for it",
    ),
    (
        "nodad",
        0,
        "duplicate address detection is never waited for, so it is the default",
    ),
    (
        "mngtmpaddr",
        0,
        "no temporary addresses are made from the address",
    ),
    (
        "noprefixroute",
        0,
        "the kernel adds its usual route for the prefix",
    ),
    ("autojoin", 0, "no multicast group is joined"),
    ("no_track", 0, "the address is watched like all others"),
    ("preferred_lft", 1, "the address can be chosen as a source"),
];

/// Reads the block's lines.
pub(super) fn read(block: &Item, draft: &mut AddressesDraft, report: &mut Report) {
    lines(block, false, draft, report);
}

/// Reads the lines of `static_ipaddress`, which may have a `track_group`.
pub(super) fn read_static(block: &Item, draft: &mut AddressesDraft, report: &mut Report) {
    lines(block, true, draft, report);
}

fn lines(block: &Item, fixed: bool, draft: &mut AddressesDraft, report: &mut Report) {
    for item in block.block.as_deref().unwrap_or_default() {
        if item.keyword.text.is_empty() {
            continue;
        }
        if item.block.is_some() {
            let message = format!(
                "`{}` takes no block: the block is skipped",
                item.keyword.text
            );
            report.warning(item.keyword.span, message);
        }
        line(item, fixed, draft, report);
    }
}

fn line(item: &Item, fixed: bool, draft: &mut AddressesDraft, report: &mut Report) {
    let (text, slash) = match item.keyword.text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (item.keyword.text.as_str(), None),
    };
    let text = text.strip_suffix(';').unwrap_or(text);
    let Ok(address) = text.parse::<IpAddr>() else {
        let shown: String = item.keyword.text.chars().take(60).collect();
        report
            .warning(
                item.keyword.span,
                format!("`{shown}` is not an address: the line is ignored"),
            )
            .hint("one address a line: ADDRESS/PREFIX [dev INTERFACE] [label LABEL] ...");
        return;
    };
    if !family::is_a_hosts(address) {
        let message = format!("no host can hold {address}: the line is ignored");
        report.warning(item.keyword.span, message);
        return;
    }
    let (prefix, rest) = prefix(item, address, slash, report);
    let mut read = AddressDraft {
        address,
        span: item.keyword.span,
        prefix,
        interface: None,
        label: None,
        scope: 0,
        broadcast: Broadcast::None,
        vmac: false,
        group: None,
    };
    options(rest, fixed, &mut read, report);
    draft.list.push(read);
}

/// The prefix length, which may be a word of its own, and the words after it.
fn prefix<'a>(
    item: &'a Item,
    address: IpAddr,
    slash: Option<&str>,
    report: &mut Report,
) -> (Option<u8>, &'a [Word]) {
    let arguments = &item.arguments[..];
    let (family, host) = (Family::of(address), Family::of(address).host_prefix());
    let apart = match (slash, arguments) {
        (None, [slash, number, rest @ ..]) if slash.text == "/" => {
            Some((number.text.as_str(), number.span, rest))
        }
        (None, [number, rest @ ..]) if number.text.starts_with('/') => {
            Some((&number.text[1..], number.span, rest))
        }
        (Some(""), [number, rest @ ..]) => Some((number.text.as_str(), number.span, rest)),
        _ => None,
    };
    let (text, span, rest) = match (apart, slash) {
        (Some((text, last, rest)), _) => {
            let span = item.keyword.span.to(last);
            let text = text.trim_end_matches(';');
            report
                .note(
                    span,
                    format!("read as a /{text} although there is a blank before the prefix length"),
                )
                .hint(format!(
                    "keepalived reads a /{host} here; without the blank both read the same"
                ));
            (text, span, rest)
        }
        (None, Some(text)) => (text.trim_end_matches(';'), item.keyword.span, arguments),
        (None, None) => return (None, arguments),
    };
    let prefix = text.parse().ok().filter(|prefix| *prefix <= host);
    if prefix.is_none() {
        let message = format!("`/{text}` is not a prefix length: /{host} is used");
        report.warning(span, message).hint(format!(
            "an {family} prefix length is a number from 0 to {host}"
        ));
    }
    (prefix.or(Some(host)), rest)
}

fn options(words: &[Word], fixed: bool, draft: &mut AddressDraft, report: &mut Report) {
    let mut words = words.iter();
    let ipv6 = draft.address.is_ipv6();
    while let Some(option) = words.next() {
        let name = option.text.as_str();
        if let Some((_, values, effect)) = IGNORED.iter().find(|(known, ..)| *known == name) {
            report.note(option.span, format!("`{name}` is ignored: {effect}"));
            words.by_ref().take(*values).for_each(drop);
            continue;
        }
        if name == "use_vmac" && !fixed {
            draft.vmac = true;
            continue;
        }
        let grouped = fixed && name == "track_group";
        if !["dev", "label", "scope", "brd", "broadcast"].contains(&name) && !grouped {
            unknown(option, report);
            continue;
        }
        let Some(given) = words.next() else {
            report.fatal(option.span, format!("`{name}` needs a value"));
            return;
        };
        let value = super::value::without_semicolon(word(given), report);
        match name {
            "track_group" => {
                draft.group = Some(Word {
                    text: value.text.to_owned(),
                    span: value.span,
                    quoted: false,
                });
            }
            "dev" => {
                draft.interface = Some(Word {
                    text: value.text.to_owned(),
                    span: value.span,
                    quoted: false,
                });
            }
            "label" | "scope" if ipv6 => {
                let message = format!("an IPv6 address has no {name}: it is ignored");
                report.note(option.span, message);
            }
            "label" => label(value.text, value.span, draft, report),
            "scope" => scope(value.text, value.span, draft, report),
            _ if ipv6 => {
                let message = "IPv6 has no broadcast: the address is held without one";
                report
                    .warning(option.span, message)
                    .hint("keepalived leaves the whole address out");
            }
            _ => broadcast(value.text, value.span, draft, report),
        }
    }
}

fn unknown(option: &Word, report: &mut Report) {
    let shown: String = option.text.chars().take(60).collect();
    let diagnostic = report.warning(
        option.span,
        format!("`{shown}` is not understood here and ignored"),
    );
    let address = shown.split('/').next().unwrap_or_default();
    if address.parse::<IpAddr>().is_ok() {
        diagnostic.hint("each address needs a line of its own; this one isn't held by anyone");
    }
}

fn label(text: &str, span: Span, draft: &mut AddressDraft, report: &mut Report) {
    if text.len() <= 15 {
        draft.label = Some(text.to_owned());
        return;
    }
    report
        .warning(
            span,
            "a label has 15 characters at most: the address is held without it",
        )
        .hint("keepalived leaves the whole address out");
}

fn scope(text: &str, span: Span, draft: &mut AddressDraft, report: &mut Report) {
    let scope = match text {
        "global" => Some(0),
        "site" => Some(200),
        "link" => Some(253),
        "host" => Some(254),
        "nowhere" => Some(255),
        number => number.parse().ok(),
    };
    if scope.is_none() {
        let message = "a scope is global, site, link, host or a number to 255: this one is ignored";
        report.warning(span, message);
    }
    draft.scope = scope.unwrap_or(draft.scope);
}

fn broadcast(text: &str, span: Span, draft: &mut AddressDraft, report: &mut Report) {
    draft.broadcast = match text {
        "+" => Broadcast::AllOnes,
        "-" => Broadcast::None,
        address => match address.parse() {
            Ok(address) => Broadcast::Literal(address),
            Err(_) => {
                let message =
                    "a broadcast address is `+`, `-` or an IPv4 address: this one is ignored";
                report.warning(span, message);
                draft.broadcast
            }
        },
    };
}
