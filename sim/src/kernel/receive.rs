//! What a kernel does with a frame: ARP, ping, TCP to its service, adverts to its daemon. Neighbour
//! discovery is next door.
//!
//! As a real one it drops what isn't addressed to it, IPv4 with a wrong header checksum or
//! structure, and packets that claim to come from itself. The checksum of a VRRP message is the
//! daemon's business.

use core::net::IpAddr;

use locum_engine::ids::MacAddr;
use locum_engine::wire::arp::{Arp, Operation};
use locum_engine::wire::icmp::{self, Echo};
use locum_engine::wire::{self, ethernet, ipv4, ipv6};

use super::neighbour::News;
use super::tcp::{self, Flags, Segment};
use super::transmit::{PINGER_ID, probe_id, probe_port, send_to};
use super::{Context, Kernel, Packet, Payload};
use crate::capture::Bytes;
use crate::probe::Ask;
use crate::record::Observed;

/// An IP packet as it arrived.
pub(super) struct Arrived<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// TTL or hop limit.
    pub(super) ttl: u8,
    pub(super) protocol: u8,
    /// IPv4 identification; zero over IPv6.
    pub(super) id: u16,
    pub(super) payload: &'a [u8],
    /// Where in the frame the payload starts.
    pub(super) start: usize,
    /// Whose hardware address it came from.
    pub(super) from: MacAddr,
}

impl<'a> Arrived<'a> {
    /// The ping or pong in it.
    fn echo(&self) -> Option<Echo<'a>> {
        match (self.source, self.destination) {
            (IpAddr::V4(_), IpAddr::V4(_)) if self.protocol == icmp::PROTOCOL => {
                Echo::parse(self.payload)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) if self.protocol == icmp::PROTOCOL_V6 => {
                Echo::parse_v6(source, destination, self.payload)
            }
            (IpAddr::V4(_) | IpAddr::V6(_), IpAddr::V4(_) | IpAddr::V6(_)) => None,
        }
    }
}

impl Kernel {
    /// Takes a frame from the NIC.
    pub(crate) fn receive(&mut self, cx: &mut Context<'_>, bytes: &Bytes) {
        let Some(frame) = ethernet::View::new(bytes) else {
            return;
        };
        if !self.listens_to(frame.destination) {
            return;
        }
        match frame.ethertype {
            ethernet::ETHERTYPE_ARP => {
                if let Some(arp) = Arp::parse(frame.payload) {
                    self.receive_arp(cx, arp, self.has_mac(frame.destination));
                }
            }
            ethernet::ETHERTYPE_IPV4 => {
                if let Ok(packet) = ipv4::View::new(frame.payload)
                    && !packet.is_fragment()
                {
                    let header = packet.header_len();
                    let arrived = Arrived {
                        source: packet.source().into(),
                        destination: packet.destination().into(),
                        ttl: packet.ttl(),
                        protocol: packet.protocol(),
                        id: packet.header().id,
                        payload: packet.payload(),
                        start: ethernet::LEN + header,
                        from: frame.source,
                    };
                    self.receive_ip(cx, &arrived, bytes);
                }
            }
            ethernet::ETHERTYPE_IPV6 => {
                if let Ok(packet) = ipv6::View::new(frame.payload) {
                    self.receive_ipv6(cx, &packet, frame.source, bytes);
                }
            }
            _ => {}
        }
    }

    /// The NIC's filter: its own address, broadcasts, the groups of its IPv6 addresses, and VRRP's
    /// while a daemon listens.
    fn listens_to(&self, destination: MacAddr) -> bool {
        self.has_mac(destination)
            || destination == MacAddr::BROADCAST
            || self.is_a_node_of(destination)
            || self.groups().iter().any(|group| match group {
                IpAddr::V4(group) => destination == ethernet::multicast_mac(*group),
                IpAddr::V6(group) => destination == ethernet::multicast_mac_v6(*group),
            })
    }

    /// The groups its daemon listens to.
    fn groups(&self) -> &[IpAddr] {
        self.socket.as_ref().map_or(&[], |socket| &socket.groups)
    }

