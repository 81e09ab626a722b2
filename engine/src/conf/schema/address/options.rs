//! The words behind an address.

use core::net::IpAddr;

use super::super::value::{without_semicolon, word};
use super::AddressDraft;
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::config::{Broadcast, Preferred};
use crate::wire::Family;

/// Those that are followed by a value.
const VALUED: [&str; 7] = [
    "dev",
    "label",
    "scope",
    "brd",
    "broadcast",
    "peer",
    "preferred_lft",
];

pub(super) fn read(words: &[Word], fixed: bool, draft: &mut AddressDraft, report: &mut Report) {
    let mut words = words.iter();
    let ipv6 = draft.address.is_ipv6();
    while let Some(option) = words.next() {
        let name = option.text.as_str();
        if flag(option, draft, report) {
            continue;
        }
        if name == "use_vmac" && !fixed {
            draft.vmac = true;
            continue;
        }
        let grouped = fixed && name == "track_group";
        if !VALUED.contains(&name) && !grouped {
            unknown(option, report);
            continue;
        }
        let Some(given) = words.next() else {
            report.fatal(option.span, format!("`{name}` needs a value"));
            return;
        };
        let value = without_semicolon(word(given), report);
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
            "peer" => peer(value.text, value.span, draft, report),
            "preferred_lft" => preferred(value.text, value.span, draft, report),
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

/// Words that stand for themselves. False when it isn't one of these.
fn flag(option: &Word, draft: &mut AddressDraft, report: &mut Report) -> bool {
    let name = option.text.as_str();
    let prefix = draft.prefix.unwrap_or(128);
    let options = &mut draft.options;
    let only_ipv6 = ["-nodad", "nodad", "home", "mngtmpaddr"];
    match name {
        _ if only_ipv6.contains(&name) && draft.address.is_ipv4() => {
            let message = format!("an IPv4 address has no `{name}`: it is ignored");
            report.note(option.span, message);
        }
        "-nodad" => {
            options.detects_duplicates = true;
            let message = "a new master's address can't be used until the kernel has looked for \
                           another owner, a second or two after the takeover";
            report.note(option.span, message);
        }
        // The default: a takeover doesn't wait.
        "nodad" => options.detects_duplicates = false,
        "home" => options.home = true,
        "mngtmpaddr" if prefix != 64 => {
            let message = "`mngtmpaddr` needs a /64: it is ignored";
            report
                .warning(option.span, message)
                .hint("the kernel refuses such an address, and nobody would hold it");
        }
        "mngtmpaddr" => options.makes_temporary = true,
        "noprefixroute" => options.no_prefix_route = true,
        "no_track" => options.untracked = true,
        "autojoin" => {
            let message =
                "`autojoin` is ignored: only a group can be joined, and no host holds one";
            report
                .warning(option.span, message)
                .hint("the kernel refuses such an address, and nobody would hold it");
        }
        _ => return false,
    }
    true
}

/// The other end. The prefix length is that of a host then.
fn peer(text: &str, span: Span, draft: &mut AddressDraft, report: &mut Report) {
    let peer = text.parse::<IpAddr>().ok();
    let peer = peer.filter(|peer| peer.is_ipv4() == draft.address.is_ipv4());
    if peer.is_none() {
        let message = "a peer is an address of the same family, without a prefix length: this one \
                       is ignored";
        report.warning(span, message);
        return;
    }
    let host = Family::of(draft.address).host_prefix();
    if draft.prefix.is_some_and(|prefix| prefix != host) {
        let message = format!("beside a peer there is no prefix length: /{host} is used");
        report.warning(draft.span, message);
    }
    draft.prefix = Some(host);
    draft.options.peer = peer;
}

/// How long the address may be chosen as a source.
fn preferred(text: &str, span: Span, draft: &mut AddressDraft, report: &mut Report) {
    let preferred = match text {
        "forever" => Some(Preferred::Always),
        // The highest number is the kernel's word for ever.
        seconds => (seconds.parse().ok())
            .filter(|seconds| *seconds < u32::MAX)
            .map(Preferred::Seconds),
    };
    match preferred {
        None => {
            let message = "`preferred_lft` is a number of seconds or `forever`: it is ignored";
            report.warning(span, message);
        }
        Some(_) if draft.address.is_ipv4() => {
            let message = "an IPv4 address has no `preferred_lft`: it is ignored";
            report.note(span, message);
        }
        Some(preferred) => draft.options.preferred = preferred,
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
