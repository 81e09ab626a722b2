//! Routes and rules: what the engine wants on the host besides addresses and devices.
//!
//! Not the decision when, which is the engine's. What is up because of us is remembered by what it is,
//! not by its position, which a reload changes: so that lost notifications can be made up for, and so
//! that nothing stays behind a panic. Whose it is, when the kernel says that one is gone, is looked up
//! in the configuration.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU32;
use std::rc::Rc;

use locum_engine::config::{Config, Object, ObjectId};
use locum_engine::ids::{InstanceId, InterfaceId};
use locum_engine::plan::Reloaded;
use tracing::{debug, error};

use super::netlink::{Netlink, RouteKey, RuleKey};
use crate::links::Links;

/// What is there because of us, and what may be.
#[derive(Debug)]
pub(super) struct Belongings {
    links: Rc<Links>,
    /// In the order in which they were put up; as often as somebody wants them.
    installed: Vec<Object>,
    owners: Owners,
}

/// Whose routes and rules are, by what the kernel says of them. Two may want the same.
#[derive(Debug, Default)]
struct Owners {
    routes: BTreeMap<RouteKey, Vec<ObjectId>>,
    rules: BTreeMap<RuleKey, Vec<ObjectId>>,
}

impl Belongings {
    pub(super) fn new(config: &Config, links: Rc<Links>) -> Self {
        Self {
            links,
            installed: Vec::new(),
            owners: Owners::new(config),
        }
    }

    /// Another configuration is in force. Nothing changes on the host.
    pub(super) fn reload(&mut self, reloaded: &Reloaded) {
        let moves = &reloaded.plan.moves;
        let installed = self.installed.iter().filter_map(|o| moves.object(o));
        self.installed = installed.collect();
        self.owners = Owners::new(&reloaded.config);
    }

    /// Adds a route or a rule; that it is there already is success.
    pub(super) fn install(&mut self, netlink: &mut Netlink, object: Object) -> io::Result<()> {
        let result = self.send(netlink, &object, true);
        if !self.installed.contains(&object) {
            self.installed.push(object);
        }
        match result {
            Err(e) if e.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            result => result,
        }
    }

    /// Removes a route or a rule; that it isn't there is success.
    pub(super) fn uninstall(&mut self, netlink: &mut Netlink, object: &Object) {
        // The last one first, as they are let go of in reverse order.
        if let Some(at) = self.installed.iter().rposition(|o| o == object) {
            self.installed.remove(at);
        }
        let gone = [libc::ESRCH, libc::ENOENT, libc::ENODEV, libc::ENETUNREACH];
        match self.send(netlink, object, false) {
            Ok(()) => debug!(?object, "removed"),
            Err(e) if e.raw_os_error().is_some_and(|code| gone.contains(&code)) => {}
            Err(e) => error!("can't remove {object:?}: {e}"),
        }
    }

    /// Installs everything again that should be there: notifications were lost.
    pub(super) fn renew(&mut self, netlink: &mut Netlink) {
        for object in &self.installed {
            if let Err(e) = self.send(netlink, object, true) {
                debug!("not renewed: {object:?}: {e}");
            }
        }
    }

    fn send(&self, netlink: &mut Netlink, object: &Object, add: bool) -> io::Result<()> {
        let route = match object {
            Object::Rule(rule) => return netlink.rule(rule, add),
            Object::Route(route) => route,
        };
        let index = |id| self.links.index(id).map(NonZeroU32::get);
        let absent = |id: &InterfaceId| index(*id).is_none();
        if route
            .hops
            .iter()
            .filter_map(|hop| hop.interface)
            .any(|id| absent(&id))
        {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        netlink.route(route, |hop| hop.interface.and_then(index), add)
    }

    /// Who may have put up that route. The engine knows who has.
    pub(super) fn route(&self, key: &RouteKey) -> &[ObjectId] {
        self.owners.routes.get(key).map_or(&[], Vec::as_slice)
    }

    /// The same of a rule.
    pub(super) fn rule(&self, key: &RuleKey) -> &[ObjectId] {
        self.owners.rules.get(key).map_or(&[], Vec::as_slice)
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self, netlink: &mut Netlink) {
        while let Some(object) = self.installed.last().cloned() {
            self.uninstall(netlink, &object);
        }
    }
}

impl Owners {
    fn new(config: &Config) -> Self {
        let mut this = Self::default();
        this.add(None, &config.statics.objects);
        for (owner, instance) in (0..=u16::MAX).map(InstanceId).zip(&config.instances) {
            this.add(Some(owner), &instance.objects);
        }
        this
    }

    fn add(&mut self, owner: Option<InstanceId>, objects: &[Object]) {
        for (index, object) in (0_u16..).zip(objects) {
            let owners = match object {
                Object::Route(route) => self.routes.entry(RouteKey::of(route)).or_default(),
                Object::Rule(rule) => self.rules.entry(RuleKey::of(rule)).or_default(),
            };
            owners.push(ObjectId { owner, index });
        }
    }
}
