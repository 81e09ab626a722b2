//! What a kernel sends: adverts for its daemon, questions, pings, checks, answers.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::{CheckId, MacAddr};
use locum_engine::probe::Probe;
use locum_engine::wire::arp::{Arp, Operation};
use locum_engine::wire::icmp::{self, Echo};
use locum_engine::wire::ndp::{self, Neighbour};
use locum_engine::wire::{ethernet, ipv4, ipv6};

use super::tcp::{self, Flags, Segment};
use super::{Context, Kernel, Route, Waiting, neighbour};
use crate::probe::{Ask, ProbeRun};

/// Linux's default TTL and hop limit.
const TTL: u8 = 64;
/// Identifies a client's pings.
pub(super) const PINGER_ID: u16 = 0xc11e;
/// Identifies the pings of check 0; the others follow.
const PROBE_ID: u16 = 0x4000;
/// Source port of the TCP checks of check 0.
const PROBE_PORT: u16 = 49_152;

/// The identifier of a check's pings.
pub(super) const fn probe_id(check: CheckId) -> u16 {
    PROBE_ID.wrapping_add(check.0)
}

/// The source port of a check's connections.
pub(super) const fn probe_port(check: CheckId) -> u16 {
    PROBE_PORT.wrapping_add(check.0)
}

impl Kernel {
    /// Wraps an IP packet of the daemon's and sends it from a hardware address of this host, to a
    /// group or to a neighbour.
    pub(crate) fn send_packet(
        &mut self,
        cx: &mut Context<'_>,
        from: MacAddr,
        to: IpAddr,
        packet: &[u8],
    ) {
        let (group, ethertype, source) = match to {
            IpAddr::V4(to) => (
                ethernet::multicast_mac(to),
                ethernet::ETHERTYPE_IPV4,
                packet
                    .get(12..16)
                    .and_then(|b| b.first_chunk::<4>())
                    .map(|b| IpAddr::from(*b)),
            ),
            IpAddr::V6(to) => (
                ethernet::multicast_mac_v6(to),
                ethernet::ETHERTYPE_IPV6,
                packet
                    .get(8..24)
                    .and_then(|b| b.first_chunk::<16>())
                    .map(|b| IpAddr::from(*b)),
            ),
        };
        if to.is_multicast() {
            let frame = ethernet::encode(group, from, ethertype, packet);
            cx.out.push(frame.into());
        } else {
            let frame = ethernet::encode(MacAddr::default(), from, ethertype, packet);
            let source = source.unwrap_or_else(|| self.source_towards(to));
            self.send_to_neighbour(cx, to, Waiting { source, frame });
        }
    }

