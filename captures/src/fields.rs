//! Where two frames differ, by the names of the fields.
//!
//! Fields are found by their place alone, so that a frame that is wrong is still compared; what a
//! good frame means is [`listing`](crate::listing)'s business. Layouts: RFC 826, 791, 8200, 3768, 9568.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use locum_engine::ids::MacAddr;
use locum_engine::wire::{PROTOCOL, ah, ethernet, trailer};

/// A field that isn't the same in two frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// Its name.
    pub name: String,
    /// Its value in the first frame; `None` when it isn't there.
    pub a: Option<String>,
    /// Its value in the second frame.
    pub b: Option<String>,
}

/// Every field that differs, in the order of the first frame, then those only the second has.
/// Empty exactly when the frames are equal.
pub fn differences(a: &[u8], b: &[u8]) -> Vec<FieldDifference> {
    let (in_a, in_b) = (Fields::of(a), Fields::of(b));
    let mut found = Vec::new();
    for field in &in_a.0 {
        let other = in_b.0.iter().find(|other| other.name == field.name);
        let same = other.is_some_and(|other| a[field.at.clone()] == b[other.at.clone()]);
        if !same {
            found.push(FieldDifference {
                name: field.name.clone(),
                a: Some(field.value(a)),
                b: other.map(|other| other.value(b)),
            });
        }
    }
    let only_b = in_b
        .0
        .iter()
        .filter(|field| in_a.0.iter().all(|other| other.name != field.name));
    found.extend(only_b.map(|field| FieldDifference {
        name: field.name.clone(),
        a: None,
        b: Some(field.value(b)),
    }));
    found
}

/// How a field's bytes are written.
#[derive(Clone, Copy, Debug)]
enum Look {
    Mac,
    V4,
    V6,
    Number,
    Hex,
    /// Upper and lower four bits.
    Halves,
    Text,
}

#[derive(Debug)]
struct Field {
    name: String,
    at: Range<usize>,
    look: Look,
}

/// Consecutive fields; what doesn't fit the frame is left out.
struct Fields(Vec<Field>);

/// Lays fields out one behind the other.
struct Layout {
    fields: Vec<Field>,
    next: usize,
    end: usize,
}

impl Fields {
    /// Together they cover every byte.
    fn of(frame: &[u8]) -> Self {
        let mut layout = Layout {
            fields: Vec::new(),
            next: 0,
            end: frame.len(),
        };
        layout.add("destination MAC", 6, Look::Mac);
        layout.add("source MAC", 6, Look::Mac);
        layout.add("ethertype", 2, Look::Hex);
        match frame.get(12..14).map(|t| u16::from_be_bytes([t[0], t[1]])) {
            Some(ethernet::ETHERTYPE_ARP) => layout.arp(),
            Some(ethernet::ETHERTYPE_IPV4) => layout.ipv4(frame),
            Some(ethernet::ETHERTYPE_IPV6) => layout.ipv6(frame),
            _ => {}
        }
        let rest = layout.end - layout.next;
        layout.add("the rest", rest, Look::Hex);
        Self(layout.fields)
    }
}

impl Layout {
    fn add(&mut self, name: &str, length: usize, look: Look) {
        let at = self.next..(self.next + length).min(self.end);
        self.next = at.end;
        if !at.is_empty() {
            self.fields.push(Field {
                name: name.to_owned(),
                at,
                look,
            });
        }
    }

    fn arp(&mut self) {
        self.add("arp hardware type", 2, Look::Number);
        self.add("arp protocol type", 2, Look::Hex);
        self.add("arp hardware length", 1, Look::Number);
        self.add("arp protocol length", 1, Look::Number);
        self.add("arp operation", 2, Look::Number);
        self.add("arp sender MAC", 6, Look::Mac);
        self.add("arp sender address", 4, Look::V4);
        self.add("arp target MAC", 6, Look::Mac);
        self.add("arp target address", 4, Look::V4);
    }

    fn ipv4(&mut self, frame: &[u8]) {
        let begin = self.next;
        let byte = |at: usize| frame.get(begin + at).copied().unwrap_or_default();
        let header = usize::from(byte(0) & 0x0f) * 4;
        self.add("ip version, header length", 1, Look::Halves);
        self.add("ip type of service", 1, Look::Hex);
        self.add("ip total length", 2, Look::Number);
        self.add("ip identification", 2, Look::Number);
        self.add("ip flags, fragment offset", 2, Look::Hex);
        self.add("ip ttl", 1, Look::Number);
        self.add("ip protocol", 1, Look::Number);
        self.add("ip header checksum", 2, Look::Hex);
        self.add("ip source", 4, Look::V4);
        self.add("ip destination", 4, Look::V4);
        self.add("ip options", header.saturating_sub(20), Look::Hex);
        if byte(9) == ah::PROTOCOL {
            self.header();
        }
        if [PROTOCOL, ah::PROTOCOL].contains(&byte(9)) {
            self.vrrp(frame, 4, Look::V4);
        }
    }

    fn ipv6(&mut self, frame: &[u8]) {
        let next_header = frame.get(self.next + 6).copied();
        self.add("ip version, class, flow", 4, Look::Hex);
        self.add("ip payload length", 2, Look::Number);
        self.add("ip next header", 1, Look::Number);
        self.add("ip hop limit", 1, Look::Number);
        self.add("ip source", 16, Look::V6);
        self.add("ip destination", 16, Look::V6);
        if next_header == Some(PROTOCOL) {
            self.vrrp(frame, 16, Look::V6);
        }
    }

