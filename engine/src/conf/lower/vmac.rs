//! `use_vmac`: the devices that the daemon makes, and what goes with them.
//!
//! Names are keepalived's: `vrrp.VRID`, and when that is taken `vrrp1.VRID`, `vrrp2.VRID` and so on.

use super::Lowering;
use crate::conf::lexer::Word;
use crate::conf::schema::instance::InstanceDraft;
use crate::conf::source::Span;
use crate::config::{VirtualDevice, Vmac, virtual_mac_v4, virtual_mac_v6};
use crate::ids::{InterfaceId, MacAddr, Vrid};
use crate::wire::Family;

impl Lowering<'_> {
    /// The instance's virtual MAC address and its device; `None` when the device's name is
    /// impossible.
    pub(super) fn vmac(
        &mut self,
        draft: &InstanceDraft,
        base: InterfaceId,
        vrid: Vrid,
        unicast: bool,
    ) -> Option<Option<Vmac>> {
        let vmac = &draft.vmac;
        let Some(span) = vmac.span else {
            if let Some(span) = vmac.xmit_base {
                let message = "`vmac_xmit_base` means nothing without `use_vmac`";
                self.report.warning(span, message);
            }
            return Some(None);
        };
        let device = match &vmac.name {
            Some(name) => self.named_device(name, base, self.mac(draft, vrid))?,
            None => self.numbered_device(&self.vmac_prefix(), base, vrid, draft, span)?,
        };
        self.own_devices.push(device);
        let xmit_base = self.xmit_base(draft, span, unicast);
        Some(Some(Vmac { device, xmit_base }))
    }

    /// The device for an address that is on another interface than its instance's.
    pub(super) fn address_device(
        &mut self,
        draft: &InstanceDraft,
        base: InterfaceId,
        vrid: Vrid,
        span: Span,
    ) -> Option<InterfaceId> {
        let mac = self.mac(draft, vrid);
        let known = self
            .devices
            .iter()
            .find(|d| d.base == base && d.mac == mac && !self.own_devices.contains(&d.interface));
        if let Some(known) = known {
            return Some(known.interface);
        }
        let global = &self.drafts.global;
        let prefix = global.vmac_addr_prefix.clone();
        let prefix = prefix.unwrap_or_else(|| self.vmac_prefix());
        self.numbered_device(&prefix, base, vrid, draft, span)
    }

    fn vmac_prefix(&self) -> String {
        let prefix = self.drafts.global.vmac_prefix.as_deref();
        prefix.unwrap_or("vrrp").to_owned()
    }

    fn mac(&self, draft: &InstanceDraft, vrid: Vrid) -> MacAddr {
        match draft.vmac.mac {
            Some(([a, b, c, d, e], last, _)) if !self.is_strict(draft) => {
                MacAddr([a, b, c, d, e, last.unwrap_or_else(|| vrid.get())])
            }
            _ => match draft.family.map(|draft| draft.family) {
                Some(Family::V6) => virtual_mac_v6(vrid),
                Some(Family::V4) | None => virtual_mac_v4(vrid),
            },
        }
    }

    fn xmit_base(&mut self, draft: &InstanceDraft, span: Span, unicast: bool) -> bool {
        if unicast && draft.vmac.xmit_base.is_none() {
            let message = "adverts to peers leave with the interface's own MAC address, as with \
                           `vmac_xmit_base`";
            self.report
                .note(span, message)
                .hint("add `vmac_xmit_base`; keepalived sets it as well, and complains");
            return true;
        }
        draft.vmac.xmit_base.is_some() && !self.is_strict(draft)
    }

    fn named_device(
        &mut self,
        name: &Word,
        base: InterfaceId,
        mac: MacAddr,
    ) -> Option<InterfaceId> {
        let interface = self.interface(name)?;
        if interface == base || self.devices.iter().any(|d| d.interface == interface) {
            let message = format!(
                "`{}` is taken: a virtual MAC needs a device of its own",
                name.text
            );
            self.report.fatal(name.span, message);
            return None;
        }
        self.devices.push(VirtualDevice {
            interface,
            base,
            mac,
        });
        Some(interface)
    }

    fn numbered_device(
        &mut self,
        prefix: &str,
        base: InterfaceId,
        vrid: Vrid,
        draft: &InstanceDraft,
        span: Span,
    ) -> Option<InterfaceId> {
        let name = |number: usize| match number {
            0 => format!("{prefix}.{vrid}"),
            _ => format!("{prefix}{number}.{vrid}"),
        };
        let taken = |name: &String| {
            let id = self.interfaces.ids.get(name.as_str());
            id.is_some_and(|id| self.devices.iter().any(|d| d.interface == *id))
        };
        // One of so many names is free.
        let text = (0..=self.devices.len()).map(name).find(|n| !taken(n))?;
        let word = Word {
            text,
            span,
            quoted: false,
        };
        let mac = self.mac(draft, vrid);
        self.named_device(&word, base, mac)
    }
}
