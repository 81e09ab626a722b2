//! Adverts signed by `auth_hmac`: their trailers are verified with the scenario's keys, and then signed
//! anew with the time left out, because two captures are never made at the same time of day.
//!
//! What is left is compared to the byte, the trailer with it.

use core::net::IpAddr;
use std::collections::BTreeMap;

use locum_engine::config::{HmacKey, Version};
use locum_engine::wire::trailer::{self, Origin, Stamp, View};
use locum_engine::wire::{self, AdvertView, ChecksumForm, Family, ethernet, ipv4, ipv6};

use crate::listing::{Advert, Auth, Kind, Listing};
use crate::pcap::Frame;

/// How far stamps may wander against the capture's clock: a busy machine signs first and sends later.
const WANDER_NS: i128 = 20_000_000;

/// What is wrong with a signed capture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The trailer doesn't fit its advert, or no key with its id does.
    #[error("frame {0}: the trailer is wrong")]
    Trailer(usize),
    /// The sender's stamps have to grow.
    #[error("frame {0}: its stamp isn't later than the sender's last")]
    Stamp(usize),
    /// All of a capture's stamps are of one clock.
    #[error("frame {0}: its stamp is {1} ns from what the capture's clock says")]
    Clock(usize, i128),
}

/// The frames with every trailer as if it had been signed in 1970; says how many there are.
pub fn unstamped(frames: Vec<Frame>, keys: &[HmacKey]) -> Result<(Vec<Frame>, usize), Wrong> {
    let listing = Listing::new(frames);
    let (mut last, mut offset, mut count) = (BTreeMap::new(), None, 0);
    let mut unstamped = Vec::new();
    for mut entry in listing.entries {
        let number = entry.number;
        if let Kind::Advert(advert) = &entry.kind
            && matches!(advert.auth, Auth::Trailer { .. })
        {
            let stamp =
                sign_anew(&mut entry.frame.bytes, advert, keys).ok_or(Wrong::Trailer(number))?;
            let before = last.insert((entry.sender, advert.vrid), stamp);
            if before.is_some_and(|before| !stamp.is_after(before)) {
                return Err(Wrong::Stamp(number));
            }
            let apart = nanos(stamp) - i128::from(entry.frame.at_ns);
            let wander = apart - *offset.get_or_insert(apart);
            if wander.abs() > WANDER_NS {
                return Err(Wrong::Clock(number, wander));
            }
            count += 1;
        }
        unstamped.push(entry.frame);
    }
    Ok((unstamped, count))
}

/// Since 1970; the counter left out.
fn nanos(stamp: Stamp) -> i128 {
    let fraction = (i128::from((stamp.0 >> 16) & 0xffff) * 1_000_000_000) >> 16;
    i128::from(stamp.seconds()) * 1_000_000_000 + fraction
}

/// Puts a trailer with stamp zero in place of the one that is there; gives the stamp that was. `None`
/// when what is there is wrong.
fn sign_anew(frame: &mut [u8], advert: &Advert, keys: &[HmacKey]) -> Option<Stamp> {
    let packet = ethernet::View::new(frame)?.payload;
    let family = Family::of(advert.source);
    let (header, length) = match family {
        Family::V4 => {
            let view = ipv4::View::new(packet).ok()?;
            (view.header_len(), view.payload().len())
        }
        Family::V6 => (ipv6::LEN, ipv6::View::new(packet).ok()?.payload().len()),
    };
    let begin = ethernet::LEN + header;
    let message = frame.get_mut(begin..begin + length)?;
    let version = match advert.version {
        2 => Version::V2,
        _ => Version::V3,
    };
    let body = AdvertView::new(message, version, family).ok()?.len();
    let view = View::behind(message, body)?;
    let origin = Origin {
        version: advert.version,
        vrid: advert.vrid,
        source: advert.source,
    };
    let key = keys.iter().find(|key| key.id() == view.key())?;
    if !view.is_well_formed() || !view.verify(key, &origin) {
        return None;
    }
    let stamp = view.stamp();
    let anew = trailer::sign(key, Stamp(0), &origin, &message[..body]);
    message[body..].copy_from_slice(&anew);
    if let (IpAddr::V6(_), IpAddr::V6(_)) = (advert.source, advert.destination) {
        // Over IPv6 the checksum includes the trailer.
        advert.checksum?;
        wire::set_checksum(
            ChecksumForm::PseudoHeader,
            message,
            advert.source,
            advert.destination,
        );
    }
    Some(stamp)
}
