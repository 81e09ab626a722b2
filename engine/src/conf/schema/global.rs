//! `global_defs`.

use core::time::Duration;
use std::sync::Arc;

use super::garp::GarpDraft;
use super::multicast::GroupsDraft;
use super::notify::ReportsDraft;
use super::recording::RecordingDraft;
use super::tuning::TuningDraft;
use super::value::{bare, number, seconds, switch, value};
use super::{Context, Drafts, operation, other, script, unicast};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::Version;

/// What the block says that is acted on.
#[derive(Debug, Default)]
pub(in crate::conf) struct GlobalDraft {
    pub(in crate::conf) router_id: Option<Arc<str>>,
    pub(in crate::conf) version: Option<Version>,
    pub(in crate::conf) startup_delay: Option<Duration>,
    pub(in crate::conf) delay_after_boot: Option<Duration>,
    pub(in crate::conf) log_unknown_vrids: bool,
    pub(in crate::conf) script_user: Option<script::User>,
    pub(in crate::conf) garp: GarpDraft,
    pub(in crate::conf) lower_prio_no_advert: Option<bool>,
    pub(in crate::conf) tuning: TuningDraft,
    pub(in crate::conf) groups: GroupsDraft,
    pub(in crate::conf) min_garp: bool,
    pub(in crate::conf) check_unicast_src: Option<bool>,
    pub(in crate::conf) reports: ReportsDraft,
    pub(in crate::conf) recording: RecordingDraft,
    /// Where `vrrp_strict` stands.
    pub(in crate::conf) strict: Option<Span>,
    pub(in crate::conf) vmac_prefix: Option<String>,
    pub(in crate::conf) vmac_addr_prefix: Option<String>,
    pub(in crate::conf) default_interface: Option<Word>,
}

/// The keywords that are acted on.
pub(super) const KEYWORDS: [&str; 36] = [
    "include_check",
    "random_seed",
    "router_id",
    "script_user",
    "vrrp_version",
    "vrrp_strict",
    "vmac_prefix",
    "vmac_addr_prefix",
    "default_interface",
    "vrrp_garp_master_delay",
    "vrrp_garp_master_repeat",
    "vrrp_garp_master_refresh",
    "vrrp_garp_master_refresh_repeat",
    "vrrp_garp_lower_prio_delay",
    "vrrp_garp_lower_prio_repeat",
    "vrrp_lower_prio_no_advert",
    "vrrp_check_unicast_src",
    "notification_email",
    "vrrp_down_timer_adverts",
    "v3_checksum_as_v2",
    "vrrp_higher_prio_send_advert",
    "vrrp_owner_ignore_adverts",
    "vrrp_startup_delay",
    "vrrp_delay_after_boot",
    "log_unknown_vrids",
    "vrrp_skip_check_adv_addr",
    "vrrp_min_garp",
    "vrrp_mcast_group4",
    "vrrp_mcast_group6",
    "vrrp_garp_interval",
    "vrrp_gna_interval",
    "vrrp_garp_extra_if",
    "vrrp_vmac_garp_intvl",
    "address_lease",
    "recording",
    "recording_size",
];

/// keepalived counts microseconds in 32 bits.
const LONGEST_STARTUP_DELAY: u64 = 4294;

/// Reads one block; several add up.
pub(super) fn read(block: &Item, drafts: &mut Drafts, report: &mut Report) {
    let Drafts {
        global: draft,
        operation,
        ..
    } = drafts;
    for item in block.block.as_deref().unwrap_or_default() {
        let keyword = item.keyword.text.as_str();
        match keyword {
            "router_id" => {
                if let Some(value) = value(item, report) {
                    draft.router_id = Some(value.text.into());
                }
            }
            "script_user" => draft.script_user = script::user(item, report),
            "vrrp_version" => draft.version = version(item, report).or(draft.version),
            "vrrp_startup_delay" => {
                let read = seconds(item, LONGEST_STARTUP_DELAY, "the line is ignored", report);
                draft.startup_delay = read.map(|(delay, _)| delay).or(draft.startup_delay);
            }
            "vrrp_delay_after_boot" => {
                let read = seconds(item, LONGEST_STARTUP_DELAY, "the line is ignored", report);
                draft.delay_after_boot = read.map(|(delay, _)| delay).or(draft.delay_after_boot);
            }
            "log_unknown_vrids" => {
                draft.log_unknown_vrids = switch(item, report).unwrap_or(draft.log_unknown_vrids);
            }
            "include_check" => {} // Followed while the lines were read.
            "random_seed" => {
                number(item, 0..=u32::MAX, "the line is ignored", report);
            }
            "vrrp_min_garp" => draft.min_garp = switch(item, report).unwrap_or(draft.min_garp),
            "vrrp_strict" => {
                bare(item, report);
                draft.strict = Some(item.keyword.span);
            }
            "vmac_prefix" => {
                draft.vmac_prefix = prefix(item, report).or_else(|| draft.vmac_prefix.take())
            }
            "vmac_addr_prefix" => {
                draft.vmac_addr_prefix =
                    prefix(item, report).or_else(|| draft.vmac_addr_prefix.take());
            }
            "default_interface" => {
                if let Some(value) = value(item, report) {
                    draft.default_interface = Some(Word {
                        text: value.text.to_owned(),
                        span: value.span,
                        quoted: false,
                    });
                }
            }
            "vrrp_lower_prio_no_advert" => {
                draft.lower_prio_no_advert = switch(item, report).or(draft.lower_prio_no_advert);
            }
            "vrrp_check_unicast_src" => {
                let read = unicast::check_source(item, report).map(|(on, _)| on);
                draft.check_unicast_src = read.or(draft.check_unicast_src);
            }
            _ if draft.reports.read(item, report) => {}
            _ if operation::read(item, operation, report) => {}
            _ if draft.recording.read(item, report) => {}
            _ if draft.tuning.read_global(item, report) => {}
            _ if draft.groups.read(item, report) => {}
            _ => match keyword.strip_prefix("vrrp_") {
                Some(name) if draft.garp.read(name, item, report) => {}
                _ => other(Context::Global, item, report),
            },
        }
    }
}

/// `vrrp_version` and an instance's `version`.
pub(super) fn version(item: &Item, report: &mut Report) -> Option<Version> {
    let (number, _) = number(item, 2..=3, "the line is ignored", report)?;
    Some(if number == 2 {
        Version::V2
    } else {
        Version::V3
    })
}

/// What the names of virtual devices begin with: ten characters leave room for the rest.
fn prefix(item: &Item, report: &mut Report) -> Option<String> {
    let value = value(item, report)?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    if value.text.is_empty() || value.text.len() > 10 || value.text.contains(odd) {
        let message = "a prefix has 1 to 10 characters: the line is ignored";
        report.warning(value.span, message);
        return None;
    }
    Some(value.text.to_owned())
}
