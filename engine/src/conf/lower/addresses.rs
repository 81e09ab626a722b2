//! Virtual addresses: defaults, duplicates, and how many an advert can carry.

use std::collections::BTreeSet;

use super::Lowering;
use crate::conf::schema::address::{AddressDraft, AddressesDraft};
use crate::conf::schema::instance::InstanceDraft;
use crate::config::{Preferred, VirtualAddress, Vmac};
use crate::ids::{InterfaceId, Vrid};
use crate::wire::Family;

/// The addresses an advert can carry: their number is one byte (RFC 9568 5.2.5).
const MOST_ADVERTISED: usize = 255;

/// Whose addresses they are, and where they go by default.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    pub(super) draft: &'a InstanceDraft,
    pub(super) interface: InterfaceId,
    pub(super) vrid: Vrid,
    pub(super) vmac: Option<Vmac>,
}

/// A line as it is held on that interface.
pub(super) fn lowered(line: &AddressDraft, interface: InterfaceId) -> VirtualAddress {
    VirtualAddress {
        address: line.address,
        prefix: line
            .prefix
            .unwrap_or_else(|| Family::of(line.address).host_prefix()),
        interface,
        label: line.label.as_deref().map(Into::into),
        scope: line.scope,
        broadcast: line.broadcast,
        options: line.options.clone().into(),
    }
}

impl Lowering<'_> {
    /// One block's addresses; `None` when an interface's name is impossible.
    pub(super) fn addresses(
        &mut self,
        draft: &AddressesDraft,
        home: Home<'_>,
    ) -> Option<Vec<VirtualAddress>> {
        let mut addresses = Vec::new();
        let mut seen = BTreeSet::new();
        for line in &draft.list {
            if !seen.insert(line.address) {
                let message = format!("{} is listed twice: once is enough", line.address);
                self.report.warning(line.span, message);
                continue;
            }
            if line.prefix.is_none() {
                let family = Family::of(line.address);
                let mut relatives = draft
                    .list
                    .iter()
                    .filter(|a| Family::of(a.address) == family);
                let sibling = relatives.find_map(|address| address.prefix);
                self.no_prefix(line, sibling);
            }
            let interface = self.address_interface(line, home)?;
            addresses.push(lowered(line, interface));
        }
        Some(addresses)
    }

    /// Where an address goes: on the instance's device if it has a virtual MAC address, else on what
    /// `dev` names, and there on a device of its own if the virtual MAC address is to be kept. A
    /// virtual MAC address is of one family: addresses of the other one go on the interface, as with
    /// keepalived.
    fn address_interface(&mut self, line: &AddressDraft, home: Home<'_>) -> Option<InterfaceId> {
        let own = home.vmac.map_or(home.interface, |vmac| vmac.device);
        let Some(word) = &line.interface else {
            let family = home.draft.family.map_or(Family::V4, |draft| draft.family);
            let ours = Family::of(line.address) == family;
            return Some(if ours { own } else { home.interface });
        };
        let named = self.interface(word)?;
        let everywhere = home.draft.vmac.addresses.is_some();
        if !everywhere && !line.vmac {
            return Some(named);
        }
        if home.vmac.is_some() && named == home.interface {
            return Some(own);
        }
        self.address_device(home.draft, named, home.vrid, line.span)
    }

    /// People lose hours over this one, so it is always said.
    fn no_prefix(&mut self, line: &AddressDraft, sibling: Option<u8>) {
        let address = line.address;
        let host = Family::of(address).host_prefix();
        let message = format!("without a prefix length {address} is held as a /{host}");
        let diagnostic = self.report.note(line.span, message);
        match sibling.filter(|&prefix| prefix < host) {
            Some(prefix) => diagnostic.hint(format!(
                "the others here are /{prefix}: if this one belongs to the same network, write {address}/{prefix}"
            )),
            None => diagnostic.hint(format!("if a /{host} is meant, {address}/{host} says so")),
        }
    }

    /// A lease is prolonged over and over, and the time for which an address is preferred with it.
    pub(super) fn preferred_and_leased(&mut self, draft: &InstanceDraft) {
        for line in draft.addresses.list.iter().chain(&draft.excluded.list) {
            if let Preferred::Seconds(1..) = line.options.preferred {
                let message = "leased addresses stay preferred for as long as they are held";
                self.report
                    .note(line.span, message)
                    .hint("`address_lease off` in the instance lets this time run out");
            }
        }
    }

    /// Moves the addresses that an advert has no room for to the excluded ones, as keepalived does.
    pub(super) fn fit_advert(
        &mut self,
        draft: &InstanceDraft,
        addresses: &mut Vec<VirtualAddress>,
        excluded: &mut Vec<VirtualAddress>,
    ) {
        if addresses.len() <= MOST_ADVERTISED {
            return;
        }
        let surplus = addresses.split_off(MOST_ADVERTISED);
        let message = format!(
            "an advert carries 255 addresses: the last {} of `{}` are held without being advertised",
            surplus.len(),
            draft.name.text
        );
        self.report
            .warning(draft.name.span, message)
            .hint("`virtual_ipaddress_excluded` is the place for them");
        excluded.splice(0..0, surplus);
    }
}
