//! One instance as a line.

use std::collections::BTreeMap;

use locum_engine::config::{Version, VirtualAddress};
use locum_engine::event::{Announcement, Discard};
use locum_engine::status::{self, DrainState, InstanceView, Seen, Standing, Tracked, Verdict};
use locum_engine::wire::Family;

use crate::control::message::{
    Counters, Drain, Instance, Master, Peer, Rival, Tracker, Transition,
};
use crate::desk::View;

pub(super) fn line(view: &View<'_>, seen: InstanceView<'_>) -> Instance {
    let (all, config) = (view.status.config(), seen.config());
    let address = |held: &VirtualAddress| {
        let interface = all.interface_name(held.interface);
        format!("{}/{} dev {interface}", held.address, held.prefix)
    };
    let group = seen.group().map(|id| all.group(id).name.to_string());
    Instance {
        name: config.name.to_string(),
        interface: seen.interface().to_owned(),
        vrid: config.vrid.get(),
        family: match config.family {
            Family::V4 => "ipv4".to_owned(),
            Family::V6 => "ipv6".to_owned(),
        },
        version: match config.version {
            Version::V2 => 2,
            Version::V3 => 3,
        },
        group,
        state: seen.state().to_string(),
        wanted: seen.wanted().to_string(),
        since: view.date(seen.since()),
        why: seen.why().map(|why| why.display(all).to_string()),
        reason: seen.why().map(|why| why.label().to_owned()),
        obstacle: seen.obstacle().map(|why| why.display(all).to_string()),
        priority: seen.priority().get(),
        base_priority: seen.base_priority().get(),
        master: master(view, seen.master()),
        contested: seen.rivals().map(|peer| rival(view, seen, peer)).collect(),
        peers: seen.peers().map(|peer| self::peer(view, peer)).collect(),
        silent_peers: seen.silent_peers().map(|a| a.to_string()).collect(),
        source: seen.source().map(|a| a.to_string()),
        addresses: config.addresses.iter().map(address).collect(),
        excluded: config.excluded.iter().map(address).collect(),
        trackers: seen.trackers().map(|t| tracker(view, t)).collect(),
        drain: seen.drain().map(|state| drain(view, state)),
        advert_interval: seen.interval().duration().as_secs_f64(),
        timer: seen.timer().map(|at| view.date(at)),
        announces_at: seen.announces_at().map(|at| view.date(at)),
        refreshes_at: seen.refreshes_at().map(|at| view.date(at)),
        counters: counters(seen),
    }
}

fn master(view: &View<'_>, master: status::Master) -> Option<Master> {
    match master {
        status::Master::Us { source, priority } => Some(Master {
            us: true,
            address: source.map(|a| a.to_string()),
            priority: priority.get(),
            heard: None,
        }),
        status::Master::Other(peer) => Some(Master {
            us: false,
            address: Some(peer.source.to_string()),
            priority: peer.priority.get(),
            heard: Some(view.date(peer.at)),
        }),
        status::Master::Unknown => None,
    }
}

fn peer(view: &View<'_>, peer: &Seen) -> Peer {
    Peer {
        address: peer.source.to_string(),
        priority: peer.priority.get(),
        heard: view.date(peer.at),
    }
}

fn rival(view: &View<'_>, seen: InstanceView<'_>, peer: &Seen) -> Rival {
    Rival {
        by: peer.source.to_string(),
        priority: peer.priority.get(),
        until: view.date(seen.contested_until(peer)),
    }
}

fn drain(view: &View<'_>, state: DrainState) -> Drain {
    match state {
        DrainState::HandingOver { until } => Drain {
            over: false,
            until: Some(view.date(until)),
        },
        DrainState::Over => Drain {
            over: true,
            until: None,
        },
    }
}

fn tracker(view: &View<'_>, tracker: status::Tracker) -> Tracker {
    let (status, config) = (view.status, view.status.config());
    let (kind, name, result) = match tracker.what {
        Tracked::Check(id) => ("check", &*config.check(id).name, verdict(view, id)),
        Tracked::Link(id) => {
            let up = status.link(id).state().up;
            let result = if up { "up" } else { "down" };
            ("interface", config.interface_name(id), result.to_owned())
        }
        Tracked::File(id) => {
            let value = status.file(id).value();
            let result = value.map_or_else(|| "not read yet".to_owned(), |v| v.to_string());
            ("file", &*config.file(id).name, result)
        }
        Tracked::Process(id) => ("process", &*config.process(id).name, running(view, id)),
    };
    let (standing, shift) = match tracker.standing {
        Standing::Fine => ("fine", 0),
        Standing::Pending => ("pending", 0),
        Standing::Fault => ("fault", 0),
        Standing::Shift(by) => ("shift", by),
    };
    Tracker {
        kind: kind.to_owned(),
        name: name.to_owned(),
        result,
        standing: standing.to_owned(),
        shift,
    }
}

fn verdict(view: &View<'_>, id: locum_engine::ids::CheckId) -> String {
    let seen = view.status.check(id);
    let last = seen.runs().last.map(|last| last.to_string());
    let last = last.unwrap_or_default();
    match seen.verdict() {
        Verdict::Unknown => "no result yet".to_owned(),
        Verdict::NotRun { .. } => format!("{last}; serves without it"),
        Verdict::Good { .. } | Verdict::Failed { .. } if last.starts_with("not run") => {
            let good = matches!(seen.verdict(), Verdict::Good { .. });
            format!("{}, but {last}", if good { "good" } else { "failed" })
        }
        Verdict::Good { failures: 0 } => "good".to_owned(),
        Verdict::Good { failures } => {
            format!(
                "good, {failures} of {} failures: {last}",
                seen.config().fall
            )
        }
        // "failed with status 1" says so itself.
        Verdict::Failed { successes: 0 } if last.starts_with("failed") => last,
        Verdict::Failed { successes: 0 } => format!("failed: {last}"),
        Verdict::Failed { successes } => {
            format!("failed, {successes} of {} successes", seen.config().rise)
        }
    }
}

fn running(view: &View<'_>, id: locum_engine::ids::ProcessId) -> String {
    let seen = view.status.process(id);
    match seen.verdict() {
        None => "not counted yet".to_owned(),
        Some(true) => format!("good, {} running", seen.count()),
        Some(false) => format!("failed, {} running", seen.count()),
    }
}

fn counters(seen: InstanceView<'_>) -> Counters {
    let stats = seen.stats();
    let discarded = stats.discarded.iter();
    let discarded = discarded.map(|(i, count)| (Discard::ALL[i].label().to_owned(), count));
    let announced = stats.announced.iter();
    let announced = announced.map(|(i, count)| (Announcement::ALL[i].label().to_owned(), count));
    let transition = |t: &status::Transitions| Transition {
        to: t.to.to_string(),
        reason: t.why().to_owned(),
        count: t.count,
    };
    Counters {
        sent: stats.sent,
        sent_priority_zero: stats.resigned,
        received: stats.received,
        accepted: stats.accepted(),
        received_priority_zero: stats.resignations,
        became_master: stats.became_master,
        released_master: stats.released_master,
        discarded: discarded.collect::<BTreeMap<_, _>>(),
        announced: announced.collect(),
        announcements: stats.announcements,
        lease_refreshes: stats.refreshed,
        transitions: stats.transitions().iter().map(transition).collect(),
        lateness_last: stats.late_last.as_secs_f64(),
        lateness_most: stats.late_most.as_secs_f64(),
    }
}
