//! What a router stands in: the address it speaks from, what is in its way, its priority.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::{Router, Surroundings};
use crate::config::{Config, InstanceConfig, Preempt};
use crate::event::{Event, Reason};
use crate::fixtures::Fixtures;
use crate::fsm::{Params, Signal, State};
use crate::ids::Priority;
use crate::input::LinkState;
use crate::links::Sources;
use crate::output::Output;
use crate::track::{Checks, Standing, link_standing};
use crate::wire::Family;

/// The part of the surroundings that is only looked at.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) config: &'a Config,
    pub(crate) links: &'a [LinkState],
    pub(crate) sources: &'a Sources,
    pub(crate) checks: &'a Checks,
    pub(crate) fixtures: &'a Fixtures,
}

impl<'a> Surroundings<'a> {
    /// What can be looked at.
    pub(super) fn sight(&self) -> Sight<'a> {
        Sight {
            config: self.config,
            links: self.links,
            sources: self.sources,
            checks: self.checks,
            fixtures: self.fixtures,
        }
    }
}

impl Router {
    /// Where our adverts come from.
    pub(crate) fn source(&self, s: Sight<'_>) -> Option<IpAddr> {
        let config = s.config.instance(self.id);
        let link = &s.links[config.interface.index()];
        config.source.or_else(|| match config.family {
            Family::V4 => link.address,
            Family::V6 => link.link_local.map(IpAddr::V6),
        })
    }

    pub(super) fn params(&self, s: &Surroundings<'_>) -> Params {
        let config = s.config.instance(self.id);
        let preempt = match self.priority {
            Priority::OWNER => Preempt::Always,
            _ => config.preempt,
        };
        let gives_in = preempt == Preempt::Never;
        Params {
            version: config.version,
            priority: self.priority,
            interval: config.advert_interval,
            missed_adverts: config.tuning.down_timer_adverts,
            preempt,
            source: self.source(s.sight()).unwrap_or(match config.family {
                Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            }),
            answer_lower: !config.lower_prio_no_advert,
            grouped: self.partners.is_some(),
            stands: self.partners.as_ref().is_some_and(|p| p.stands),
            steps_back: config.tuning.timer_expired_backup.filter(|_| gives_in),
        }
    }

    /// What stands in the way, if anything. Computed afresh each time, never counted: what is
    /// raised twice and cleared once can't stay behind.
    pub(crate) fn obstacle(&self, s: Sight<'_>) -> Option<Reason> {
        let config = s.config.instance(self.id);
        if !config.dont_track_primary && !s.links[config.interface.index()].up {
            return Some(Reason::LinkDown);
        }
        if self.source(s).is_none() {
            return Some(Reason::NoSourceAddress);
        }
        if let Some(address) = config.source.filter(|_| config.track_source)
            // Who begins to watch it with a reload doesn't know yet.
            && s.sources.get(&address) == Some(&false)
        {
            return Some(Reason::SourceGone { address });
        }
        if let Some(interface) = config.vmac.map(|vmac| vmac.device)
            && !config.dont_track_primary
            && !s.links[interface.index()].up
        {
            return Some(Reason::TrackedLink {
                interface,
                up: false,
            });
        }
        if let Some(item) = s.fixtures.missing_for(s.config, self.id) {
            return Some(Reason::StaticMissing { item });
        }
        let tracked = config
            .links
            .iter()
            .map(|link| (link, s.links[link.interface.index()].up));
        for (link, up) in tracked {
            if link_standing(up, link.weight) == Standing::Fault {
                let interface = link.interface;
                return Some(Reason::TrackedLink { interface, up });
            }
        }
        if config.unicast.as_ref().is_some_and(|u| u.peers.is_empty()) {
            return Some(Reason::NoPeers);
        }
        s.checks.obstacle(config).or_else(|| {
            self.refused
                .map(|(address, _)| Reason::AddressRefused { address })
        })
    }

    pub(super) fn refresh_priority(&mut self, s: &mut Surroundings<'_>) {
        let config = s.config.instance(self.id);
        let base = self.base_priority(config);
        let to = if self.drain.is_some() {
            Priority::LOWEST
        } else {
            s.checks.weigh(base, config, s.links)
        };
        let from = core::mem::replace(&mut self.priority, to);
        if from != to {
            let event = Event::PriorityChanged {
                instance: self.id,
                from,
                to,
            };
            s.out.push_back(Output::Event(event));
            self.signal(s, Signal::PriorityChanged { from });
        }
    }

    /// The operator's priority, or else the configured one.
    pub(crate) fn base_priority(&self, config: &InstanceConfig) -> Priority {
        self.override_priority.unwrap_or(config.priority)
    }

    /// How long the loss of its link may be ignored. After so long, its skew time added, a peer takes
    /// over; and a backup, which hears nothing meanwhile, mustn't become master without a link.
    pub(crate) fn patience(&self, config: &InstanceConfig) -> Duration {
        let interval = match self.state {
            State::Backup(backup) => backup.interval,
            State::Init | State::Master(_) | State::Fault => config.advert_interval,
        };
        let adverts = u32::from(config.tuning.down_timer_adverts);
        interval.duration() * adverts.saturating_sub(1)
    }
}
