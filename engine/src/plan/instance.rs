//! Which virtual routers are the same, and what is different about them.

use core::net::IpAddr;
use std::sync::Arc;

use super::{Change, Fate, Moves, Step};
use crate::config::{
    AddressOptions, Auth, Broadcast, Config, InstanceConfig, Object, Preempt, Preferred, Track,
    TrackFile, TrackLink, TrackProcess, Unicast, Version, VirtualAddress, Vmac, Weight,
};
use crate::ids::InstanceId;
use crate::time::Seconds;

/// Both configurations, with the old one's positions translated.
struct Both<'a> {
    old: &'a Config,
    new: &'a Config,
    moves: &'a Moves,
}

pub(super) fn steps(old: &Config, new: &Config, moves: &Moves) -> Vec<Step<InstanceId>> {
    let both = Both { old, new, moves };
    let mut taken = vec![false; old.instances.len()];
    let mut pairs: Vec<Option<(InstanceId, bool)>> = vec![None; new.instances.len()];
    // First who is the same on the wire, then who has at least the same name.
    for likeness in [
        Likeness::Transport,
        Likeness::RouterAndName,
        Likeness::Router,
        Likeness::Name,
    ] {
        for (i, to) in new.instances.iter().enumerate() {
            if pairs[i].is_some() {
                continue;
            }
            let mut candidates = old.instances.iter().enumerate();
            let found = candidates.find(|(j, from)| !taken[*j] && both.alike(likeness, from, to));
            if let Some((j, _)) = found {
                taken[j] = true;
                pairs[i] = Some((InstanceId(j as u16), likeness != Likeness::Name));
            }
        }
    }
    let kept = new.instances.iter().zip(&pairs).enumerate();
    let kept = kept.map(|(i, (to, pair))| Step {
        name: Arc::clone(&to.name),
        from: pair.map(|(from, _)| from),
        to: Some(InstanceId(i as u16)),
        fate: match *pair {
            None => Fate::Added,
            Some((from, same_router)) => {
                let changes = both.changes(old.instance(from), to);
                if same_router {
                    Fate::of(changes)
                } else {
                    Fate::Restarted(changes)
                }
            }
        },
    });
    let gone = old.instances.iter().enumerate().filter(|(j, _)| !taken[*j]);
    let gone = gone.map(|(j, from)| Step {
        name: Arc::clone(&from.name),
        from: Some(InstanceId(j as u16)),
        to: None,
        fate: Fate::Removed,
    });
    kept.chain(gone).collect()
}

/// In what an old and a new instance are the same. Several routers may have one number, if they talk
/// to others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Transport,
    RouterAndName,
    Router,
    Name,
}

