//! `virtual_ipaddress` and `virtual_ipaddress_excluded`: one address a line.
//!
//! Two readings differ from keepalived's on purpose and are announced: `192.168.0.200 /24`, which
//! people write and keepalived reads as a /32, is read as a /24; and a label that is too long
//! costs the label, not the address.

mod options;

use core::net::IpAddr;

use super::family;
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::{AddressOptions, Broadcast};
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
    pub(in crate::conf) options: AddressOptions,
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
        options: AddressOptions::default(),
        vmac: false,
        group: None,
    };
    options::read(rest, fixed, &mut read, report);
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
        let hint = match mask(text).filter(|_| address.is_ipv4()) {
            Some(length) => format!("write `{address}/{length}`"),
            None => format!("an {family} prefix length is a number from 0 to {host}"),
        };
        report.warning(span, message).hint(hint);
    }
    (prefix.or(Some(host)), rest)
}

/// The prefix length that a mask such as `255.255.255.0` stands for.
fn mask(text: &str) -> Option<u32> {
    let mask = text.parse::<core::net::Ipv4Addr>().ok()?.to_bits();
    (mask.leading_ones() + mask.trailing_zeros() == 32).then(|| mask.leading_ones())
}
