//! What is told of interfaces: to whom it matters, and from when on.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use super::Engine;
use crate::event::Event;
use crate::ids::InterfaceId;
use crate::input::LinkState;
use crate::links::Told;
use crate::output::Output;
use crate::router::Router;

impl Engine {
    pub(super) fn link(&mut self, interface: InterfaceId, state: LinkState) {
        let patience = self.patience(interface);
        let config = Arc::clone(&self.config);
        let told = (interface, state);
        let told = self.links.tell(&config, self.now, told, patience);
        let up = state.up;
        let mut risen = false;
        let (before, event) = match told {
            Told::Counts { before } => (before, None),
            Told::Waits { before, by } => (before, Some(Event::LinkWaits { interface, up, by })),
            Told::Undone { before } => {
                // The kernel may have dropped routes meanwhile, which it doesn't tell.
                risen = up;
                (before, Some(Event::LinkUndone { interface, up }))
            }
        };
        self.out.extend(event.map(Output::Event));
        self.start_late();
        self.link_counts(interface, before, risen);
    }

    /// An address that adverts are sent from is there, or isn't.
    pub(super) fn source(&mut self, address: IpAddr, present: bool) {
        if self.links.tell_source(address, present) {
            self.start_late();
            self.each(Router::reconsider);
        }
    }

    /// How long the routers on an interface can do without it, if that matters.
    fn patience(&self, interface: InterfaceId) -> Option<Duration> {
        let config = &self.config;
        if !config.link_delays.iter().any(|d| d.interface == interface) {
            return None;
        }
        let here = self.routers.iter().filter_map(|router| {
            let config = config.instance(router.id());
            let device = config.vmac.map(|vmac| vmac.device);
            let uses = config.interface == interface || device == Some(interface);
            uses.then(|| router.patience(config))
        });
        here.min()
    }

    /// What is known of an interface counts from now on, in place of `before`. `risen`: it has come
    /// back all the same.
    pub(super) fn link_counts(&mut self, interface: InterfaceId, before: LinkState, risen: bool) {
        let up = self.links.all()[interface.index()].up;
        let (config, now) = (&self.config, self.now);
        let risen = risen || (up && !before.up);
        if before.up != up || risen {
            self.fixtures
                .link(config, interface, up, now, &mut self.out);
            self.fixtures_changed();
        }
        for id in super::ids(&self.config) {
            let config = self.config.instance(id);
            let tracks = config.links.iter().any(|link| link.interface == interface);
            let carries = config.vmac.is_some_and(|vmac| vmac.device == interface);
            let depends = config.interface == interface || tracks || carries;
            let renews = risen && !config.objects.is_empty();
            if !depends && !renews {
                continue;
            }
            self.one(id, |router, s| {
                if depends {
                    router.reconsider(s);
                }
                if renews {
                    router.renew_objects(s);
                }
            });
        }
    }
}
