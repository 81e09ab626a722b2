//! X1: a host has a virtual address, and what else belongs to a master, exactly while its engine is
//! master: routes and rules too, but for those that aren't put back when somebody removes them.
//!
//! Held against the end of every instant, with a grace of three quanta after a change: one for
//! the kernel to tell the daemon, one for the daemon to answer, one for a daemon that has just
//! been set going. An address that somebody keeps removing is put back once a second. A stalled daemon's frozen addresses and a killed daemon's orphans are not its
//! doing; the next start must remove them, at the latest when the first results of its checks are
//! there.

use core::time::Duration;

use locum_engine::Instant;
use locum_engine::event::StateKind;

use super::member::{Member, MemberId};
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{DaemonChange, Observed, Record, Remover};

/// Between two times that an address is put back.
const PUT_BACK: Duration = Duration::from_secs(1);

/// The oracle.
pub(super) struct Addresses {
    verdict: Verdict,
    grace: Duration,
    /// Members that changed and have not been looked at since, oldest first.
    waiting: Vec<(Instant, MemberId)>,
    /// When somebody else last removed an address, by host.
    foreign: Vec<Option<Instant>>,
    /// Hosts whose daemon ended without a chance to clean up.
    orphaned: Vec<bool>,
}

impl Addresses {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            grace: world.quantum * 3,
            waiting: Vec::new(),
            foreign: vec![None; world.hosts.len()],
            orphaned: vec![false; world.hosts.len()],
        }
    }

    fn wait(&mut self, at: Instant, id: MemberId) {
        if !self.waiting.contains(&(at, id)) {
            self.waiting.push((at, id));
        }
    }

    fn check(&mut self, world: &Tracker, member: &Member, at: Instant) {
        let host = world.host(member);
        if host.stalled() || self.orphaned[member.host.index()] || !host.powered {
            self.verdict.suspended();
            return;
        }
        self.verdict.checked();
        let wanted = if member.is_master() {
            member.addresses.len()
        } else {
            0
        };
        if member.held != wanted {
            let what = format!(
                "is {} and its host has {} of its {} addresses",
                member.state,
                member.held,
                member.addresses.len()
            );
            self.verdict.violated(blame(world, member, at, &what));
        }
        if let Some(what) = objects_amiss(member) {
            self.verdict.violated(blame(world, member, at, &what));
        }
    }
}

/// What is wrong with a member's routes and rules.
fn objects_amiss(member: &Member) -> Option<String> {
    let wanted = &member.spec().objects;
    let there = member.objects.len();
    let lacks_tracked = (0_u16..)
        .zip(wanted)
        .any(|(index, object)| object.is_tracked() && !member.objects.contains(&index));
    let amiss = match member.is_master() {
        true => lacks_tracked,
        false => there > 0,
    };
    amiss.then(|| {
        let of = wanted.len();
        format!(
            "is {} and its host has {there} of its {of} routes and rules",
            member.state
        )
    })
}

/// How long a daemon that was started at `at` may take to leave `Init`: as long as the first run
/// of its slowest check.
fn first_results(world: &Tracker, member: &Member, at: Instant) -> Duration {
    let host = world.host(member);
    if member.state != StateKind::Init || host.started != at {
        return Duration::ZERO;
    }
    let tracks = member.spec().tracks.iter();
    let timeouts = tracks.map(|t| member.config().check(t.check).timeout);
    host.drift.longest(timeouts.max().unwrap_or_default())
}

impl Oracle for Addresses {
    fn name(&self) -> &'static str {
        "X1"
    }

    fn property(&self) -> &'static str {
        "addresses and routes exactly on the master"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        while let Some((at, id)) = self.waiting.first().copied() {
            let member = world.member(id);
            let due = at + self.grace + first_results(world, member, at);
            if due >= to {
                return;
            }
            self.waiting.remove(0);
            // A later change has a grace of its own, and an entry of its own.
            if member.changed <= at {
                self.check(world, member, due);
            }
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        let host = match &record.what {
            Observed::Daemon(host, change) => {
                self.orphaned[host.index()] =
                    matches!(change, DaemonChange::Killed | DaemonChange::PowerLost);
                *host
            }
            Observed::AddressRemoved {
                host,
                by: Remover::Foreigner,
                ..
            }
            | Observed::ObjectRemoved {
                host,
                by: Remover::Foreigner,
                ..
            } => {
                let last = self.foreign[host.index()].replace(record.at);
                if last.is_some_and(|last| last + PUT_BACK * 2 > record.at) {
                    self.verdict.suspended();
                    return;
                }
                *host
            }
            Observed::AddressAdded { host, .. }
            | Observed::Reloaded(host, _)
            | Observed::AddressRemoved { host, .. }
            | Observed::ObjectAdded { host, .. }
            | Observed::ObjectRemoved { host, .. }
            | Observed::Engine(host, locum_engine::Event::StateChanged { .. })
            | Observed::Fault(
                crate::fault::Fault::Resume(host) | crate::fault::Fault::ResumeVm(host),
            ) => *host,
            _ => return,
        };
        for id in world.on(host) {
            if world.member(id).changed == record.at {
                self.wait(record.at, id);
            }
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
