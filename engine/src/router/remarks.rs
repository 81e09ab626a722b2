//! What a router says of the packets it gets, each thing once: why one was discarded, and that the
//! other router has other addresses or another interval. Nothing here changes what the router does.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::accept::Discard;
use super::{Router, Surroundings};
use crate::event::Event;
use crate::fsm::Heard;
use crate::input::Datagram;
use crate::output::Output;
use crate::rare::Blank;
use crate::time::Centis;

/// What was said, so that it isn't said again.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    last_discard: Option<(IpAddr, Discard)>,
    differs_from: Option<IpAddr>,
    /// The last interval that wasn't ours, and whose it was.
    other_interval: Option<(IpAddr, Centis)>,
}

impl Blank for Told {
    fn blank() -> &'static Self {
        const {
            &Self {
                last_discard: None,
                differs_from: None,
                other_interval: None,
            }
        }
    }
}

impl Router {
    pub(super) fn compare_addresses(
        &mut self,
        s: &mut Surroundings<'_>,
        differ: bool,
        source: IpAddr,
    ) {
        self.stats.addresses_differed += u64::from(differ);
        let skip = s.config.instance(self.id).tuning.skip_check_adv_addr;
        if skip && self.follows(source) {
            return;
        }
        if !differ {
            if let Some(told) = self.told.present() {
                told.differs_from = told.differs_from.filter(|&known| known != source);
            }
        } else if self.told.differs_from.replace(source) != Some(source) {
            let event = Event::AddressListDiffers {
                instance: self.id,
                source,
            };
            s.out.push_back(Output::Event(event));
        }
    }

    /// VRRPv3 follows the master's interval (RFC 9568 7.1 asks to log it); VRRPv2 has none but ours.
    pub(super) fn compare_interval(&mut self, s: &mut Surroundings<'_>, heard: &Heard) {
        let theirs = heard.interval;
        let differs = theirs != s.config.instance(self.id).advert_interval;
        let known = self.told.other_interval == Some((heard.source, theirs));
        if !differs || known || !self.stats.may_report(s.now) {
            return;
        }
        self.told.other_interval = Some((heard.source, theirs));
        s.out.push_back(Output::Event(Event::IntervalDiffers {
            instance: self.id,
            source: heard.source,
            theirs,
        }));
    }

    /// An advert was accepted: the next discard is told of again.
    pub(super) fn forget_discard(&mut self) {
        if let Some(told) = self.told.present() {
            told.last_discard = None;
        }
    }

    /// Counts every discard; reports the first of a kind from a source, once.
    pub(super) fn discard(
        &mut self,
        s: &mut Surroundings<'_>,
        datagram: &Datagram<'_>,
        why: Discard,
    ) {
        self.stats.count_discard(why);
        let quiet = why == Discard::NotListening;
        let known = self.told.last_discard == Some((datagram.source, why));
        if quiet || known || !self.stats.may_report(s.now) {
            return;
        }
        self.told.last_discard = Some((datagram.source, why));
        s.out.push_back(Output::Event(Event::Discarded {
            instance: Some(self.id),
            interface: datagram.interface,
            source: datagram.source,
            why,
        }));
    }
}
