//! From drafts to a configuration: defaults, references between blocks, and keepalived's rules
//! about settings that exclude each other.

mod addresses;
mod apart;
mod auth;
mod defaults;
mod delays;
mod family;
pub(super) mod groups;
mod links;
mod objects;
mod pacing;
mod reports;
mod strict;
mod timing;
mod unicast;
mod vmac;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::lexer::Word;
use super::lint;
use super::schema::Drafts;
use super::schema::instance::InstanceDraft;
use super::schema::script::ScriptDraft;
use super::schema::track::{Origin, TrackDraft};
use super::source::{Report, Span};
use crate::config::{
    CheckConfig, Config, InstanceConfig, Operation, Preempt, Track, Tuning, Version, VirtualDevice,
};
use crate::ids::{CheckId, InterfaceId, Priority, Vrid};
use crate::wire::Family;

/// Makes the configuration. What it can't hold is reported and left out.
pub(super) fn lower(drafts: &Drafts, report: &mut Report) -> Config {
    let mut lowering = Lowering {
        drafts,
        scripts: drafts
            .scripts
            .iter()
            .map(|script| (script.name.text.as_str(), (script, None)))
            .collect(),
        files: BTreeMap::new(),
        processes: BTreeMap::new(),
        interfaces: Interfaces::default(),
        devices: Vec::new(),
        own_devices: Vec::new(),
        chosen_priorities: 0,
        silence_told: false,
        report,
    };
    if drafts.instances.is_empty() {
        let start = Span {
            line: 1,
            ..Span::default()
        };
        let message = "there is no `vrrp_instance`: this daemon has nothing to do";
        lowering.report.warning(start, message);
    }
    let checks = lowering.checks();
    let files = lowering.watched_files();
    let processes = lowering.watched_processes();
    let mut instances = Vec::new();
    for draft in &drafts.instances {
        if let Some(mut instance) = lowering.instance(draft) {
            let tracks = lowering.tracks(draft, instance.priority);
            lint::instance(&instance, &tracks, &checks, lowering.report);
            instance.tracks = tracks.into_iter().map(|(track, _)| track).collect();
            instances.push(instance);
        }
    }
    if let (Some(extra), true) = (drafts.instances.get(MOST), instances.len() > MOST) {
        lowering
            .report
            .fatal(extra.name.span, "there are too many instances");
    }
    lowering.tell_apart(&instances);
    let pacing = lowering.pacing();
    let link_delays = lowering.delays(&instances);
    let reports = lowering.reports();
    let names: Vec<&str> = instances.iter().map(|i| &*i.name).collect();
    let statics = lowering.statics(&names).unwrap_or_default();
    let defaults = lowering.defaults();
    Config {
        defaults,
        pacing,
        reports,
        operation: Operation {
            script_user: drafts.global.script_user.clone(),
            ..drafts.operation.clone()
        },
        recording: drafts.global.recording.settle(),
        router_id: drafts.global.router_id.clone(),
        startup_delay: drafts.global.startup_delay.unwrap_or_default(),
        delay_after_boot: drafts.global.delay_after_boot.unwrap_or_default(),
        log_unknown_vrids: drafts.global.log_unknown_vrids,
        interfaces: lowering.interfaces.names,
        devices: lowering.devices,
        statics,
        checks: checks.into_iter().map(|(check, _)| check).collect(),
        groups: groups::groups(drafts, &instances),
        instances,
        files,
        processes,
        link_delays,
    }
}

/// The most items a list of the configuration can hold.
const MOST: usize = u16::MAX as usize;
/// Names compared with a misspelt one, at most: enough for any real file.
const MOST_SUGGESTED: usize = 100;

