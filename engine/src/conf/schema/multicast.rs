//! The groups that adverts go to: `vrrp_mcast_group4` and `vrrp_mcast_group6` for all instances,
//! `mcast_dst_ip` for one.

use core::net::IpAddr;

use super::value::value;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::wire::Family;

/// The groups of `global_defs`.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::conf) struct GroupsDraft {
    pub(in crate::conf) v4: Option<IpAddr>,
    pub(in crate::conf) v6: Option<IpAddr>,
}

impl GroupsDraft {
    /// Reads one line of `global_defs`. False when it is another keyword.
    pub(super) fn read(&mut self, item: &Item, report: &mut Report) -> bool {
        let (family, slot) = match item.keyword.text.as_str() {
            "vrrp_mcast_group4" => (Family::V4, &mut self.v4),
            "vrrp_mcast_group6" => (Family::V6, &mut self.v6),
            _ => return false,
        };
        let read = group(item, Some(family), report);
        *slot = read.map(|(group, _)| group).or(*slot);
        true
    }

    /// The one given for a family.
    pub(in crate::conf) fn of(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

/// A multicast address, of that family if one is named. Over IPv6 it must stay on its link.
pub(super) fn group(
    item: &Item,
    family: Option<Family>,
    report: &mut Report,
) -> Option<(IpAddr, Span)> {
    let value = value(item, report)?;
    let keyword = &item.keyword.text;
    let read = value.text.parse().ok().filter(IpAddr::is_multicast);
    let read = read.filter(|&group| family.is_none_or(|family| Family::of(group) == family));
    let wide = |group: &IpAddr| match group {
        IpAddr::V4(_) => false,
        IpAddr::V6(group) => group.octets()[1] & 0x0f != 2,
    };
    let what = match family {
        Some(Family::V4) => "an IPv4 multicast address, such as 224.0.0.18",
        Some(Family::V6) => "an IPv6 multicast address, such as ff02::12",
        None => "a multicast address, such as 224.0.0.18",
    };
    match read {
        None => {
            let message = format!("`{keyword}` needs {what}: the line is ignored");
            report.warning(value.span, message);
            None
        }
        Some(group) if wide(&group) => {
            let message = format!("{group} leaves the link: the line is ignored");
            report
                .warning(value.span, message)
                .hint("adverts belong on one link, so the group must begin with ff02 or the like");
            None
        }
        Some(group) => Some((group, value.span)),
    }
}
