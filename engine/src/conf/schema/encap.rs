//! `encap` of a route, in the words of `ip route`: `encap ip dst ADDRESS` and what may follow.

use core::net::IpAddr;

use super::line::Line;
use crate::conf::lexer::Word;
use crate::conf::source::Report;
use crate::config::Encap;

/// Reads what follows `encap`. Its words end at the first that isn't one of a tunnel's, so that `via`
/// and `dev` come after them.
pub(super) fn read(line: &mut Line<'_>, option: &Word, report: &mut Report) -> Option<Encap> {
    let kind = line.value(option, report)?;
    let (v6, class, hops) = match kind.text {
        "ip" => (false, "tos", "ttl"),
        "ip6" => (true, "tc", "hoplimit"),
        "mpls" | "ila" => {
            let why = format!("`encap {}` is not supported", kind.text);
            let hint =
                "packets can be put into IP: `encap ip dst ADDRESS dev TUNNEL`, or `encap ip6`";
            line.reject(kind.span, &why, hint, report);
            return None;
        }
        _ => {
            let hint = "write `encap ip dst ADDRESS`, or `encap ip6`";
            line.reject(kind.span, "this is no encapsulation", hint, report);
            return None;
        }
    };
    let any = if v6 {
        IpAddr::from([0; 16])
    } else {
        IpAddr::from([0; 4])
    };
    let mut encap = Encap {
        destination: any,
        source: None,
        id: 0,
        hops: 0,
        class: 0,
        flags: 0,
    };
    while let Some(option) = line.next_of(&["id", "dst", "src", "flags", class, hops]) {
        let byte = |number: Option<u32>| number.and_then(|n| u8::try_from(n).ok());
        match option.text.as_str() {
            "dst" => encap.destination = line.address(option, report)?,
            "src" => encap.source = line.address(option, report),
            "id" => encap.id = line.number(option, 0..=u32::MAX, report)?,
            "flags" => {
                let flags = line.number(option, 0..=u32::from(u16::MAX), report)?;
                encap.flags = u16::try_from(flags).ok()?;
            }
            name if name == class => encap.class = byte(line.number(option, 0..=255, report))?,
            _ => encap.hops = byte(line.number(option, 0..=255, report))?,
        }
    }
    let addresses = [Some(encap.destination), encap.source];
    let other = |address: &IpAddr| address.is_ipv6() != v6;
    if addresses.iter().flatten().any(other) {
        let why = format!("`encap {}` has an address of the other family", kind.text);
        line.reject(kind.span, &why, "", report);
    } else if encap.destination == any {
        let why = format!("`encap {}` needs `dst ADDRESS`", kind.text);
        line.reject(kind.span, &why, "", report);
    }
    Some(encap)
}
