//! What follows from an instance's family: its version, its source, and what doesn't fit it.

use core::net::IpAddr;

use super::Lowering;
use crate::conf::schema::instance::InstanceDraft;
use crate::config::{Version, VirtualAddress};
use crate::wire::Family;

impl Lowering<'_> {
    /// Version 3 over IPv6 and 2 over IPv4, unless something else is asked for. A version in
    /// `global_defs` is about IPv4, as in keepalived.
    pub(super) fn version(&mut self, draft: &InstanceDraft, family: Family) -> Version {
        if let (Some(span), Family::V4) = (draft.native_ipv6, family) {
            let message = "this instance is an IPv4 one already: the line is ignored";
            self.report.warning(span, message).hint(
                "an instance is of the family of its first address; IPv6 needs one of its own",
            );
        } else if let (Some(span), true) = (draft.native_ipv6, draft.addresses.list.is_empty()) {
            let message = "adverts go over IPv6 although there is no IPv6 address to advertise";
            self.report.note(span, message);
        }
        let global = self.drafts.global.version;
        let version = match family {
            Family::V4 => draft.version.or(global).unwrap_or(Version::V2),
            Family::V6 => draft.version.unwrap_or(Version::V3),
        };
        if let (Family::V6, Version::V2) = (family, version) {
            let span = draft.family.map_or(draft.name.span, |family| family.span);
            let message =
                "version 2 over IPv6 is in no standard: only keepalived and Locum speak it";
            self.report
                .note(span, message)
                .hint("write `version 3` on all routers if none of them needs version 2");
        }
        version
    }

    /// `mcast_src_ip` or `unicast_src_ip`, when it is of the family.
    pub(super) fn source(&mut self, draft: &InstanceDraft, family: Family) -> Option<IpAddr> {
        let (address, span) = draft.source?;
        if Family::of(address) == family {
            return Some(address);
        }
        let message = format!(
            "`{}` talks over {family}: adverts come from the interface's own address, not from {address}",
            draft.name.text
        );
        self.report
            .warning(span, message)
            .hint(format!("give an {family} address"));
        None
    }

    /// Says when there is no address whose loss could be noticed.
    pub(super) fn tracked_source(&mut self, draft: &InstanceDraft, source: Option<IpAddr>) {
        if let (Some(span), None) = (draft.track_source, source) {
            let message = "there is no `mcast_src_ip` or `unicast_src_ip` here: the line changes \
                           nothing";
            self.report
                .note(span, message)
                .hint("that the interface has no address at all is a fault anyway");
        }
    }

    /// Moves the addresses of the other family, which no advert can carry, to the excluded ones.
    /// keepalived leaves them out.
    pub(super) fn fit_family(
        &mut self,
        draft: &InstanceDraft,
        family: Family,
        addresses: &mut Vec<VirtualAddress>,
        excluded: &mut Vec<VirtualAddress>,
    ) {
        let other = |address: &IpAddr| Family::of(*address) != family;
        let mut misplaced = draft.addresses.list.iter().filter(|a| other(&a.address));
        let Some(first) = misplaced.next() else {
            return;
        };
        let others = match misplaced.count() {
            0 => String::new(),
            1 => " and one more".to_owned(),
            n => format!(" and {n} more"),
        };
        let message = format!(
            "`{}` talks over {family}: {}{others} can't be advertised and is held as if it were in `virtual_ipaddress_excluded`",
            draft.name.text, first.address
        );
        self.report.warning(first.span, message).hint(
            "keepalived doesn't hold it at all; move it to `virtual_ipaddress_excluded`, or give it an instance of its own",
        );
        let moved = addresses.extract_if(.., |held| other(&held.address));
        let known = |address: &IpAddr| excluded.iter().any(|held| held.address == *address);
        let moved: Vec<_> = moved.filter(|held| !known(&held.address)).collect();
        excluded.splice(0..0, moved);
    }

    /// RFC 9568 5.2.9: the first address over IPv6 is link-local. Nobody insists on it.
    pub(super) fn link_local_first(
        &mut self,
        draft: &InstanceDraft,
        version: Version,
        addresses: &[VirtualAddress],
    ) {
        let (Version::V3, Some(first)) = (version, addresses.first()) else {
            return;
        };
        let IpAddr::V6(address) = first.address else {
            return;
        };
        if address.is_unicast_link_local() {
            return;
        }
        let line = draft
            .addresses
            .list
            .iter()
            .find(|a| a.address == first.address);
        let span = line.map_or(draft.name.span, |line| line.span);
        self.report
            .note(span, "RFC 9568 wants a link-local address first: this one isn't")
            .hint("hosts that take the virtual router for their gateway need one, such as `fe80::1/64`; keepalived insists on it with `vrrp_strict` only");
    }
}
