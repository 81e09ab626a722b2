//! Inputs to bytes.
//!
//! A record is a tag, the time since the record before, the body, and the proof of what came of it.
//! An advert that has come before, but for its identification, is one number: the place at which the
//! earlier one is remembered.

use core::time::Duration;

use super::bytes::{put_address, put_bytes, put_number, put_signed};
use super::digest::Digest;
use super::packed::Packed;
use crate::event::{Event, StateKind};
use crate::ids::{InstanceId, InterfaceId};
use crate::input::{Command, Datagram, Input, LinkState, Outcome};
use crate::output::Output;
use crate::time::Instant;
use crate::wire::Family;

/// Runs of checks that were none are counted from here, behind all exit statuses.
pub(super) const NOT_RUN: u64 = 2 + 256;

/// What a record is of: the lower bits of its tag.
pub(super) mod kind {
    pub(in super::super) const END: u8 = 0;
    pub(in super::super) const TIMEOUT: u8 = 1;
    pub(in super::super) const UTC: u8 = 2;
    pub(in super::super) const PACKET: u8 = 3;
    pub(in super::super) const AGAIN: u8 = 4;
    pub(in super::super) const LINK: u8 = 5;
    pub(in super::super) const ADDRESS_REMOVED: u8 = 6;
    pub(in super::super) const ADDRESS_REFUSED: u8 = 7;
    pub(in super::super) const OBJECT_REMOVED: u8 = 8;
    pub(in super::super) const OBJECT_REFUSED: u8 = 9;
    pub(in super::super) const STATIC_REFUSED: u8 = 10;
    pub(in super::super) const CHECK: u8 = 11;
    pub(in super::super) const FILE: u8 = 12;
    pub(in super::super) const PROCESS: u8 = 13;
    pub(in super::super) const START: u8 = 14;
    pub(in super::super) const STOP: u8 = 15;
    pub(in super::super) const DRAIN: u8 = 16;
    pub(in super::super) const RESUME: u8 = 17;
    pub(in super::super) const PRIORITY: u8 = 18;
    pub(in super::super) const RELOAD: u8 = 19;
    pub(in super::super) const SOURCE: u8 = 20;
    pub(in super::super) const MASK: u8 = 0x1f;
}

/// The tag's bits: something was said; some of it was changes of state; the identification is the
/// one after that of the packet before.
pub(super) const SAID: u8 = 0x80;
pub(super) const CHANGED: u8 = 0x40;
pub(super) const NEXT_ID: u8 = 0x20;

/// Payloads longer than this aren't remembered: they are no adverts that anybody sends each second.
const PAYLOAD_MAX: usize = 256;

/// A packet, kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) interface: InterfaceId,
    pub(super) source: core::net::IpAddr,
    pub(super) destination: core::net::IpAddr,
    pub(super) ttl: u8,
    pub(super) protocol: u8,
    pub(super) id: u16,
    pub(super) payload: Vec<u8>,
}

/// The packets that have come, one for each virtual router as far as there is room.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// Nothing before the first packet: a master hears nobody.
    kept: Vec<Option<Kept>>,
    slots: usize,
}

impl Memory {
    /// Room for so many, a power of two.
    pub(super) fn new(slots: u16) -> Self {
        Self {
            kept: Vec::new(),
            slots: usize::from(slots.max(1)).next_power_of_two(),
        }
    }

    /// Enough for so many virtual routers.
    pub(super) fn slots_for(instances: usize) -> u16 {
        let slots = instances.clamp(8, 8192).next_power_of_two();
        u16::try_from(slots).expect("at most 8192")
    }

    pub(super) fn place(&self, datagram: &Datagram<'_>) -> usize {
        let vrid = datagram.payload.get(1).copied().unwrap_or_default();
        let key = usize::from(datagram.interface.0) << 8 | usize::from(vrid);
        let family = match Family::of(datagram.source) {
            Family::V4 => 0,
            Family::V6 => self.slots / 2,
        };
        (key ^ family) & (self.slots - 1)
    }

    pub(super) fn get(&self, place: usize) -> Option<&Kept> {
        self.kept.get(place)?.as_ref()
    }

