//! Which adverts may be for us, as a filter that the kernel applies: the rest waits elsewhere.
//!
//! Anybody on the segment can send bad adverts faster than they can be read. In one queue they would
//! crowd out the good ones, and a backup that doesn't hear its master takes its place. So there are
//! two sockets: what looks right (VRID, version, type, length, TTL, password) comes to the first
//! one, everything else to the second one, which is read at leisure and may overflow. Nothing is
//! judged here: what comes from either climbs the engine's ladder, and is counted and told there.

use locum_engine::config::{Auth, InstanceConfig, Version};
use locum_engine::ids::Vrid;
use locum_engine::wire::{self, Family, advert};
use socket2::SockFilter;

use op::{jump, plain};

/// Bytes of an advert in front of its addresses.
const FIXED: u32 = 8;
/// Bytes of an authentication header.
const HEADER: u32 = wire::ah::LEN as u32;

/// What the adverts for the instances of a port look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sieve {
    family: Family,
    protocol: u8,
    classes: Vec<Class>,
}

/// Instances whose adverts differ in nothing but their number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    version: Version,
    auth: Auth,
    /// Its sender must be on this segment.
    near: bool,
    vrids: Vec<Vrid>,
}

/// What a filter lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// What looks right.
    Likely,
    /// Everything else.
    Strays,
}

impl Sieve {
    /// Nothing looks right yet.
    pub(super) const fn new(family: Family, protocol: u8) -> Self {
        Self {
            family,
            protocol,
            classes: Vec::new(),
        }
    }

    /// This instance's adverts look right, too.
    pub(super) fn add(&mut self, instance: &InstanceConfig) {
        let (version, auth) = (instance.version, instance.auth);
        let near = instance.unicast.is_none();
        let looks = |c: &&mut Class| (c.version, c.auth, c.near) == (version, auth, near);
        match self.classes.iter_mut().find(looks) {
            Some(class) if class.vrids.contains(&instance.vrid) => {}
            Some(class) => class.vrids.push(instance.vrid),
            None => self.classes.push(Class {
                version,
                auth,
                near,
                vrids: vec![instance.vrid],
            }),
        }
    }

    /// The filter for a raw socket, in classic BPF: over IPv4 the packet begins with its IP header,
    /// over IPv6 behind it. A load from behind the end would end the program, so lengths come first.
    pub(super) fn filter(&self, passing: Passing) -> Vec<SockFilter> {
        let program = self.program(passing).into_iter();
        program
            .map(|s| SockFilter::new(s.code, s.yes, s.no, s.k))
            .collect()
    }

    fn program(&self, passing: Passing) -> Vec<Step> {
        let (likely, stray) = match passing {
            Passing::Likely => (op::ALL, 0),
            Passing::Strays => (0, op::ALL),
        };
        let mut program = self.find_message();
        program.extend([
            plain(op::LOAD_LENGTH, 0),
            jump(op::AT_LEAST_X, 0, 0, 2),
            plain(op::SUBTRACT_X, 0),
            jump(op::AT_LEAST, FIXED, 1, 0),
            plain(op::RETURN, stray),
        ]);
        for class in &self.classes {
            program.extend(self.class(class, likely));
        }
        program.push(plain(op::RETURN, stray));
        program
    }

    /// X is where the VRRP message begins.
    fn find_message(&self) -> Vec<Step> {
        let mut program = vec![match self.family {
            Family::V4 => plain(op::X_IS_HEADER_LENGTH, 0),
            Family::V6 => plain(op::X_IS, 0),
        }];
        if self.protocol == wire::ah::PROTOCOL {
            program.extend([
                plain(op::COPY_X, 0),
                plain(op::ADD, HEADER),
                plain(op::COPY_TO_X, 0),
            ]);
        }
        program
    }

