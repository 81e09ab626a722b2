//! Which kernel interface index stands behind each configured interface, right now.
//!
//! The host's monitor writes it, the sockets read it: an interface may appear after the daemon
//! has started, or vanish and come back with another index. Beside it, how far the host is with
//! what it was asked to do: announcements wait for it.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;
use std::sync::Arc;

use locum_engine::ids::InterfaceId;

/// One entry per configured interface, in the configuration's order.
#[derive(Debug)]
pub struct Links {
    entries: RefCell<Vec<Entry>>,
    all_told: Cell<bool>,
    /// The daemon ends and leaves everything as it is: nothing is removed or sent any more.
    kept: Cell<bool>,
    /// Grows whenever an index changes.
    generation: Cell<u64>,
    /// Requests to the host, ever, and how many of them it has carried out.
    asked: Cell<u64>,
    done: Cell<u64>,
}

type Entry = (Arc<str>, Option<NonZeroU32>);

impl Links {
    /// All interfaces of the configuration, none of them known to exist yet.
    pub fn new(names: &[Arc<str>]) -> Self {
        Self {
            entries: RefCell::new(entries(names)),
            all_told: Cell::new(false),
            kept: Cell::new(false),
            generation: Cell::new(0),
            asked: Cell::new(0),
            done: Cell::new(0),
        }
    }

    /// The kernel's index, or `None` while the interface doesn't exist.
    pub fn index(&self, id: InterfaceId) -> Option<NonZeroU32> {
        self.entries.borrow()[id.index()].1
    }

    /// The configured name.
    pub fn name(&self, id: InterfaceId) -> Arc<str> {
        Arc::clone(&self.entries.borrow()[id.index()].0)
    }

    /// All interfaces of another configuration, none of them known to exist yet.
    pub(crate) fn replace(&self, names: &[Arc<str>]) {
        self.entries.replace(entries(names));
        self.generation.set(self.generation.get() + 1);
    }

    /// Every interface, in the configuration's order.
    pub fn ids(&self) -> impl Iterator<Item = InterfaceId> + use<> {
        // A configuration holds at most 65536 interfaces: its indices are 16 bits wide.
        let count = self.entries.borrow().len();
        (0..count).map(|i| InterfaceId(u16::try_from(i).expect("an interface's index fits")))
    }

    /// Whether the engine has been told the first state of every interface.
    pub fn all_told(&self) -> bool {
        self.all_told.get()
    }

    pub(crate) fn set_all_told(&self) {
        self.all_told.set(true);
    }

    /// Whether the daemon ends without letting go of anything.
    pub(crate) fn are_kept(&self) -> bool {
        self.kept.get()
    }

    /// From now on nothing is removed from the host or sent.
    pub(crate) fn keep_all(&self) {
        self.kept.set(true);
    }

    pub(crate) fn set(&self, id: InterfaceId, index: Option<NonZeroU32>) {
        let before = &mut self.entries.borrow_mut()[id.index()].1;
        if *before != index {
            *before = index;
            self.generation.set(self.generation.get() + 1);
        }
    }

    /// Another number than before: some index has changed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// The host has been asked for one thing more.
    pub(crate) fn ask(&self) {
        self.asked.set(self.asked.get() + 1);
    }

    /// The host has carried out so many things more.
    pub(crate) fn carried_out(&self, count: u64) {
        self.done.set(self.done.get() + count);
    }

    /// How many things the host has been asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// How many of them are done.
    pub(crate) fn done(&self) -> u64 {
        self.done.get()
    }
}

fn entries(names: &[Arc<str>]) -> Vec<Entry> {
    names.iter().map(|name| (Arc::clone(name), None)).collect()
}
