//! A master's routes and rules: put up after its addresses, taken down before them, put back when
//! somebody removes them, tried again when the kernel refuses them.
//!
//! keepalived leaves the virtual router when a route disappears, and keeps quiet about one that the
//! kernel refused; this router says so, stays, and tries again.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Router, Surroundings};
use crate::config::{Object, ObjectId};
use crate::event::Event;
use crate::output::{Effect, Output};
use crate::rare::{Blank, Rare};
use crate::time::Instant;

/// A route that the kernel refused is tried again after this long: its gateway may be reachable by
/// then.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// What others keep removing is put back at most this often.
const PUT_BACK_PAUSE: Duration = Duration::from_secs(1);

/// Objects that should be there and aren't, of one owner.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Missing {
    /// Positions and when each may be tried again, in the order in which they went missing.
    list: Vec<(u16, Instant)>,
    /// When something was put back last.
    last: Option<Instant>,
}

impl Blank for Missing {
    fn blank() -> &'static Self {
        static BLANK: Missing = Missing {
            list: Vec::new(),
            last: None,
        };
        &BLANK
    }
}

impl Missing {
    /// Somebody removed it: due at once, if that isn't a habit.
    pub(crate) fn removed(&mut self, index: u16, now: Instant) {
        let at = self.last.map_or(now, |last| now.max(last + PUT_BACK_PAUSE));
        self.add(index, at);
    }

    /// The kernel refused it.
    pub(crate) fn refused(&mut self, index: u16, now: Instant) {
        self.add(index, now + REFUSED_PAUSE);
    }

    fn add(&mut self, index: u16, at: Instant) {
        if !self.has(index) {
            self.list.push((index, at));
        }
    }

    /// It is put up now.
    pub(crate) fn forget(&mut self, index: u16) {
        self.list.retain(|(missing, _)| *missing != index);
    }

    /// Positions are others after a reload.
    pub(crate) fn moved(&mut self, to: impl Fn(u16) -> Option<u16>) {
        let list = self.list.drain(..);
        self.list = list
            .filter_map(|(index, at)| Some((to(index)?, at)))
            .collect();
    }

    pub(crate) fn has(&self, index: u16) -> bool {
        self.list.iter().any(|(missing, _)| *missing == index)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.list.iter().map(|(_, at)| *at).min()
    }

    /// Takes out what is due.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<u16> {
        let due: Vec<u16> = self
            .list
            .iter()
            .filter(|(_, at)| *at <= now)
            .map(|(index, _)| *index)
            .collect();
        if !due.is_empty() {
            self.last = Some(now);
            self.list.retain(|(_, at)| *at > now);
        }
        due
    }
}

impl Router {
    pub(super) fn install_objects(&mut self, s: &mut Surroundings<'_>) {
        self.missing = Rare::default();
        for (id, object) in self.objects(s) {
            s.out
                .push_back(Output::Effect(Effect::Install { id, object }));
        }
    }

    /// The last first: a rule goes before the routes it leads to.
    pub(super) fn uninstall_objects(&mut self, s: &mut Surroundings<'_>) {
        self.missing = Rare::default();
        for (id, object) in self.objects(s).into_iter().rev() {
            s.out
                .push_back(Output::Effect(Effect::Uninstall { id, object }));
        }
    }

    /// A link came up, and the kernel had dropped the routes through it without a word.
    pub(crate) fn renew_objects(&mut self, s: &mut Surroundings<'_>) {
        if self.is_master() {
            self.install_objects(s);
        }
    }

    pub(crate) fn object_removed(&mut self, s: &mut Surroundings<'_>, index: u16) {
        let objects = &s.config.instance(self.id).objects;
        let ours = objects.get(usize::from(index));
        if self.is_master() && ours.is_some_and(Object::is_tracked) {
            self.missing.removed(index, s.now);
            self.put_back_objects(s);
        }
    }

    pub(crate) fn object_refused(&mut self, s: &mut Surroundings<'_>, index: u16) {
        if !self.is_master() {
            return;
        }
        self.missing.refused(index, s.now);
        let id = self.object_id(index);
        s.out
            .push_back(Output::Event(Event::ObjectRefused { object: id }));
    }

    pub(super) fn put_back_objects(&mut self, s: &mut Surroundings<'_>) {
        let Some(missing) = self.missing.present() else {
            return;
        };
        for index in missing.due(s.now) {
            let id = self.object_id(index);
            let object = s.config.object(id).clone();
            s.out
                .push_back(Output::Effect(Effect::Install { id, object }));
            s.out
                .push_back(Output::Event(Event::ObjectPutBack { object: id }));
        }
    }

    pub(super) fn objects(&self, s: &Surroundings<'_>) -> Vec<(ObjectId, Object)> {
        let objects = &s.config.instance(self.id).objects;
        (0_u16..)
            .zip(objects)
            .map(|(index, object)| (self.object_id(index), object.clone()))
            .collect()
    }

    fn object_id(&self, index: u16) -> ObjectId {
        ObjectId {
            owner: Some(self.id),
            index,
        }
    }
}
