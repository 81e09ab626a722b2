//! Which family an instance is of: that of the first line that shows it, as in keepalived.

use core::net::IpAddr;

use crate::conf::source::Span;
use crate::wire::Family;

/// What has decided the family: a virtual address, a source, a peer, or `native_ipv6`.
#[derive(Clone, Copy, Debug)]
pub(in crate::conf) struct FamilyDraft {
    pub(in crate::conf) family: Family,
    pub(in crate::conf) span: Span,
}

/// Takes note of an address; the first one decides.
pub(super) fn decide(draft: &mut Option<FamilyDraft>, address: IpAddr, span: Span) {
    let family = Family::of(address);
    draft.get_or_insert(FamilyDraft { family, span });
}

/// Whether a host can have that address.
pub(super) fn is_a_hosts(address: IpAddr) -> bool {
    let special = match address {
        IpAddr::V4(address) => address.is_broadcast(),
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    !special && !address.is_unspecified() && !address.is_multicast()
}
