//! Bytes to inputs. Nothing allocates more than what is there, whatever the bytes.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;

use super::bytes::Reader;
use super::encode::{CHANGED, Memory, NEXT_ID, NOT_RUN, SAID, kind};
use super::packed::Packed;
use crate::config::ObjectId;
use crate::event::StateKind;
use crate::ids::{CheckId, FileId, InstanceId, InterfaceId, MacAddr, Priority, ProcessId};
use crate::input::{Command, Datagram, Input, LinkState, NotRun, Outcome};
use crate::time::Instant;

/// Why bytes aren't records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// A record ends too early.
    #[error("it ends in the middle of a record")]
    Short,
    /// A kind that doesn't exist.
    #[error("there is a record of a kind that doesn't exist")]
    Tag,
    /// A number is too large for what it counts.
    #[error("a number is out of its range")]
    Number,
    /// The same packet again, and none was remembered.
    #[error("a packet is said to be the same as one that never came")]
    Unremembered,
    /// A beginning, or a configuration, isn't one.
    #[error("the beginning of a segment can't be read; another version has written it")]
    Head,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was told.
    pub now: Instant,
    /// What.
    pub told: Told,
    /// What came of it.
    pub proof: Proof,
}

/// What the engine was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Anything without bytes of its own.
    Plain(Input<'static>),
    /// A packet.
    Packet(Packet),
    /// Another configuration.
    Reload {
        /// As it was read.
        texts: Packed,
        /// See [`fingerprint`](super::fingerprint).
        config: u64,
    },
    /// Nothing: the segment was closed in order. The hash of all outputs follows.
    End(u64),
}

/// A [`Datagram`] that owns its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are Datagram's")]
pub struct Packet {
    pub interface: InterfaceId,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ttl: u8,
    pub protocol: u8,
    pub id: u16,
    pub payload: Vec<u8>,
}

impl Packet {
    /// As the engine takes it.
    pub fn datagram(&self) -> Datagram<'_> {
        Datagram {
            interface: self.interface,
            source: self.source,
            destination: self.destination,
            ttl: self.ttl,
            protocol: self.protocol,
            id: self.id,
            payload: &self.payload,
        }
    }
}

/// What is known of the outputs of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many there were.
    pub count: u64,
    /// A running hash of all outputs of the segment; meaningless without any.
    pub digest: u16,
    /// The changes of state among them.
    pub changes: Vec<(InstanceId, StateKind, StateKind)>,
}

/// Reads the records of a segment, behind its [`Head`](super::Head).
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    reader: Reader<'a>,
    now: Instant,
    memory: Memory,
    ahead: i64,
}

impl<'a> Decoder<'a> {
    /// `now` and `slots` are the head's.
    pub fn new(bytes: &'a [u8], now: Instant, slots: u16) -> Self {
        Self {
            reader: Reader(bytes),
            now,
            memory: Memory::new(slots.min(8192)),
            ahead: 0,
        }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When the bytes aren't a record. There is no way to find the next one then.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Garbled> {
        if self.reader.0.is_empty() {
            return Ok(None);
        }
        let tag = self.reader.byte()?;
        let passed = Duration::from_nanos(self.reader.number()?);
        self.now = self.now + passed;
        let told = self.told(tag)?;
        let proof = match tag & SAID {
            0 => Proof::default(),
            _ => self.proof(tag)?,
        };
        let now = self.now;
        Ok(Some(Entry { now, told, proof }))
    }

    fn told(&mut self, tag: u8) -> Result<Told, Garbled> {
        let r = &mut self.reader;
        Ok(Told::Plain(match tag & kind::MASK {
            kind::END => return Ok(Told::End(u64::from_le_bytes(r.array()?))),
            kind::PACKET => return self.packet().map(Told::Packet),
            kind::AGAIN => return self.again(tag & NEXT_ID != 0).map(Told::Packet),
            kind::RELOAD => {
                let config = u64::from_le_bytes(r.array()?);
                let (texts, rest) = postcard::take_from_bytes(r.0).map_err(|_| Garbled::Head)?;
                r.0 = rest;
                return Ok(Told::Reload { texts, config });
            }
            kind::TIMEOUT => Input::Timeout,
            kind::UTC => {
                self.ahead = self.ahead.wrapping_add(r.signed()?);
                let utc = self.now.as_nanos().wrapping_add(self.ahead.cast_unsigned());
                Input::Utc(Duration::from_nanos(utc))
            }
            kind::LINK => Input::Link {
                interface: InterfaceId(r.small()?),
                state: link(r)?,
            },
            kind::SOURCE => Input::Source {
                address: r.address()?,
                present: r.byte()? != 0,
            },
            kind::ADDRESS_REMOVED => Input::AddressRemoved {
                interface: InterfaceId(r.small()?),
                address: r.address()?,
            },
            kind::ADDRESS_REFUSED => Input::AddressRefused {
                instance: InstanceId(r.small()?),
                address: r.address()?,
            },
            kind::OBJECT_REMOVED => Input::ObjectRemoved(object(r)?),
            kind::OBJECT_REFUSED => Input::ObjectRefused(object(r)?),
            kind::STATIC_REFUSED => Input::StaticAddressRefused(r.small()?),
            kind::CHECK => Input::CheckDone {
                check: CheckId(r.small()?),
                outcome: match r.number()? {
                    0 => Outcome::Success,
                    1 => Outcome::TimedOut,
                    n @ 2..NOT_RUN => {
                        Outcome::Failure(u8::try_from(n - 2).map_err(|_| Garbled::Number)?)
                    }
                    n => {
                        let why = usize::try_from(n - NOT_RUN).ok();
                        let why = why.and_then(|i| NotRun::ALL.get(i));
                        Outcome::NotRun(*why.ok_or(Garbled::Number)?)
                    }
                },
            },
            kind::FILE => Input::FileValue {
                file: FileId(r.small()?),
                value: i32::try_from(r.signed()?).map_err(|_| Garbled::Number)?,
            },
            kind::PROCESS => Input::ProcessCount {
                process: ProcessId(r.small()?),
                count: r.small()?,
            },
            other => Input::Command(command(other, r)?),
        }))
    }

