//! The JSON that keepalived's exporters read: the same keys in the same order, and nothing else.

use std::fmt::{Display, Write as _};

use locum_engine::config::{Auth, CheckCommand, Config, Object, Preempt, Version};
use locum_engine::event::StateKind;
use locum_engine::status::{InstanceView, Master, Status};

use super::counters::Counters;
use super::{Moment, SECRET, show};

/// An object or an array in the making.
struct Json(String);

impl Json {
    fn object() -> Self {
        Self("{".to_owned())
    }

    fn key(&mut self, key: &str) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        self.0 += &string(key);
        self.0.push(':');
    }

    /// Numbers and truth values, which look the same in Rust, and what is JSON already.
    fn put(&mut self, key: &str, value: impl Display) {
        self.key(key);
        // Writing to a string doesn't fail.
        let _ = write!(self.0, "{value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.put(key, string(value));
    }

    /// Left out when there is nothing in it.
    fn list(&mut self, key: &str, items: impl Iterator<Item = String>) {
        let items: Vec<String> = items.map(|item| string(&item)).collect();
        if !items.is_empty() {
            self.put(key, format_args!("[{}]", items.join(",")));
        }
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A string of JSON. A slash is escaped too, as keepalived's library has it.
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' | '/' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            c if c < ' ' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What is in front of the instances.
pub(super) fn begin(text: &mut String, status: Status<'_>) {
    if status.config().operation.json_version > 1 {
        *text += "{\"vrrp\":";
    }
    text.push('[');
}

/// One instance.
pub(super) fn instance(
    text: &mut String,
    status: Status<'_>,
    view: InstanceView<'_>,
    moment: Moment,
    counters: Counters,
) {
    if !text.ends_with('[') {
        text.push(',');
    }
    let mut both = Json::object();
    both.put("data", data(status.config(), view, moment));
    both.put("stats", stats(counters));
    *text += &both.end();
}

/// What is behind the instances.
pub(super) fn end(text: &mut String, status: Status<'_>) {
    text.push(']');
    if status.config().operation.json_version > 1 {
        let processes: Vec<String> = status
            .processes()
            .map(|process| {
                let mut object = Json::object();
                object.text("name", &process.config().name);
                object.text("process", &process.config().pattern.command);
                object.put("num_cur_proc", process.count());
                object.put("have_quorum", process.verdict() == Some(true));
                object.end()
            })
            .collect();
        // Writing to a string doesn't fail.
        let _ = write!(text, ",\"track_process\":[{}]}}", processes.join(","));
    }
    text.push('\n');
}

fn data(config: &Config, view: InstanceView<'_>, moment: Moment) -> String {
    let instance = view.config();
    let mut out = Json::object();
    let name = |id| config.interface_name(id);
    let device = instance.vmac.map(|vmac| vmac.device);
    let notify = instance.notify.as_deref();
    let is_master = view.state() == StateKind::Master;
    out.text("iname", &instance.name);
    out.put("dont_track_primary", u8::from(instance.dont_track_primary));
    let skips = instance.tuning.skip_check_adv_addr;
    out.put("skip_check_adv_addr", u8::from(skips));
    out.put("strict_mode", 0);
    out.text("vmac_ifname", device.map_or("", name));
    out.text("ifp_ifname", name(device.unwrap_or(instance.interface)));
    let master = match view.master() {
        Master::Other(seen) => seen.priority.get(),
        Master::Us { .. } | Master::Unknown => 0,
    };
    out.put("master_priority", master);
    out.put("last_transition", show::stamp(moment.utc(view.since())));
    let garp = &instance.garp;
    out.put("garp_delay", garp.delay.as_secs());
    out.put("garp_refresh", garp.refresh.as_secs());
    out.put("garp_rep", garp.repeat);
    out.put("garp_refresh_rep", garp.refresh_repeat);
    out.put("garp_lower_prio_delay", garp.contest_delay.as_secs());
    out.put("garp_lower_prio_rep", garp.contest_repeat);
    let quiet = instance.lower_prio_no_advert;
    out.put("lower_prio_no_advert", u8::from(quiet));
    let answers = instance.tuning.higher_prio_send_advert;
    out.put("higher_prio_send_advert", u8::from(answers));
    out.put("vrid", instance.vrid.get());
    out.put("base_priority", instance.priority.get());
    out.put("effective_priority", view.priority().get());
    out.put("vipset", is_master);
    out.put("promote_secondaries", false);
    out.put("adver_int", seconds(instance.advert_interval.get()));
    out.put("master_adver_int", seconds(view.interval().get()));
    out.put("accept", u8::from(instance.accept));
    out.put("nopreempt", instance.preempt == Preempt::Never);
    let delay = match instance.preempt {
        Preempt::After(delay) => delay.as_secs(),
        Preempt::Always | Preempt::Never => 0,
    };
    out.put("preempt_delay", delay);
    out.put("state", number(view.state()));
    out.put("wantstate", number(view.wanted()));
    out.put(
        "version",
        if instance.version == Version::V2 {
            2
        } else {
            3
        },
    );
    let mail = notify.and_then(|n| n.mail);
    let globally = config.reports.mail.as_ref().is_some_and(|mail| mail.alert);
    out.put("smtp_alert", mail.unwrap_or(globally));
    out.put("notify_deleted", notify.is_some_and(|n| n.tells_deleted));
    if let Some(notify) = notify {
        let scripts = [
            ("script_backup", &notify.backup),
            ("script_master", &notify.master),
            ("script_fault", &notify.fault),
            ("script_stop", &notify.stop),
            ("script_deleted", &notify.deleted),
            ("script", &notify.any),
        ];
        for (key, hook) in scripts {
            if let Some(hook) = hook {
                out.text(key, &show::command(&hook.words));
            }
        }
    }
    belongings(&mut out, config, view, is_master);
    match &instance.auth {
        Auth::None => out.put("auth_type", 0),
        Auth::Password(_) => out.put("auth_type", 1),
        Auth::Header(_) => out.put("auth_type", 2),
    }
    if instance.auth != Auth::None {
        out.text("auth_data", SECRET);
    }
    out.end()
}

/// Addresses, routes and rules, and what is tracked.
fn belongings(out: &mut Json, config: &Config, view: InstanceView<'_>, is_master: bool) {
    let instance = view.config();
    let address = |a| show::address(config, instance, a, is_master);
    out.list("vips", instance.addresses.iter().map(address));
    out.list("evips", instance.excluded.iter().map(address));
    let is_route = |object: &&Object| matches!(object, Object::Route(_));
    let objects = || instance.objects.iter();
    let shown = |object| show::object(config, object);
    out.list("vroutes", objects().filter(is_route).map(shown));
    out.list("vrules", objects().filter(|o| !is_route(o)).map(shown));
    let links = instance.links.iter();
    let name = |id| config.interface_name(id).to_owned();
    out.list("track_ifp", links.map(|link| name(link.interface)));
    let checks = instance
        .tracks
        .iter()
        .map(|track| config.check(track.check));
    out.list(
        "track_script",
        checks.map(|check| match &check.command {
            CheckCommand::Script(words) => show::command(words),
            CheckCommand::Probe(_) => format!("'{}'", check.name),
        }),
    );
}

fn stats(counters: Counters) -> String {
    let mut out = Json::object();
    out.put("advert_rcvd", counters.received);
    out.put("advert_sent", counters.sent);
    out.put("become_master", counters.became_master);
    out.put("release_master", counters.released_master);
    out.put("packet_len_err", counters.length);
    out.put("advert_interval_err", counters.interval);
    out.put("ip_ttl_err", counters.ttl);
    out.put("invalid_type_rcvd", counters.kind);
    out.put("addr_list_err", counters.addresses);
    out.put("invalid_authtype", counters.auth_unknown);
    out.put("authtype_mismatch", counters.auth_mismatch);
    out.put("auth_failure", counters.auth_failure);
    out.put("pri_zero_rcvd", counters.zero_received);
    out.put("pri_zero_sent", counters.zero_sent);
    out.end()
}

const fn number(state: StateKind) -> u8 {
    match state {
        StateKind::Init => 0,
        StateKind::Backup => 1,
        StateKind::Master => 2,
        StateKind::Fault => 3,
    }
}

/// Hundredths as a number without trailing zeros.
fn seconds(centis: u16) -> String {
    let (whole, rest) = (centis / 100, centis % 100);
    match (rest, rest % 10) {
        (0, _) => whole.to_string(),
        (_, 0) => format!("{whole}.{}", rest / 10),
        _ => format!("{whole}.{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_and_numbers_short() {
        assert_eq!(string("a/b \"c\"\\\n\u{1}"), r#""a\/b \"c\"\\\n\u0001""#);
        let all = [100, 50, 4095, 105].map(seconds);
        assert_eq!(all, ["1", "0.5", "40.95", "1.05"]);
    }
}
