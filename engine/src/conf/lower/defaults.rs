//! What `global_defs` says for all instances.

use super::{Lowering, pacing};
use crate::config::{Defaults, Tuning, Version};
use crate::wire::{GROUP_V4, GROUP_V6};

impl Lowering<'_> {
    /// The settings that instances without one of their own have.
    pub(super) fn defaults(&self) -> Defaults {
        let global = &self.drafts.global;
        let (tuning, usual) = (&global.tuning, Tuning::default());
        let elsewhere = global.garp.elsewhere.map(|e| e.every);
        let interface = global.default_interface.as_ref();
        Defaults {
            interface: interface.map(|word| word.text.as_str().into()),
            mail_to: global.reports.to.clone(),
            mail_from: global.reports.from.clone(),
            mail_server: global.reports.server.clone(),
            mail_helo: global.reports.helo.clone(),
            mail_timeout: global.reports.timeout,
            no_mail_of_faults: global.reports.no_faults,
            alert: global.reports.alert,
            alert_vrrp: global.reports.alert_vrrp,
            group_v4: global.groups.v4.unwrap_or_else(|| GROUP_V4.into()),
            group_v6: global.groups.v6.unwrap_or_else(|| GROUP_V6.into()),
            garp: pacing::garp(
                global.garp,
                &global.garp,
                global.min_garp,
                elsewhere.unwrap_or_default(),
            ),
            garp_all: global.garp.elsewhere.is_some_and(|e| e.all),
            garp_interval: global.garp.pace.garp.unwrap_or_default(),
            gna_interval: global.garp.pace.gna.unwrap_or_default(),
            lower_prio_no_advert: global.lower_prio_no_advert.unwrap_or_default(),
            tuning: Tuning {
                down_timer_adverts: tuning
                    .down_timer_adverts
                    .unwrap_or(usual.down_timer_adverts),
                v3_checksum_as_v2: tuning.v3_checksum_as_v2.unwrap_or(usual.v3_checksum_as_v2),
                higher_prio_send_advert: tuning
                    .higher_prio_send_advert
                    .unwrap_or(usual.higher_prio_send_advert),
                owner_ignore_adverts: tuning
                    .owner_ignore_adverts
                    .unwrap_or(usual.owner_ignore_adverts),
                skip_check_adv_addr: tuning
                    .skip_check_adv_addr
                    .unwrap_or(usual.skip_check_adv_addr),
                ..usual
            },
            version: global.version.unwrap_or(Version::V2),
            check_unicast_src: global.check_unicast_src.unwrap_or_default(),
            strict: global.strict.is_some(),
        }
    }
}