struct Lowering<'a> {
    drafts: &'a Drafts,
    /// All scripts, with the number of those that are run.
    scripts: BTreeMap<&'a str, (&'a ScriptDraft, Option<CheckId>)>,
    /// All `track_file` blocks.
    files: watch::Blocks<'a>,
    /// All `track_process` blocks.
    processes: watch::Blocks<'a>,
    interfaces: Interfaces,
    /// What the daemon makes itself; and those among it that aren't for single addresses.
    devices: Vec<VirtualDevice>,
    own_devices: Vec<InterfaceId>,
    /// Rules that got a priority.
    chosen_priorities: u32,
    /// What `vrrp_strict` does to the addresses was said.
    silence_told: bool,
    report: &'a mut Report,
}

/// Interface names in the order of first mention.
#[derive(Default)]
struct Interfaces {
    names: Vec<Arc<str>>,
    ids: BTreeMap<Arc<str>, InterfaceId>,
}

impl<'a> Lowering<'a> {
    /// The scripts that some instance tracks, with the drafts they come from.
    fn checks(&mut self) -> Vec<(CheckConfig, &'a ScriptDraft)> {
        let instances = &self.drafts.instances;
        let tracked: BTreeSet<&str> = instances
            .iter()
            .flat_map(|instance| &instance.tracks)
            .map(|track| track.name.text.as_str())
            .collect();
        let mut checks = Vec::new();
        for draft in &self.drafts.scripts {
            let name = draft.name.text.as_str();
            if draft.broken {
                continue;
            }
            if draft.command.is_none() {
                let message = format!("`{name}` has no command to run and is left out");
                self.report.warning(draft.name.span, message);
                continue;
            }
            if !tracked.contains(name) {
                let message = format!("no instance tracks `{name}`: it is not run");
                self.report.warning(draft.name.span, message).hint(format!(
                    "add `track_script {{ {name} }}` to the instance it is for, or to its sync group"
                ));
                continue;
            }
            let Ok(id) = u16::try_from(checks.len()) else {
                self.report
                    .fatal(draft.name.span, "there are too many scripts");
                break;
            };
            self.scripts.insert(name, (draft, Some(CheckId(id))));
            if let Some(check) = self.check(draft) {
                lint::check(&check, draft, self.report);
                checks.push((check, draft));
            }
        }
        checks
    }

    fn check(&mut self, draft: &ScriptDraft) -> Option<CheckConfig> {
        let second = core::time::Duration::from_secs(1);
        let interval = draft.interval.map_or(second, |(interval, _)| interval);
        Some(CheckConfig {
            name: draft.name.text.as_str().into(),
            command: draft.command.clone()?,
            interval,
            timeout: draft.timeout.map_or(interval, |(timeout, _)| timeout),
            rise: draft.rise.unwrap_or(1),
            fall: draft.fall.unwrap_or(1),
            init_fail: draft.init_fail,
            user: draft
                .user
                .clone()
                .or_else(|| self.drafts.global.script_user.clone()),
        })
    }

