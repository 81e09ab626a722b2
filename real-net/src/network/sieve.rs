//! Which adverts may be for us, as a filter that the kernel applies: the rest waits elsewhere.
//!
//! Anybody on the segment can send bad adverts faster than they can be read. In one queue they would
//! crowd out the good ones, and a backup that doesn't hear its master takes its place. So there are
//! two sockets: what looks right (VRID, version, type, length, TTL, password) comes to the first
//! one, everything else to the second one, which is read at leisure and may overflow. When more looks
//! right than can be read, because it is forged, what comes from routers whose adverts were good is
//! kept apart from the rest of it. Nothing is judged here: what comes from any of them climbs the
//! engine's ladder, and is counted and told there.

use std::collections::BTreeSet;
use std::net::IpAddr;

use locum_engine::config::{Auth, InstanceConfig, Version};
use locum_engine::ids::{MacAddr, Vrid};
use locum_engine::wire::{self, Family, advert, ipv6};
use socket2::SockFilter;

use op::{jump, plain};

/// Bytes of an advert in front of its addresses.
const FIXED: u32 = 8;
/// Bytes of an authentication header.
const HEADER: u32 = wire::ah::LEN as u32;
/// The filter of a socket that nothing comes to.
pub(super) const NOTHING: [SockFilter; 1] = [SockFilter::new(op::RETURN, 0, 0, 0)];
/// Ranges of numbers in one block of a program: jumps over them reach no farther than 255.
const RANGES_MAX: usize = 64;

/// What the adverts for the instances of a port look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sieve {
    family: Family,
    /// On a packet socket, which hears everybody and every protocol: who is heard.
    sender: Option<MacAddr>,
    classes: Vec<Class>,
}

/// Instances whose adverts differ in nothing but their number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    look: Look,
    vrids: BTreeSet<Vrid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    version: Version,
    /// The authentication type that version 2 says.
    auth_type: u8,
    /// The password that version 2 carries.
    password: Option<[u8; 8]>,
    /// Its sender must be on this segment.
    near: bool,
}