    pub(super) fn set_id(&mut self, place: usize, id: u16) {
        if let Some(Some(kept)) = self.kept.get_mut(place) {
            kept.id = id;
        }
    }

    pub(super) fn keep(&mut self, place: usize, d: &Datagram<'_>) {
        self.kept.resize(self.slots, None);
        self.kept[place] = (d.payload.len() <= PAYLOAD_MAX).then(|| Kept {
            interface: d.interface,
            source: d.source,
            destination: d.destination,
            ttl: d.ttl,
            protocol: d.protocol,
            id: d.id,
            payload: d.payload.to_vec(),
        });
    }
}

impl Kept {
    fn is_like(&self, d: &Datagram<'_>) -> bool {
        self.payload == d.payload
            && (self.interface, self.ttl, self.protocol) == (d.interface, d.ttl, d.protocol)
            && (self.source, self.destination) == (d.source, d.destination)
    }
}

/// What was put out since the last input.
#[derive(Debug, Default)]
struct Said {
    count: u64,
    changes: Vec<(InstanceId, StateKind, StateKind)>,
}

/// Writes the records of one segment.
#[derive(Debug)]
pub(super) struct Encoder {
    last: Instant,
    memory: Memory,
    /// How far the wall clock is ahead, as last told.
    ahead: i64,
    digest: Digest,
    said: Said,
}

impl Encoder {
    pub(super) fn new(now: Instant, slots: u16) -> Self {
        Self {
            last: now,
            memory: Memory::new(slots),
            ahead: 0,
            digest: Digest::default(),
            said: Said::default(),
        }
    }

    /// Appends an input; `texts` are those of a configuration that is loaded, as
    /// [`encode_texts`] has them.
    pub(super) fn input(
        &mut self,
        out: &mut Vec<u8>,
        now: Instant,
        input: &Input<'_>,
        texts: &[u8],
    ) {
        let passed = now.saturating_since(self.last);
        self.last = self.last.max(now);
        let tag = out.len();
        out.push(0);
        put_number(out, crate::time::nanos(passed));
        let kind = match input {
            Input::Timeout => kind::TIMEOUT,
            Input::Utc(utc) => {
                self.utc(out, now, *utc);
                kind::UTC
            }
            Input::Receive(datagram) => self.packet(out, datagram),
            Input::Link { interface, state } => {
                put_number(out, interface.0.into());
                put_link(out, state);
                kind::LINK
            }
            Input::Source { address, present } => {
                put_address(out, *address);
                out.push((*present).into());
                kind::SOURCE
            }
            Input::AddressRemoved { interface, address } => {
                put_number(out, interface.0.into());
                put_address(out, *address);
                kind::ADDRESS_REMOVED
            }
            Input::AddressRefused { instance, address } => {
                put_number(out, instance.0.into());
                put_address(out, *address);
                kind::ADDRESS_REFUSED
            }
            Input::ObjectRemoved(object) => {
                put_number(out, object.owner.map_or(0, |id| u64::from(id.0) + 1));
                put_number(out, object.index.into());
                kind::OBJECT_REMOVED
            }
            Input::ObjectRefused(object) => {
                put_number(out, object.owner.map_or(0, |id| u64::from(id.0) + 1));
                put_number(out, object.index.into());
                kind::OBJECT_REFUSED
            }
            Input::StaticAddressRefused(index) => {
                put_number(out, (*index).into());
                kind::STATIC_REFUSED
            }
            Input::CheckDone { check, outcome } => {
                put_number(out, check.0.into());
                put_number(
                    out,
                    match outcome {
                        Outcome::Success => 0,
                        Outcome::TimedOut => 1,
                        Outcome::Failure(status) => 2 + u64::from(*status),
                        Outcome::NotRun(why) => NOT_RUN + *why as u64,
                    },
                );
                kind::CHECK
            }
            Input::FileValue { file, value } => {
                put_number(out, file.0.into());
                put_signed(out, (*value).into());
                kind::FILE
            }
            Input::ProcessCount { process, count } => {
                put_number(out, process.0.into());
                put_number(out, (*count).into());
                kind::PROCESS
            }
            Input::Command(command) => put_command(out, command, texts),
        };
        out[tag] |= kind;
    }

