//! The configuration of a peer: as the node's own, as far as the two have to agree.

use core::fmt::Write;

use locum_engine::config::{Auth, Hmac, HmacMode, InstanceConfig, Preempt, Version};
use locum_engine::ids::{InstanceId, Priority};

use super::peers;
use super::story::Heard;
use super::write::{Peer, Writer};
use crate::units::show_span;

impl Writer<'_> {
    /// All instances in which a peer was heard, but for some.
    pub(super) fn peer_conf(&self, peer: &Peer<'_>, without: &[InstanceId]) -> String {
        let mut instances: Vec<InstanceId> = peer.heard.iter().map(|h| h.instance).collect();
        instances.sort_unstable();
        instances.dedup();
        instances.retain(|id| !without.contains(id));
        let mut text = String::new();
        for id in instances {
            let of = peer.heard.iter().filter(|h| h.instance == id).cloned();
            let heard: Vec<Heard> = of.collect();
            self.peer_instance(&mut text, id, peer, peers::priority(&heard));
        }
        text
    }

    /// As ours, but for the priority, and without what is tracked.
    fn peer_instance(
        &self,
        text: &mut String,
        id: InstanceId,
        peer: &Peer<'_>,
        priority: Priority,
    ) {
        let instance: &InstanceConfig = self.story.config.instance(id);
        let interval = show_span(instance.advert_interval.duration());
        let seconds = match interval.strip_suffix("ms") {
            Some(ms) => format!("0.{:0>3}", ms),
            None => interval.trim_end_matches('s').to_owned(),
        };
        let version = match instance.version {
            Version::V2 => 2,
            Version::V3 => 3,
        };
        let _ = writeln!(
            text,
            "vrrp_instance {} {{\n    state BACKUP\n    interface eth0\n    virtual_router_id {}\n    \
             version {version}\n    priority {priority}\n    advert_int {seconds}",
            instance.name, instance.vrid
        );
        if instance.preempt == Preempt::Never {
            text.push_str("    nopreempt\n");
        }
        if let Some(group) = instance.group {
            let _ = writeln!(text, "    mcast_dst_ip {group}");
        }
        let missing = instance.tuning.down_timer_adverts;
        if missing != 3 {
            let _ = writeln!(text, "    down_timer_adverts {missing}");
        }
        authentication(text, &instance.auth);
        if let Some(hmac) = &instance.hmac {
            auth_hmac(text, hmac);
        }
        if instance.unicast.is_some() {
            let own = self
                .story
                .links
                .get(self.story.config.interface_name(instance.interface));
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
    }
}

fn authentication(text: &mut String, auth: &Auth) {
    let (kind, pass) = match auth {
        Auth::None => return,
        Auth::Password(pass) => ("PASS", pass),
        Auth::Header(key) => ("AH", &key.0),
    };
    let pass: Vec<u8> = pass.iter().copied().take_while(|b| *b != 0).collect();
    let pass = String::from_utf8_lossy(&pass);
    let _ = writeln!(
        text,
        "    authentication {{\n        auth_type {kind}\n        auth_pass {pass}\n    }}"
    );
}

/// The keys are ours: a peer whose adverts were believed has one of them.
fn auth_hmac(text: &mut String, hmac: &Hmac) {
    text.push_str("    auth_hmac {\n");
    for key in &hmac.keys {
        let _ = write!(text, "        key {} hex:", key.id());
        for byte in key.bytes() {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    let mode = match hmac.mode {
        HmacMode::Enforce => "enforce",
        HmacMode::Permissive => "permissive",
        HmacMode::ReceiveOnly => "receive-only",
    };
    let _ = writeln!(
        text,
        "        active_key {}\n        mode {mode}",
        hmac.active
    );
    let _ = match hmac.window {
        Some(window) => writeln!(text, "        time_window {}", window.as_secs()),
        None => writeln!(text, "        anti_replay monotonic"),
    };
    text.push_str("    }\n");
}
