//! Unicast: from what an instance says to peers, or to the group after all.

use core::net::IpAddr;

use super::Lowering;
use crate::conf::schema::instance::InstanceDraft;
use crate::conf::schema::unicast::{PeerDraft, UnicastDraft};
use crate::config::{OldChecksum, Peer, Unicast, Version};
use crate::wire::{Family, TTL};

impl Lowering<'_> {
    /// The group of an instance without peers.
    pub(super) fn multicast_group(
        &mut self,
        draft: &InstanceDraft,
        family: Family,
    ) -> Option<IpAddr> {
        let otherwise = self.drafts.global.groups.of(family);
        match draft.group {
            Some((_, span)) if !draft.unicast.peers.is_empty() => {
                let message = "adverts go to peers: this line has no effect";
                self.report.warning(span, message);
                otherwise
            }
            Some((group, span)) if Family::of(group) != family => {
                let message = format!(
                    "this group is of another family than the addresses: {} is used",
                    otherwise.unwrap_or_else(|| family.group())
                );
                self.report.warning(span, message);
                otherwise
            }
            Some((group, _)) => Some(group),
            None => otherwise,
        }
    }

    /// Whom adverts go to; `None` for the group.
    pub(super) fn unicast(
        &mut self,
        draft: &InstanceDraft,
        version: Version,
        family: Family,
    ) -> Option<Unicast> {
        let unicast = &draft.unicast;
        let peers = self.peers(
            &unicast.peers,
            draft.source.map(|(address, _)| address),
            family,
        );
        if peers.is_empty() && !self.stays_unicast(unicast) {
            return None;
        }
        let only = match (version, family) {
            (Version::V3, Family::V4) => None,
            (_, Family::V6) => {
                Some("over IPv6 there is only one checksum: this line has no effect")
            }
            (Version::V2, Family::V4) => {
                Some("version 2 has only one checksum: this line has no effect")
            }
        };
        if let (Some((_, span)), Some(message)) = (unicast.old_checksum, only) {
            self.report.warning(span, message);
        }
        Some(Unicast {
            ttl: unicast.ttl.map_or(TTL, |(ttl, _)| ttl),
            check_source: self.checks_source(unicast),
            old_checksum: unicast
                .old_checksum
                .map_or(OldChecksum::Detect, |(old, _)| old),
            peers,
        })
    }

    /// Without peers: whether the instance waits in fault for better times, or uses the group.
    fn stays_unicast(&mut self, unicast: &UnicastDraft) -> bool {
        if let Some(span) = unicast.fault_no_peer {
            let message = "there are no unicast peers: this instance stays in fault";
            self.report
                .warning(unicast.block.unwrap_or(span), message)
                .hint("list the other routers in `unicast_peer`");
            return true;
        }
        let list = "list the other routers in `unicast_peer`; \
             `unicast_fault_no_peer` keeps an instance without peers in fault";
        if let Some(span) = unicast.block {
            let message =
                "there are no peers in this block: adverts go to the MULTICAST group instead";
            self.report.warning(span, message).hint(list);
        } else if let Some((_, span)) = unicast.source {
            let message =
                "there is no `unicast_peer`: adverts go from this address to the MULTICAST group";
            self.report.warning(span, message).hint(list);
        } else if let Some(span) = unicast.other() {
            let message =
                "there is no `unicast_peer`: this line has no effect, adverts go to the group";
            self.report.warning(span, message).hint(list);
        }
        false
    }

    fn peers(&mut self, drafts: &[PeerDraft], source: Option<IpAddr>, family: Family) -> Vec<Peer> {
        let mut peers: Vec<Peer> = Vec::new();
        for draft in drafts {
            let address = draft.address;
            if Family::of(address) != family {
                let message =
                    format!("this instance talks over {family}: no adverts go to this peer");
                self.report
                    .warning(draft.span, message)
                    .hint("an instance is of the family of its first address");
            } else if source == Some(address) {
                let message = "this is our own address: no adverts go there";
                self.report.note(draft.span, message);
            } else if peers.iter().any(|peer| peer.address == address) {
                let message = format!("{address} is a peer already: this line is ignored");
                self.report.warning(draft.span, message);
            } else {
                let ttl = draft.ttl.clone().unwrap_or(0..=u8::MAX);
                if ttl.is_empty() {
                    let message =
                        "no TTL is within these limits: all adverts of this peer are discarded";
                    self.report.warning(draft.span, message);
                }
                peers.push(Peer { address, ttl });
            }
        }
        peers
    }

    /// On by default, against keepalived; limits of the TTL turn it on as they do there.
    fn checks_source(&mut self, unicast: &UnicastDraft) -> bool {
        let own = unicast.check_source;
        let limit = unicast.peers.iter().find(|peer| peer.ttl.is_some());
        if let (Some((false, span)), Some(_)) = (own, limit) {
            let message = "`min_ttl` and `max_ttl` turn the check on: this line has no effect";
            self.report.warning(span, message);
        }
        let global = self.drafts.global.check_unicast_src;
        limit.is_some() || own.map(|(on, _)| on).or(global).unwrap_or(true)
    }
}
