//! What the peers did, as far as their adverts tell.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use locum_engine::event::{Reason, StateKind};
use locum_engine::fsm;
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::{Centis, Instant};

use super::story::{Fact, Heard, Story};

/// Adverts of two that became master at once cross each other on their way.
const CROSSING: Duration = Duration::from_millis(20);

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
    Priority(InstanceId, Priority),
    /// It goes on without an instance, and with it again.
    Without(InstanceId),
    With(InstanceId),
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
    let instance = story.config.instance(heard.instance);
    let centis = u16::try_from(heard.interval.as_millis() / 10).unwrap_or(u16::MAX);
    let interval = Centis::new(centis.max(1)).expect("not zero");
    let missing = instance.tuning.down_timer_adverts;
    fsm::master_down(instance.version, priority, interval, missing)
}

/// Who else was heard in an instance, by interface and source.
pub(super) struct Others<'a> {
    story: &'a Story,
    own: (&'a Arc<str>, IpAddr),
}

impl Others<'_> {
    /// The adverts of others in an instance between two times, with where they come from.
    fn between(
        &self,
        of: InstanceId,
        (from, to): (Instant, Instant),
    ) -> impl Iterator<Item = (Priority, IpAddr)> {
        let all = self.story.heard.iter();
        let all = all.filter(|((interface, source), _)| (interface, *source) != self.own);
        all.flat_map(move |((_, source), heard)| {
            let heard = heard.iter().filter(move |h| {
                h.instance == of && h.priority != Priority::RELEASE && from < h.at && h.at <= to
            });
            heard.map(move |h| (h.priority, *source))
        })
    }

    /// Whether one of them is master just before.
    fn reign(&self, advert: &Heard) -> bool {
        let patience = advert.interval * 5 / 2;
        let before = (advert.at.saturating_sub(patience), advert.at);
        self.between(advert.instance, before).next().is_some()
    }

    /// Whether a better one was heard when this peer sent its last advert: it yielded.
    fn outrank(&self, last: &Heard, priority: Priority) -> bool {
        let around = (
            last.at.saturating_sub(last.interval),
            last.at + last.interval / 2,
        );
        let mut all = self.between(last.instance, around);
        all.any(|rank| rank > (priority, self.own.1))
    }

    /// Whether one that is worse takes over from it before it is heard again.
    fn replace(&self, last: &Heard, again: Option<Instant>, priority: Priority) -> bool {
        let until = again.unwrap_or(self.story.span.1);
        let mut all = self.between(last.instance, (last.at + last.interval, until));
        all.next().is_some_and(|rank| rank < (priority, self.own.1))
    }
}

/// The priority that a peer began with.
pub(super) fn priority(heard: &[Heard]) -> Priority {
    let first = heard.iter().map(|advert| advert.priority);
    let mut real = first.filter(|p| *p != Priority::RELEASE);
    real.next().unwrap_or(Priority::DEFAULT)
}

/// What a peer did, from its adverts.
pub(super) fn part(story: &Story, own: (&Arc<str>, IpAddr), heard: &[Heard]) -> Part {
    let mut part = Part {
        starts: None,
        deeds: Vec::new(),
        reigned: false,
    };
    let others = Others { story, own };
    let (alone, together) = apart(&others, heard);
    for id in alone {
        let of: Vec<Heard> = heard.iter().filter(|h| h.instance == id).cloned().collect();
        let mut deeds = Vec::new();
        all_ends(&others, &of, &mut deeds);
        part.deeds
            .extend(deeds.into_iter().map(|(at, deed)| match deed {
                Deed::Start => (at, Deed::With(id)),
                _ => (at, Deed::Without(id)),
            }));
    }
    let listens = master_down(story, &heard[0], priority(&together));
    begins(story, &together, listens, &mut part);
    all_ends(&others, &together, &mut part.deeds);
    priorities(heard, &mut part.deeds);
    part.deeds.sort_by_key(|(at, _)| *at);
    part
}

