//! When which router wants to act, and who goes first.
//!
//! Masters have a list of their own: an advert that is due never waits for the takeovers, however
//! many there are, that are due before it.

use std::collections::BTreeSet;

use crate::ids::InstanceId;
use crate::router::Router;
use crate::time::Instant;

/// At most so many routers act on their deadlines in one go: what they say has to be carried out,
/// and what arrives has to be heard, before the next ones act.
pub(super) const AT_ONCE: usize = 64;

/// Each router's next deadline.
#[derive(Debug)]
pub(super) struct Deadlines {
    masters: BTreeSet<(Instant, InstanceId)>,
    others: BTreeSet<(Instant, InstanceId)>,
    /// By [`InstanceId`]: what a router has in one of them, and whether it is among the masters.
    scheduled: Vec<Option<(bool, Instant)>>,
}

impl Deadlines {
    pub(super) fn new(instances: usize) -> Self {
        Self {
            masters: BTreeSet::new(),
            others: BTreeSet::new(),
            scheduled: vec![None; instances],
        }
    }

    /// What all of them want now.
    pub(super) fn of_all(routers: &[Router]) -> Self {
        let mut deadlines = Self::new(routers.len());
        for router in routers {
            deadlines.keep(router.id(), router.is_master(), router.deadline());
        }
        deadlines
    }

    /// Keeps what a router wants.
    pub(super) fn keep(&mut self, id: InstanceId, master: bool, deadline: Option<Instant>) {
        let wanted = deadline.map(|at| (master, at));
        let before = core::mem::replace(&mut self.scheduled[id.index()], wanted);
        if before == wanted {
            return;
        }
        // In this order a set of one never becomes empty, which would free its memory and take it again.
        if let Some((master, at)) = wanted {
            self.list(master).insert((at, id));
        }
        if let Some((master, at)) = before {
            self.list(master).remove(&(at, id));
        }
    }

    /// What a router has.
    pub(super) fn of(&self, id: InstanceId) -> Option<Instant> {
        self.scheduled[id.index()].map(|(_, at)| at)
    }

    /// The next one of all.
    pub(super) fn next(&self) -> Option<Instant> {
        let firsts = [self.masters.first(), self.others.first()];
        firsts.into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// The router whose turn it is, and since when.
    pub(super) fn first_due(&self, now: Instant) -> Option<(Instant, InstanceId)> {
        let due = |list: &BTreeSet<(Instant, InstanceId)>| {
            list.first().filter(|(at, _)| *at <= now).copied()
        };
        due(&self.masters).or_else(|| due(&self.others))
    }

    fn list(&mut self, master: bool) -> &mut BTreeSet<(Instant, InstanceId)> {
        match master {
            true => &mut self.masters,
            false => &mut self.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_goes_before_whoever_has_waited_longer() {
        let at = Instant::from_millis;
        let mut deadlines = Deadlines::new(3);
        deadlines.keep(InstanceId(0), false, Some(at(10)));
        deadlines.keep(InstanceId(1), false, Some(at(5)));
        deadlines.keep(InstanceId(2), true, Some(at(20)));
        assert_eq!(deadlines.next(), Some(at(5)));
        let first = |deadlines: &Deadlines, now| deadlines.first_due(at(now)).map(|(_, id)| id);
        assert_eq!(first(&deadlines, 4), None);
        assert_eq!(first(&deadlines, 15), Some(InstanceId(1)));
        assert_eq!(first(&deadlines, 20), Some(InstanceId(2)));
        deadlines.keep(InstanceId(2), true, None);
        assert_eq!(first(&deadlines, 20), Some(InstanceId(1)));
        deadlines.keep(InstanceId(1), true, Some(at(30)));
        assert_eq!(first(&deadlines, 30), Some(InstanceId(1)));
        assert_eq!(deadlines.of(InstanceId(1)), Some(at(30)));
        assert_eq!(deadlines.next(), Some(at(10)));
    }
}
