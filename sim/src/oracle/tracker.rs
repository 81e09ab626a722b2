//! The shared picture of the world, computed from the records alone.
//!
//! Adverts, by far the most frequent records, cost one pass over their class and allocate nothing;
//! routes and segments are recomputed only when a fault or the life of a daemon changes them.

mod apply;

use core::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::{InstanceId, Priority};

use super::condition::Conditions;
use super::member::{HostState, Member, MemberId};
use super::network::Network;
use super::reload::Daemon;
use super::segment::{Class, Segment};
use super::timing::Drift;
use crate::fault::TimedFault;
use crate::topology::{HostId, Topology};

/// The world as the records so far describe it.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    /// What it is made of.
    pub(super) topology: Topology,
    /// δ: hosts act on a grid this wide; zero when they act at once.
    pub(super) quantum: Duration,
    /// The time of the last record.
    pub(super) now: Instant,
    /// Cables and switches.
    pub(super) network: Network,
    /// Every host, by its id.
    pub(super) hosts: Vec<HostState>,
    /// Every virtual router of every router.
    pub(super) members: Vec<Member>,
    /// Who accepts whose adverts.
    pub(super) classes: Vec<Class>,
    /// Who is connected with whom now.
    pub(super) segments: Vec<Segment>,
    /// What the checks should find.
    pub(super) conditions: Conditions,
    /// Grows with every change that is more than an advert.
    pub(super) generation: u64,
    /// When anything outside the daemons last changed, anywhere.
    pub(super) disturbed: Instant,
    /// Until then unicast adverts may be late or lost.
    unsettled: Instant,
    /// What runs on each host.
    pub(super) daemons: Vec<Daemon>,
}

impl Tracker {
    /// The world before the first record. The plan's faults say which configurations there will be.
    pub(super) fn new(topology: &Topology, faults: &[TimedFault], quantum: Duration) -> Self {
        let mut members = Vec::new();
        let hosts = (0..topology.hosts.len()).map(|i| HostId(i as u16));
        let daemons = hosts.map(|host| Daemon::new(topology, faults, host, &mut members));
        let daemons = daemons.collect();
        let hosts = vec![
            HostState {
                powered: true,
                running: false,
                hung: false,
                paused: false,
                booted: Instant::ZERO,
                started: Instant::ZERO,
                takes_part_at: Instant::ZERO,
                stalled_at: Instant::ZERO,
                drift: Drift::default(),
                addresses: Vec::new(),
            };
            topology.hosts.len()
        ];
        Self {
            quantum,
            now: Instant::ZERO,
            network: Network::new(topology),
            hosts,
            classes: Class::sort(&mut members),
            members,
            segments: Vec::new(),
            conditions: Conditions::new(topology, faults),
            generation: 0,
            disturbed: Instant::ZERO,
            unsettled: Instant::ZERO,
            daemons,
            topology: topology.clone(),
        }
    }

    /// The member of that host and instance.
    pub(super) fn id(&self, host: HostId, instance: InstanceId) -> MemberId {
        self.daemons[host.index()].members[instance.index()]
    }

    /// A member.
    pub(super) fn member(&self, id: MemberId) -> &Member {
        &self.members[id.0]
    }

    /// All members that are configured, with their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = (MemberId, &Member)> {
        let all = self.members.iter().enumerate();
        all.filter(|(_, m)| m.present)
            .map(|(i, m)| (MemberId(i), m))
    }

    /// The members on one host.
    pub(super) fn on(&self, host: HostId) -> impl Iterator<Item = MemberId> + use<> {
        self.daemons[host.index()].members.clone().into_iter()
    }

    /// Whom a command means: an instance of the first configuration with its sync group, or all.
    pub(super) fn meant(&self, host: HostId, instance: Option<InstanceId>) -> Vec<MemberId> {
        let daemon = &self.daemons[host.index()];
        let Some(instance) = instance else {
            return daemon.members.clone();
        };
        let first = daemon.first[instance.index()];
        let member = self.member(first);
        match member.partners() {
            _ if !member.present => Vec::new(),
            [] => vec![first],
            partners => {
                let partners = partners.iter().map(|id| daemon.members[id.index()]);
                partners.collect()
            }
        }
    }

    /// Whether the members of a segment decide for themselves, without sync groups.
    pub(super) fn decides(&self, segment: &Segment) -> bool {
        let class = self.member(segment.members[0]).class;
        !self.classes[class].grouped
    }

    /// The host of a member.
    pub(super) fn host(&self, member: &Member) -> &HostState {
        &self.hosts[member.host.index()]
    }

    /// The segment of a member, while its daemon acts.
    pub(super) fn segment(&self, member: &Member) -> Option<&Segment> {
        member.segment.map(|i| &self.segments[i])
    }

    /// `a/VI_1`: for sentences.
    pub(super) fn name(&self, member: &Member) -> String {
        let host = &self.topology.hosts[member.host.index()].name;
        format!("{host}/{}", member.spec().name)
    }

    /// The least and the most that a member's master-down time can be, in true time, given what
    /// it knows since its timer was armed.
    pub(super) fn master_down(&self, member: &Member) -> (Duration, Duration) {
        let class = &self.classes[member.class];
        let drift = self.host(member).drift;
        let (least, most) = self.skew_known(member, member.hearing.armed);
        let missed = member.missed_adverts();
        (
            drift.shortest(class.shortest * missed + least),
            drift.longest(class.longest * missed + most),
        )
    }

    /// The same of its skew time.
    pub(super) fn skew(&self, member: &Member, since: Instant) -> (Duration, Duration) {
        let drift = self.host(member).drift;
        let (least, most) = self.skew_known(member, since);
        (drift.shortest(least), drift.longest(most))
    }

    /// A priority that changed while the timer ran may count before or after the change.
    fn skew_known(&self, member: &Member, since: Instant) -> (Duration, Duration) {
        let class = &self.classes[member.class];
        if member.priority_since + self.quantum >= since && member.priority_since > Instant::ZERO {
            let (least, most) = (class.skew(Priority(255)).0, class.skew(Priority(0)).1);
            return (least, most);
        }
        class.skew(member.priority)
    }
}