/// The instances that ended while the peer went on with others, and the adverts of these.
fn apart(others: &Others<'_>, heard: &[Heard]) -> (Vec<InstanceId>, Vec<Heard>) {
    let mut alone: Vec<InstanceId> = Vec::new();
    for (n, last) in heard.iter().enumerate() {
        let after = &heard[n + 1..];
        let end = last.at + last.interval * 3 / 2;
        let soon = after.iter().take_while(|h| h.at <= end);
        let mut goes_on = soon.filter(|h| h.priority != Priority::RELEASE);
        if last.priority == Priority::RELEASE
            && goes_on.any(|h| h.instance != last.instance)
            && !yielded(others, last, priority(&heard[..n]))
        {
            alone.push(last.instance);
        }
    }
    alone.sort_unstable();
    alone.dedup();
    let rest = heard.iter().filter(|h| !alone.contains(&h.instance));
    let rest: Vec<Heard> = rest.cloned().collect();
    if rest.is_empty() {
        return (Vec::new(), heard.to_vec());
    }
    (alone, rest)
}

/// Since when the peer listens, if that is known.
fn begins(story: &Story, heard: &[Heard], listens: Duration, part: &mut Part) {
    let first = &heard[0];
    let soon = first.at.saturating_since(story.started) <= first.interval * 11 / 10;
    let crossed = story.transitions.iter().find(|t| {
        let late = first.at.saturating_since(t.at);
        t.to == StateKind::Master && t.at <= first.at && late < CROSSING
    });
    // Two that become master at once hear of each other a moment later.
    let spoke = crossed.map_or(first.at, |t| t.at);
    let preempts = mastered(story, first, first.at);
    let ahead = spoke.saturating_sub(listens);
    part.reigned = soon && !preempts;
    // A daemon may act a millisecond late.
    if part.reigned || (preempts && ahead > story.started + Duration::from_millis(1)) {
        part.starts = Some(ahead);
    }
}

/// The ends of all stretches of adverts.
fn all_ends(others: &Others<'_>, heard: &[Heard], deeds: &mut Vec<(Instant, Deed)>) {
    let periods = periods(others.story, heard);
    for (n, period) in periods.iter().enumerate() {
        let last = heard.iter().rfind(|h| h.at == period.last);
        let again = periods.get(n + 1).map(|next| next.first);
        let again = again.and_then(|at| heard.iter().find(|h| h.at == at));
        ends(
            others,
            last.unwrap_or(&heard[0]),
            (period, priority(heard)),
            again,
            deeds,
        );
    }
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

/// Whether its last advert says that it has lost, not that it ends.
fn yielded(others: &Others<'_>, last: &Heard, priority: Priority) -> bool {
    mastered(others.story, last, last.at) || others.outrank(last, priority)
}

/// Why a peer fell silent, and what it did to be heard again.
fn ends(
    others: &Others<'_>,
    last: &Heard,
    (period, priority): (&Period, Priority),
    again: Option<&Heard>,
    deeds: &mut Vec<(Instant, Deed)>,
) {
    if yielded(others, last, priority) {
        return;
    }
    let story = others.story;
    let name = &story.config.instance(last.instance).name;
    let mut later = story
        .transitions
        .iter()
        .filter(|t| t.at >= period.last && t.instance == *name);
    let next = later.find(|t| t.to == StateKind::Master);
    let silent = matches!(next.map(|t| t.why), Some(Reason::MasterSilent { .. }))
        && again.is_none_or(|again| next.is_some_and(|t| t.at < again.at));
    let gone = silent || others.replace(last, again.map(|again| again.at), priority);
    // When it is heard while somebody else is master, it has been listening for that long.
    let returns = again.map(|again| {
        let listens = master_down(story, again, priority);
        match mastered(story, again, again.at) || others.reign(again) {
            true => again.at.saturating_sub(listens),
            false => period.last + Duration::from_secs(2),
        }
    });
    let off = period.last + period.interval / 2;
    if period.resigned {
        deeds.push((period.last, Deed::Stop));
        let earliest = period.last + Duration::from_millis(100);
        deeds.extend(returns.map(|at| (at.max(earliest), Deed::Start)));
    } else if gone {
        match (again, returns) {
            (Some(again), Some(back)) if back < off + period.interval => {
                let light = again.at.saturating_sub(period.interval / 2);
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
    let mut before: BTreeMap<InstanceId, &Heard> = BTreeMap::new();
    let adverts = heard.iter().filter(|h| h.priority != Priority::RELEASE);
    for advert in adverts {
        let Some(before) = before.insert(advert.instance, advert) else {
            continue;
        };
        if advert.priority != before.priority {
            // Between the two, nearer to the second.
            let gap = advert.at.saturating_since(before.at).min(advert.interval);
            let at = advert.at.saturating_sub(gap / 2);
            deeds.push((at, Deed::Priority(advert.instance, advert.priority)));
        }
    }
}
