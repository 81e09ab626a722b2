//! Advice on configurations that read well and behave badly.
//!
//! Each remark says what will happen, with the numbers. Nothing here changes the configuration.

mod arbitration;

pub(super) use arbitration::{detection, takeover};

use super::Sources;
use super::schema::Drafts;
use super::schema::script::ScriptDraft;
use super::schema::track::{Origin, TrackDraft};
use super::source::{Report, Span};
use crate::config::{CheckCommand, CheckConfig, Config, InstanceConfig, Preempt, Track};
use crate::time::Seconds;

/// A check with the block it comes from.
pub(super) type Checks<'a> = [(CheckConfig, &'a ScriptDraft)];

/// Looks at one instance and the checks it tracks.
pub(super) fn instance(
    instance: &InstanceConfig,
    tracks: &[(Track, &TrackDraft)],
    checks: &Checks<'_>,
    report: &mut Report,
) {
    for (track, line) in tracks {
        if line.origin == Origin::GroupAgain {
            continue;
        }
        let (check, script) = &checks[track.check.index()];
        let tracked = Tracked {
            instance,
            track,
            check,
            script,
            line,
        };
        if track.weight.value == 0 {
            arbitration::weightless(&tracked, report);
        } else {
            arbitration::weighted(&tracked, report);
            without_effect(&tracked, report);
            frozen_order(&tracked, report);
        }
    }
}

/// Looks at one check by itself.
pub(super) fn check(check: &CheckConfig, script: &ScriptDraft, report: &mut Report) {
    let Some((timeout, span)) = script.timeout else {
        return;
    };
    if timeout > check.interval {
        let message = format!(
            "`{}` may take {}, longer than its interval of {}",
            check.name,
            Seconds(timeout),
            Seconds(check.interval)
        );
        report
            .warning(span, message)
            .hint("runs that are due meanwhile are left out, so failures are noticed later than they seem");
    }
}

/// Names the checks that this host can't run.
pub(super) fn scripts(
    drafts: &Drafts,
    config: &Config,
    sources: &dyn Sources,
    report: &mut Report,
) {
    let secure = config.operation.script_security;
    for check in &config.checks {
        let CheckCommand::Script(words) = &check.command else {
            continue;
        };
        let Some(why) = sources.hindrance(words, check.user.as_ref(), secure) else {
            continue;
        };
        let mut blocks = drafts.scripts.iter();
        let block = blocks.find(|draft| draft.name.text == *check.name);
        let place = block.map_or_else(Span::default, |draft| draft.place);
        let message = format!("`{}` is not run: `{}`: {why}", check.name, words.join(" "));
        report.warning(place, message).hint(
            "whoever tracks it serves without this check, as with keepalived, until it can be run",
        );
    }
}

/// One check as one instance tracks it.
struct Tracked<'a> {
    instance: &'a InstanceConfig,
    track: &'a Track,
    check: &'a CheckConfig,
    script: &'a ScriptDraft,
    line: &'a TrackDraft,
}

impl Tracked<'_> {
    /// Where the weight is written, or else the line that names the check.
    fn weight_span(&self) -> Span {
        let own = self.line.weight.unwrap_or(self.script.weight);
        own.span.unwrap_or(self.line.name.span)
    }
}

/// A weight that the limits of the priority swallow.
fn without_effect(tracked: &Tracked<'_>, report: &mut Report) {
    let base = i16::from(tracked.instance.priority.get());
    let weight = tracked.track.weight;
    let signed = if weight.reverse {
        -weight.value
    } else {
        weight.value
    };
    if (base + signed).clamp(1, 254) == base {
        let (priority, name) = (tracked.instance.priority, &tracked.check.name);
        let message = format!(
            "a weight of {signed} can't change priority {priority}: `{name}` has no effect here"
        );
        report
            .warning(tracked.weight_span(), message)
            .hint("priorities stay between 1 and 254");
    }
}

/// With `nopreempt` a lowered priority moves nothing: nobody takes over from a master that is
/// heard.
fn frozen_order(tracked: &Tracked<'_>, report: &mut Report) {
    if tracked.instance.preempt == Preempt::Never {
        let message = format!(
            "a weight with `nopreempt` never causes a failover: `{}` has no effect while the master is heard",
            tracked.check.name
        );
        report.warning(tracked.weight_span(), message).hint(
            "remove the weight, so that a failure makes the router let go, or remove `nopreempt` on all routers",
        );
    }
}
