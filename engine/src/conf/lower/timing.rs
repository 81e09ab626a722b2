//! Priority and advertisement interval, fitted to the protocol version.

use core::time::Duration;

use crate::conf::schema::instance::InstanceDraft;
use crate::conf::source::{Report, Span};
use crate::config::{InstanceConfig, Preempt, Version, default_lease, refresh_period};
use crate::ids::Priority;
use crate::time::{Centis, Seconds};

/// 100, or 255 when `state MASTER` comes without a priority, as in keepalived.
pub(super) fn priority(draft: &InstanceDraft, report: &mut Report) -> Priority {
    match (draft.priority, draft.master) {
        (Some((priority, _)), _) => priority,
        (None, None) => Priority::DEFAULT,
        (None, Some(span)) => {
            report
                .warning(span, "`state MASTER` without a priority means priority 255")
                .hint(
                    "255 is the owner of the addresses, which takes them at once and never yields; \
                     write a `priority`",
                );
            Priority::OWNER
        }
    }
}

/// `timer_expired_backup`, which keepalived ties to `nopreempt`: a router that takes over from its
/// peers at sight has nothing to give in for.
pub(super) fn gives_in(
    draft: &InstanceDraft,
    preempt: Preempt,
    report: &mut Report,
) -> Option<Priority> {
    let (rival, span) = draft.gives_in?;
    if preempt == Preempt::Never {
        return Some(rival);
    }
    let message = "without `nopreempt` this line is ignored: a router that was held up advertises \
                   and announces itself again";
    report
        .warning(span, message)
        .hint("add `nopreempt` if it should leave the addresses to whoever took over");
    None
}

/// The lifetime of a master's addresses: as given, or one that suits the timers.
pub(super) fn lease(
    instance: &InstanceConfig,
    given: Option<(Option<Duration>, Span)>,
    report: &mut Report,
) -> Option<Duration> {
    let missed = instance.tuning.down_timer_adverts;
    let (version, priority) = (instance.version, instance.priority);
    let suits = default_lease(version, priority, instance.advert_interval, missed);
    let Some((given, span)) = given else {
        return Some(suits);
    };
    if let Some(lease) = given.filter(|lease| *lease < suits) {
        let message = format!(
            "with `address_lease {}` a stall of {} can cost `{}` its addresses though no backup takes over",
            lease.as_secs(),
            Seconds(lease - refresh_period(lease)),
            instance.name
        );
        let hint = format!("without the line {} are used", Seconds(suits));
        report.warning(span, message).hint(hint);
    }
    given
}

/// `advert_int` in the unit of the version, within its range.
pub(super) fn advert_interval(
    draft: &InstanceDraft,
    version: Version,
    report: &mut Report,
) -> Centis {
    let default = (Duration::from_secs(1), Span::default());
    let (given, span) = draft.advert.unwrap_or(default);
    let (unit, low, high, phrase) = match version {
        Version::V2 => (
            100,
            100,
            25_500,
            "version 2 counts whole seconds from 1 to 255",
        ),
        Version::V3 => (
            1,
            1,
            Centis::MAX_V3.get(),
            "version 3 counts hundredths from 0.01 to 40.95 s",
        ),
    };
    let step = Duration::from_millis(10).as_nanos() * unit;
    let steps = (given.as_nanos() + step / 2) / step;
    let centis = u16::try_from(steps.saturating_mul(unit)).unwrap_or(u16::MAX);
    let used = Centis::new(centis.clamp(low, high)).expect("the lowest interval isn't zero");
    if used.duration() != given {
        let message = format!(
            "an advert interval of {} can't be sent: {} is used",
            Seconds(given),
            Seconds(used.duration())
        );
        report
            .warning(span, message)
            .hint(format!("{phrase}; all routers must agree"));
    }
    used
}
