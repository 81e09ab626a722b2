//! Keywords that tune the protocol, each in `global_defs` for all instances and in one instance for
//! itself.
//!
//! The names are those of the instance; in `global_defs` they begin with `vrrp_`, all but
//! `v3_checksum_as_v2` and `address_lease`.

use core::time::Duration;

use super::value::{literal, number, switch, without_semicolon};
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::Tuning;

/// Settings as far as they are given, globally or in one instance.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::conf) struct TuningDraft {
    pub(in crate::conf) down_timer_adverts: Option<u8>,
    pub(in crate::conf) v3_checksum_as_v2: Option<bool>,
    pub(in crate::conf) higher_prio_send_advert: Option<bool>,
    pub(in crate::conf) owner_ignore_adverts: Option<bool>,
    pub(in crate::conf) skip_check_adv_addr: Option<bool>,
    /// `address_lease`; `Some(None)` is off.
    pub(in crate::conf) lease: Option<(Option<Duration>, Span)>,
}

impl TuningDraft {
    /// Reads one line, `name` being the keyword as in an instance. False when there is no such
    /// keyword.
    pub(super) fn read(&mut self, name: &str, item: &Item, report: &mut Report) -> bool {
        match name {
            "down_timer_adverts" => {
                let read = number(item, 1..=100, "the line is ignored", report);
                let read = read.and_then(|(count, _)| u8::try_from(count).ok());
                self.down_timer_adverts = read.or(self.down_timer_adverts);
            }
            "v3_checksum_as_v2" => {
                self.v3_checksum_as_v2 = switch(item, report).or(self.v3_checksum_as_v2);
            }
            "higher_prio_send_advert" => {
                self.higher_prio_send_advert =
                    switch(item, report).or(self.higher_prio_send_advert);
            }
            "owner_ignore_adverts" => {
                self.owner_ignore_adverts = switch(item, report).or(self.owner_ignore_adverts);
            }
            "skip_check_adv_addr" => {
                self.skip_check_adv_addr = switch(item, report).or(self.skip_check_adv_addr);
            }
            "address_lease" => self.lease = lease(item, report).or(self.lease),
            _ => return false,
        }
        true
    }

    /// Reads one line of `global_defs`.
    pub(super) fn read_global(&mut self, item: &Item, report: &mut Report) -> bool {
        match item.keyword.text.as_str() {
            bare @ ("v3_checksum_as_v2" | "address_lease") => self.read(bare, item, report),
            "vrrp_v3_checksum_as_v2" | "vrrp_address_lease" => false,
            keyword => keyword
                .strip_prefix("vrrp_")
                .is_some_and(|name| self.read(name, item, report)),
        }
    }

    /// What is given here, for the rest what is given in `outer`, and the defaults.
    pub(in crate::conf) fn settle(self, outer: Self) -> Tuning {
        let default = Tuning::default();
        Tuning {
            timer_expired_backup: None, // No matter of both places.
            down_timer_adverts: self
                .down_timer_adverts
                .or(outer.down_timer_adverts)
                .unwrap_or(default.down_timer_adverts),
            v3_checksum_as_v2: either(self.v3_checksum_as_v2, outer.v3_checksum_as_v2),
            higher_prio_send_advert: either(
                self.higher_prio_send_advert,
                outer.higher_prio_send_advert,
            ),
            skip_check_adv_addr: either(self.skip_check_adv_addr, outer.skip_check_adv_addr),
            owner_ignore_adverts: either(self.owner_ignore_adverts, outer.owner_ignore_adverts),
        }
    }
}

/// The longest lifetime, a day in seconds: beyond, a lease is no protection any more.
const LONGEST_LEASE: u64 = 86_400;

/// A lifetime in whole seconds, or `off`.
fn lease(item: &Item, report: &mut Report) -> Option<(Option<Duration>, Span)> {
    let value = without_semicolon(literal(item, report)?, report);
    if matches!(value.text, "off" | "no" | "false") {
        return Some((None, value.span));
    }
    let seconds = value.text.parse().ok();
    let Some(seconds) = seconds.filter(|s| (1..=LONGEST_LEASE).contains(s)) else {
        let message = format!(
            "`address_lease` is `off` or a whole number of seconds from 1 to {LONGEST_LEASE}: the line is ignored"
        );
        report.warning(value.span, message);
        return None;
    };
    Some((Some(Duration::from_secs(seconds)), value.span))
}

/// The inner setting, or else the outer one; off by default.
fn either(inner: Option<bool>, outer: Option<bool>) -> bool {
    inner.or(outer).unwrap_or(false)
}