    fn utc(&mut self, out: &mut Vec<u8>, now: Instant, utc: Duration) {
        let ahead = crate::time::nanos(utc).wrapping_sub(now.as_nanos());
        let ahead = ahead.cast_signed();
        put_signed(out, ahead.wrapping_sub(self.ahead));
        self.ahead = ahead;
    }

    fn packet(&mut self, out: &mut Vec<u8>, datagram: &Datagram<'_>) -> u8 {
        let place = self.memory.place(datagram);
        if let Some(kept) = self.memory.get(place).filter(|kept| kept.is_like(datagram)) {
            put_number(out, place as u64);
            let next = kept.id.wrapping_add(1) == datagram.id;
            if !next {
                out.extend_from_slice(&datagram.id.to_le_bytes());
            }
            self.memory.set_id(place, datagram.id);
            return kind::AGAIN | if next { NEXT_ID } else { 0 };
        }
        put_number(out, datagram.interface.0.into());
        put_address(out, datagram.source);
        put_address(out, datagram.destination);
        out.extend_from_slice(&[datagram.ttl, datagram.protocol]);
        out.extend_from_slice(&datagram.id.to_le_bytes());
        put_bytes(out, datagram.payload);
        self.memory.keep(place, datagram);
        kind::PACKET
    }

    /// Something came of the input.
    pub(super) fn output(&mut self, output: &Output) {
        self.digest.add(output);
        self.said.count += 1;
        if let Output::Event(Event::StateChanged {
            instance, from, to, ..
        }) = output
        {
            self.said.changes.push((*instance, *from, *to));
        }
    }

    /// Everything has come of the input whose tag is at that position of `out`.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>, tag: usize) {
        if self.said.count == 0 {
            return;
        }
        out[tag] |= SAID;
        put_number(out, self.said.count);
        out.extend_from_slice(&self.digest.short().to_le_bytes());
        if !self.said.changes.is_empty() {
            out[tag] |= CHANGED;
            put_number(out, self.said.changes.len() as u64);
            for (instance, from, to) in self.said.changes.drain(..) {
                put_number(out, instance.0.into());
                out.push((from as u8) << 4 | to as u8);
            }
        }
        self.said.count = 0;
    }

    /// Appends that the segment ends, and what everything in it came to.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[kind::END, 0]);
        out.extend_from_slice(&self.digest.get().to_le_bytes());
    }
}

/// The texts of a configuration with its fingerprint.
pub(super) fn encode_texts(texts: &Packed, fingerprint: u64) -> Vec<u8> {
    let out = fingerprint.to_le_bytes().to_vec();
    postcard::to_extend(texts, out).expect("plain data, and a Vec that grows")
}

fn put_link(out: &mut Vec<u8>, state: &LinkState) {
    let LinkState {
        up,
        mac,
        address,
        link_local,
        forwards_ipv6,
    } = state;
    let flags = [*up, address.is_some(), link_local.is_some(), *forwards_ipv6];
    let flags = (0..).zip(flags).map(|(bit, set)| u8::from(set) << bit);
    out.push(flags.sum());
    out.extend_from_slice(&mac.0);
    if let Some(address) = address {
        put_address(out, *address);
    }
    if let Some(address) = link_local {
        out.extend_from_slice(&address.octets());
    }
}

fn put_command(out: &mut Vec<u8>, command: &Command, texts: &[u8]) -> u8 {
    let put_instance = |out: &mut Vec<u8>, instance: &Option<InstanceId>| {
        put_number(out, instance.map_or(0, |id| u64::from(id.0) + 1));
    };
    match command {
        Command::Start => kind::START,
        Command::Stop => kind::STOP,
        Command::Drain { instance, within } => {
            put_instance(out, instance);
            put_number(out, within.as_secs());
            put_number(out, within.subsec_nanos().into());
            kind::DRAIN
        }
        Command::Resume { instance } => {
            put_instance(out, instance);
            kind::RESUME
        }
        Command::SetPriority { instance, priority } => {
            put_number(out, instance.0.into());
            put_number(out, priority.map_or(0, |p| u64::from(p.0) + 1));
            kind::PRIORITY
        }
        Command::Reload(_) => {
            out.extend_from_slice(texts);
            kind::RELOAD
        }
    }
}
