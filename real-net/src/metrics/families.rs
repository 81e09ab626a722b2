//! Which metrics there are. Their names and labels are kept from version to version.

use std::ops::Range;

use locum_engine::Outcome;
use locum_engine::event::{Announcement, Discard, StateKind};
use locum_engine::status::{CheckView, InstanceView, Verdict};

use super::Kind::{Counter, Gauge, Histogram};
use super::{Family, Kind, Text};
use crate::desk::View;

/// The names of all families.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.name)
}

const fn family(
    kind: Kind,
    name: &'static str,
    help: &'static str,
    write: fn(&View<'_>, Range<usize>, &mut Text) -> usize,
) -> Family {
    Family {
        name,
        help,
        kind,
        write,
    }
}

/// All of them, in the order in which they are told.
#[rustfmt::skip]
pub(super) static FAMILIES: &[Family] = &[
    family(Gauge, "locum_build_info", "The version that runs; always 1.", |_, _, text| {
        text.sample(&[("version", &env!("CARGO_PKG_VERSION"))], 1);
        0
    }),
    family(Gauge, "locum_start_time_seconds", "When the daemon started, since 1970.", |view, _, text| {
        text.sample(&[], view.about.started.as_secs_f64());
        0
    }),
    family(Counter, "locum_reloads_total", "Times it went on with another configuration.", |view, _, text| {
        text.sample(&[], view.status.reloads());
        0
    }),
    family(Histogram, "locum_timer_lateness_seconds", "How late deadlines were honoured.", lateness),
    family(Gauge, "locum_timer_lateness_most_seconds", "How late the latest deadline was honoured.", |view, _, text| {
        text.sample(&[], view.status.lateness().most().as_secs_f64());
        0
    }),
    family(Counter, "locum_strays_total", "Packets that belong to no instance.", |view, _, text| {
        let strays = view.status.strays();
        text.sample(&[("reason", &Discard::UnknownVrid.label())], strays.unknown);
        text.sample(&[("reason", &Discard::Truncated.label())], strays.truncated);
        0
    }),
    family(Gauge, "locum_instance_state", "0 init, 1 backup, 2 master, 3 fault.", |view, range, text| {
        instances(view, range, |seen| {
            let config = seen.config();
            let labels: [(&str, &dyn std::fmt::Display); 3] = [
                ("vrrp_instance", &config.name),
                ("interface", &seen.interface()),
                ("vrid", &config.vrid),
            ];
            text.sample(&labels, number(seen.state()));
        })
    }),
    family(Gauge, "locum_instance_since_seconds", "When it came into its state, since 1970.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, view.date(seen.since())))
    }),
    family(Gauge, "locum_instance_priority", "The priority it advertises.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.priority()))
    }),
    family(Gauge, "locum_instance_base_priority", "The priority before tracking.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.base_priority()))
    }),
    family(Gauge, "locum_instance_contested", "Other routers that act as master while it does.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.rivals().count()))
    }),
    family(Gauge, "locum_instance_draining", "1 from drain to resume.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, u8::from(seen.drain().is_some())))
    }),
    family(Gauge, "locum_peer_last_heard_seconds", "When another router was last heard, since 1970.", |view, range, text| {
        instances(view, range, |seen| {
            for peer in seen.peers() {
                let heard = view.date(peer.at);
                text.sample(&[("vrrp_instance", &seen.config().name), ("peer", &peer.source)], heard);
            }
        })
    }),
    family(Counter, "locum_transitions_total", "Changes of state, by the new state and the reason.", |view, range, text| {
        instances(view, range, |seen| {
            for t in seen.stats().transitions() {
                text.sample(&[("vrrp_instance", &seen.config().name), ("to", &t.to), ("reason", &t.why())], t.count);
            }
        })
    }),
    family(Counter, "locum_adverts_sent_total", "Adverts sent, those with priority 0 included.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.stats().sent))
    }),
    family(Counter, "locum_priority_zero_sent_total", "Adverts with priority 0 sent.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.stats().resigned))
    }),
    family(Counter, "locum_adverts_received_total", "Adverts received and used.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.stats().accepted()))
    }),
    family(Counter, "locum_priority_zero_received_total", "Adverts with priority 0 received and used.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.stats().resignations))
    }),
    family(Counter, "locum_adverts_discarded_total", "Packets not used, by what was wrong with them.", |view, range, text| {
        instances(view, range, |seen| {
            for (index, count) in seen.stats().discarded.iter() {
                let reason = Discard::ALL[index].label();
                text.sample(&[("vrrp_instance", &seen.config().name), ("reason", &reason)], count);
            }
        })
    }),
    family(Counter, "locum_announcement_bursts_total", "Announcements of all addresses, by occasion.", |view, range, text| {
        instances(view, range, |seen| {
            for (index, count) in seen.stats().announced.iter() {
                let occasion = Announcement::ALL[index].label();
                text.sample(&[("vrrp_instance", &seen.config().name), ("occasion", &occasion)], count);
            }
        })
    }),
    family(Counter, "locum_announcements_total", "Gratuitous ARPs and neighbour advertisements.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.stats().announcements))
    }),
    family(Counter, "locum_lease_refreshes_total", "Prolonged leases of addresses.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.stats().refreshed))
    }),
    family(Gauge, "locum_instance_lateness_seconds", "How late its latest deadline ever was honoured.", |view, range, text| {
        instances(view, range, |seen| of(text, seen, seen.stats().late_most.as_secs_f64()))
    }),
    family(Gauge, "locum_group_state", "0 init, 1 backup, 2 master, 3 fault.", |view, range, text| {
        some(view.status.groups(), range, |seen| {
            text.sample(&[("group", &seen.config().name)], number(seen.state()));
        })
    }),
    family(Gauge, "locum_check_good", "1 good, 0 failed or without a result.", |view, range, text| {
        checks(view, range, |seen| {
            let good = matches!(seen.verdict(), Verdict::Good { .. });
            text.sample(&[("check", &seen.config().name)], u8::from(good));
        })
    }),
    family(Gauge, "locum_check_not_run", "1 when its script can't be run: it is missing, can't be executed or is insecure.", |view, range, text| {
        checks(view, range, |seen| {
            let hindered = matches!(seen.runs().last, Some(Outcome::NotRun(_)));
            text.sample(&[("check", &seen.config().name)], u8::from(hindered));
        })
    }),
    family(Counter, "locum_check_runs_total", "Runs that have ended, by outcome.", |view, range, text| {
        checks(view, range, |seen| {
            let runs = seen.runs();
            let outcomes = [("success", runs.succeeded), ("failure", runs.failed), ("timeout", runs.timed_out)];
            for (outcome, count) in outcomes {
                text.sample(&[("check", &seen.config().name), ("outcome", &outcome)], count);
            }
        })
    }),
    family(Gauge, "locum_check_last_duration_seconds", "How long the last run took.", |view, range, text| {
        checks(view, range, |seen| {
            text.sample(&[("check", &seen.config().name)], seen.runs().took.as_secs_f64());
        })
    }),
    family(Counter, "locum_check_duration_seconds_total", "How long all runs took together.", |view, range, text| {
        checks(view, range, |seen| {
            text.sample(&[("check", &seen.config().name)], seen.runs().took_all.as_secs_f64());
        })
    }),
    family(Gauge, "locum_file_value", "The number in a tracked file.", |view, range, text| {
        some(view.status.files(), range, |seen| {
            if let Some(value) = seen.value() {
                text.sample(&[("file", &seen.config().name)], value);
            }
        })
    }),
    family(Gauge, "locum_process_count", "How many of a tracked process run.", |view, range, text| {
        some(view.status.processes(), range, |seen| {
            text.sample(&[("process", &seen.config().name)], seen.count());
        })
    }),
    family(Gauge, "locum_process_good", "1 as many as wanted, 0 not.", |view, range, text| {
        some(view.status.processes(), range, |seen| {
            let good = seen.verdict() == Some(true);
            text.sample(&[("process", &seen.config().name)], u8::from(good));
        })
    }),
    family(Gauge, "locum_interface_up", "1 up and with carrier, 0 not.", |view, range, text| {
        some(view.status.links(), range, |seen| {
            text.sample(&[("interface", &seen.name())], u8::from(seen.state().up));
        })
    }),
];

