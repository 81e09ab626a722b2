//! `unicast_src_ip`, `unicast_peer` and what else makes adverts go to peers in place of the group.
//!
//! keepalived takes any of these keywords for unicast, and goes back to the group when there are no
//! peers in the end; what becomes of that is decided when the whole instance is known.

use core::net::IpAddr;
use core::ops::RangeInclusive;

use super::family;
use super::value::{self, bare, number, switch, without_semicolon, word};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::OldChecksum;

/// What one instance says, each value as last given.
#[derive(Debug, Default)]
pub(in crate::conf) struct UnicastDraft {
    /// `unicast_src_ip`.
    pub(in crate::conf) source: Option<(IpAddr, Span)>,
    /// The first `unicast_peer` block.
    pub(in crate::conf) block: Option<Span>,
    /// The lines of all of them.
    pub(in crate::conf) peers: Vec<PeerDraft>,
    pub(in crate::conf) ttl: Option<(u8, Span)>,
    pub(in crate::conf) check_source: Option<(bool, Span)>,
    pub(in crate::conf) fault_no_peer: Option<Span>,
    pub(in crate::conf) old_checksum: Option<(OldChecksum, Span)>,
}

/// One line of `unicast_peer`.
#[derive(Debug)]
pub(in crate::conf) struct PeerDraft {
    pub(in crate::conf) address: IpAddr,
    pub(in crate::conf) span: Span,
    /// `None` when the line has no limits.
    pub(in crate::conf) ttl: Option<RangeInclusive<u8>>,
}

impl UnicastDraft {
    /// Reads one line of the instance. False when the keyword isn't one of these.
    pub(super) fn read(&mut self, item: &Item, report: &mut Report) -> bool {
        let span = item.keyword.span;
        match item.keyword.text.as_str() {
            "unicast_src_ip" => {
                self.source = value::address(item, report).or(self.source);
            }
            "unicast_peer" => {
                self.block.get_or_insert(span);
                peers(item, &mut self.peers, report);
            }
            "unicast_ttl" => {
                let read = number(item, 0..=255, "255 is used", report);
                let read = read.and_then(|(ttl, span)| Some((u8::try_from(ttl).ok()?, span)));
                self.ttl = read.or(self.ttl);
            }
            "check_unicast_src" => {
                self.check_source = check_source(item, report).or(self.check_source);
            }
            "unicast_fault_no_peer" => {
                bare(item, report);
                self.fault_no_peer = Some(span);
            }
            "old_unicast_checksum" => {
                self.old_checksum = old_checksum(item, report).or(self.old_checksum);
            }
            _ => return false,
        }
        true
    }

    /// The first of these keywords that says something only about unicast.
    pub(in crate::conf) fn other(&self) -> Option<Span> {
        let ttl = self.ttl.map(|(_, span)| span);
        let check = self.check_source.map(|(_, span)| span);
        let checksum = self.old_checksum.map(|(_, span)| span);
        ttl.or(check).or(checksum)
    }
}

/// `check_unicast_src` and the global `vrrp_check_unicast_src`: where the line stands and what it
/// says. That it can be `off` is Locum's own.
pub(super) fn check_source(item: &Item, report: &mut Report) -> Option<(bool, Span)> {
    let span = item.keyword.span;
    let on = switch(item, report)?;
    if !on {
        let message = "adverts from any address count, not only those of the peers";
        report
            .note(span, message)
            .hint("keepalived takes this line as `on`, and its absence as `off`");
    }
    Some((on, span))
}

fn old_checksum(item: &Item, report: &mut Report) -> Option<(OldChecksum, Span)> {
    value::extra(item, 1, report);
    let span = item.keyword.span;
    let Some(mode) = item.arguments.first() else {
        return Some((OldChecksum::Always, span));
    };
    let mode = without_semicolon(word(mode), report);
    if mode.text == "never" {
        return Some((OldChecksum::Never, span));
    }
    let message = "`old_unicast_checksum` stands alone or with `never`: the line is ignored";
    report.warning(mode.span, message);
    None
}

/// Reads the block's lines: `ADDRESS [min_ttl N] [max_ttl N]`.
fn peers(block: &Item, peers: &mut Vec<PeerDraft>, report: &mut Report) {
    for item in block.block.as_deref().unwrap_or_default() {
        if item.keyword.text.is_empty() {
            continue;
        }
        if item.block.is_some() {
            let shown: String = item.keyword.text.chars().take(60).collect();
            let message = format!("`{shown}` takes no block: the block is skipped");
            report.warning(item.keyword.span, message);
        }
        if let Some(address) = peer_address(&item.keyword, report) {
            let ttl = limits(&item.arguments, report);
            let span = item.keyword.span;
            peers.push(PeerDraft { address, span, ttl });
        }
    }
}

fn peer_address(keyword: &Word, report: &mut Report) -> Option<IpAddr> {
    let value = without_semicolon(word(keyword), report);
    let shown: String = value.text.chars().take(60).collect();
    match value.text.parse() {
        Ok(address) if !family::is_a_hosts(address) => {
            let message = format!("{address} is no peer's address: the line is ignored");
            report.warning(value.span, message);
        }
        Ok(address) => return Some(address),
        Err(_) => {
            let message = format!("`{shown}` is not an address: the line is ignored");
            report
                .warning(value.span, message)
                .hint("one peer a line: ADDRESS [min_ttl NUMBER] [max_ttl NUMBER]");
        }
    }
    None
}

fn limits(words: &[Word], report: &mut Report) -> Option<RangeInclusive<u8>> {
    let (mut min, mut max) = (None, None);
    let mut words = words.iter();
    while let Some(option) = words.next() {
        let limit = match option.text.as_str() {
            "min_ttl" => &mut min,
            "max_ttl" => &mut max,
            other => {
                let shown: String = other.chars().take(60).collect();
                let message = format!("`{shown}` is not understood here and ignored");
                report
                    .warning(option.span, message)
                    .hint("one peer a line: ADDRESS [min_ttl NUMBER] [max_ttl NUMBER]");
                continue;
            }
        };
        let Some(given) = words.next() else {
            let message = format!("`{}` needs a value", option.text);
            report.fatal(option.span, message);
            break;
        };
        let value = without_semicolon(word(given), report);
        *limit = value.text.parse::<u8>().ok();
        if limit.is_none() {
            let message = "a TTL is a whole number from 0 to 255: this limit is ignored";
            report.warning(value.span, message);
        }
    }
    if min.is_none() && max.is_none() {
        return None;
    }
    Some(min.unwrap_or(0)..=max.unwrap_or(u8::MAX))
}
