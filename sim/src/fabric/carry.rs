//! The way of a frame: out of a NIC, through cables and switches, into a NIC.

use locum_engine::ids::MacAddr;

use super::cable::{Fate, Way};
use super::switch::HOPS_MAX;
use super::{Event, Fabric, Frame, RING};
use crate::capture::{Bytes, TapPoint};
use crate::topology::{CableId, End, HostId, SwitchId};

impl Fabric {
    /// A frame goes into a cable.
    pub(super) fn enter(&mut self, id: CableId, way: Way, frame: &Frame) {
        let cable = &mut self.cables[id.index()];
        if !cable.carrier {
            return;
        }
        let point = TapPoint::Cable(id, cable.source(way));
        self.taps.see(point, self.now, &frame.bytes);
        let epoch = cable.epoch;
        let Fate::Arrives { at, bytes, twice } = cable.lane(way).carry(self.now, &frame.bytes)
        else {
            return;
        };
        let frame = Frame {
            bytes,
            origin: frame.origin,
            hops: frame.hops + 1,
        };
        let arrive = |frame| Event::Arrive {
            cable: id,
            way,
            epoch,
            frame,
        };
        if twice {
            self.queue.push(at, arrive(frame.clone()));
        }
        self.queue.push(at, arrive(frame));
    }

    /// A frame comes out of a cable, if that has kept its carrier meanwhile.
    pub(super) fn arrive(&mut self, id: CableId, way: Way, epoch: u32, frame: Frame) {
        let cable = &self.cables[id.index()];
        if !cable.carrier || cable.epoch != epoch {
            return;
        }
        let end = cable.target(way);
        self.taps
            .see(TapPoint::Cable(id, end), self.now, &frame.bytes);
        match end {
            End::Host(host) => self.receive(host, frame),
            End::Switch(switch) => self.forward(switch, id, &frame),
        }
    }

    /// A frame reaches a switch.
    fn forward(&mut self, id: SwitchId, from: CableId, frame: &Frame) {
        let Some((destination, source)) = addresses_of(&frame.bytes) else {
            return;
        };
        if frame.hops >= HOPS_MAX {
            return;
        }
        self.taps.see(TapPoint::Segment(id), self.now, &frame.bytes);
        let switch = &mut self.switches[id.index()];
        let Some(inward) = switch.ports.iter().position(|port| port.cable == from) else {
            return;
        };
        match switch.forward(self.now, inward, source, destination) {
            Some(outward) if outward == inward => {}
            Some(outward) => {
                let port = switch.ports[outward];
                self.enter(port.cable, port.out, frame);
            }
            None => {
                for outward in 0..switch.ports.len() {
                    let port = self.switches[id.index()].ports[outward];
                    if outward != inward {
                        self.enter(port.cable, port.out, frame);
                    }
                }
            }
        }
    }

    /// A frame reaches a host's NIC.
    fn receive(&mut self, id: HostId, frame: Frame) {
        if self.parted[frame.origin.index() * self.hosts.len() + id.index()] {
            return;
        }
        self.taps.see(TapPoint::Nic(id), self.now, &frame.bytes);
        for forger in self.forgers.iter_mut().filter(|f| f.host == id) {
            forger.hear(&frame.bytes);
        }
        let host = &mut self.hosts[id.index()];
        if host.clock.is_paused() {
            if host.ring.len() < RING {
                host.ring.push_back(frame);
            }
            return;
        }
        self.with_kernel(id, |kernel, cx| kernel.receive(cx, &frame.bytes));
    }

    /// A host's NIC sends a frame; lost without carrier.
    pub(super) fn transmit(&mut self, id: HostId, bytes: Bytes) {
        let Some((cable, way)) = self.hosts[id.index()].nic else {
            return;
        };
        if !self.cables[cable.index()].carrier {
            return;
        }
        self.taps.see(TapPoint::Nic(id), self.now, &bytes);
        let frame = Frame {
            bytes,
            origin: id,
            hops: 0,
        };
        self.enter(cable, way, &frame);
    }
}

/// Destination and source of a frame; `None` when it is too short to have them.
fn addresses_of(bytes: &[u8]) -> Option<(MacAddr, MacAddr)> {
    let (destination, rest) = bytes.split_first_chunk::<6>()?;
    let source = rest.first_chunk::<6>()?;
    Some((MacAddr(*destination), MacAddr(*source)))
}
