//! T12: a daemon that is dead or frozen holds a leased address no longer than the lease, and one
//! that is alive and well never loses it so.
//!
//! With it nobody is a second holder for longer: a lease outlives the master-down time by little.
//! Counted from the end of the daemon or the beginning of its stall, on the host's own clock; with
//! a grace of three quanta. A paused machine's clock stands still, and with it the lease.

use core::net::IpAddr;
use core::time::Duration;

use locum_engine::Instant;
use locum_engine::time::Seconds;

use super::member::Member;
use super::tracker::Tracker;
use super::{Oracle, Verdict, blame};
use crate::record::{DaemonChange, Observed, Record, Remover};
use crate::topology::HostId;

/// The oracle.
pub(super) struct Lease {
    verdict: Verdict,
    grace: Duration,
    /// Since when each host's daemon has been unable to refresh anything.
    helpless: Vec<Option<Instant>>,
    /// Members that have been blamed for this time.
    blamed: Vec<bool>,
    longest: Duration,
}

impl Lease {
    pub(super) fn new(world: &Tracker) -> Self {
        Self {
            verdict: Verdict::default(),
            grace: world.quantum * 3,
            helpless: vec![None; world.hosts.len()],
            blamed: vec![false; world.members.len()],
            longest: Duration::ZERO,
        }
    }

    /// How long it may hold addresses at most, if it does and nobody refreshes them.
    fn bound(&self, world: &Tracker, member: &Member) -> Option<Duration> {
        let lease = member.spec().lease.filter(|_| member.held > 0)?;
        Some(world.host(member).drift.longest(lease) + self.grace)
    }

    /// A lease has ended: there must have been nobody to refresh it.
    fn lapsed(&mut self, world: &Tracker, host: HostId, address: IpAddr, at: Instant) {
        let state = &world.hosts[host.index()];
        let since = state.started.max(state.stalled_at) + self.grace;
        self.verdict.checked();
        if !state.acts() || since >= at {
            return;
        }
        let what = format!("{address} was not refreshed in time");
        for id in world.on(host) {
            let member = world.member(id);
            if member.addresses.contains(&address) {
                self.verdict.violated(blame(world, member, at, &what));
            }
        }
    }
}

impl Oracle for Lease {
    fn name(&self) -> &'static str {
        "T12"
    }

    fn property(&self) -> &'static str {
        "leases end when their daemon does"
    }

    fn elapse(&mut self, world: &Tracker, to: Instant) {
        for (id, member) in world.members.iter().enumerate() {
            let since = self.helpless[member.host.index()];
            let (Some(since), Some(bound)) = (since, self.bound(world, member)) else {
                continue;
            };
            if to > since + bound && !core::mem::replace(&mut self.blamed[id], true) {
                let what = format!(
                    "still has {} addresses {} after its daemon last acted; the lease is {}",
                    member.held,
                    Seconds(bound),
                    Seconds(member.spec().lease.unwrap_or_default())
                );
                let violation = blame(world, member, since + bound, &what);
                self.verdict.violated(violation);
            }
        }
    }

    fn observe(&mut self, world: &Tracker, record: &Record) {
        for (id, host) in world.hosts.iter().enumerate() {
            let helpless = host.powered && !host.paused && !host.acts();
            match (helpless, &mut self.helpless[id]) {
                (true, since @ None) => *since = Some(record.at),
                (false, since @ Some(_)) => *since = None,
                (true, Some(_)) | (false, None) => continue,
            }
            for (member, blamed) in world.members.iter().zip(&mut self.blamed) {
                *blamed &= member.host.index() != id;
            }
        }
        if let Observed::AddressRemoved {
            host,
            address,
            by: Remover::Lifetime,
        } = &record.what
        {
            self.lapsed(world, *host, *address, record.at);
        }
        let host = match &record.what {
            Observed::AddressRemoved { host, .. }
            | Observed::Daemon(host, DaemonChange::Started) => *host,
            _ => return,
        };
        if let Some(since) = self.helpless[host.index()] {
            let after = record.at.saturating_since(since);
            self.verdict.checked();
            self.longest = self.longest.max(after);
            self.verdict.metric = Some(format!("longest {}", Seconds(self.longest)));
        }
    }

    fn verdict(&mut self) -> &mut Verdict {
        &mut self.verdict
    }
}
