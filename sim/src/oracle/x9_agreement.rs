//! X9: the members of a sync group are in one state whenever time passes, and the group's events say
//! which.
//!
//! Without exception and without a bound: one step of the engine moves all of them.

use locum_engine::event::StateKind;
use locum_engine::ids::{GroupId, InstanceId};
use locum_engine::{Event, Instant};

use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{Observed, Record};
use crate::topology::HostId;

/// The oracle.
pub(super) struct Agreement {
    verdict: Verdict,
    generation: u64,
    groups: Vec<Group>,
}

/// One group of one host.
struct Group {
    host: HostId,
    id: GroupId,
    members: Vec<InstanceId>,
    reported: bool,
}

impl Agreement {
    pub(super) fn new(world: &Tracker) -> Self {
        let mut groups = Vec::new();
        for (host, config) in world.configs() {
            groups.extend(config.groups().map(|(id, group)| Group {
                host,
                id,
                members: group.members.clone(),
                reported: false,
            }));
        }
        Self {
            verdict: Verdict::default(),
            generation: 0,
            groups,
        }
    }
}

impl Group {
    /// The state of all, or the first who differs.
    fn state(&self, world: &Tracker) -> Result<StateKind, InstanceId> {
        let state = |id: &InstanceId| world.member(world.id(self.host, *id)).state;
        let first = self.members.first().map_or(StateKind::Init, state);
        match self.members.iter().find(|id| state(id) != first) {
            Some(other) => Err(*other),
            None => Ok(first),
        }
    }
}

impl Oracle for Agreement {
    fn name(&self) -> &'static str {
        "X9"
    }

    fn property(&self) -> &'static str {
        "a sync group is in one state"
    }

    fn reload(&mut self, world: &Tracker, _host: HostId) {
        let verdict = core::mem::take(&mut self.verdict);
        *self = Self {
            verdict,
            ..Self::new(world)
        };
    }

    fn elapse(&mut self, world: &Tracker, _: Instant) {
        if world.generation == self.generation {
            return;
        }
        self.generation = world.generation;
        for group in &mut self.groups {
            self.verdict.checked();
            let differs = group.state(world).err();
            if let Some(other) = differs.filter(|_| !group.reported) {
                let member = world.member(world.id(group.host, other));
                let what = format!("is {} and its group isn't", member.state);
                self.verdict
                    .violated(blame(world, member, world.now, &what));
            }
            group.reported = differs.is_some();
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let Observed::Engine(host, Event::GroupChanged { group, to, .. }) = &record.what else {
            return;
        };
        let mut groups = self.groups.iter();
        let found = groups.find(|g| g.host == *host && g.id == *group);
        if let Some(found) = found {
            self.verdict.checked();
            if found.state(world) != Ok(*to) {
                let member = world.member(world.id(*host, found.members[0]));
                let what = format!("its group calls itself {to}");
                self.verdict
                    .violated(blame(world, member, record.at, &what));
            }
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