    fn receive_arp(&mut self, cx: &mut Context<'_>, arp: Arp, to_us: bool) {
        let is_reply = arp.operation == Operation::Reply;
        if self.holds(arp.sender_ip.into()) || arp.sender_mac.is_group() {
            return;
        }
        let asked = !is_reply && self.holds(arp.target_ip.into());
        if !arp.sender_ip.is_unspecified() {
            let own_target = !is_reply || arp.target_mac == arp.sender_mac;
            let news = News {
                ip: arp.sender_ip.into(),
                mac: arp.sender_mac,
                confirms: is_reply && to_us,
                overrides: asked || (arp.sender_ip == arp.target_ip && own_target),
                creates: asked,
            };
            for packet in self.neighbours.learn(cx.local, news) {
                send_to(cx, arp.sender_mac, packet.frame);
            }
        }
        if asked {
            let answer = Arp {
                operation: Operation::Reply,
                sender_mac: self.mac_of(arp.target_ip.into()),
                sender_ip: arp.target_ip,
                target_mac: arp.sender_mac,
                target_ip: arp.sender_ip,
            };
            self.send_arp(cx, arp.sender_mac, answer);
        } else if is_reply && to_us {
            let asked = self.probes.iter_mut().filter(|run| run.ask == Ask::Arp);
            asked.for_each(|run| run.answer(arp.sender_ip.into(), None, true));
            self.settle_probes();
        }
    }

    /// An IP packet of either family, but for neighbour discovery.
    pub(super) fn receive_ip(&mut self, cx: &mut Context<'_>, packet: &Arrived<'_>, frame: &Bytes) {
        let (source, destination) = (packet.source, packet.destination);
        if source.is_multicast() || self.holds(source) {
            return;
        }
        let to_us = self.holds(destination);
        match packet.protocol {
            wire::PROTOCOL | wire::ah::PROTOCOL
                if to_us || self.groups().contains(&destination) =>
            {
                self.receive_advert(packet, frame);
            }
            icmp::PROTOCOL | icmp::PROTOCOL_V6 | tcp::PROTOCOL if self.is_shut(destination) => {}
            icmp::PROTOCOL | icmp::PROTOCOL_V6 if to_us => {
                if let Some(echo) = packet.echo() {
                    self.receive_echo(cx, source, destination, echo, packet.from);
                }
            }
            tcp::PROTOCOL if to_us => {
                if let Some(segment) = Segment::parse(source, destination, packet.payload) {
                    self.receive_tcp(cx, source, destination, segment, packet.from);
                }
            }
            _ => {}
        }
    }

    fn receive_advert(&mut self, packet: &Arrived<'_>, frame: &Bytes) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        let end = packet.start + packet.payload.len();
        socket.packet(Packet {
            source: packet.source,
            destination: packet.destination,
            ttl: packet.ttl,
            protocol: packet.protocol,
            id: packet.id,
            payload: Payload::new(Bytes::clone(frame), packet.start..end),
        });
    }

    fn receive_echo(
        &mut self,
        cx: &mut Context<'_>,
        source: IpAddr,
        destination: IpAddr,
        echo: Echo<'_>,
        from: MacAddr,
    ) {
        if !echo.reply {
            self.send_echo(cx, destination, source, &echo.to_reply());
        } else if echo.id == PINGER_ID {
            self.take_pong(cx, from);
        } else {
            let run = self
                .probes
                .iter_mut()
                .find(|run| probe_id(run.check) == echo.id && run.run == echo.sequence);
            if let Some(run) = run.filter(|run| run.ask == Ask::Ping) {
                run.answer(source, None, true);
                self.settle_probes();
            }
        }
    }

    /// A client's ping was answered.
    fn take_pong(&mut self, cx: &mut Context<'_>, from: MacAddr) {
        let Some(pinger) = &mut self.pinger else {
            return;
        };
        let revealed = pinger.answer(cx.now, from);
        let client = self.id;
        if let Some(lasted) = revealed.outage {
            cx.record(Observed::Outage { client, lasted });
        }
        let server = revealed
            .server
            .and_then(|mac| cx.services.iter().find(|s| s.mac == mac));
        if let Some(server) = server.map(|service| service.owner) {
            cx.record(Observed::ServedBy { client, server });
        }
    }

    fn receive_tcp(
        &mut self,
        cx: &mut Context<'_>,
        source: IpAddr,
        destination: IpAddr,
        segment: Segment,
        from: MacAddr,
    ) {
        if segment.flags == Flags::Syn {
            if cx.services[self.id.index()].status.is_some() {
                let answer = segment.to_answer().encode(destination, source);
                self.send_ip(cx, destination, source, tcp::PROTOCOL, &answer);
            }
            return;
        }
        let run = self.probes.iter_mut().find(|run| {
            probe_port(run.check) == segment.destination_port
                && u32::from(run.run) + 1 == segment.acknowledged
        });
        let Some(run) = run else {
            return;
        };
        let good = match (run.ask, cx.status_of(from)) {
            (Ask::Tcp, _) => true,
            (Ask::Http(expected), Some(status)) => status == expected,
            (Ask::Http(_), None) | (Ask::Ping | Ask::Arp, _) => return,
        };
        run.answer(source, Some(segment.source_port), good);
        self.settle_probes();
    }
}