    /// Sends an IP packet with this payload to a neighbour. There are no routes: every address is
    /// looked for on the segment, whatever its network. Nothing goes from one family to the other.
    pub(super) fn send_ip(
        &mut self,
        cx: &mut Context<'_>,
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        payload: &[u8],
    ) {
        let (header, ethertype) = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.packets = self.packets.wrapping_add(1);
                let header = ipv4::Header {
                    source,
                    destination,
                    ttl: TTL,
                    tos: 0,
                    id: self.packets,
                    protocol,
                };
                let header = header.encode(payload.len()).to_vec();
                (header, ethernet::ETHERTYPE_IPV4)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = ipv6::Header {
                    source,
                    destination,
                    hop_limit: TTL,
                    traffic_class: 0,
                    next_header: protocol,
                };
                let header = header.encode(payload.len()).to_vec();
                (header, ethernet::ETHERTYPE_IPV6)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return,
        };
        let packet = [&header[..], payload].concat();
        let frame = ethernet::encode(MacAddr::default(), self.mac, ethertype, &packet);
        self.send_to_neighbour(cx, destination, Waiting { source, frame });
    }

    fn send_to_neighbour(&mut self, cx: &mut Context<'_>, to: IpAddr, packet: Waiting) {
        match self.neighbours.route(cx.local, to, packet) {
            Route::To(mac, frame) => send_to(cx, mac, frame),
            Route::Ask(ask) => self.ask(cx, ask),
            Route::Wait => {}
        }
    }

    /// Sends an ARP request or a neighbour solicitation.
    pub(super) fn ask(&self, cx: &mut Context<'_>, ask: neighbour::Ask) {
        let own = || self.source_towards(ask.target);
        let sender = ask.sender.filter(|&ip| self.holds(ip)).unwrap_or_else(own);
        match (sender, ask.target) {
            (IpAddr::V4(sender_ip), IpAddr::V4(target_ip)) => {
                let arp = Arp {
                    operation: Operation::Request,
                    sender_mac: self.mac,
                    sender_ip,
                    target_mac: MacAddr::default(),
                    target_ip,
                };
                self.send_arp(cx, ask.to.unwrap_or(MacAddr::BROADCAST), arp);
            }
            (IpAddr::V6(source), IpAddr::V6(target)) => {
                let group = ipv6::solicited_node(target);
                let (mac, destination) = match ask.to {
                    Some(mac) => (mac, target),
                    None => (ethernet::multicast_mac_v6(group), group),
                };
                let question = Neighbour {
                    target,
                    mac: Some(self.mac),
                    kind: ndp::Kind::Solicitation,
                };
                self.send_neighbour(cx, mac, source, destination, question);
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
        }
    }

    /// Sends a solicitation or an advertisement.
    pub(super) fn send_neighbour(
        &self,
        cx: &mut Context<'_>,
        mac: MacAddr,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        message: Neighbour,
    ) {
        let payload = message.encode(source, destination);
        let header = ipv6::Header {
            source,
            destination,
            hop_limit: ndp::HOP_LIMIT,
            traffic_class: 0,
            next_header: icmp::PROTOCOL_V6,
        };
        let packet = [&header.encode(payload.len())[..], &payload].concat();
        let frame = ethernet::encode(mac, self.mac, ethernet::ETHERTYPE_IPV6, &packet);
        cx.out.push(frame.into());
    }

    pub(super) fn send_arp(&self, cx: &mut Context<'_>, to: MacAddr, arp: Arp) {
        let frame = ethernet::encode(to, arp.sender_mac, ethernet::ETHERTYPE_ARP, &arp.encode());
        cx.out.push(frame.into());
    }

    /// Starts a run of a check; an earlier one of the same check is given up.
    pub(crate) fn start_probe(
        &mut self,
        cx: &mut Context<'_>,
        check: CheckId,
        probe: &Probe,
        timeout: Duration,
    ) {
        self.cancel_probe(check);
        if self.socket.is_none() {
            return;
        }
        self.runs = self.runs.wrapping_add(1);
        let mut run = ProbeRun::new(check, self.runs, probe, cx.local, timeout);
        for at in 0..run.targets.len() {
            let target = run.targets[at];
            let address = target.address;
            if self.is_local(address) {
                self.ask_self(cx, &mut run, address);
            } else {
                self.ask_target(cx, &run, address, target.port);
            }
        }
        self.probes.push(run);
        self.settle_probes();
    }

    /// Gives a run up; it will say nothing.
    pub(crate) fn move_probes(&mut self, moves: &[Option<CheckId>]) {
        let moved = |check: CheckId| moves.get(check.index()).copied().flatten();
        self.probes.retain_mut(|run| match moved(run.check) {
            Some(to) => {
                run.check = to;
                true
            }
            None => false,
        });
        if let Some(socket) = &mut self.socket {
            socket.move_results(moved);
        }
    }

    pub(crate) fn cancel_probe(&mut self, check: CheckId) {
        self.probes.retain(|run| run.check != check);
        if let Some(socket) = &mut self.socket {
            socket.forget_result(check);
        }
    }

    fn ask_self(&self, cx: &Context<'_>, run: &mut ProbeRun, address: IpAddr) {
        let status = cx.services[self.id.index()].status;
        match (run.ask, status) {
            (Ask::Ping | Ask::Arp, _) | (Ask::Tcp, Some(_)) => run.answer(address, None, true),
            (Ask::Http(expected), Some(status)) => run.answer(address, None, status == expected),
            (Ask::Tcp | Ask::Http(_), None) => {}
        }
    }

    fn ask_target(&mut self, cx: &mut Context<'_>, run: &ProbeRun, to: IpAddr, port: u16) {
        match run.ask {
            Ask::Ping => self.send_ping(cx, to, probe_id(run.check), run.run),
            Ask::Arp => self.ask(
                cx,
                neighbour::Ask {
                    target: to,
                    to: None,
                    sender: None,
                },
            ),
            Ask::Tcp | Ask::Http(_) => {
                let syn = Segment {
                    source_port: probe_port(run.check),
                    destination_port: port,
                    sequence: u32::from(run.run),
                    acknowledged: 0,
                    flags: Flags::Syn,
                };
                let own = self.source_towards(to);
                let segment = syn.encode(own, to);
                self.send_ip(cx, own, to, tcp::PROTOCOL, &segment);
            }
        }
    }

    fn send_ping(&mut self, cx: &mut Context<'_>, to: IpAddr, id: u16, sequence: u16) {
        let echo = Echo {
            reply: false,
            id,
            sequence,
            payload: &[],
        };
        let own = self.source_towards(to);
        self.send_echo(cx, own, to, &echo);
    }

    pub(super) fn send_echo(
        &mut self,
        cx: &mut Context<'_>,
        from: IpAddr,
        to: IpAddr,
        echo: &Echo<'_>,
    ) {
        match (from, to) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let message = echo.encode_v6(source, destination);
                self.send_ip(cx, from, to, icmp::PROTOCOL_V6, &message);
            }
            (IpAddr::V4(_), _) | (_, IpAddr::V4(_)) => {
                self.send_ip(cx, from, to, icmp::PROTOCOL, &echo.encode());
            }
        }
    }

    /// Reports the runs whose outcome is known.
    pub(super) fn settle_probes(&mut self) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        self.probes.retain(|run| match run.outcome() {
            Some(outcome) => {
                socket.result(run.check, outcome);
                false
            }
            None => true,
        });
    }

    /// Ends the runs that have taken too long.
    pub(super) fn expire_probes(&mut self, local: Instant) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        self.probes.retain(|run| {
            let expired = run.deadline <= local;
            if expired {
                socket.result(run.check, run.expiry);
            }
            !expired
        });
    }

    /// A client's ping, when it is due.
    pub(super) fn ping_target(&mut self, cx: &mut Context<'_>) {
        let Some(pinger) = &mut self.pinger else {
            return;
        };
        if pinger.next <= cx.local {
            let (target, sequence) = (pinger.target, pinger.ping());
            self.send_ping(cx, target, PINGER_ID, sequence);
        }
    }
}

/// Fills in the destination and sends.
pub(super) fn send_to(cx: &mut Context<'_>, mac: MacAddr, mut frame: Vec<u8>) {
    frame[..6].copy_from_slice(&mac.0);
    cx.out.push(frame.into());
}
