//! Putting a router's adverts and announcements into bytes.

use core::net::IpAddr;

use super::announce::Burst;
use super::{Router, Surroundings};
use crate::event::Event;
use crate::ids::Priority;
use crate::output::{Output, Transmit};
use crate::wire::{self, Advert, GROUP_V4, TTL};

impl Router {
    /// An advert to the group, if there is a link to send it on and an address to send it from.
    pub(super) fn send_advert(&mut self, s: &mut Surroundings<'_>, priority: Priority) {
        let config = s.config.instance(self.id);
        let link = &s.links[config.interface.index()];
        let Some(IpAddr::V4(source)) = self.source(s).filter(|_| link.up) else {
            return;
        };
        self.ip_id = self.ip_id.checked_add(1).unwrap_or(1);
        let advert = Advert {
            version: config.version,
            vrid: config.vrid,
            priority,
            interval: config.advert_interval,
            auth: config.auth,
            addresses: &self.advertised,
        };
        let mut packet = Vec::with_capacity(wire::ipv4::LEN + advert.encoded_len());
        wire::advert_packet(self.ip_id, TTL, source, GROUP_V4, &advert, &mut packet);
        self.stats.sent += 1;
        self.stats.resigned += u64::from(priority == Priority::RELEASE);
        s.out.push_back(Output::Transmit(Transmit::Advert {
            instance: self.id,
            interface: config.interface,
            destination: IpAddr::V4(GROUP_V4),
            priority,
            packet,
        }));
    }

    /// Rounds over all addresses, advertised ones first; nothing when the burst has no rounds.
    pub(super) fn announce(&mut self, s: &mut Surroundings<'_>, burst: Burst) {
        if burst.rounds == 0 {
            return;
        }
        for _ in 0..burst.rounds {
            for held in s.config.instance(self.id).held_addresses() {
                let link = &s.links[held.interface.index()];
                let IpAddr::V4(address) = held.address else {
                    continue;
                };
                if link.up {
                    s.out.push_back(Output::Transmit(Transmit::GratuitousArp {
                        instance: self.id,
                        interface: held.interface,
                        address,
                        mac: link.mac,
                        frame: wire::arp::gratuitous(link.mac, address),
                    }));
                }
            }
        }
        let event = Event::Announced {
            instance: self.id,
            why: burst.why,
        };
        s.out.push_back(Output::Event(event));
    }
}