    fn packet(&mut self) -> Result<Packet, Garbled> {
        let r = &mut self.reader;
        let packet = Packet {
            interface: InterfaceId(r.small()?),
            source: r.address()?,
            destination: r.address()?,
            ttl: r.byte()?,
            protocol: r.byte()?,
            id: u16::from_le_bytes(r.array()?),
            payload: r.bytes()?.to_vec(),
        };
        let place = self.memory.place(&packet.datagram());
        self.memory.keep(place, &packet.datagram());
        Ok(packet)
    }

    fn again(&mut self, next: bool) -> Result<Packet, Garbled> {
        let place = self.reader.small()?;
        let id = match next {
            true => None,
            false => Some(u16::from_le_bytes(self.reader.array()?)),
        };
        let kept = self.memory.get(place).ok_or(Garbled::Unremembered)?;
        let packet = Packet {
            interface: kept.interface,
            source: kept.source,
            destination: kept.destination,
            ttl: kept.ttl,
            protocol: kept.protocol,
            id: id.unwrap_or_else(|| kept.id.wrapping_add(1)),
            payload: kept.payload.clone(),
        };
        self.memory.set_id(place, packet.id);
        Ok(packet)
    }

    fn proof(&mut self, tag: u8) -> Result<Proof, Garbled> {
        let r = &mut self.reader;
        let (count, digest) = (r.number()?, u16::from_le_bytes(r.array()?));
        let mut changes = Vec::new();
        if tag & CHANGED != 0 {
            for _ in 0..r.number()? {
                let instance = InstanceId(r.small()?);
                let states = r.byte()?;
                changes.push((instance, state(states >> 4)?, state(states & 0xf)?));
            }
        }
        Ok(Proof {
            count,
            digest,
            changes,
        })
    }
}

fn state(n: u8) -> Result<StateKind, Garbled> {
    let all = [
        StateKind::Init,
        StateKind::Backup,
        StateKind::Master,
        StateKind::Fault,
    ];
    let found = all.into_iter().find(|kind| *kind as u8 == n);
    found.ok_or(Garbled::Tag)
}

fn object(r: &mut Reader<'_>) -> Result<ObjectId, Garbled> {
    Ok(ObjectId {
        owner: instance(r)?,
        index: r.small()?,
    })
}

/// An instance, or none.
fn instance(r: &mut Reader<'_>) -> Result<Option<InstanceId>, Garbled> {
    let n = r.number()?;
    let id = n.checked_sub(1).map(u16::try_from).transpose();
    Ok(id.map_err(|_| Garbled::Number)?.map(InstanceId))
}

fn link(r: &mut Reader<'_>) -> Result<LinkState, Garbled> {
    let flags = r.byte()?;
    let has = |bit: u8| flags >> bit & 1 == 1;
    Ok(LinkState {
        up: has(0),
        mac: MacAddr(r.array()?),
        address: has(1).then(|| r.address()).transpose()?,
        link_local: has(2)
            .then(|| r.array::<16>())
            .transpose()?
            .map(Ipv6Addr::from),
        forwards_ipv6: has(3),
    })
}

fn command(tag: u8, r: &mut Reader<'_>) -> Result<Command, Garbled> {
    Ok(match tag {
        kind::START => Command::Start,
        kind::STOP => Command::Stop,
        kind::DRAIN => {
            let instance = instance(r)?;
            let seconds = r.number()?;
            let nanos = r.small::<u32>()?;
            if nanos >= 1_000_000_000 {
                return Err(Garbled::Number);
            }
            let within = Duration::new(seconds, nanos);
            Command::Drain { instance, within }
        }
        kind::RESUME => Command::Resume {
            instance: instance(r)?,
        },
        kind::PRIORITY => {
            let id = InstanceId(r.small()?);
            let n = r.number()?;
            let priority = n.checked_sub(1).map(u8::try_from).transpose();
            Command::SetPriority {
                instance: id,
                priority: priority.map_err(|_| Garbled::Number)?.map(Priority),
            }
        }
        _ => return Err(Garbled::Tag),
    })
}
