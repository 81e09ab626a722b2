//! The nodes of the scenario: the one that recorded, and those it heard.

use core::fmt::Write;
use core::net::IpAddr;
use core::time::Duration;

use locum_engine::config::{Auth, InstanceConfig, Preempt, Version};
use locum_engine::event::StateKind;
use locum_engine::ids::{InstanceId, Priority};
use locum_engine::wire::Family;

use super::peers;
use super::story::Heard;
use super::write::{Peer, Writer};
use crate::units::show_span;

impl Writer<'_> {
    pub(super) fn own_node(&mut self) {
        let interfaces = self.interfaces();
        let address = |name: &str| {
            let link = self.story.links.get(name);
            let known = link.and_then(|link| link.address);
            known.unwrap_or_else(|| IpAddr::from([192, 0, 2, 254]))
        };
        let prefix = self.prefix();
        let mut lines = vec!["[nodes.A]".to_owned()];
        for (n, name) in interfaces.iter().enumerate() {
            let address = address(name);
            if n == 0 {
                lines.push(format!("address = \"{address}/{prefix}\""));
            } else {
                lines.push(format!(
                    "nics.{name:?} = \"{address}/{prefix}\"",
                    name = &**name
                ));
            }
        }
        let first = interfaces
            .first()
            .and_then(|name| self.story.links.get(name));
        if let Some(link) = first.filter(|link| link.mac != Default::default()) {
            lines.push(format!("mac = \"{}\"", link.mac));
        }
        let begins = self.begins();
        if !begins.is_zero() {
            lines.push(format!("starts = {:?}", show_span(begins)));
        }
        lines.push(format!(
            "config = {}",
            literal(&self.story.texts.flattened())
        ));
        for line in lines {
            self.line(line);
        }
    }

    /// When its daemon starts here.
    fn begins(&self) -> Duration {
        let Some(before) = &self.story.before else {
            return self.time(self.story.started);
        };
        if before.contains(&StateKind::Master) {
            return Duration::ZERO;
        }
        // Late enough to hear who was master.
        self.ahead.saturating_sub(Duration::from_secs(1))
    }

    /// Of a network that everybody is in.
    fn prefix(&self) -> u8 {
        let link = self.story.links.values().find_map(|link| link.address);
        let same = |prefix: u8| {
            let network = |address: &IpAddr| match address {
                IpAddr::V4(v4) => Some(v4.to_bits() >> (32 - prefix)),
                IpAddr::V6(_) => None,
            };
            let ours = link.as_ref().and_then(network);
            let mut theirs = self.peers.iter().filter_map(|peer| network(&peer.address));
            theirs.all(|theirs| ours.is_none_or(|ours| ours == theirs))
        };
        [24, 16]
            .into_iter()
            .find(|prefix| same(*prefix))
            .unwrap_or(8)
    }

    pub(super) fn peer(&mut self, n: usize) {
        let peer = &self.peers[n];
        let mut text = format!("\n[nodes.{}]\n", peer.name);
        match peer.address {
            IpAddr::V4(address) => {
                let _ = writeln!(text, "address = \"{address}/{}\"", self.prefix());
            }
            IpAddr::V6(address) => {
                let _ = writeln!(text, "address = \"192.0.2.{}/24\"", n + 100);
                let o = address.octets();
                if o[..2] == [0xfe, 0x80] && o[11..13] == [0xff, 0xfe] {
                    let mac = [o[8] ^ 2, o[9], o[10], o[13], o[14], o[15]];
                    let _ = writeln!(text, "mac = \"{}\"", locum_engine::ids::MacAddr(mac));
                } else {
                    text.push_str("# Its link-local address is another here.\n");
                }
            }
        }
        if let Some(starts) = peer.part.starts {
            let heard = &peer.heard[0];
            let instance = self.story.config.instance(heard.instance);
            let own = peers::priority(peer.heard);
            let listens =
                locum_engine::fsm::master_down(instance.version, own, instance.advert_interval, 3);
            // Where the clock's origin was in the way, from when it has to speak.
            let speaks = peer.heard[0].at;
            let starts = match peer.part.reigned {
                true => self.time(speaks).saturating_sub(listens),
                false => self.time(starts),
            };
            let _ = writeln!(text, "starts = {:?}", show_span(starts));
        }
        let mut instances: Vec<InstanceId> = peer.heard.iter().map(|h| h.instance).collect();
        instances.sort_unstable();
        instances.dedup();
        text.push_str("config = '''\n");
        for id in instances {
            let of = peer.heard.iter().filter(|h| h.instance == id).cloned();
            let heard: Vec<Heard> = of.collect();
            text.push_str(&self.peer_instance(id, peer, peers::priority(&heard)));
        }
        text.push_str("'''\n");
        self.text.push_str(&text);
    }

    /// As ours, but for the priority, and without what is tracked.
    fn peer_instance(&self, id: InstanceId, peer: &Peer<'_>, priority: Priority) -> String {
        let config = &self.story.config;
        let instance: &InstanceConfig = config.instance(id);
        let mut text = format!(
            "vrrp_instance {} {{\n    state BACKUP\n    interface eth0\n",
            instance.name
        );
        let interval = show_span(instance.advert_interval.duration());
        let seconds = match interval.strip_suffix("ms") {
            Some(ms) => format!("0.{:0>3}", ms),
            None => interval.trim_end_matches('s').to_owned(),
        };
        let _ = writeln!(text, "    virtual_router_id {}", instance.vrid);
        let _ = writeln!(text, "    priority {priority}\n    advert_int {seconds}");
        if instance.version == Version::V3 {
            text.push_str("    version 3\n");
        }
        if instance.preempt == Preempt::Never {
            text.push_str("    nopreempt\n");
        }
        let secret = |pass: &[u8; 8]| {
            let pass = pass.iter().copied().take_while(|b| *b != 0);
            String::from_utf8_lossy(&pass.collect::<Vec<u8>>()).into_owned()
        };
        let auth = match &instance.auth {
            Auth::None => None,
            Auth::Password(pass) => Some(("PASS", secret(pass))),
            Auth::Header(key) => Some(("AH", secret(&key.0))),
        };
        if let Some((kind, pass)) = auth {
            let _ = writeln!(
                text,
                "    authentication {{\n        auth_type {kind}\n        auth_pass {pass}\n    }}"
            );
        }
        if instance.hmac.is_some() {
            text.push_str(
                "    # auth_hmac isn't carried over: add it, or its adverts aren't believed\n",
            );
        }
        if instance.unicast.is_some() {
            let own = self
                .story
                .links
                .get(config.interface_name(instance.interface));
            let own = instance
                .source
                .or_else(|| own.and_then(|link| link.address));
            let _ = writeln!(text, "    unicast_src_ip {}", peer.address);
            if let Some(own) = own {
                let _ = writeln!(text, "    unicast_peer {{\n        {own}\n    }}");
            }
        }
        text.push_str("    virtual_ipaddress {\n");
        for held in &instance.addresses {
            let _ = writeln!(text, "        {}/{}", held.address, held.prefix);
        }
        text.push_str("    }\n}\n");
        if instance.family == Family::V6 && instance.addresses.is_empty() {
            text.push_str("# It has no address.\n");
        }
        text
    }
}

/// A text of several lines as TOML has it.
pub(super) fn literal(text: &str) -> String {
    if text.contains("'''") || text.contains('\r') {
        let escaped = text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\r', "\\r");
        return format!("\"\"\"\n{escaped}\"\"\"");
    }
    format!("'''\n{text}'''")
}
