//! `use_vmac` and its companions: virtual MAC addresses, and what the master does with packets that
//! are addressed to it.

use super::value::{self, bare, without_semicolon, word};
use crate::conf::lexer::Word;
use crate::conf::source::{Report, Span};
use crate::conf::tree::Item;

/// What one instance says, each value as last given.
#[derive(Debug, Default)]
pub(in crate::conf) struct VmacDraft {
    /// Where `use_vmac` stands.
    pub(in crate::conf) span: Option<Span>,
    /// The name of its device.
    pub(in crate::conf) name: Option<Word>,
    /// Five octets, which the VRID completes, or six.
    pub(in crate::conf) mac: Option<([u8; 5], Option<u8>, Span)>,
    /// `vmac_xmit_base`
    pub(in crate::conf) xmit_base: Option<Span>,
    /// `use_vmac_addr`
    pub(in crate::conf) addresses: Option<Span>,
    /// `accept` is true, `no_accept` false.
    pub(in crate::conf) accept: Option<(bool, Span)>,
}

impl VmacDraft {
    /// Reads one line of the instance. False when the keyword isn't one of these.
    pub(super) fn read(&mut self, item: &Item, report: &mut Report) -> bool {
        let span = item.keyword.span;
        match item.keyword.text.as_str() {
            "use_vmac" => {
                value::extra(item, usize::MAX, report);
                self.span = Some(span);
                for argument in &item.arguments {
                    self.argument(argument, report);
                }
            }
            "vmac_xmit_base" => {
                bare(item, report);
                self.xmit_base = Some(span);
            }
            "use_vmac_addr" => {
                bare(item, report);
                self.addresses = Some(span);
            }
            keyword @ ("accept" | "no_accept") => {
                bare(item, report);
                self.accept = Some((keyword == "accept", span));
            }
            _ => return false,
        }
        true
    }

    fn argument(&mut self, argument: &Word, report: &mut Report) {
        let value = without_semicolon(word(argument), report);
        if let Some((octets, last)) = mac(value.text) {
            if octets[0] & 1 == 1 {
                let message = "this is a group's MAC address, which no host can have: the virtual \
                               router's own is used";
                report.warning(value.span, message);
            } else {
                self.mac = Some((octets, last, value.span));
            }
        } else if value.text == "netlink_notify_msg" {
            let message = "`netlink_notify_msg` is ignored: the kernel always tells of the device";
            report.note(value.span, message);
        } else if self.name.is_none() && !value.text.contains(':') {
            self.name = Some(Word {
                text: value.text.to_owned(),
                span: value.span,
                quoted: false,
            });
        } else {
            let shown: String = value.text.chars().take(60).collect();
            let message = format!("`{shown}` is not understood here and ignored");
            report
                .warning(value.span, message)
                .hint("write `use_vmac [NAME] [MAC]`, the MAC address with five or six octets");
        }
    }
}

/// A MAC address of five or six octets.
fn mac(text: &str) -> Option<([u8; 5], Option<u8>)> {
    let octet = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_hexdigit()) && (1..=2).contains(&text.len());
        u8::from_str_radix(text, 16).ok().filter(|_| digits)
    };
    let octets: Option<Vec<u8>> = text.split(':').map(octet).collect();
    match octets?[..] {
        [a, b, c, d, e] => Some(([a, b, c, d, e], None)),
        [a, b, c, d, e, last] => Some(([a, b, c, d, e], Some(last))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::mac;

    #[test]
    fn a_mac_address_has_five_or_six_octets() {
        assert_eq!(
            mac("0:11:22:33:44"),
            Some(([0, 0x11, 0x22, 0x33, 0x44], None))
        );
        assert_eq!(
            mac("00:00:5e:00:01:33"),
            Some(([0, 0, 0x5e, 0, 1], Some(0x33)))
        );
        for text in [
            "",
            "vrrp.51",
            "1:2:3:4",
            "+1:2:3:4:5",
            "1:2:3:4:5:6:7",
            "100:2:3:4:5",
        ] {
            assert_eq!(mac(text), None, "{text}");
        }
    }
}