impl Both<'_> {
    fn alike(&self, likeness: Likeness, old: &InstanceConfig, new: &InstanceConfig) -> bool {
        let named = old.name == new.name;
        let others = |i: &InstanceConfig| (i.source, i.group(), i.unicast.clone());
        match likeness {
            Likeness::Transport => self.is_same_router(old, new) && others(old) == others(new),
            Likeness::RouterAndName => named && self.is_same_router(old, new),
            Likeness::Router => self.is_same_router(old, new),
            Likeness::Name => named,
        }
    }

    /// On the wire a virtual router is an interface, a number and an address family.
    fn is_same_router(&self, old: &InstanceConfig, new: &InstanceConfig) -> bool {
        self.moves.interface(old.interface) == Some(new.interface)
            && (old.vrid, old.family) == (new.vrid, new.family)
    }

    /// What is different. Every field is named: a new one must not compile before somebody has
    /// decided what a reload does about it.
    fn changes(&self, old: &InstanceConfig, new: &InstanceConfig) -> Vec<Change> {
        let InstanceConfig {
            name,
            interface,
            vrid,
            version,
            family,
            priority,
            advert_interval,
            preempt,
            auth,
            hmac,
            addresses,
            excluded,
            objects,
            accept,
            vmac,
            source,
            track_source,
            group,
            unicast,
            tracks,
            links,
            files,
            processes,
            dont_track_primary,
            garp,
            lower_prio_no_advert,
            audible_yield,
            lease,
            notify,
            tuning,
        } = new;
        let changed = "changed";
        let flag = bool::to_string;
        let named = |id| self.new.interface_name(id).to_owned();
        let before = self.old.interface_name(old.interface).to_owned();
        [
            Change::between("vrrp_instance", &old.name, name, |name| name.to_string()),
            Change::between("interface", &before, &named(*interface), String::clone),
            Change::between("virtual_router_id", &old.vrid, vrid, ToString::to_string),
            Change::between("version", &old.version, version, show_version),
            Change::between("family", &old.family, family, |f| format!("{f:?}")),
            Change::between("priority", &old.priority, priority, ToString::to_string),
            Change::between("advert_int", &old.advert_interval, advert_interval, |i| {
                Seconds(i.duration()).to_string()
            }),
            Change::between("preempt", &old.preempt, preempt, show_preempt),
            Change::between("authentication", &old.auth, auth, show_auth),
            Change::between("auth_hmac", &old.hmac, hmac, |hmac| {
                let word = if hmac.is_some() { "keys" } else { "none" };
                word.to_owned()
            }),
            list(
                "virtual_ipaddress",
                (self.old, &old.addresses),
                (self.new, addresses),
                show_address,
            ),
            list(
                "virtual_ipaddress_excluded",
                (self.old, &old.excluded),
                (self.new, excluded),
                show_address,
            ),
            self.objects(&old.objects, objects),
            Change::between("accept", &old.accept, accept, flag),
            self.vmac(old.vmac, *vmac),
            Change::between("source", &old.source, source, show_source),
            Change::between("track_src_ip", &old.track_source, track_source, flag),
            Change::between("mcast_dst_ip", &old.group, group, |group| {
                group.map_or_else(|| "the usual".to_owned(), |group| group.to_string())
            }),
            Change::between("notify", &old.notify, notify, |_| changed.to_owned()),
            Change::between("unicast_peer", &old.unicast, unicast, show_unicast),
            list(
                "track_script",
                (self.old, &old.tracks),
                (self.new, tracks),
                show_track,
            ),
            list(
                "track_interface",
                (self.old, &old.links),
                (self.new, links),
                show_link,
            ),
            list(
                "track_file",
                (self.old, &old.files),
                (self.new, files),
                show_file,
            ),
            list(
                "track_process",
                (self.old, &old.processes),
                (self.new, processes),
                show_process,
            ),
            Change::between(
                "dont_track_primary",
                &old.dont_track_primary,
                dont_track_primary,
                flag,
            ),
            Change::between("garp_master", &old.garp, garp, |_| changed.to_owned()),
            Change::between(
                "lower_prio_no_advert",
                &old.lower_prio_no_advert,
                lower_prio_no_advert,
                flag,
            ),
            Change::between("quiet_yield", &!old.audible_yield, &!*audible_yield, flag),
            Change::between("address_lease", &old.lease, lease, |lease| {
                lease.map_or_else(|| "off".to_owned(), |lease| Seconds(lease).to_string())
            }),
            Change::between("tuning", &old.tuning, tuning, |_| changed.to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Both<'_> {
    fn objects(&self, old: &[Object], new: &[Object]) -> Option<Change> {
        let translated: Vec<_> = old.iter().map(|o| self.moves.object(o)).collect();
        let is_new = |o: &&Object| !translated.contains(&Some((*o).clone()));
        let show = |o: &Object, config| o.display(config).to_string();
        let come = new
            .iter()
            .filter(is_new)
            .map(|o| format!("+ {}", show(o, self.new)));
        let gone = old.iter().zip(&translated);
        let gone = gone.filter(|(_, o)| o.as_ref().is_none_or(|o| !new.contains(o)));
        let gone = gone.map(|(o, _)| format!("- {}", show(o, self.old)));
        let words: Vec<String> = come.chain(gone).collect();
        let same = translated.into_iter().eq(new.iter().cloned().map(Some));
        (!same).then(|| Change {
            keyword: "virtual_routes, virtual_rules",
            what: if words.is_empty() {
                "in another order".to_owned()
            } else {
                words.join(", ")
            },
        })
    }

    fn vmac(&self, old: Option<Vmac>, new: Option<Vmac>) -> Option<Change> {
        let show = |config: &Config, vmac: Option<Vmac>| {
            vmac.map_or_else(
                || "off".to_owned(),
                |Vmac { device, xmit_base }| {
                    let base = if xmit_base { ", vmac_xmit_base" } else { "" };
                    let mac = config.device(device).map(|device| device.mac);
                    let mac = mac.unwrap_or_default();
                    format!("{} with {mac}{base}", config.interface_name(device))
                },
            )
        };
        let (old, new) = (show(self.old, old), show(self.new, new));
        Change::between("use_vmac", &old, &new, String::clone)
    }
}

/// Items in words, each complete: what reads the same is the same, wherever the ids point.
pub(super) fn list<T>(
    keyword: &'static str,
    old: (&Config, &[T]),
    new: (&Config, &[T]),
    show: impl Fn(&Config, &T) -> String,
) -> Option<Change> {
    let words = |(config, items): (&Config, &[T])| -> Vec<String> {
        items.iter().map(|item| show(config, item)).collect()
    };
    Change::of_lists(keyword, &words(old), &words(new))
}

pub(super) fn show_address(config: &Config, address: &VirtualAddress) -> String {
    let VirtualAddress {
        address,
        prefix,
        interface,
        label,
        scope,
        broadcast,
        options,
    } = address;
    let mut text = format!(
        "{address}/{prefix} dev {}",
        config.interface_name(*interface)
    );
    if let Some(label) = label {
        text += &format!(" label {label}");
    }
    if *scope != 0 {
        text += &format!(" scope {scope}");
    }
    match broadcast {
        Broadcast::None => {}
        Broadcast::AllOnes => text += " brd +",
        Broadcast::Literal(address) => text += &format!(" brd {address}"),
    }
    text + &show_options(options)
}

fn show_options(options: &AddressOptions) -> String {
    let AddressOptions {
        peer,
        detects_duplicates,
        home,
        makes_temporary,
        no_prefix_route,
        untracked,
        preferred,
    } = options;
    let mut text = peer.map_or_else(String::new, |peer| format!(" peer {peer}"));
    for (on, word) in [
        (detects_duplicates, " -nodad"),
        (home, " home"),
        (makes_temporary, " mngtmpaddr"),
        (no_prefix_route, " noprefixroute"),
        (untracked, " no_track"),
    ] {
        text += if *on { word } else { "" };
    }
    match preferred {
        Preferred::Usual => text,
        Preferred::Seconds(seconds) => format!("{text} preferred_lft {seconds}"),
        Preferred::Always => text + " preferred_lft forever",
    }
}

fn show_weight(weight: Weight) -> String {
    let Weight { value, reverse } = weight;
    let reverse = if reverse { " reverse" } else { "" };
    format!("weight {value}{reverse}")
}

fn show_track(config: &Config, track: &Track) -> String {
    let Track { check, weight } = *track;
    format!("{} {}", config.check(check).name, show_weight(weight))
}

fn show_link(config: &Config, link: &TrackLink) -> String {
    let TrackLink { interface, weight } = *link;
    let name = config.interface_name(interface);
    format!("{name} {}", show_weight(weight))
}

fn show_file(config: &Config, track: &TrackFile) -> String {
    let TrackFile { file, weight } = *track;
    format!("{} {}", config.file(file).name, show_weight(weight))
}

fn show_process(config: &Config, track: &TrackProcess) -> String {
    let TrackProcess { process, weight } = *track;
    format!("{} {}", config.process(process).name, show_weight(weight))
}

fn show_version(version: &Version) -> String {
    match version {
        Version::V2 => "2".to_owned(),
        Version::V3 => "3".to_owned(),
    }
}

fn show_preempt(preempt: &Preempt) -> String {
    match preempt {
        Preempt::Always => "always".to_owned(),
        Preempt::After(delay) => format!("after {}", Seconds(*delay)),
        Preempt::Never => "never".to_owned(),
    }
}

/// Secrets aren't shown.
fn show_auth(auth: &Auth) -> String {
    match auth {
        Auth::None => "none".to_owned(),
        Auth::Password(_) => "a password".to_owned(),
        Auth::Header(_) => "authentication headers".to_owned(),
    }
}

fn show_source(source: &Option<IpAddr>) -> String {
    source.map_or_else(|| "the interface's".to_owned(), |s| s.to_string())
}

fn show_unicast(unicast: &Option<Unicast>) -> String {
    let Some(unicast) = unicast else {
        return "the group".to_owned();
    };
    let peers = unicast.peers.iter().map(|peer| peer.address.to_string());
    peers.collect::<Vec<_>>().join(" ")
}
