//! What a virtual router knows of its group.
//!
//! It doesn't know its partners: it tells the engine where it stands ([`Face`]), and the engine
//! settles the group (`group.rs`).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Router, Surroundings};
use crate::event::{Reason, StateKind};
use crate::fsm::{Heard, Params, Signal, State};
use crate::ids::Priority;
use crate::time::Instant;

/// The part of a router that its group has a say in.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Partners {
    /// What stood in its own way when it was last looked at.
    pub(super) blocked: Option<Reason>,
    /// Why it last changed state.
    pub(super) why: Option<Reason>,
    /// See [`Params::stands`].
    pub(super) stands: bool,
    won: Option<Won>,
    /// It is new to its group, and hasn't been in one state with it.
    joins: bool,
    /// It has answered a rival of lower rank: its partners are to announce too.
    pointed: bool,
}

/// Adverts of a master of lower rank: a contest that is being won.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Won {
    since: Instant,
    last: Instant,
    /// After so long the rival is either gone or doesn't hear us.
    within: Duration,
}

/// What the group has to be settled for, when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) kind: StateKind,
    /// Ready to take over.
    pub(crate) ripe: bool,
    /// It takes part.
    pub(crate) started: bool,
    /// What stands in its own way.
    pub(crate) blocked: Option<Reason>,
    /// Why it last changed state.
    pub(crate) why: Option<Reason>,
    /// It is new to its group.
    pub(crate) joins: bool,
}

impl Router {
    /// It is new to its group: if that is master, it becomes master with it.
    pub(crate) fn join(&mut self) {
        if let Some(partners) = &mut self.partners {
            partners.joins = true;
        }
    }

    /// The configuration has put it into a group, or taken it out.
    pub(super) fn regroup(&mut self, grouped: bool) {
        self.partners = grouped.then(|| self.partners.take().unwrap_or_default());
        if let (false, State::Backup(backup)) = (grouped, &mut self.state) {
            // What waited for partners is due now.
            backup.ripe = false;
        }
    }

    /// Where it stands, for its group; `None` when it has none.
    pub(crate) fn face(&self) -> Option<Face> {
        let partners = self.partners.as_ref()?;
        Some(Face {
            kind: self.state.kind(),
            ripe: matches!(self.state, State::Backup(backup) if backup.ripe),
            started: self.started,
            blocked: partners.blocked.filter(|_| self.started),
            why: partners.why,
            joins: partners.joins,
        })
    }

    /// Its own obstacle, or else that of a partner, decides whether it takes part.
    pub(crate) fn impose(&mut self, s: &mut Surroundings<'_>, partner: Option<Reason>) {
        if !self.started {
            return;
        }
        let own = self.partners.as_ref().and_then(|p| p.blocked);
        // An obstacle outranks what has no result yet.
        let obstacle = match (own, partner) {
            (Some(why), Some(partner)) if why.is_pending() => Some(partner),
            (own, partner) => own.or(partner),
        };
        self.act_on(s, obstacle);
    }

    /// All partners are ripe.
    pub(crate) fn promote(&mut self, s: &mut Surroundings<'_>) {
        if let Some(partners) = &mut self.partners
            && core::mem::take(&mut partners.joins)
            && let State::Backup(backup) = &mut self.state
        {
            backup.ripe = true;
        }
        self.signal(s, Signal::Promote);
    }

    /// A partner let go.
    pub(crate) fn yield_with(&mut self, s: &mut Surroundings<'_>, why: Reason) {
        self.signal(s, Signal::Yield(why));
    }

    /// Whether it is winning a contest: a rival of lower rank advertises, and hasn't done so for
    /// longer than it takes to hear us.
    pub(crate) fn wins(&self, now: Instant) -> bool {
        let won = self.partners.as_ref().and_then(|p| p.won);
        self.is_master() && won.is_some_and(|w| now < w.last + w.within && now < w.since + w.within)
    }

    /// Whether a master is to hold against a rival of higher rank.
    pub(crate) fn stand(&mut self, stands: bool) {
        if let Some(partners) = &mut self.partners {
            partners.stands = stands;
        }
    }

    /// It has announced because of a rival that is master: its partners do, once.
    pub(super) fn point_partners(&mut self, heard: Heard) {
        if let Some(partners) = &mut self.partners {
            // A rival that resigns takes its partners with it, which say so themselves.
            partners.pointed = heard.priority != Priority::RELEASE;
        }
    }

    /// Whether its partners are to announce; asked once.
    pub(crate) fn take_pointed(&mut self) -> bool {
        let partners = self.partners.as_mut();
        partners.is_some_and(|p| core::mem::take(&mut p.pointed))
    }

    /// A partner wins its contest: announces with it.
    pub(crate) fn point_along(&mut self, s: &mut Surroundings<'_>) {
        if !self.is_master() {
            return;
        }
        let interval = self.params(s).interval.duration();
        let garp = &s.config.instance(self.id).garp;
        if let Some(burst) = self.announcer.along(garp, s.now, interval) {
            self.announce(s, burst);
        }
    }

    /// A rival of lower rank was heard.
    pub(super) fn note_contest(&mut self, params: &Params, now: Instant, heard: Heard) {
        let Some(partners) = &mut self.partners else {
            return;
        };
        if heard.priority == Priority::RELEASE {
            return;
        }
        let within = params.master_down(params.interval);
        let going_on = partners.won.filter(|w| now < w.last + w.within);
        partners.won = Some(Won {
            since: going_on.map_or(now, |w| w.since),
            last: now,
            within,
        });
    }
}
