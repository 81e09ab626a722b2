//! `vrrp_instance`: one virtual router.

use core::net::IpAddr;
use core::time::Duration;

use super::address::{self, AddressesDraft};
use super::auth::{self, HmacDraft};
use super::family::{self, FamilyDraft};
use super::garp::GarpDraft;
use super::global::version;
use super::multicast;
use super::route::{self, RouteDraft};
use super::rule::{self, RuleDraft};
use super::track::{self, TrackDraft};
use super::tuning::TuningDraft;
use super::unicast::UnicastDraft;
use super::value::{self, Value, bare, number, seconds, switch};
use super::vmac::VmacDraft;
use super::{Context, notify, other};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;
use crate::config::{Auth, Notify, Version};
use crate::ids::{Priority, Vrid};
use crate::wire::Family;

/// One block, each value as last given.
#[derive(Debug)]
pub(in crate::conf) struct InstanceDraft {
    pub(in crate::conf) name: Word,
    pub(in crate::conf) interface: Option<Word>,
    pub(in crate::conf) vrid: Option<(Vrid, Span)>,
    pub(in crate::conf) version: Option<Version>,
    /// Where `state MASTER` stands.
    pub(in crate::conf) master: Option<Span>,
    pub(in crate::conf) priority: Option<(Priority, Span)>,
    /// `advert_int` before it is fitted to the version.
    pub(in crate::conf) advert: Option<(Duration, Span)>,
    pub(in crate::conf) nopreempt: Option<Span>,
    pub(in crate::conf) preempt_delay: Option<(Duration, Span)>,
    pub(in crate::conf) auth: Option<(Auth, Span)>,
    pub(in crate::conf) hmac: Option<HmacDraft>,
    pub(in crate::conf) addresses: AddressesDraft,
    pub(in crate::conf) excluded: AddressesDraft,
    pub(in crate::conf) no_addresses: bool,
    pub(in crate::conf) routes: Vec<RouteDraft>,
    pub(in crate::conf) rules: Vec<RuleDraft>,
    pub(in crate::conf) vmac: VmacDraft,
    /// `strict_mode`
    pub(in crate::conf) strict: Option<(bool, Span)>,
    /// What decided the family; `None` when nothing did.
    pub(in crate::conf) family: Option<FamilyDraft>,
    /// `native_ipv6`.
    pub(in crate::conf) native_ipv6: Option<Span>,
    /// `mcast_src_ip` or `unicast_src_ip`, the last one given.
    pub(in crate::conf) source: Option<(IpAddr, Span)>,
    /// Where `track_src_ip` stands.
    pub(in crate::conf) track_source: Option<Span>,
    /// `mcast_dst_ip`
    pub(in crate::conf) group: Option<(IpAddr, Span)>,
    pub(in crate::conf) unicast: UnicastDraft,
    pub(in crate::conf) tracks: Vec<TrackDraft>,
    /// `track_interface`.
    pub(in crate::conf) links: Vec<TrackDraft>,
    /// `track_file`.
    pub(in crate::conf) files: Vec<TrackDraft>,
    /// `track_process`.
    pub(in crate::conf) processes: Vec<TrackDraft>,
    pub(in crate::conf) dont_track_primary: bool,
    pub(in crate::conf) garp: GarpDraft,
    pub(in crate::conf) lower_prio_no_advert: Option<bool>,
    pub(in crate::conf) quiet_yield: bool,
    /// `timer_expired_backup`.
    pub(in crate::conf) gives_in: Option<(Priority, Span)>,
    pub(in crate::conf) tuning: TuningDraft,
    pub(in crate::conf) notify: Notify,
}

impl InstanceDraft {
    fn new(name: &Word) -> Self {
        Self {
            name: name.clone(),
            interface: None,
            vrid: None,
            version: None,
            master: None,
            priority: None,
            advert: None,
            nopreempt: None,
            preempt_delay: None,
            auth: None,
            hmac: None,
            addresses: AddressesDraft::default(),
            excluded: AddressesDraft::default(),
            no_addresses: false,
            routes: Vec::new(),
            rules: Vec::new(),
            vmac: VmacDraft::default(),
            strict: None,
            family: None,
            native_ipv6: None,
            source: None,
            track_source: None,
            group: None,
            unicast: UnicastDraft::default(),
            tracks: Vec::new(),
            links: Vec::new(),
            files: Vec::new(),
            processes: Vec::new(),
            dont_track_primary: false,
            garp: GarpDraft::default(),
            lower_prio_no_advert: None,
            quiet_yield: false,
            gives_in: None,
            tuning: TuningDraft::default(),
            notify: Notify::default(),
        }
    }
}