/// As keepalived numbers them in its dumps.
const fn number(state: StateKind) -> u8 {
    match state {
        StateKind::Init => 0,
        StateKind::Backup => 1,
        StateKind::Master => 2,
        StateKind::Fault => 3,
    }
}

/// One sample of an instance.
fn of(text: &mut Text, seen: InstanceView<'_>, value: impl std::fmt::Display) {
    text.sample(&[("vrrp_instance", &seen.config().name)], value);
}

/// Looks at some of many.
fn some<T>(all: impl Iterator<Item = T>, range: Range<usize>, mut look: impl FnMut(T)) -> usize {
    let mut seen = 0;
    for one in all.skip(range.start).take(range.len()) {
        look(one);
        seen += 1;
    }
    seen
}

fn instances<'a>(
    view: &View<'a>,
    range: Range<usize>,
    look: impl FnMut(InstanceView<'a>),
) -> usize {
    some(view.status.instances(), range, look)
}

fn checks<'a>(view: &View<'a>, range: Range<usize>, look: impl FnMut(CheckView<'a>)) -> usize {
    some(view.status.checks(), range, look)
}

fn lateness(view: &View<'_>, _: Range<usize>, text: &mut Text) -> usize {
    let lateness = view.status.lateness();
    for (bound, count) in lateness.up_to() {
        text.suffixed("_bucket", &[("le", &bound.as_secs_f64())], count);
    }
    text.suffixed("_bucket", &[("le", &"+Inf")], lateness.count());
    text.suffixed("_sum", &[], lateness.total().as_secs_f64());
    text.suffixed("_count", &[], lateness.count());
    0
}
