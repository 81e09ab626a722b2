//! What a kernel sends: adverts for its daemon, questions, pings, checks, answers.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use locum_engine::Instant;
use locum_engine::ids::{CheckId, MacAddr};
use locum_engine::probe::Probe;
use locum_engine::wire::arp::{Arp, Operation};
use locum_engine::wire::icmp::{self, Echo};
use locum_engine::wire::{ethernet, ipv4};

use super::tcp::{self, Flags, Segment};
use super::{Context, Kernel, Route, Waiting, neighbour};
use crate::probe::{Ask, ProbeRun};

/// Linux's default TTL.
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
    /// Wraps an IP packet of the daemon's and sends it, to a group or to a neighbour.
    pub(crate) fn send_packet(&mut self, cx: &mut Context<'_>, to: IpAddr, packet: &[u8]) {
        let IpAddr::V4(to) = to else {
            return;
        };
        let source = packet
            .get(12..16)
            .and_then(|b| <[u8; 4]>::try_from(b).ok())
            .map_or(self.own, Ipv4Addr::from);
        if to.is_multicast() {
            let to = ethernet::multicast_mac(to);
            let frame = ethernet::encode(to, self.mac, ethernet::ETHERTYPE_IPV4, packet);
            cx.out.push(frame.into());
        } else {
            let nowhere = MacAddr::default();
            let frame = ethernet::encode(nowhere, self.mac, ethernet::ETHERTYPE_IPV4, packet);
            self.send_to_neighbour(cx, to, Waiting { source, frame });
        }
    }

    /// Sends an IP packet with this payload to a neighbour. There are no routes: every address is
    /// looked for on the segment, whatever its network.
    pub(super) fn send_ip(
        &mut self,
        cx: &mut Context<'_>,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: u8,
        payload: &[u8],
    ) {
        self.packets = self.packets.wrapping_add(1);
        let header = ipv4::Header {
            source,
            destination,
            ttl: TTL,
            tos: 0,
            id: self.packets,
            protocol,
        }
        .encode(payload.len());
        let mut frame = Vec::with_capacity(ethernet::LEN + ipv4::LEN + payload.len());
        frame.extend_from_slice(&[0; 6]);
        frame.extend_from_slice(&self.mac.0);
        frame.extend_from_slice(&ethernet::ETHERTYPE_IPV4.to_be_bytes());
        frame.extend_from_slice(&header);
        frame.extend_from_slice(payload);
        self.send_to_neighbour(cx, destination, Waiting { source, frame });
    }

    fn send_to_neighbour(&mut self, cx: &mut Context<'_>, to: Ipv4Addr, packet: Waiting) {
        match self.neighbours.route(cx.local, to, packet) {
            Route::To(mac, frame) => send_to(cx, mac, frame),
            Route::Ask(ask) => self.ask(cx, ask),
            Route::Wait => {}
        }
    }

    /// Sends an ARP request.
    pub(super) fn ask(&self, cx: &mut Context<'_>, ask: neighbour::Ask) {
        let sender_ip = ask.sender.filter(|&ip| self.holds(ip)).unwrap_or(self.own);
        let arp = Arp {
            operation: Operation::Request,
            sender_mac: self.mac,
            sender_ip,
            target_mac: MacAddr::default(),
            target_ip: ask.target,
        };
        self.send_arp(cx, ask.to.unwrap_or(MacAddr::BROADCAST), arp);
    }

    pub(super) fn send_arp(&self, cx: &mut Context<'_>, to: MacAddr, arp: Arp) {
        let frame = ethernet::encode(to, self.mac, ethernet::ETHERTYPE_ARP, &arp.encode());
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
            let Some(address) = target.address else {
                continue;
            };
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
    pub(crate) fn cancel_probe(&mut self, check: CheckId) {
        self.probes.retain(|run| run.check != check);
        if let Some(socket) = &mut self.socket {
            socket.forget_result(check);
        }
    }

    fn ask_self(&self, cx: &Context<'_>, run: &mut ProbeRun, address: Ipv4Addr) {
        let status = cx.services[self.id.index()].status;
        match (run.ask, status) {
            (Ask::Ping | Ask::Arp, _) | (Ask::Tcp, Some(_)) => run.answer(address, None, true),
            (Ask::Http(expected), Some(status)) => run.answer(address, None, status == expected),
            (Ask::Tcp | Ask::Http(_), None) => {}
        }
    }

    fn ask_target(&mut self, cx: &mut Context<'_>, run: &ProbeRun, to: Ipv4Addr, port: u16) {
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
                let segment = syn.encode(self.own, to);
                self.send_ip(cx, self.own, to, tcp::PROTOCOL, &segment);
            }
        }
    }

    fn send_ping(&mut self, cx: &mut Context<'_>, to: Ipv4Addr, id: u16, sequence: u16) {
        let echo = Echo {
            reply: false,
            id,
            sequence,
            payload: &[],
        };
        self.send_ip(cx, self.own, to, icmp::PROTOCOL, &echo.encode());
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
