//! Going on with another configuration.
//!
//! First everybody lets go, under the old configuration, of what the new one doesn't have. Then the
//! new one is in force, which [`Output::Reloaded`] says, and everybody takes what is new to it. What
//! one lets go of and another takes never leaves the host: the two effects cancel each other. Who is
//! unchanged isn't asked.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Deadlines, Engine, Holders};
use crate::addressees::Addressees;
use crate::config::Config;
use crate::group::Groups;
use crate::lease::Refreshes;
use crate::output::{Effect, Output};
use crate::plan::{Fate, Moves, Plan, Reloaded};
use crate::router::Router;

impl Engine {
    pub(super) fn reload(&mut self, config: Config) {
        self.settle_groups();
        let config = Arc::new(config);
        let plan = Arc::new(Plan::new(&self.config, &config));
        let earlier = core::mem::take(&mut self.out);
        self.let_go(&plan, &config);
        let given = core::mem::take(&mut self.out);
        let before = core::mem::replace(&mut self.config, Arc::clone(&config));
        self.move_in(&plan, &before);
        self.take_up(&plan, &before);
        let taken = core::mem::take(&mut self.out);
        let (given, taken) = settle(given, taken, &plan.moves);
        self.out = earlier;
        self.out.extend(given);
        self.out.push_back(Output::Reloaded(Reloaded {
            config,
            before,
            plan,
        }));
        self.out.extend(taken);
    }

    /// Under the old configuration.
    fn let_go(&mut self, plan: &Plan, new: &Config) {
        for step in &plan.instances {
            match (step.from, step.to, &step.fate) {
                (Some(from), _, Fate::Restarted(_) | Fate::Removed) => {
                    self.one(from, Router::remove);
                }
                (Some(from), Some(to), Fate::Changed(_)) => {
                    let to = new.instance(to);
                    self.one(from, |router, s| router.let_go(s, &plan.moves, to));
                }
                (_, _, Fate::Unchanged | Fate::Changed(_) | Fate::Added)
                | (None, _, Fate::Restarted(_) | Fate::Removed) => {}
            }
        }
        self.checks.cancel(plan, &mut self.out);
        let (old, moves) = (&self.config, &plan.moves);
        self.fixtures.let_go(old, new, moves, &mut self.out);
    }

    /// Everything that is known by position gets its new one.
    fn move_in(&mut self, plan: &Plan, before: &Config) {
        let config = &self.config;
        self.links.move_in(&plan.moves, config, self.now);
        let groups = Groups::new(config);
        self.addressees = Addressees::new(config);
        let mut old: Vec<Option<Router>> = self.routers.drain(..).map(Some).collect();
        for step in &plan.instances {
            let Some(to) = step.to else { continue };
            let goes_on = matches!(step.fate, Fate::Unchanged | Fate::Changed(_));
            let kept = step.from.filter(|_| goes_on);
            let kept = kept.and_then(|from| old[from.index()].take());
            let grouped = groups.is_grouped(to);
            self.routers.push(match kept {
                Some(router) => router.moved(to, grouped, &plan.moves),
                None => Router::new(to, config.instance(to), grouped, self.now),
            });
        }
        self.groups = core::mem::replace(&mut self.groups, groups).moved(plan, config);
        self.pacer.move_in(plan, config);
        self.fixtures.move_in(before, config, &plan.moves);
        self.holders = Holders::new(config);
        self.deadlines = Deadlines::of_all(&self.routers);
        self.refreshes = Refreshes::new(self.routers.len());
        for router in &self.routers {
            self.refreshes.keep(router.id(), router.refresh_at());
        }
        // Interfaces have other positions now; who is unknown is told of once more.
        self.unknown.clear();
        self.stamps = self.config.instances.iter().any(|i| i.hmac.is_some());
        self.checks.move_in(plan, config, self.now, self.running);
        self.reloads += 1;
    }

    /// Under the new configuration.
    fn take_up(&mut self, plan: &Plan, old: &Config) {
        let (new, moves) = (&self.config, &plan.moves);
        self.fixtures.take_up(old, new, moves, &mut self.out);
        for step in &plan.instances {
            if let (Some(from), Some(to), Fate::Changed(_)) = (step.from, step.to, &step.fate) {
                let from = old.instance(from);
                self.one(to, |router, s| router.take_up(s, &plan.moves, from));
            }
        }
        self.start_late();
        self.join_groups(plan, old);
    }

    /// Instances that have come with a reload start as soon as their links are known.
    pub(super) fn start_late(&mut self) {
        if !self.running || self.starts_at.is_some() {
            return;
        }
        for i in 0..self.routers.len() {
            let router = &self.routers[i];
            let id = router.id();
            if !router.is_started() && self.knows_links_of(self.config.instance(id)) {
                self.one(id, Router::start);
            }
        }
    }

    fn knows_links_of(&self, instance: &crate::config::InstanceConfig) -> bool {
        let tracked = instance.links.iter().map(|link| link.interface);
        let device = instance.vmac.map(|vmac| vmac.device);
        let mut all = tracked.chain(device).chain([instance.interface]);
        let source = instance.source.filter(|_| instance.track_source);
        all.all(|interface| self.links.knows(interface))
            && source.is_none_or(|address| self.links.sources().contains_key(&address))
    }
}

/// Takes out what is both given and taken: it stays as it is.
fn settle(
    given: VecDeque<Output>,
    taken: VecDeque<Output>,
    moves: &Moves,
) -> (VecDeque<Output>, VecDeque<Output>) {
    let mut taken: Vec<Option<Output>> = taken.into_iter().map(Some).collect();
    let mut stays = |given: &Output| {
        let again =
            |output: &&mut Option<Output>| output.as_ref().is_some_and(|o| undoes(o, given, moves));
        // Its opposite goes with it.
        taken
            .iter_mut()
            .find(again)
            .is_some_and(|o| o.take().is_some())
    };
    let given = given.into_iter().filter(|output| !stays(output)).collect();
    (given, taken.into_iter().flatten().collect())
}

/// Whether one effect, under the new configuration, puts up what the other, under the old one, has
/// taken down.
fn undoes(taken: &Output, given: &Output, moves: &Moves) -> bool {
    let (Output::Effect(taken), Output::Effect(given)) = (taken, given) else {
        return false;
    };
    match (given, taken) {
        (Effect::RemoveAddress { address, .. }, Effect::AddAddress { address: new, .. })
        | (
            Effect::RemoveStaticAddress { address, .. },
            Effect::AddStaticAddress { address: new, .. },
        ) => moves.address(address).as_ref() == Some(new),
        (Effect::Uninstall { object, .. }, Effect::Install { object: new, .. }) => {
            moves.object(object).as_ref() == Some(new)
        }
        (Effect::RemoveDevice { device }, Effect::CreateDevice { device: new }) => {
            moves.device(device).as_ref() == Some(new)
        }
        (Effect::Unshut { addresses, .. }, Effect::Shut { addresses: new, .. }) => addresses == new,
        _ => false,
    }
}
