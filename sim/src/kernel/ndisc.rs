//! Neighbour discovery in a kernel: its groups, its answers, and what it learns (RFC 4861 7.2).
//!
//! Addresses are there at once, without duplicate address detection, and nobody announces the
//! groups he is in: the switches flood them all.

use core::net::{IpAddr, Ipv6Addr};

use locum_engine::ids::MacAddr;
use locum_engine::wire::ndp::{ALL_NODES, Flags, Kind, Neighbour};
use locum_engine::wire::{ethernet, icmp, ipv6};

use super::neighbour::News;
use super::receive::Arrived;
use super::transmit::send_to;
use super::{Context, Kernel};
use crate::capture::Bytes;

impl Kernel {
    /// Whether a group's hardware address is one that IPv6 makes this host listen to.
    pub(super) fn is_a_node_of(&self, group: MacAddr) -> bool {
        let solicited = |held: IpAddr| match held {
            IpAddr::V4(_) => false,
            IpAddr::V6(held) => ethernet::multicast_mac_v6(ipv6::solicited_node(held)) == group,
        };
        group == const { ethernet::multicast_mac_v6(ALL_NODES) } || self.addresses().any(solicited)
    }

    pub(super) fn receive_ipv6(
        &mut self,
        cx: &mut Context<'_>,
        packet: &ipv6::View<'_>,
        from: MacAddr,
        frame: &Bytes,
    ) {
        if packet.next_header() == icmp::PROTOCOL_V6
            && let Some(message) = Neighbour::parse(&packet.header(), packet.payload())
        {
            self.receive_neighbour(cx, &packet.header(), message);
            return;
        }
        let arrived = Arrived {
            source: packet.source().into(),
            destination: packet.destination().into(),
            ttl: packet.hop_limit(),
            protocol: packet.next_header(),
            id: 0,
            payload: packet.payload(),
            start: ethernet::LEN + ipv6::LEN,
            from,
        };
        self.receive_ip(cx, &arrived, frame);
    }

    fn receive_neighbour(&mut self, cx: &mut Context<'_>, header: &ipv6::Header, said: Neighbour) {
        let Some(mac) = said.mac.filter(|mac| !mac.is_group()) else {
            return;
        };
        match said.kind {
            Kind::Solicitation => self.receive_question(cx, header.source, said.target, mac),
            // Somebody else has an address of ours. Linux says so in its log, and goes on.
            Kind::Advertisement(_) if self.holds(said.target.into()) => {}
            Kind::Advertisement(flags) => {
                let news = News {
                    ip: said.target.into(),
                    mac,
                    confirms: flags.solicited,
                    overrides: flags.overrides,
                    creates: false,
                };
                self.learn(cx, news);
            }
        }
    }

    fn receive_question(
        &mut self,
        cx: &mut Context<'_>,
        source: Ipv6Addr,
        target: Ipv6Addr,
        mac: MacAddr,
    ) {
        let ours = self.holds(target.into());
        if !ours || source.is_unspecified() || self.holds(source.into()) {
            return;
        }
        let news = News {
            ip: source.into(),
            mac,
            confirms: false,
            overrides: true,
            creates: true,
        };
        self.learn(cx, news);
        let answer = Neighbour {
            target,
            mac: Some(self.mac),
            kind: Kind::Advertisement(Flags {
                router: false,
                solicited: true,
                overrides: true,
            }),
        };
        self.send_neighbour(cx, mac, target, source, answer);
    }

    fn learn(&mut self, cx: &mut Context<'_>, news: News) {
        for packet in self.neighbours.learn(cx.local, news) {
            send_to(cx, news.mac, packet.frame);
        }
    }
}
