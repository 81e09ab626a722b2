//! Lines of words such as those of `ip route` and `ip rule`: a walk over them, and their values.
//!
//! A line that isn't understood as a whole is left out as a whole: half a route leads somewhere
//! else.

use core::net::IpAddr;
use core::ops::RangeInclusive;

use super::value::{Value, without_semicolon, word};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::Network;

/// One line on its way.
pub(super) struct Line<'a> {
    words: Vec<&'a Word>,
    at: usize,
    /// What it makes, for messages: `route` or `rule`.
    what: &'static str,
    /// Something in it wasn't understood.
    broken: bool,
}

impl<'a> Line<'a> {
    pub(super) fn new(item: &'a Item, what: &'static str) -> Self {
        let words = core::iter::once(&item.keyword).chain(&item.arguments);
        Self {
            words: words.collect(),
            at: 0,
            what,
            broken: false,
        }
    }

    /// The next word.
    pub(super) fn next(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at).copied()?;
        self.at += 1;
        Some(word)
    }

    /// The next word, if it is this one.
    pub(super) fn next_if(&mut self, wanted: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|w| w.text == wanted);
        self.at += usize::from(found);
        found
    }

    /// The next word, if it is one of these.
    pub(super) fn next_of(&mut self, wanted: &[&str]) -> Option<&'a Word> {
        let word = self.words.get(self.at).copied()?;
        let found = wanted.contains(&word.text.as_str());
        self.at += usize::from(found);
        found.then_some(word)
    }

    /// Whether everything was understood.
    pub(super) fn is_whole(&self) -> bool {
        !self.broken
    }

    /// The value of an option. That it is missing is an error, as in keepalived.
    pub(super) fn value(&mut self, option: &Word, report: &mut Report) -> Option<Value<'a>> {
        let Some(given) = self.next() else {
            let message = format!("`{}` needs a value", option.text);
            report
                .fatal(option.span, message)
                .hint("write it behind the word: keepalived doesn't start with such a line either");
            self.broken = true;
            return None;
        };
        Some(without_semicolon(word(given), report))
    }

    /// Says why the line is left out.
    pub(super) fn reject(&mut self, span: Span, why: &str, hint: &str, report: &mut Report) {
        self.broken = true;
        let message = format!("{why}: this {} is left out", self.what);
        let diagnostic = report.warning(span, message);
        if !hint.is_empty() {
            diagnostic.hint(hint);
        }
    }

    /// An option that keepalived has and this doesn't.
    pub(super) fn unsupported(&mut self, option: &Word, hint: &str, report: &mut Report) {
        let why = format!("`{}` is not supported", option.text);
        self.reject(option.span, &why, hint, report);
    }

    /// A whole number, decimal or with `0x`.
    pub(super) fn number(
        &mut self,
        option: &Word,
        range: RangeInclusive<u32>,
        report: &mut Report,
    ) -> Option<u32> {
        let value = self.value(option, report)?;
        let number = whole(value.text).filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = range.into_inner();
            let why = format!("`{}` is a whole number from {low} to {high}", option.text);
            self.reject(value.span, &why, "", report);
        }
        number
    }

    /// A name from a list, or the number itself.
    pub(super) fn named(
        &mut self,
        option: &Word,
        names: &[(&str, u32)],
        most: u32,
        hint: &str,
        report: &mut Report,
    ) -> Option<u32> {
        let value = self.value(option, report)?;
        let known = names.iter().find(|(name, _)| *name == value.text);
        let number = known.map(|(_, number)| *number);
        let number = number.or_else(|| whole(value.text).filter(|&n| n <= most));
        if number.is_none() {
            let shown: String = value.text.chars().take(60).collect();
            let why = format!("`{}` has no value `{shown}` here", option.text);
            self.reject(value.span, &why, hint, report);
        }
        number
    }

    /// Two numbers with a dash between them, or one for both.
    pub(super) fn range(
        &mut self,
        option: &Word,
        most: u32,
        report: &mut Report,
    ) -> Option<(u32, u32)> {
        let value = self.value(option, report)?;
        let (low, high) = value
            .text
            .split_once('-')
            .unwrap_or((value.text, value.text));
        let pair = whole(low).zip(whole(high));
        let pair = pair.filter(|(low, high)| low <= high && *high <= most);
        if pair.is_none() {
            let why = format!("`{}` is a number or two, as in 10-20", option.text);
            self.reject(value.span, &why, "", report);
        }
        pair
    }

    /// An address.
    pub(super) fn address(&mut self, option: &Word, report: &mut Report) -> Option<IpAddr> {
        let value = self.value(option, report)?;
        // `ip route` lets one say which family it is; the address says so too.
        let value = match value.text {
            "inet" | "inet6" => self.value(option, report)?,
            _ => value,
        };
        let address = value.text.parse().ok();
        if address.is_none() {
            let shown: String = value.text.chars().take(60).collect();
            let why = format!("`{shown}` is not an address");
            self.reject(value.span, &why, "", report);
        }
        address
    }

    /// `[FROM/]TO`, two realms.
    pub(super) fn realms(&mut self, option: &Word, report: &mut Report) -> Option<(u16, u16)> {
        let value = self.value(option, report)?;
        let (from, to) = value.text.split_once('/').unwrap_or(("0", value.text));
        let number = |text| whole(text).and_then(|number| u16::try_from(number).ok());
        let pair = number(from).zip(number(to));
        if pair.is_none() {
            let hint = "write the number, as /etc/iproute2/rt_realms has it: that file is not read";
            self.reject(value.span, "a realm is a number, or FROM/TO", hint, report);
        }
        pair
    }

    /// An address range: `ADDRESS[/PREFIX]`, `default`, `any` or `all`.
    pub(super) fn network(&mut self, value: Value<'_>, report: &mut Report) -> Option<Network> {
        let network = network(value.text);
        if network.is_none() {
            let shown: String = value.text.chars().take(60).collect();
            let why = format!("`{shown}` is not a network");
            let hint = "a network is written as ADDRESS/PREFIX, or `default`";
            self.reject(value.span, &why, hint, report);
        }
        network
    }
}

/// A network, its host bits set to zero, as keepalived does it.
pub(super) fn network(text: &str) -> Option<Network> {
    if ["default", "any", "all", "0/0"].contains(&text) {
        let address = IpAddr::from([0, 0, 0, 0]);
        return Some(Network { address, prefix: 0 });
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => most,
        Some(prefix) => prefix.parse().ok().filter(|prefix| *prefix <= most)?,
    };
    let address = match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::from((v4.to_bits() & mask).to_be_bytes())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::from((v6.to_bits() & mask).to_be_bytes())
        }
    };
    Some(Network { address, prefix })
}

/// A whole number, decimal or hexadecimal with `0x`.
pub(super) fn whole(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

/// Routing tables that have a name everywhere; others have theirs in files of the machine.
pub(super) const TABLES: [(&str, u32); 4] =
    [("main", 254), ("default", 253), ("local", 255), ("all", 0)];
/// What is said about another name.
pub(super) const TABLE_HINT: &str =
    "write the table's number, as /etc/iproute2/rt_tables has it: that file is not read";

/// Scopes, as in addresses.
pub(super) const SCOPES: [(&str, u32); 5] = [
    ("global", 0),
    ("site", 200),
    ("link", 253),
    ("host", 254),
    ("nowhere", 255),
];

/// Routing protocols that have a name everywhere.
pub(super) const PROTOCOLS: [(&str, u32); 9] = [
    ("redirect", 1),
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("ra", 9),
    ("zebra", 11),
    ("bird", 12),
    ("dhcp", 16),
    ("keepalived", 18),
];