/// The keywords that are acted on.
pub(super) const KEYWORDS: [&str; 57] = [
    "interface",
    "virtual_router_id",
    "version",
    "state",
    "priority",
    "advert_int",
    "preempt",
    "nopreempt",
    "preempt_delay",
    "authentication",
    "auth_hmac",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "no_virtual_ipaddress",
    "mcast_src_ip",
    "mcast_dst_ip",
    "track_src_ip",
    "native_ipv6",
    "unicast_src_ip",
    "unicast_peer",
    "unicast_ttl",
    "check_unicast_src",
    "unicast_fault_no_peer",
    "old_unicast_checksum",
    "track_script",
    "track_interface",
    "track_file",
    "track_process",
    "garp_master_delay",
    "garp_master_repeat",
    "garp_master_refresh",
    "garp_master_refresh_repeat",
    "garp_lower_prio_delay",
    "garp_lower_prio_repeat",
    "lower_prio_no_advert",
    "quiet_yield",
    "strict_mode",
    "accept",
    "no_accept",
    "use_vmac",
    "vmac_xmit_base",
    "use_vmac_addr",
    "virtual_routes",
    "virtual_rules",
    "down_timer_adverts",
    "v3_checksum_as_v2",
    "higher_prio_send_advert",
    "owner_ignore_adverts",
    "dont_track_primary",
    "skip_check_adv_addr",
    "timer_expired_backup",
    "thread_timer_expired",
    "garp_interval",
    "gna_interval",
    "garp_extra_if",
    "vmac_garp_intvl",
    "address_lease",
];

/// Reads one block.
pub(super) fn read(block: &Item, name: &Word, report: &mut Report) -> InstanceDraft {
    let mut draft = InstanceDraft::new(name);
    for item in block.block.as_deref().unwrap_or_default() {
        let keyword = item.keyword.text.as_str();
        let read = election(item, &mut draft, report)
            || contents(item, &mut draft, report)
            || draft.garp.read_own(keyword, item, report)
            || draft.tuning.read(keyword, item, report)
            || notify::read(item, &notify::INSTANCE_KEYWORDS, &mut draft.notify, report);
        if !read {
            other(Context::Instance, item, report);
        }
    }
    draft
}

/// Who is elected, and over what. False when the keyword isn't one of these.
fn election(item: &Item, draft: &mut InstanceDraft, report: &mut Report) -> bool {
    match item.keyword.text.as_str() {
        "interface" => {
            if let Some(Value { text, span }) = value::value(item, report) {
                let text = text.to_owned();
                draft.interface = Some(Word {
                    text,
                    span,
                    quoted: false,
                });
            }
        }
        "virtual_router_id" => draft.vrid = vrid(item, report).or(draft.vrid),
        "version" => draft.version = version(item, report).or(draft.version),
        "state" => state(item, draft, report),
        "priority" => {
            let read = number(item, 1..=255, "100 is used", report);
            let read = read.and_then(|(number, span)| Some((u8::try_from(number).ok()?, span)));
            draft.priority = Some(match read {
                Some((number, span)) => (Priority(number), span),
                None => (Priority::DEFAULT, item.keyword.span),
            });
        }
        "advert_int" => {
            let longest = 1_000_000;
            draft.advert = seconds(item, longest, "1 s is used", report).or(draft.advert);
        }
        "nopreempt" => {
            bare(item, report);
            draft.nopreempt = Some(item.keyword.span);
        }
        "preempt" => {
            bare(item, report);
            draft.nopreempt = None;
        }
        "preempt_delay" => {
            let read = seconds(item, 1000, "the line is ignored", report);
            draft.preempt_delay = read.or(draft.preempt_delay);
        }
        "lower_prio_no_advert" => {
            draft.lower_prio_no_advert = switch(item, report).or(draft.lower_prio_no_advert);
        }
        "timer_expired_backup" | "thread_timer_expired" => {
            draft.gives_in = gives_in(item, report).or(draft.gives_in);
        }
        "quiet_yield" => draft.quiet_yield = switch(item, report).unwrap_or(draft.quiet_yield),
        _ => return false,
    }
    true
}

