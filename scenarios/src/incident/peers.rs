//! What the peers did, as far as their adverts tell.

use core::time::Duration;

use locum_engine::event::{Reason, StateKind};
use locum_engine::fsm;
use locum_engine::ids::Priority;
use locum_engine::{Centis, Instant};

use super::story::{Fact, Heard, Story};

/// Adverts that follow each other.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) first: Instant,
    pub(super) last: Instant,
    /// The last one had priority 0.
    pub(super) resigned: bool,
    interval: Duration,
}

/// What a peer did, for the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Start,
    Stop,
    Kill,
    /// From now until then it isn't heard, and hears nobody.
    Dark(Instant),
    Priority(Priority),
}

/// A peer's part.
#[derive(Debug)]
pub(super) struct Part {
    /// When its daemon starts; `None`: before everything.
    pub(super) starts: Option<Instant>,
    pub(super) deeds: Vec<(Instant, Deed)>,
    /// It was master before the beginning.
    pub(super) reigned: bool,
}

/// The adverts in stretches. What the node couldn't hear isn't silence.
pub(super) fn periods(story: &Story, heard: &[Heard]) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for advert in heard {
        let resigned = advert.priority == Priority::RELEASE;
        let goes_on = periods.last_mut().filter(|p| {
            let patience = p.interval * 5 / 2;
            !p.resigned && !silent(story, p.last, advert.at, patience)
        });
        match goes_on {
            Some(period) => (period.last, period.resigned) = (advert.at, resigned),
            None => periods.push(Period {
                first: advert.at,
                last: advert.at,
                resigned,
                interval: advert.interval,
            }),
        }
    }
    periods
}

/// Whether nothing was heard for longer than `patience` while the node could have.
fn silent(story: &Story, from: Instant, to: Instant, patience: Duration) -> bool {
    let deaf: Duration = deaf(story)
        .iter()
        .map(|(begin, end)| (*end).min(to).saturating_since((*begin).max(from)))
        .sum();
    to.saturating_since(from) > patience + deaf
}

/// When the node had no link or was held up.
fn deaf(story: &Story) -> Vec<(Instant, Instant)> {
    let mut all = Vec::new();
    let mut down = None;
    for (at, fact) in &story.facts {
        match fact {
            Fact::Link(_, false) => down = down.or(Some(*at)),
            Fact::Link(_, true) => all.extend(down.take().map(|begin| (begin, *at))),
            Fact::Stall(until) => all.push((*at, *until)),
            _ => {}
        }
    }
    all.extend(down.map(|begin| (begin, story.span.1)));
    all
}

/// How long the peer listens before it takes over.
fn master_down(story: &Story, heard: &Heard, priority: Priority) -> Duration {
    let version = story.config.instance(heard.instance).version;
    let centis = u16::try_from(heard.interval.as_millis() / 10).unwrap_or(u16::MAX);
    let interval = Centis::new(centis.max(1)).expect("not zero");
    fsm::master_down(version, priority, interval, 3)
}

/// The priority that a peer began with.
pub(super) fn priority(heard: &[Heard]) -> Priority {
    let first = heard.iter().map(|advert| advert.priority);
    let mut real = first.filter(|p| *p != Priority::RELEASE);
    real.next().unwrap_or(Priority::DEFAULT)
}

/// What a peer did, from its adverts.
pub(super) fn part(story: &Story, heard: &[Heard]) -> Part {
    let own = priority(heard);
    let mut part = Part {
        starts: None,
        deeds: Vec::new(),
        reigned: false,
    };
    let periods = periods(story, heard);
    for (n, period) in periods.iter().enumerate() {
        let advert = heard
            .iter()
            .find(|h| h.at == period.first)
            .unwrap_or(&heard[0]);
        let listens = master_down(story, advert, own);
        if n == 0 {
            let soon = period.first.saturating_since(story.started) <= period.interval * 11 / 10;
            let preempts = mastered(story, advert, period.first);
            let ahead = period.first.saturating_sub(listens);
            part.reigned = soon && !preempts;
            if part.reigned || (preempts && ahead > story.started) {
                part.starts = Some(ahead);
            }
        }
        let again = periods.get(n + 1).map(|next| next.first);
        ends(story, period, (advert, listens), again, &mut part.deeds);
    }
    priorities(heard, &mut part.deeds);
    part.deeds.sort_by_key(|(at, _)| *at);
    part
}

/// Whether the node was master of it just before.
fn mastered(story: &Story, advert: &Heard, at: Instant) -> bool {
    let name = &story.config.instance(advert.instance).name;
    let earlier = story
        .transitions
        .iter()
        .filter(|t| t.at < at && t.instance == *name);
    let before = || story.before.as_ref()?.get(advert.instance.index()).copied();
    earlier.map(|t| t.to).next_back().or_else(before) == Some(StateKind::Master)
}

/// Why a peer fell silent, and what it did to be heard again.
fn ends(
    story: &Story,
    period: &Period,
    (advert, listens): (&Heard, Duration),
    again: Option<Instant>,
    deeds: &mut Vec<(Instant, Deed)>,
) {
    let name = &story.config.instance(advert.instance).name;
    let mut later = story
        .transitions
        .iter()
        .filter(|t| t.at >= period.last && t.instance == *name);
    let next = later.find(|t| t.to == StateKind::Master);
    let gone = matches!(next.map(|t| t.why), Some(Reason::MasterSilent { .. }))
        && again.is_none_or(|again| next.is_some_and(|t| t.at < again));
    // When it is heard while the node is master, it has been listening for that long.
    let returns = again.map(|again| match mastered(story, advert, again) {
        true => again.saturating_sub(listens),
        false => period.last + Duration::from_secs(2),
    });
    let off = period.last + period.interval / 2;
    if period.resigned {
        deeds.push((period.last, Deed::Stop));
        let earliest = period.last + Duration::from_millis(100);
        deeds.extend(returns.map(|at| (at.max(earliest), Deed::Start)));
    } else if gone {
        match (again, returns) {
            (Some(again), Some(back)) if back < off + period.interval => {
                let light = again.saturating_sub(period.interval / 2);
                deeds.push((off, Deed::Dark(light)));
            }
            (_, back) => {
                deeds.push((off, Deed::Kill));
                deeds.extend(back.map(|at| (at, Deed::Start)));
            }
        }
    }
}

/// Where the priority in its adverts changes.
fn priorities(heard: &[Heard], deeds: &mut Vec<(Instant, Deed)>) {
    let Some(first) = heard.first().map(|h| h.instance) else {
        return;
    };
    let of_first = heard.iter().filter(|h| h.instance == first);
    let mut adverts = of_first.filter(|h| h.priority != Priority::RELEASE);
    let Some(mut before) = adverts.next() else {
        return;
    };
    for advert in adverts {
        if advert.priority != before.priority {
            // Between the two, nearer to the second.
            let gap = advert.at.saturating_since(before.at).min(advert.interval);
            let at = advert.at.saturating_sub(gap / 2);
            deeds.push((at, Deed::Priority(advert.priority)));
        }
        before = advert;
    }
}