    fn instance(&mut self, draft: &'a InstanceDraft) -> Option<InstanceConfig> {
        let global = &self.drafts.global;
        let family = draft.family.map_or(Family::V4, |draft| draft.family);
        let version = self.version(draft, family);
        let (interface, vrid) = self.identity(draft)?;
        let priority = timing::priority(draft, self.report);
        let unicast = self.unicast(draft, version, family);
        let vmac = self.vmac(draft, interface, vrid, unicast.is_some())?;
        let home = addresses::Home {
            draft,
            interface,
            vrid,
            vmac,
        };
        let mut addresses = self.addresses(&draft.addresses, home)?;
        let mut excluded = self.addresses(&draft.excluded, home)?;
        self.fit_family(draft, family, &mut addresses, &mut excluded);
        self.fit_advert(draft, &mut addresses, &mut excluded);
        self.link_local_first(draft, version, &addresses);
        self.need_addresses(draft, version, addresses.is_empty());
        let preempt = self.preempt(draft, priority);
        let lower_prio_no_advert = draft.lower_prio_no_advert.or(global.lower_prio_no_advert);
        let garp = self.garp(draft, interface, &[&addresses, &excluded]);
        let advert_interval = timing::advert_interval(draft, version, self.report);
        let source = self.source(draft, family);
        self.tracked_source(draft, source);
        let mut instance = InstanceConfig {
            name: draft.name.text.as_str().into(),
            interface,
            vrid,
            version,
            family,
            priority,
            advert_interval,
            preempt,
            auth: auth::legacy(draft, version, family, self.report),
            hmac: auth::hmac(draft, advert_interval, self.report),
            addresses,
            excluded,
            objects: self.objects(&draft.routes, &draft.rules)?,
            accept: self.accept(draft, version),
            vmac,
            track_source: draft.track_source.is_some() && source.is_some(),
            source,
            group: self.multicast_group(draft, family),
            unicast,
            tracks: Vec::new(), // Filled in by the caller.
            links: self.links(draft, interface, priority)?,
            files: self.track_files(draft, priority),
            processes: self.track_processes(draft, priority),
            dont_track_primary: draft.dont_track_primary,
            garp,
            lower_prio_no_advert: lower_prio_no_advert.unwrap_or(false),
            audible_yield: !draft.quiet_yield,
            notify: reports::notify(&draft.notify, &self.drafts.global.script_user),
            tuning: Tuning {
                timer_expired_backup: timing::gives_in(draft, preempt, self.report),
                ..draft.tuning.settle(global.tuning)
            },
            lease: None,
        };
        self.strict(draft, &mut instance);
        let lease = draft.tuning.lease.or(global.tuning.lease);
        instance.lease = timing::lease(&instance, lease, self.report);
        if instance.lease.is_some() {
            self.preferred_and_leased(draft);
        }
        Some(instance)
    }

    /// The interface and VRID, which every instance needs.
    fn identity(&mut self, draft: &InstanceDraft) -> Option<(InterfaceId, Vrid)> {
        let name = draft.name.text.as_str();
        if draft.interface.is_none() {
            let message = format!("the instance `{name}` has no interface");
            self.report
                .fatal(draft.name.span, message)
                .hint("add a line such as `interface eth0`");
        }
        if draft.vrid.is_none() {
            let message = format!("the instance `{name}` has no virtual router id");
            self.report
                .fatal(draft.name.span, message)
                .hint("add a line such as `virtual_router_id 51`, the same on all its routers");
        }
        let (interface, (vrid, _)) = (draft.interface.as_ref()?, draft.vrid?);
        if interface.text == "lo" {
            self.report.fatal(
                interface.span,
                "the loopback interface reaches no other router",
            );
        }
        let interface = self.interface(interface)?;
        Some((interface, vrid))
    }

    fn interface(&mut self, word: &Word) -> Option<InterfaceId> {
        self.interface_named(&word.text, word.span)
    }

