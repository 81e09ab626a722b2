//! `vrrp_strict` and `strict_mode`: what conformance to the RFC takes away.
//!
//! As keepalived 2.2.7 does it (what concerns `auth_hmac`: 2.4.3), and each thing is said where it stands in the file. The one that
//! people run into unknowingly is said first: virtual addresses that answer nobody.

use core::time::Duration;
use std::sync::Arc;

use super::Lowering;
use crate::conf::schema::instance::InstanceDraft;
use crate::config::{Auth, HmacMode, InstanceConfig, Preempt, Version};

impl Lowering<'_> {
    pub(super) fn is_strict(&self, draft: &InstanceDraft) -> bool {
        let global = self.drafts.global.strict.is_some();
        draft.strict.map_or(global, |(on, _)| on)
    }

    /// Whether packets addressed to the virtual addresses are taken. Strict mode says no by default,
    /// and for version 2, whose RFC has no such mode, always.
    pub(super) fn accept(&mut self, draft: &InstanceDraft, version: Version) -> bool {
        match (draft.vmac.accept, self.is_strict(draft), version) {
            (None, strict, _) => !strict,
            (Some((true, span)), true, Version::V2) => {
                let message = "strict mode has no `accept` in version 2: the virtual addresses \
                               answer nobody here";
                self.report
                    .warning(span, message)
                    .hint("remove `vrrp_strict`, or use version 3");
                false
            }
            (Some((accept, _)), _, _) => accept,
        }
    }

    /// Applies it to an instance that is complete but for that.
    pub(super) fn strict(&mut self, draft: &InstanceDraft, config: &mut InstanceConfig) {
        if !self.is_strict(draft) {
            return;
        }
        self.warn_of_silence(draft, config);
        self.strict_identity(draft, config);
        self.strict_vmac(draft);
        let tuning = &mut config.tuning;
        let mut reset = Vec::new();
        if config.auth != Auth::None {
            config.auth = Auth::None;
            reset.push((draft.auth.map(|(_, span)| span), "authentication", "none"));
        }
        if let Some(hmac) = config.hmac.as_mut().filter(|h| h.mode != HmacMode::Enforce) {
            Arc::make_mut(hmac).mode = HmacMode::Enforce;
            let span = draft.hmac.as_ref().map(|block| block.span);
            reset.push((span, "`auth_hmac`'s mode", "enforce"));
        }
        if let Preempt::After(_) = config.preempt {
            config.preempt = Preempt::Always;
            let span = draft.preempt_delay.map(|(_, span)| span);
            reset.push((span, "`preempt_delay`", "none"));
        }
        if tuning.down_timer_adverts != 3 {
            tuning.down_timer_adverts = 3;
            reset.push((None, "`down_timer_adverts`", "3"));
        }
        if tuning.higher_prio_send_advert {
            tuning.higher_prio_send_advert = false;
            reset.push((None, "`higher_prio_send_advert`", "off"));
        }
        for (span, what, value) in reset {
            let message = format!("strict mode overrides {what}: {value}");
            let span = span.unwrap_or(draft.name.span);
            self.report.warning(span, message);
        }
        // These differ from the RFC by default or seldom matter; nothing is lost.
        tuning.owner_ignore_adverts = true;
        config.lower_prio_no_advert = true;
        config.audible_yield = false;
        config.garp.contest_repeat = 0;
        config.garp.contest_delay = Duration::ZERO;
    }

    fn warn_of_silence(&mut self, draft: &InstanceDraft, config: &InstanceConfig) {
        let said = draft.vmac.accept.is_some();
        if !config.refuses_access() || said {
            return;
        }
        let global = self.drafts.global.strict;
        let Some(span) = draft.strict.map(|(_, span)| span).or(global) else {
            return;
        };
        if draft.strict.is_none() && core::mem::replace(&mut self.silence_told, true) {
            return;
        }
        let message = "strict mode drops what is addressed to the virtual addresses: they can be \
                       routed through, and answer neither ping nor any service";
        self.report.warning(span, message).hint(
            "remove the line unless strict conformance is meant; `accept` makes the addresses \
             answer in version 3",
        );
    }

    fn strict_identity(&mut self, draft: &InstanceDraft, config: &InstanceConfig) {
        if let Some(span) = draft.master.filter(|_| !config.is_owner()) {
            let message = "in strict mode `state MASTER` is for the owner of the addresses, with \
                           priority 255: it is ignored";
            self.report.note(span, message);
        }
        if config.addresses.is_empty() {
            let message = format!(
                "strict mode requires a virtual address, and `{}` has none",
                draft.name.text
            );
            self.report.fatal(draft.name.span, message);
        }
        if config.unicast.is_some() {
            let message = "strict mode knows no unicast: the peers are used nevertheless";
            let span = draft.unicast.block.unwrap_or(draft.name.span);
            self.report.warning(span, message).hint(
                "keepalived refuses this where the interface can multicast; remove one of both",
            );
        }
    }

    fn strict_vmac(&mut self, draft: &InstanceDraft) {
        if let Some((_, _, span)) = draft.vmac.mac {
            let message =
                "strict mode allows only the virtual router's own MAC address: it is used";
            self.report.warning(span, message);
        }
        if let Some(span) = draft.vmac.xmit_base.filter(|_| draft.vmac.span.is_some()) {
            let message =
                "strict mode sends adverts from the virtual MAC address: this line is ignored";
            self.report.warning(span, message);
        }
    }
}