    /// Ends with "it is likely", or is left at its end.
    fn class(&self, class: &Class, likely: u32) -> Vec<Step> {
        let checks = self.checks(class);
        let mut program = self.find_message();
        program.push(plain(op::LOAD_BYTE_X, 1));
        // The checks stand behind the comparisons and the jump that is taken when none is true. A
        // class has at most 255 numbers, so the distance fits.
        let count = class.vrids.len();
        for (n, vrid) in class.vrids.iter().enumerate() {
            let distance = u8::try_from(count - n).unwrap_or(u8::MAX);
            program.push(jump(op::EQUAL, vrid.get().into(), distance, 0));
        }
        let behind = checks.len() as u32 + 1;
        program.push(plain(op::JUMP, behind));
        let length = checks.len();
        for (n, check) in checks.into_iter().enumerate() {
            // Behind what is left of the checks and the verdict.
            let out = u8::try_from(length - n).unwrap_or(u8::MAX);
            program.push(match check {
                Check::Do(step) => step,
                Check::Must(code, value) => jump(code, value, 0, out),
            });
        }
        program.push(plain(op::RETURN, likely));
        program
    }

    fn checks(&self, class: &Class) -> Vec<Check> {
        use Check::{Do, Must};
        let number = u32::from(advert::version_number(class.version));
        let first = number << 4 | u32::from(advert::TYPE_ADVERTISEMENT);
        let mut checks = vec![Do(plain(op::LOAD_BYTE_X, 0)), Must(op::EQUAL, first)];
        if class.near {
            let at = match self.family {
                Family::V4 => 8,
                Family::V6 => 7,
            };
            checks.push(Do(plain(
                op::LOAD_BYTE,
                op::NETWORK_HEADER.wrapping_add(at),
            )));
            checks.push(Must(op::EQUAL, wire::TTL.into()));
        }
        let (kind, data) = match (class.auth, self.family) {
            (Auth::None, _) => (advert::AUTH_NONE, None),
            (Auth::Password(password), Family::V4) => (advert::AUTH_PASS, Some(password)),
            // No password is carried there.
            (Auth::Password(_), Family::V6) => (advert::AUTH_PASS, None),
            (Auth::Header(_), _) => (advert::AUTH_AH, None),
        };
        let version_2 = class.version == Version::V2;
        if version_2 {
            checks.push(Do(plain(op::LOAD_BYTE_X, 4)));
            checks.push(Must(op::EQUAL, kind.into()));
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
            Do(plain(op::LOAD_LENGTH, 0)),
            Must(op::AT_LEAST_X, 0),
            Do(plain(op::SUBTRACT_X, 0)),
            Must(op::AT_LEAST, behind),
        ]);
        if let (true, Some([a, b, c, d, e, f, g, h])) = (version_2, data) {
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

/// An instruction.
#[derive(Clone, Copy, Debug)]
struct Step {
    code: u16,
    yes: u8,
    no: u8,
    k: u32,
}

/// A step of the checks.
enum Check {
    Do(Step),
    /// A comparison of this kind with this value, which has to be true.
    Must(u16, u32),
}

/// The instructions that are used (linux/bpf_common.h, linux/filter.h).
mod op {
    use super::Step;

    pub(super) const X_IS_HEADER_LENGTH: u16 = 0xb1;
    pub(super) const X_IS: u16 = 0x01;
    pub(super) const LOAD_LENGTH: u16 = 0x80;
    pub(super) const LOAD_BYTE: u16 = 0x30;
    pub(super) const LOAD_BYTE_X: u16 = 0x50;
    pub(super) const LOAD_WORD_X: u16 = 0x40;
    pub(super) const ADD: u16 = 0x04;
    pub(super) const ADD_X: u16 = 0x0c;
    pub(super) const SUBTRACT_X: u16 = 0x1c;
    pub(super) const SHIFT_LEFT: u16 = 0x64;
    pub(super) const COPY_TO_X: u16 = 0x07;
    pub(super) const COPY_X: u16 = 0x87;
    pub(super) const EQUAL: u16 = 0x15;
    pub(super) const AT_LEAST: u16 = 0x35;
    pub(super) const AT_LEAST_X: u16 = 0x3d;
    pub(super) const JUMP: u16 = 0x05;
    pub(super) const RETURN: u16 = 0x06;

    /// The whole packet.
    pub(super) const ALL: u32 = u32::MAX;
    /// Offsets from here on count from the IP header, wherever the packet begins.
    pub(super) const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();

    pub(super) const fn plain(code: u16, k: u32) -> Step {
        jump(code, k, 0, 0)
    }

    pub(super) const fn jump(code: u16, k: u32, yes: u8, no: u8) -> Step {
        Step { code, yes, no, k }
    }
}

#[cfg(test)]
mod tests;
