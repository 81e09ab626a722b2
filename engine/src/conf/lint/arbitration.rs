//! Does a check keep two masters from serving when the network is cut?
//!
//! When the routers stop hearing each other, the backup becomes master after at least
//! `2 x advert + skew`: it last heard an advert up to one interval before the cut, and waits
//! `3 x advert + skew` from there; `down_timer_adverts` may say another number than 3. A router that
//! lost its reference in the same cut must have let go by then. The cut may come just after a good check, so the first bad one starts up to one
//! interval later, the last needed one `fall x interval` after the cut, and its failure is known
//! after the timeout: `fall x interval + timeout`. A probe of the router itself has no part in this.

use core::time::Duration;

use super::Tracked;
use crate::conf::source::Report;
use crate::config::{CheckCommand, CheckConfig, InstanceConfig, Version};
use crate::time::{Seconds, nanos};

/// A check of weight 0: its failure makes the router let go.
pub(super) fn weightless(tracked: &Tracked<'_>, report: &mut Report) {
    let Tracked {
        instance,
        check,
        line,
        ..
    } = tracked;
    if tracked.track.weight.reverse {
        return;
    }
    let name = &check.name;
    report.note(
        line.name.span,
        format!("`{name}` has weight 0: a router where it fails lets go, and when it fails on all of them nobody serves"),
    );
    if let CheckCommand::Probe(probe) = &check.command
        && probe.is_local()
    {
        // A cut network doesn't show in it.
        return;
    }
    let needed = detection(check);
    let allowed = takeover(instance);
    if needed <= allowed {
        return;
    }
    let place = tracked
        .script
        .interval
        .map_or(tracked.script.name.span, |(_, span)| span);
    let message = format!(
        "`{name}` can't prevent two masters in `{}`: a cut network is noticed after up to {}, the backup takes over after {}",
        instance.name,
        Seconds(Duration::from_nanos(needed)),
        Seconds(Duration::from_nanos(allowed)),
    );
    report
        .warning(place, message)
        .hint(advice(check.fall, needed, allowed, instance));
}

/// A check that changes the priority: the ranks change, and someone always serves.
pub(super) fn weighted(tracked: &Tracked<'_>, report: &mut Report) {
    let Tracked {
        check, line, track, ..
    } = tracked;
    if track.weight.reverse {
        return;
    }
    let message = format!(
        "`{}` has weight {}: it changes who is master, and where routers hear each other exactly one serves, even when it fails on all of them",
        check.name, track.weight.value
    );
    report.note(line.name.span, message).hint(
        "it can't prevent two masters when the network between the routers is cut; weight 0 can",
    );
}

/// Nanoseconds from a cut to the last result that is needed. A probe asks all its targets at once,
/// so it is over after its own timeout.
pub(in crate::conf) fn detection(check: &CheckConfig) -> u64 {
    let timeout = match &check.command {
        CheckCommand::Probe(probe) => probe.timeout.min(check.timeout),
        CheckCommand::Script(_) => check.timeout,
    };
    nanos(check.interval)
        .saturating_mul(u64::from(check.fall))
        .saturating_add(nanos(timeout))
}

/// Nanoseconds from a cut to the earliest takeover by a router of this priority.
pub(in crate::conf) fn takeover(instance: &InstanceConfig) -> u64 {
    spare_adverts(instance) * instance.advert_interval.nanos() + skew(instance)
}

/// The adverts that a backup waits for in vain, without the one just before the cut.
fn spare_adverts(instance: &InstanceConfig) -> u64 {
    u64::from(instance.tuning.down_timer_adverts) - 1
}

/// keepalived's skew: of a second in version 2, of the interval in version 3.
fn skew(instance: &InstanceConfig) -> u64 {
    let base = match instance.version {
        Version::V2 => 1_000_000_000,
        Version::V3 => instance.advert_interval.nanos(),
    };
    (256 - u64::from(instance.priority.get())) * base / 256
}

/// Values that would do: the same interval for a shorter check, or a longer advert interval.
fn advice(fall: u32, needed: u64, allowed: u64, instance: &InstanceConfig) -> String {
    let fitting = round_down(allowed / (u64::from(fall) + 1));
    let short = Seconds(Duration::from_nanos(fitting));
    let short = short.to_string();
    let short = short.trim_end_matches(" s");
    let mut text = format!("`interval {short}` with `timeout {short}` would do for `fall {fall}`");
    if let Some(advert) = longer_advert(needed, instance) {
        let advert = Seconds(Duration::from_nanos(advert)).to_string();
        let advert = advert.trim_end_matches(" s");
        text.push_str(&format!("; so would `advert_int {advert}` on all routers"));
    }
    text
}

/// To tenths of a second, or to milliseconds below that.
fn round_down(nanos: u64) -> u64 {
    let unit = if nanos >= 100_000_000 {
        100_000_000
    } else {
        1_000_000
    };
    (nanos - nanos % unit).max(1_000_000)
}

/// The shortest advert interval whose takeover comes late enough, if the version can carry it.
fn longer_advert(needed: u64, instance: &InstanceConfig) -> Option<u64> {
    let (step, longest) = match instance.version {
        Version::V2 => (1_000_000_000, 255_000_000_000),
        Version::V3 => (100_000_000, 40_900_000_000),
    };
    let spare = spare_adverts(instance);
    let enough = match instance.version {
        Version::V2 if spare == 0 => return None, // The skew alone counts, and never changes.
        Version::V2 => needed.saturating_sub(skew(instance)).div_ceil(spare),
        Version::V3 => {
            let parts = spare * 256 + 256 - u64::from(instance.priority.get());
            needed.div_ceil(parts).saturating_mul(256)
        }
    };
    let advert = enough.checked_next_multiple_of(step)?;
    (advert <= longest).then_some(advert)
}