    fn header(&mut self) {
        self.add("ah next header", 1, Look::Number);
        self.add("ah length", 1, Look::Number);
        self.add("ah reserved", 2, Look::Hex);
        self.add("ah spi", 4, Look::V4);
        self.add("ah sequence", 4, Look::Number);
        self.add("ah icv", 12, Look::Hex);
    }

    fn trailer(&mut self) {
        self.add("hmac type", 1, Look::Number);
        self.add("hmac key", 1, Look::Number);
        self.add("hmac reserved", 2, Look::Hex);
        self.add("hmac seconds", 4, Look::Number);
        self.add("hmac fraction", 2, Look::Hex);
        self.add("hmac counter", 2, Look::Number);
        self.add("hmac", 16, Look::Hex);
    }

    fn vrrp(&mut self, frame: &[u8], address: usize, look: Look) {
        let begin = self.next;
        let byte = |at: usize| frame.get(begin + at).copied().unwrap_or_default();
        let version = byte(0) >> 4;
        self.add("vrrp version, type", 1, Look::Halves);
        self.add("vrrp vrid", 1, Look::Number);
        self.add("vrrp priority", 1, Look::Number);
        self.add("vrrp address count", 1, Look::Number);
        if version == 2 {
            self.add("vrrp auth type", 1, Look::Number);
            self.add("vrrp interval (s)", 1, Look::Number);
        } else {
            self.add("vrrp interval (cs)", 2, Look::Number);
        }
        self.add("vrrp checksum", 2, Look::Hex);
        for number in 1..=byte(3) {
            self.add(&format!("vrrp address {number}"), address, look);
        }
        if version == 2 {
            self.add("vrrp auth data", 8, Look::Text);
        }
        if self.end - self.next == trailer::LEN {
            self.trailer();
        }
    }
}

impl Field {
    fn value(&self, frame: &[u8]) -> String {
        let bytes = &frame[self.at.clone()];
        match (self.look, bytes) {
            (Look::Mac, &[a, b, c, d, e, f]) => MacAddr([a, b, c, d, e, f]).to_string(),
            (Look::V4, &[a, b, c, d]) => Ipv4Addr::new(a, b, c, d).to_string(),
            (Look::V6, _) if bytes.len() == 16 => {
                let mut octets = [0; 16];
                octets.copy_from_slice(bytes);
                Ipv6Addr::from(octets).to_string()
            }
            (Look::Number, _) => bytes
                .iter()
                .fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
                .to_string(),
            (Look::Halves, &[byte]) => format!("{}, {}", byte >> 4, byte & 0x0f),
            (Look::Text, _) if bytes.iter().all(u8::is_ascii) => {
                format!("{:?}", String::from_utf8_lossy(bytes))
            }
            _ => hex(bytes),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A's first advert of the founding recording.
    const ADVERT: &[u8] = b"\x01\x00\x5e\x00\x00\x12\x02\x00\x00\x00\x00\x10\x08\x00\
        \x45\xc0\x00\x28\x00\x01\x00\x00\xff\x70\x19\xdf\xc0\xa8\x00\x0b\xe0\x00\x00\x12\
        \x21\x33\x64\x01\x01\x01\x55\xf7\xc0\xa8\x00\xc8\x31\x31\x31\x31\x00\x00\x00\x00";

    #[test]
    fn equal_frames_have_no_difference() {
        assert_eq!(differences(ADVERT, ADVERT), []);
        assert_eq!(differences(&[], &[]), []);
    }

    #[test]
    fn every_byte_belongs_to_a_field() {
        for at in 0..ADVERT.len() {
            let mut other = ADVERT.to_vec();
            other[at] ^= 0x01;
            assert!(!differences(ADVERT, &other).is_empty(), "byte {at}");
        }
        assert_eq!(differences(ADVERT, &ADVERT[..53]).len(), 1);
        let longer = [ADVERT, &[0]].concat();
        assert_eq!(differences(ADVERT, &longer)[0].name, "the rest");
    }

    #[test]
    fn a_header_and_a_trailer_have_fields() {
        let (eth, rest) = ADVERT.split_at(14);
        let (ip, advert) = rest.split_at(20);
        let mut behind = ip.to_vec();
        behind[9] = ah::PROTOCOL;
        let mut header = [0; ah::LEN];
        let front = [eth, &behind].concat();
        let one = [&front[..], &header, advert].concat();
        header[11] = 7;
        let two = [&front[..], &header, advert].concat();
        let found = differences(&one, &two);
        assert_eq!(found[0].name, "ah sequence");
        assert_eq!(found[0].b.as_deref(), Some("7"));
        let signed = |key| [ADVERT, &[1, key], &[0; trailer::LEN - 2]].concat();
        let found = differences(&signed(1), &signed(2));
        assert_eq!((found.len(), &*found[0].name), (1, "hmac key"));
    }

    #[test]
    fn differences_have_names_and_values() {
        let mut other = ADVERT.to_vec();
        other[36] = 99;
        let found = differences(ADVERT, &other);
        let expected = FieldDifference {
            name: "vrrp priority".to_owned(),
            a: Some("100".to_owned()),
            b: Some("99".to_owned()),
        };
        assert_eq!(found, [expected]);
    }
}
