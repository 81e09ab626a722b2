//! Virtual routers that share a number: whether a packet's addresses tell them apart.

use std::collections::BTreeMap;

use super::Lowering;
use crate::config::{InstanceConfig, Unicast};

impl Lowering<'_> {
    /// Reports those that can't be told apart. Called when all instances are known.
    pub(super) fn tell_apart(&mut self, instances: &[InstanceConfig]) {
        let mut known: BTreeMap<_, Vec<&InstanceConfig>> = BTreeMap::new();
        for instance in instances {
            let key = (instance.interface, instance.vrid, instance.family);
            let alike = known.entry(key).or_default();
            let found = alike
                .iter()
                .find_map(|o| Some((*o, self.confusion(o, instance)?)));
            if let Some((other, (why, hint))) = found {
                self.report_confusion(instance, other, &why, hint);
            }
            alike.push(instance);
        }
    }

    fn report_confusion(
        &mut self,
        instance: &InstanceConfig,
        other: &InstanceConfig,
        why: &str,
        hint: &str,
    ) {
        let mut drafts = self.drafts.instances.iter();
        let draft = drafts.find(|draft| draft.name.text == *instance.name);
        let Some((_, span)) = draft.and_then(|draft| draft.vrid) else {
            return;
        };
        let message = format!(
            "`{}` and `{}` share the virtual router id {} on one interface{why}",
            instance.name, other.name, instance.vrid
        );
        self.report.fatal(span, message).hint(hint);
    }

    /// Why two can't be told apart, and what helps; `None` when they can.
    fn confusion(
        &self,
        one: &InstanceConfig,
        other: &InstanceConfig,
    ) -> Option<(String, &'static str)> {
        let mac = |instance: &InstanceConfig| {
            let device = instance.vmac?.device;
            let mut devices = self.devices.iter();
            devices.find(|d| d.interface == device).map(|d| d.mac)
        };
        if let (Some(mac), true) = (mac(one), mac(one) == mac(other)) {
            let why = format!(", and so the virtual MAC address {mac}");
            return Some((
                why,
                "give each an id of its own, or a MAC address behind `use_vmac`",
            ));
        }
        let (ours, theirs) = match (&one.unicast, &other.unicast) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (None, None) if one.group() == other.group() => {
                let hint = "each virtual router of a network needs an id of its own";
                return Some((String::new(), hint));
            }
            // A packet to a group, or to another one, or to an address.
            _ => return None,
        };
        let sources = one.source.zip(other.source);
        if sources.is_some_and(|(ours, theirs)| ours != theirs) {
            return None;
        }
        let hint = "give each an id of its own, or a `unicast_src_ip` of its own, or other peers";
        let strangers = |u: &Unicast| !u.check_source;
        if strangers(ours) || strangers(theirs) {
            let why =
                ", and hear whoever writes to them: a packet's sender doesn't tell them apart";
            return Some((why.to_owned(), hint));
        }
        let mut peers = ours.peers.iter();
        let common = peers.find(|peer| theirs.peer(peer.address).is_some())?;
        let why = format!(
            ", and the peer {}: whose its adverts are couldn't be told",
            common.address
        );
        Some((why, hint))
    }
}
