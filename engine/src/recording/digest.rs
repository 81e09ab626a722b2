//! A running hash of outputs: two engines that do the same have the same.
//!
//! Not cryptographic: it is to notice a difference, not to keep anybody from making one.

use core::fmt::{self, Write};
use core::net::IpAddr;

use crate::output::{Effect, Output, Transmit};

/// The hash so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Digest {
    /// Its lower bits, which change with every output as the others do.
    pub(super) const fn short(self) -> u16 {
        (self.0 >> 48) as u16
    }

    pub(super) const fn get(self) -> u64 {
        self.0
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.bytes(&address.octets()),
            IpAddr::V6(address) => self.bytes(&address.octets()),
        }
    }

    /// Adds an output. What there is much of is added as it is, the rest as it is shown.
    pub(super) fn add(&mut self, output: &Output) {
        match output {
            Output::Transmit(Transmit::Advert {
                interface, packet, ..
            }) => {
                self.word(1 << 32 | u64::from(interface.0));
                self.bytes(packet);
            }
            Output::Transmit(Transmit::GratuitousArp {
                interface, frame, ..
            }) => {
                self.word(2 << 32 | u64::from(interface.0));
                self.bytes(frame);
            }
            Output::Transmit(Transmit::NeighbourAdvert {
                interface, frame, ..
            }) => {
                self.word(3 << 32 | u64::from(interface.0));
                self.bytes(frame);
            }
            Output::Effect(Effect::RefreshAddress {
                instance,
                address,
                lifetime,
            }) => {
                self.word(4 << 32 | u64::from(instance.0));
                self.address(address.address);
                self.word(lifetime.as_secs());
            }
            // Both configurations are in the recording.
            Output::Reloaded(reloaded) => self.shown(&reloaded.plan),
            Output::Effect(effect) => self.shown(effect),
            Output::Event(event) => self.shown(event),
            Output::Stopped => self.word(5 << 32),
        }
    }

    fn shown(&mut self, what: &dyn fmt::Debug) {
        let mut text = Text {
            digest: *self,
            held: [0; 8],
            len: 0,
        };
        // A hash takes everything that is written to it.
        let _ = write!(text, "{what:?}");
        let (held, len) = (text.held, text.len);
        *self = text.digest;
        self.bytes(&held[..len]);
    }
}

/// Text on its way into a hash, eight bytes at a time, however it is cut up when it is written.
struct Text {
    digest: Digest,
    held: [u8; 8],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.held[self.len] = byte;
            self.len += 1;
            if self.len == self.held.len() {
                self.digest.word(u64::from_le_bytes(self.held));
                self.len = 0;
            }
        }
        Ok(())
    }
}