/// `timer_expired_backup`: the highest priority among the peers; 254 without one, which makes for
/// the least patience.
fn gives_in(item: &Item, report: &mut Report) -> Option<(Priority, Span)> {
    if item.arguments.is_empty() {
        bare(item, report);
        return Some((Priority(254), item.keyword.span));
    }
    let (number, span) = number(item, 1..=254, "the line is ignored", report)?;
    Some((Priority(u8::try_from(number).ok()?), span))
}

/// What the instance holds, tracks and says. False when the keyword isn't one of these.
fn contents(item: &Item, draft: &mut InstanceDraft, report: &mut Report) -> bool {
    match item.keyword.text.as_str() {
        "authentication" => draft.auth = auth::authentication(item, report).or(draft.auth),
        "auth_hmac" => draft.hmac = Some(auth::hmac(item, draft.hmac.take(), report)),
        "virtual_ipaddress" => {
            address::read(item, &mut draft.addresses, report);
            if let Some(first) = draft.addresses.list.first() {
                family::decide(&mut draft.family, first.address, first.span);
            }
        }
        "native_ipv6" => {
            bare(item, report);
            draft.native_ipv6 = Some(item.keyword.span);
            let (family, span) = (Family::V6, item.keyword.span);
            draft.family.get_or_insert(FamilyDraft { family, span });
        }
        "virtual_ipaddress_excluded" => address::read(item, &mut draft.excluded, report),
        "no_virtual_ipaddress" => {
            bare(item, report);
            draft.no_addresses = true;
        }
        "mcast_dst_ip" => draft.group = multicast::group(item, None, report).or(draft.group),
        "track_src_ip" => {
            bare(item, report);
            draft.track_source = Some(item.keyword.span);
        }
        "mcast_src_ip" => source(value::address(item, report), draft),
        "track_script" => track::read(item, &mut draft.tracks, report),
        "track_interface" => track::read(item, &mut draft.links, report),
        "track_file" => track::read(item, &mut draft.files, report),
        "track_process" => track::read(item, &mut draft.processes, report),
        "dont_track_primary" => {
            bare(item, report);
            draft.dont_track_primary = true;
        }
        "strict_mode" => {
            let on = switch(item, report).map(|on| (on, item.keyword.span));
            draft.strict = on.or(draft.strict);
        }
        "virtual_routes" => route::read(item, false, &mut draft.routes, report),
        "virtual_rules" => rule::read(item, false, &mut draft.rules, report),
        "unicast_src_ip" => {
            draft.unicast.read(item, report);
            // The same setting under two names: the last line counts.
            source(draft.unicast.source, draft);
        }
        _ => {
            let read = draft.unicast.read(item, report) || draft.vmac.read(item, report);
            if let Some(first) = draft.unicast.peers.first() {
                family::decide(&mut draft.family, first.address, first.span);
            }
            return read;
        }
    }
    true
}

fn source(given: Option<(IpAddr, Span)>, draft: &mut InstanceDraft) {
    if let Some((address, span)) = given {
        family::decide(&mut draft.family, address, span);
        draft.source = given;
    }
}

fn vrid(item: &Item, report: &mut Report) -> Option<(Vrid, Span)> {
    let (number, span) = number(item, 1..=255, "the line is ignored", report)?;
    Some((Vrid::new(u8::try_from(number).ok()?)?, span))
}

fn state(item: &Item, draft: &mut InstanceDraft, report: &mut Report) {
    let Some(value) = value::value(item, report) else {
        return;
    };
    draft.master = (value.text == "MASTER").then_some(value.span);
    if ["MASTER", "BACKUP"].contains(&value.text) {
        return;
    }
    let message = "`state` is MASTER or BACKUP: BACKUP is used";
    let diagnostic = report.warning(value.span, message);
    match value.text.to_ascii_uppercase().as_str() {
        upper @ ("MASTER" | "BACKUP") => diagnostic.hint(format!("write `{upper}` in capitals")),
        _ => diagnostic.hint("who is master is decided by `priority`"),
    }
}
