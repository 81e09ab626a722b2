//! What belongs to the daemon and to no instance: devices, static addresses and routes, distances
//! between announcements.

use super::instance::{list, show_address};
use super::{Change, Moves};
use crate::config::{Config, LinkDelay, Operation, Pace, StaticTrack, Statics, VirtualDevice};
use crate::time::Seconds;

pub(super) fn changes(old: &Config, new: &Config, moves: &Moves) -> Vec<Change> {
    let (before, after) = (&old.statics, &new.statics);
    // Every field is named: a new one must not compile before somebody has decided.
    let Statics {
        addresses,
        objects,
        tracked,
    } = after;
    let same_objects = {
        let translated = before.objects.iter().map(|o| moves.object(o));
        translated.eq(objects.iter().cloned().map(Some))
    };
    let objects = (!same_objects).then(|| Change {
        keyword: "static_routes, static_rules",
        what: "changed".to_owned(),
    });
    let tracks = |tracked: &[StaticTrack]| tracked.len();
    [
        list(
            "use_vmac",
            (old, &old.devices),
            (new, &new.devices),
            show_device,
        ),
        list(
            "static_ipaddress",
            (old, &before.addresses),
            (new, addresses),
            show_address,
        ),
        objects,
        Change::between(
            "track_group",
            &tracks(&before.tracked),
            &tracks(tracked),
            ToString::to_string,
        ),
        Change::between("track_file", &old.files, &new.files, |_| {
            "changed".to_owned()
        }),
        Change::between("track_process", &old.processes, &new.processes, |_| {
            "changed".to_owned()
        }),
        Change::between(
            "notify_fifo, smtp_server",
            &old.reports,
            &new.reports,
            |_| "changed".to_owned(),
        ),
        Change::between(
            "net_namespace (at the next start)",
            &old.operation.net_namespace,
            &new.operation.net_namespace,
            |name| name.as_deref().unwrap_or("none").to_owned(),
        ),
        Change::between(
            "control_socket (at the next start)",
            &old.operation.control,
            &new.operation.control,
            |place| place.as_deref().unwrap_or("the usual one").to_owned(),
        ),
        Change::between(
            "metrics (at the next start)",
            &old.operation.metrics,
            &new.operation.metrics,
            |place| place.as_deref().unwrap_or("off").to_owned(),
        ),
        Change::between(
            "enable_script_security, event_stream, files that are written",
            &Operation {
                net_namespace: None,
                control: None,
                metrics: None,
                // Each script shows it.
                script_user: None,
                ..old.operation.clone()
            },
            &Operation {
                net_namespace: None,
                control: None,
                metrics: None,
                script_user: None,
                ..new.operation.clone()
            },
            |_| "changed".to_owned(),
        ),
        Change::between("recording", &old.recording, &new.recording, |_| {
            "changed: from the next start on".to_owned()
        }),
        list(
            "garp_interval",
            (old, &old.pacing),
            (new, &new.pacing),
            show_pace,
        ),
        list(
            "interface_up_down_delays",
            (old, &old.link_delays),
            (new, &new.link_delays),
            show_delay,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn show_device(config: &Config, device: &VirtualDevice) -> String {
    let VirtualDevice {
        interface,
        base,
        mac,
    } = device;
    let name = |id| config.interface_name(id);
    format!("{} on {} with {mac}", name(*interface), name(*base))
}

fn show_pace(config: &Config, pace: &Pace) -> String {
    let Pace {
        garp,
        gna,
        interfaces,
    } = pace;
    let names = interfaces.iter().map(|id| config.interface_name(*id));
    let names = names.collect::<Vec<_>>().join(" ");
    format!("{names}: {}, {}", Seconds(*garp), Seconds(*gna))
}

fn show_delay(config: &Config, delay: &LinkDelay) -> String {
    let LinkDelay {
        interface,
        down,
        up,
    } = delay;
    let name = config.interface_name(*interface);
    format!("{name}: {}, {}", Seconds(*down), Seconds(*up))
}
