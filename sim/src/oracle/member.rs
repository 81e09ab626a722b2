//! One router's part in one virtual router, as the records show it.
//!
//! [`Hearing`] bounds a backup's master-down timer from both sides without looking into the
//! engine: the latest advert that certainly arrived, and the latest that may have.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::config::{Auth, Config, HeaderKey, InstanceConfig, Preempt, Version};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InstanceId, Priority, Vrid};

use locum_engine::wire::Family;

use super::timing::{self, Drift};
use crate::topology::{HostId, HostSpec};

/// Virtual router, family, version, authentication, interval where it counts, and whether it is unicast.
pub(super) type Key = (Vrid, Family, Version, Seal, Option<Duration>, bool, IpAddr);

/// What an advert must carry to be believed. Routers whose `auth_hmac` blocks have different keys
/// may still understand each other, as in a change of keys: all that sign are one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seal {
    Nothing,
    Password([u8; 8]),
    Header([u8; 8]),
    Trailer,
}

/// The position of a member in the tracker's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberId(pub(super) usize);

/// A host as the records show it.
#[derive(Clone, Debug)]
pub(super) struct HostState {
    /// It has power.
    pub(super) powered: bool,
    /// Its daemon has been started and has not ended.
    pub(super) running: bool,
    /// Its daemon is frozen.
    pub(super) hung: bool,
    /// The whole machine is paused.
    pub(super) paused: bool,
    /// When it last got power.
    pub(super) booted: Instant,
    /// When its daemon was last started.
    pub(super) started: Instant,
    /// When its daemon takes part at the latest: it may be told to wait at its start.
    pub(super) takes_part_at: Instant,
    /// When it was last frozen, paused or set going again.
    pub(super) stalled_at: Instant,
    /// How wrong its clock has ever been.
    pub(super) drift: Drift,
    /// The virtual addresses on its NIC.
    pub(super) addresses: Vec<IpAddr>,
}

impl HostState {
    /// The daemon exists and can act.
    pub(super) fn acts(&self) -> bool {
        self.powered && self.running && !self.stalled()
    }

    /// The daemon exists and can't act.
    pub(super) fn stalled(&self) -> bool {
        self.running && (self.hung || self.paused)
    }
}

/// One virtual router of one daemon.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// On which host.
    pub(super) host: HostId,
    /// Out of which NIC; the host itself for its first.
    pub(super) port: HostId,
    /// Which of its instances.
    pub(super) instance: InstanceId,
    /// It changes state with others, so that what it hears doesn't decide alone.
    pub(super) grouped: bool,
    /// The present configuration of its host has it.
    pub(super) present: bool,
    /// The last reload gave it another interval.
    pub(super) interval_changed: bool,
    /// The position of its class in the tracker's list.
    pub(super) class: usize,
    /// The position of its segment, while its daemon acts.
    pub(super) segment: Option<usize>,
    /// Whom its adverts come from.
    pub(super) source: IpAddr,
    /// The addresses it holds as master.
    pub(super) addresses: Vec<IpAddr>,
    /// Its own interval.
    pub(super) interval: Duration,
    pub(super) config: Arc<Config>,
    /// State as last reported, `Init` while there is no daemon.
    pub(super) state: StateKind,
    /// When that state was entered.
    pub(super) since: Instant,
    /// The last transition.
    pub(super) transition: Option<Transition>,
    /// Effective priority as last reported.
    pub(super) priority: Priority,
    /// When that changed.
    pub(super) priority_since: Instant,
    /// What the operator set it to.
    pub(super) set_priority: Option<Priority>,
    /// Maintenance has been asked for.
    pub(super) draining: bool,
    /// How many of `addresses` its host has.
    pub(super) held: usize,
    /// Which of its routes and rules its host has.
    pub(super) objects: Vec<u16>,
    /// When `held`, `objects` or `state` last changed.
    pub(super) changed: Instant,
    /// Time and priority of its last advert since its daemon was started.
    pub(super) advert: Option<(Instant, Priority)>,
    /// When it last sent an advert of each priority, over all its lives.
    pub(super) sent: Vec<Option<Instant>>,
    /// What it has heard.
    pub(super) hearing: Hearing,
}

