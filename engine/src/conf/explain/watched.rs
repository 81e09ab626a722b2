//! What tracked links, files and processes do to an instance.

use super::clamp;
use crate::config::{Config, InstanceConfig, LinkDelay, ProcessConfig, TrackFile, Weight};
use crate::time::Seconds;

/// A sentence for each.
pub(super) fn sentences(config: &Config, instance: &InstanceConfig) -> Vec<String> {
    let links = instance.links.iter().map(|track| {
        let name = config.interface_name(track.interface);
        weighed(
            instance,
            track.weight,
            &format!("{name} is up"),
            &format!("{name} is down"),
        )
    });
    let files = instance
        .files
        .iter()
        .map(|track| file(config, instance, track));
    let processes = instance.processes.iter().map(|track| {
        let spec = config.process(track.process);
        let good = format!("{} of `{}` run", wanted(spec), spec.name);
        let bad = format!("they don't{}", delays(spec));
        weighed(instance, track.weight, &good, &bad)
    });
    let flaps = config.link_delays.iter();
    let flaps = flaps
        .filter(|d| depends(instance, d))
        .map(|d| flap(config, d));
    links.chain(flaps).chain(files).chain(processes).collect()
}

fn depends(instance: &InstanceConfig, delay: &LinkDelay) -> bool {
    let mut tracked = instance.links.iter().map(|track| track.interface);
    instance.interface == delay.interface || tracked.any(|link| link == delay.interface)
}

fn flap(config: &Config, delay: &LinkDelay) -> String {
    let name = config.interface_name(delay.interface);
    format!(
        "When {name} goes down that counts after {}, when it comes back after {}; what doesn't last so long never happened.",
        Seconds(delay.down),
        Seconds(delay.up)
    )
}

/// What is either good or bad.
fn weighed(instance: &InstanceConfig, weight: Weight, good: &str, bad: &str) -> String {
    let Weight { value, reverse } = weight;
    if value == 0 {
        let (serves, not) = if reverse { (bad, good) } else { (good, bad) };
        return format!("While {serves} it takes part; while {not} it is in fault.");
    }
    let base = i16::from(instance.priority.get());
    let moved = clamp(base + if reverse { -value } else { value });
    let (up, down) = if value > 0 {
        (moved, clamp(base))
    } else {
        (clamp(base), moved)
    };
    let low = up.min(down);
    format!(
        "While {good} its priority is {up}, while {bad} {down}: at {low} a peer above {low} takes over, unless it has `nopreempt`."
    )
}

fn wanted(spec: &ProcessConfig) -> String {
    match (spec.quorum, spec.quorum_max) {
        (least, u32::MAX) => format!("{least} or more"),
        (least, most) if least == most => format!("exactly {least}"),
        (least, most) => format!("{least} to {most}"),
    }
}

fn delays(spec: &ProcessConfig) -> String {
    match spec.terminate_delay.is_zero() {
        true => String::new(),
        false => format!(" for {}", Seconds(spec.terminate_delay)),
    }
}

/// A file's number counts as often as the weight says.
fn file(config: &Config, instance: &InstanceConfig, track: &TrackFile) -> String {
    let spec = config.file(track.file);
    let (name, path) = (&spec.name, &spec.path);
    let Weight { value, reverse } = track.weight;
    match (value, reverse) {
        (0, false) => format!(
            "While the number in {path} (`{name}`) is not 0 it is in fault; a missing file counts as 0."
        ),
        (0, true) => format!(
            "While the number in {path} (`{name}`) is 0 it is in fault; a missing file counts as 0."
        ),
        _ => {
            let signed = if reverse { -value } else { value };
            let one = clamp(i16::from(instance.priority.get()) + signed);
            format!(
                "The number in {path} (`{name}`), times {signed}, is added to its priority: at 1 it is {one}. A product of -254 or less is a fault, a missing file counts as 0."
            )
        }
    }
}