    fn interface_named(&mut self, name: &str, span: Span) -> Option<InterfaceId> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
        if name.is_empty() || name.len() > 15 || name.contains(odd) {
            let message = "an interface has a name of 1 to 15 characters without blanks";
            self.report.fatal(span, message);
            return None;
        }
        let id = self.interfaces.add(name);
        if id.is_none() {
            self.report.fatal(span, "there are too many interfaces");
        }
        id
    }

    fn need_addresses(&mut self, draft: &InstanceDraft, version: Version, none: bool) {
        if !none || draft.no_addresses {
            return;
        }
        let name = &draft.name.text;
        let span = draft.name.span;
        match version {
            Version::V2 => {
                let message = format!("the instance `{name}` has no virtual address");
                self.report
                    .warning(span, message)
                    .hint("`no_virtual_ipaddress` says that this is meant");
            }
            Version::V3 => {
                let message = format!(
                    "the instance `{name}` has no virtual address, which version 3 requires"
                );
                self.report.fatal(span, message).hint(
                    "add a `virtual_ipaddress` block, or `no_virtual_ipaddress` if this is meant",
                );
            }
        }
    }

    /// keepalived's order: `state MASTER` and the owner's priority void both settings, and
    /// `nopreempt` voids the delay.
    fn preempt(&mut self, draft: &InstanceDraft, priority: Priority) -> Preempt {
        let delay = draft.preempt_delay.filter(|(delay, _)| !delay.is_zero());
        let void = match (draft.master, priority) {
            (Some(_), _) => Some("`state MASTER`"),
            (None, Priority::OWNER) => Some("priority 255"),
            (None, _) => None,
        };
        if let Some(void) = void {
            if let Some(span) = draft.nopreempt {
                let message = format!(
                    "{void} voids `nopreempt`: this router takes over from a master of lower priority"
                );
                self.report.warning(span, message).hint(
                    "if it should leave a running master alone, write `state BACKUP` on all routers",
                );
            }
            if let Some((_, span)) = delay {
                let message =
                    format!("{void} voids `preempt_delay`: this router takes over without it");
                self.report.warning(span, message).hint(
                    "write `state BACKUP` to keep the delay; the priority decides who is master",
                );
            }
            return Preempt::Always;
        }
        match (draft.nopreempt, delay) {
            (Some(_), Some((_, span))) => {
                let message = "`nopreempt` voids `preempt_delay`: this router never takes over from a running master";
                self.report.warning(span, message);
                Preempt::Never
            }
            (Some(_), None) => Preempt::Never,
            (None, Some((delay, _))) => Preempt::After(delay),
            (None, None) => Preempt::Always,
        }
    }

    /// The scripts an instance follows, each with the line that says so.
    fn tracks(
        &mut self,
        draft: &'a InstanceDraft,
        priority: Priority,
    ) -> Vec<(Track, &'a TrackDraft)> {
        let mut tracks = Vec::new();
        let mut seen = BTreeSet::new();
        for line in &draft.tracks {
            let name = line.name.text.as_str();
            let Some(&(script, Some(check))) = self.scripts.get(name) else {
                if line.origin != Origin::GroupAgain {
                    self.untrackable(name, &draft.name.text, line.name.span);
                }
                continue;
            };
            if !seen.insert(check) {
                let message = format!("`{name}` is tracked already: this line is ignored");
                self.report.warning(line.name.span, message);
                continue;
            }
            let weight = line.weight.unwrap_or(script.weight).weight;
            if weight.value != 0 && priority == Priority::OWNER {
                if line.origin != Origin::Own {
                    continue; // It counts for others.
                }
                let message = format!("priority 255 never changes: `{name}` has no effect here");
                self.report
                    .warning(line.name.span, message)
                    .hint("give the instance a priority below 255, or the script weight 0");
                continue;
            }
            tracks.push((Track { check, weight }, line));
        }
        tracks
    }

    fn untrackable(&mut self, name: &str, instance: &str, span: Span) {
        let script = self.scripts.get(name);
        if script.is_some_and(|(script, _)| script.broken) {
            return;
        }
        let known = script.is_some();
        let message = if known {
            format!("`{name}` can't be run: NOTHING is tracked by this line")
        } else {
            format!("there is no `vrrp_script {name}`: NOTHING is tracked by this line")
        };
        let names = self.scripts.keys().copied().take(MOST_SUGGESTED);
        let names = names.filter(|_| !self.report.is_heard(span));
        let help = match super::suggest::nearest(name, names) {
            Some(nearest) if !known => format!("did you mean `{nearest}`?"),
            _ if !known => format!(
                "write `vrrp_script {name}` with `script` in it, outside the instance; until then \
                 `{instance}` keeps its address whatever happens"
            ),
            _ => {
                format!("`{instance}` keeps its address whatever happens, until this is put right")
            }
        };
        self.report.warning(span, message).hint(help);
    }
}

impl Interfaces {
    /// The interface of that name; `None` when there are too many.
    fn add(&mut self, name: &str) -> Option<InterfaceId> {
        if let Some(&id) = self.ids.get(name) {
            return Some(id);
        }
        let id = InterfaceId(u16::try_from(self.names.len()).ok()?);
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.ids.insert(name, id);
        Some(id)
    }
}