/// A change of state and what surrounded it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transition {
    /// When.
    pub(super) at: Instant,
    /// From.
    pub(super) from: StateKind,
    /// To.
    pub(super) to: StateKind,
    /// Why.
    pub(super) why: Reason,
    /// When the state before was entered.
    pub(super) entered: Instant,
    /// Its effective priority.
    pub(super) priority: Priority,
    /// For how long the environment had been settled, if it had.
    pub(super) calm: Option<Duration>,
    /// The bounds of the timer when it happened.
    pub(super) hearing: Hearing,
}

/// What a listening router may have heard, and with it the bounds of its master-down timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hearing {
    /// The earliest arrival of the latest advert that certainly armed the timer.
    pub(super) armed: Instant,
    /// The same of the one before, in case that one was lost on the way.
    pub(super) armed_before: Instant,
    /// The latest arrival of any advert that may have armed the timer.
    pub(super) maybe: Instant,
    /// A priority-0 advert that may have arrived since.
    pub(super) resigned: Option<Resigned>,
    /// The latest arrival of any advert at all.
    pub(super) any: Instant,
    /// Until then nothing is certain: the receiver stalled, or accepts forged adverts.
    pub(super) spoiled: Instant,
}

/// A priority-0 advert, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resigned {
    /// The earliest arrival of the first.
    pub(super) first: Instant,
    /// The latest arrival of the last.
    pub(super) last: Instant,
    /// The last can't have been lost.
    pub(super) certain: bool,
    /// From then on an advert certainly holds the listener back again.
    pub(super) overruled: Option<Instant>,
}

impl Hearing {
    /// The timer is armed because the router begins to listen.
    pub(super) fn enter(&mut self, at: Instant) {
        self.armed = self.armed.max(at);
        self.armed_before = self.armed;
        self.maybe = self.maybe.max(at);
        // One that was under way may still be heard after the change.
        self.resigned = self.resigned.filter(|r| r.last >= at);
    }

    /// An advert, sent now, that arms the timer, for certain or perhaps.
    pub(super) fn arm(&mut self, now: Instant, earliest: Instant, latest: Instant, certain: bool) {
        self.maybe = self.maybe.max(latest);
        if certain {
            if self.armed <= now {
                self.armed_before = self.armed;
            }
            self.armed = self.armed.max(earliest);
            if let Some(resigned) = &mut self.resigned
                && resigned.last <= earliest
            {
                resigned.overruled.get_or_insert(earliest);
            }
        }
    }

    /// The earliest arrival of the latest advert that certainly armed the timer by then.
    pub(super) fn armed_by(&self, at: Instant) -> Instant {
        if self.armed <= at {
            self.armed
        } else {
            self.armed_before
        }
    }

    /// The resignation that may be in force then.
    pub(super) fn resigned_by(&self, at: Instant) -> Option<Resigned> {
        self.resigned
            .filter(|r| r.overruled.is_none_or(|overruled| overruled > at))
    }

    /// A priority-0 advert.
    pub(super) fn resign(&mut self, earliest: Instant, latest: Instant, certain: bool) {
        let first = self.resigned_by(earliest).map_or(earliest, |r| r.first);
        self.resigned = Some(Resigned {
            first,
            last: latest,
            certain,
            overruled: None,
        });
    }

    /// The network changed: what was under way may not arrive.
    pub(super) fn cut(&mut self, now: Instant, quantum: Duration) {
        if self.armed + quantum > now {
            self.armed = self.armed_before;
        }
        if let Some(resigned) = &mut self.resigned {
            if resigned.last + quantum > now {
                resigned.certain = false;
            }
            // What overruled it may not arrive.
            if resigned.overruled.is_some_and(|at| at + quantum > now) {
                resigned.overruled = None;
            }
        }
    }
}

