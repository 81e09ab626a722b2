//! The nodes of the scenario: the one that recorded, and those it heard.

use core::fmt::Write;
use core::net::IpAddr;
use core::time::Duration;

use locum_engine::event::StateKind;
use locum_engine::ids::MacAddr;

use super::peers;
use super::write::Writer;
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
        // Sources that are neither IPv4 nor link-local.
        let sources = self.story.config.instances.iter().filter_map(|i| i.source);
        let global = sources.filter(|source| is_global_v6(*source));
        lines.extend(
            global
                .take(1)
                .map(|source| format!("address6 = \"{source}/64\"")),
        );
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
        // Not those of other hosts, whatever they are here.
        let mut mac = MacAddr([2, 0, 0, 0, 1, n as u8]);
        match peer.address {
            IpAddr::V4(address) => {
                let _ = writeln!(text, "address = \"{address}/{}\"", self.prefix());
            }
            IpAddr::V6(address) => {
                let _ = writeln!(text, "address = \"192.0.2.{}/24\"", n + 100);
                let o = address.octets();
                if is_global_v6(peer.address) {
                    let _ = writeln!(text, "address6 = \"{address}/64\"");
                } else if o[..2] == [0xfe, 0x80] && o[11..13] == [0xff, 0xfe] {
                    mac = MacAddr([o[8] ^ 2, o[9], o[10], o[13], o[14], o[15]]);
                } else {
                    text.push_str("# Its link-local address is another here.\n");
                }
            }
        }
        let _ = writeln!(text, "mac = \"{mac}\"");
        if let Some(starts) = peer.part.starts {
            let heard = &peer.heard[0];
            let instance = self.story.config.instance(heard.instance);
            let own = peers::priority(peer.heard);
            let missing = instance.tuning.down_timer_adverts;
            let listens = locum_engine::fsm::master_down(
                instance.version,
                own,
                instance.advert_interval,
                missing,
            );
            // Where the clock's origin was in the way, from when it has to speak.
            let speaks = peer.heard[0].at;
            let starts = match peer.part.reigned {
                true => self.time(speaks).saturating_sub(listens),
                false => self.time(starts),
            };
            let _ = writeln!(text, "starts = {:?}", show_span(starts));
        }
        let all = self.peer_conf(peer, &[]);
        let _ = writeln!(text, "config = {}", literal(&all));
        self.text.push_str(&text);
    }
}

/// Whether it needs an `address6` of its own.
fn is_global_v6(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if !v6.is_unicast_link_local())
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