/// What a filter lets through. What isn't from the sender passes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing<'a> {
    /// What looks right.
    Likely,
    /// Of this, what comes from one of these.
    Known(&'a [IpAddr]),
    /// The rest of it.
    Unknown(&'a [IpAddr]),
    /// Everything else.
    Strays,
    /// Both.
    Everything,
}

impl Sieve {
    /// Nothing looks right yet.
    pub(super) const fn new(family: Family, sender: Option<MacAddr>) -> Self {
        Self {
            family,
            sender,
            classes: Vec::new(),
        }
    }

    /// This instance's adverts look right, too.
    pub(super) fn add(&mut self, instance: &InstanceConfig) {
        let (auth_type, password) = match (instance.auth, self.family) {
            (Auth::None, _) => (advert::AUTH_NONE, None),
            (Auth::Password(password), Family::V4) => (advert::AUTH_PASS, Some(password)),
            // No password is carried there.
            (Auth::Password(_), Family::V6) => (advert::AUTH_PASS, None),
            (Auth::Header(_), _) => (advert::AUTH_AH, None),
        };
        let look = Look {
            version: instance.version,
            auth_type,
            password: password.filter(|_| instance.version == Version::V2),
            near: instance.unicast.is_none(),
        };
        self.add_class(look, [instance.vrid]);
    }

    fn add_class(&mut self, look: Look, vrids: impl IntoIterator<Item = Vrid>) {
        match self.classes.iter_mut().find(|class| class.look == look) {
            Some(class) => class.vrids.extend(vrids),
            None => self.classes.push(Class {
                look,
                vrids: vrids.into_iter().collect(),
            }),
        }
    }

    /// The same for any password: very many different ones make a program that the kernel refuses.
    pub(super) fn coarse(&self) -> Self {
        let mut coarse = Self::new(self.family, self.sender);
        for Class { look, vrids } in &self.classes {
            let look = Look {
                password: None,
                ..*look
            };
            coarse.add_class(look, vrids.iter().copied());
        }
        coarse
    }

    /// The filter in classic BPF. The packet begins with its IP header; on a raw socket over IPv6
    /// behind it. A load from behind the end would end the program, so lengths come first.
    pub(super) fn filter(&self, passing: Passing<'_>) -> Vec<SockFilter> {
        let program = self.program(passing).into_iter();
        program.map(SockFilter::from).collect()
    }

    fn program(&self, passing: Passing<'_>) -> Vec<Step> {
        let (likely, rest) = match passing {
            Passing::Likely | Passing::Known(_) | Passing::Unknown(_) => (op::ALL, 0),
            Passing::Strays => (0, op::ALL),
            Passing::Everything => (op::ALL, op::ALL),
        };
        let mut program = Vec::new();
        if let Some(sender) = self.sender {
            // What isn't from there is dropped at once.
            program.extend(block(self.from(sender), plain(op::JUMP, 1)));
            program.push(plain(op::RETURN, 0));
        }
        match passing {
            Passing::Known(senders) => program.extend(one_of(senders, true)),
            Passing::Unknown(senders) => program.extend(one_of(senders, false)),
            Passing::Likely | Passing::Strays | Passing::Everything => {}
        }
        for class in self.classes.iter().filter(|_| likely != rest) {
            let ranges = ranges(&class.vrids);
            for some in ranges.chunks(RANGES_MAX) {
                let checks = self.checks(class.look, some);
                program.extend(block(checks, plain(op::RETURN, likely)));
            }
        }
        program.push(plain(op::RETURN, rest));
        program
    }

    /// VRRP, also behind an authentication header, from this address, and all of it there: what the
    /// kernel looks after on a raw socket.
    fn from(&self, sender: MacAddr) -> Vec<Check> {
        let [a, b, c, d, e, f] = sender.0;
        let mut checks = vec![
            Do(plain(op::LOAD_WORD, op::LINK_HEADER.wrapping_add(6))),
            Must(op::EQUAL, u32::from_be_bytes([a, b, c, d])),
            Do(plain(op::LOAD_HALF, op::LINK_HEADER.wrapping_add(10))),
            Must(op::EQUAL, u16::from_be_bytes([e, f]).into()),
            Do(plain(op::LOAD_BYTE, self.protocol_at())),
        ];
        match self.family {
            Family::V4 => checks.extend([
                // The next comparison is passed over.
                Do(jump(op::EQUAL, wire::PROTOCOL.into(), 1, 0)),
                Must(op::EQUAL, wire::ah::PROTOCOL.into()),
            ]),
            Family::V6 => checks.push(Must(op::EQUAL, wire::PROTOCOL.into())),
        }
        checks.extend(self.length());
        checks.extend([
            Do(plain(op::COPY_TO_X, 0)),
            Do(plain(op::LOAD_LENGTH, 0)),
            Must(op::AT_LEAST_X, 0),
        ]);
        checks
    }

    /// Where the IP header names the protocol.
    const fn protocol_at(&self) -> u32 {
        match self.family {
            Family::V4 => 9,
            Family::V6 => 6,
        }
    }

    /// A is the packet's length. A packet socket gives what fills up the frame, too.
    fn length(&self) -> Vec<Check> {
        match (self.sender, self.family) {
            (None, _) => vec![Do(plain(op::LOAD_LENGTH, 0))],
            (Some(_), Family::V4) => vec![Do(plain(op::LOAD_HALF, 2))],
            (Some(_), Family::V6) => vec![
                Do(plain(op::LOAD_HALF, 4)),
                Do(plain(op::ADD, ipv6::LEN as u32)),
            ],
        }
    }

    /// X is where the VRRP message begins.
    fn find_message(&self, look: Look) -> Vec<Check> {
        let mut checks = vec![Do(match (self.family, self.sender) {
            (Family::V4, _) => plain(op::X_IS_HEADER_LENGTH, 0),
            (Family::V6, None) => plain(op::X_IS, 0),
            (Family::V6, Some(_)) => plain(op::X_IS, ipv6::LEN as u32),
        })];
        let header = look.auth_type == advert::AUTH_AH;
        if header {
            checks.extend([
                Do(plain(op::COPY_X, 0)),
                Do(plain(op::ADD, HEADER)),
                Do(plain(op::COPY_TO_X, 0)),
            ]);
        }
        if self.sender.is_some() && self.family == Family::V4 {
            let protocol = if header {
                wire::ah::PROTOCOL
            } else {
                wire::PROTOCOL
            };
            checks.push(Do(plain(op::LOAD_BYTE, self.protocol_at())));
            checks.push(Must(op::EQUAL, protocol.into()));
        }
        checks
    }

    fn checks(&self, look: Look, ranges: &[(Vrid, Vrid)]) -> Vec<Check> {
        let mut checks = self.find_message(look);
        checks.extend(self.length());
        checks.extend([
            Must(op::AT_LEAST_X, 0),
            Do(plain(op::SUBTRACT_X, 0)),
            Must(op::AT_LEAST, FIXED),
            Do(plain(op::LOAD_BYTE_X, 1)),
        ]);
        checks.extend(within(ranges));
        let number = u32::from(advert::version_number(look.version));
        let first = number << 4 | u32::from(advert::TYPE_ADVERTISEMENT);
        checks.extend([Do(plain(op::LOAD_BYTE_X, 0)), Must(op::EQUAL, first)]);
        if look.near {
            let at = match self.family {
                Family::V4 => 8,
                Family::V6 => 7,
            };
            let ttl = op::NETWORK_HEADER.wrapping_add(at);
            checks.extend([
                Do(plain(op::LOAD_BYTE, ttl)),
                Must(op::EQUAL, wire::TTL.into()),
            ]);
        }
        let version_2 = look.version == Version::V2;
        if version_2 {
            checks.push(Do(plain(op::LOAD_BYTE_X, 4)));
            checks.push(Must(op::EQUAL, look.auth_type.into()));
        }
        let (shift, behind) = match self.family {
            Family::V4 => (2, if version_2 { 8 } else { 0 }),
            Family::V6 => (4, 0),
        };
        checks.extend([
            // X is where the addresses end.
            Do(plain(op::LOAD_BYTE_X, 3)),
            Do(plain(op::SHIFT_LEFT, shift)),
            Do(plain(op::ADD, FIXED)),
            Do(plain(op::ADD_X, 0)),
            Do(plain(op::COPY_TO_X, 0)),
        ]);
        checks.extend(self.length());
        checks.extend([
            Must(op::AT_LEAST_X, 0),
            Do(plain(op::SUBTRACT_X, 0)),
            Must(op::AT_LEAST, behind),
        ]);
        if let Some([a, b, c, d, e, f, g, h]) = look.password {
            checks.extend([
                Do(plain(op::LOAD_WORD_X, 0)),
                Must(op::EQUAL, u32::from_be_bytes([a, b, c, d])),
                Do(plain(op::LOAD_WORD_X, 4)),
                Must(op::EQUAL, u32::from_be_bytes([e, f, g, h])),
            ]);
        }
        checks
    }
}

/// Goes on if the source is one of these, or if it `is` not; ends the program otherwise.
fn one_of(senders: &[IpAddr], is: bool) -> Vec<Step> {
    let away = plain(op::RETURN, 0);
    let mut program = if is { vec![away] } else { vec![] };
    for sender in senders.iter().rev() {
        let found = if is {
            plain(op::JUMP, program.len() as u32)
        } else {
            away
        };
        let mut first = block(source(*sender), found);
        first.append(&mut program);
        program = first;
    }
    program
}

fn source(sender: IpAddr) -> Vec<Check> {
    let (at, bytes) = match sender {
        IpAddr::V4(address) => (12, address.octets().to_vec()),
        IpAddr::V6(address) => (8, address.octets().to_vec()),
    };
    let words = bytes.chunks_exact(4).enumerate();
    let compare = words.flat_map(|(n, word)| {
        let at = op::NETWORK_HEADER.wrapping_add(at + 4 * n as u32);
        let word = word.iter().fold(0, |word, b| word << 8 | u32::from(*b));
        [Do(plain(op::LOAD_WORD, at)), Must(op::EQUAL, word)]
    });
    compare.collect()
}

/// Numbers that follow each other, from the first to the last of them.
fn ranges(vrids: &BTreeSet<Vrid>) -> Vec<(Vrid, Vrid)> {
    let mut ranges: Vec<(Vrid, Vrid)> = Vec::new();
    for vrid in vrids {
        match ranges.last_mut() {
            Some((_, last)) if last.get() + 1 == vrid.get() => *last = *vrid,
            _ => ranges.push((*vrid, *vrid)),
        }
    }
    ranges
}

/// A is in one of these ranges.
fn within(ranges: &[(Vrid, Vrid)]) -> Vec<Check> {
    let mut checks = Vec::new();
    for (n, (first, last)) in ranges.iter().enumerate() {
        // Behind the other ranges, and behind the jump that is taken when it is in none.
        let found = u8::try_from(2 * (ranges.len() - n) - 1).unwrap_or(u8::MAX);
        checks.extend([
            Do(jump(op::AT_LEAST, first.get().into(), 0, 1)),
            Do(jump(op::MORE, last.get().into(), 0, found)),
        ]);
    }
    checks.push(Out);
    checks
}

/// Ends with the verdict when all of the checks hold, or is left at its end.
fn block(checks: Vec<Check>, verdict: Step) -> Vec<Step> {
    let length = checks.len();
    let step = |(n, check)| {
        // Behind what is left of the checks and the verdict.
        let out = length - n;
        match check {
            Do(step) => step,
            Must(code, value) => jump(code, value, 0, u8::try_from(out).unwrap_or(u8::MAX)),
            Out => plain(op::JUMP, out as u32),
        }
    };
    let checks = checks.into_iter().enumerate().map(step);
    checks.chain([verdict]).collect()
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
struct Step {
    code: u16,
    yes: u8,
    no: u8,
    k: u32,
}

impl From<Step> for SockFilter {
    fn from(step: Step) -> Self {
        Self::new(step.code, step.yes, step.no, step.k)
    }
}

/// A step of a block.
enum Check {
    Do(Step),
    /// A comparison of this kind with this value, which has to be true.
    Must(u16, u32),
    /// Leaves the block.
    Out,
}

use Check::{Do, Must, Out};

/// The instructions that are used (linux/bpf_common.h, linux/filter.h).
mod op {
    use super::Step;

    pub(super) const X_IS_HEADER_LENGTH: u16 = 0xb1;
    pub(super) const X_IS: u16 = 0x01;
    pub(super) const LOAD_LENGTH: u16 = 0x80;
    pub(super) const LOAD_BYTE: u16 = 0x30;
    pub(super) const LOAD_HALF: u16 = 0x28;
    pub(super) const LOAD_WORD: u16 = 0x20;
    pub(super) const LOAD_BYTE_X: u16 = 0x50;
    pub(super) const LOAD_WORD_X: u16 = 0x40;
    pub(super) const ADD: u16 = 0x04;
    pub(super) const ADD_X: u16 = 0x0c;
    pub(super) const SUBTRACT_X: u16 = 0x1c;
    pub(super) const SHIFT_LEFT: u16 = 0x64;
    pub(super) const COPY_TO_X: u16 = 0x07;
    pub(super) const COPY_X: u16 = 0x87;
    pub(super) const EQUAL: u16 = 0x15;
    pub(super) const MORE: u16 = 0x25;
    pub(super) const AT_LEAST: u16 = 0x35;
    pub(super) const AT_LEAST_X: u16 = 0x3d;
    pub(super) const JUMP: u16 = 0x05;
    pub(super) const RETURN: u16 = 0x06;

    /// The whole packet.
    pub(super) const ALL: u32 = u32::MAX;
    /// Offsets from here on count from the IP header, wherever the packet begins.
    pub(super) const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();
    /// And from here on from the link's.
    pub(super) const LINK_HEADER: u32 = (-0x20_0000_i32).cast_unsigned();

    pub(super) const fn plain(code: u16, k: u32) -> Step {
        jump(code, k, 0, 0)
    }

    pub(super) const fn jump(code: u16, k: u32, yes: u8, no: u8) -> Step {
        Step { code, yes, no, k }
    }
}

#[cfg(test)]
mod tests;