impl Member {
    /// A member before its daemon's first start.
    pub(super) fn new(
        (host, port): (HostId, HostId),
        instance: InstanceId,
        nic: &HostSpec,
        config: Arc<Config>,
    ) -> Self {
        let spec = config.instance(instance);
        let own = match spec.family {
            Family::V4 => nic.address.into(),
            Family::V6 => nic.link_local().into(),
        };
        Self {
            host,
            port,
            grouped: config.group_of(instance).is_some(),
            instance,
            present: true,
            interval_changed: false,
            class: 0,
            segment: None,
            source: spec.source.unwrap_or(own),
            addresses: spec.held_addresses().map(|a| a.address).collect(),
            interval: timing::advert_interval(spec),
            state: StateKind::Init,
            since: Instant::ZERO,
            transition: None,
            priority: spec.priority,
            priority_since: Instant::ZERO,
            set_priority: None,
            draining: false,
            held: 0,
            objects: Vec::new(),
            changed: Instant::ZERO,
            advert: None,
            sent: vec![None; 256],
            hearing: Hearing::default(),
            config,
        }
    }

    /// The instances that change state with it, itself included; none without a sync group.
    pub(super) fn partners(&self) -> &[InstanceId] {
        let group = self.config.group_of(self.instance);
        group.map_or(&[], |group| &self.config.group(group).members)
    }

    /// What its configuration says.
    pub(super) fn spec(&self) -> &InstanceConfig {
        self.config.instance(self.instance)
    }

    /// The configuration of the whole daemon.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Whose adverts it accepts: those of the same key. RFC 3768 7.1 lets version 2 routers of
    /// different intervals ignore each other; version 3 routers learn. The group and peers don't mix.
    pub(super) fn key(&self) -> Key {
        let spec = self.spec();
        let seal = match (&spec.hmac, spec.auth) {
            (Some(_), _) => Seal::Trailer,
            (None, Auth::None) => Seal::Nothing,
            (None, Auth::Password(password)) => Seal::Password(password),
            (None, Auth::Header(HeaderKey(key))) => Seal::Header(key),
        };
        let v2 = spec.version == Version::V2;
        (
            spec.vrid,
            spec.family,
            spec.version,
            seal,
            v2.then_some(self.interval),
            self.is_unicast(),
            spec.group(),
        )
    }

    /// So many adverts must be missing before it takes over.
    pub(super) fn missed_adverts(&self) -> u32 {
        u32::from(self.spec().tuning.down_timer_adverts)
    }

    /// Whether it makes itself heard when it loses a contest, so that the winner announces itself.
    pub(super) fn yields_audibly(&self) -> bool {
        self.spec().audible_yield || self.spec().tuning.higher_prio_send_advert
    }

    /// Listening or serving.
    pub(super) fn takes_part(&self) -> bool {
        matches!(self.state, StateKind::Backup | StateKind::Master)
    }

    /// Serving.
    pub(super) fn is_master(&self) -> bool {
        self.state == StateKind::Master
    }

    /// The operator has not changed that it owns the addresses.
    pub(super) fn is_owner(&self) -> bool {
        self.spec().is_owner() && self.set_priority.is_none() && !self.draining
    }

    /// Where it stands among its peers: a drained router below all others.
    pub(super) fn rank(&self) -> (Priority, IpAddr) {
        let priority = if self.draining {
            Priority::LOWEST
        } else {
            self.priority
        };
        (priority, self.source)
    }

    /// Whether an advert of that priority keeps it waiting: `(certainly, perhaps)`.
    pub(super) fn is_held_back_by(&self, priority: Priority) -> (bool, bool) {
        let stronger = priority >= self.priority;
        if self.is_owner() {
            return (false, true);
        }
        match self.spec().preempt {
            Preempt::Never => (true, true),
            Preempt::After(_) => (stronger, true),
            Preempt::Always => (stronger, stronger || self.draining),
        }
    }

    /// Back to how it was before the daemon's start.
    pub(super) fn forget(&mut self, at: Instant) {
        self.state = StateKind::Init;
        self.since = at;
        self.changed = at;
        self.priority = self.spec().priority;
        self.priority_since = at;
        self.set_priority = None;
        self.draining = false;
        self.advert = None;
        self.transition = None;
        self.hearing = Hearing {
            armed: at,
            armed_before: at,
            maybe: at.max(self.hearing.spoiled),
            any: at.max(self.hearing.spoiled),
            spoiled: self.hearing.spoiled,
            resigned: None,
        };
    }
}
