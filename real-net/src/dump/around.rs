//! What keepalived's data says in front of the instances about itself, and behind them about the machine,
//! as far as there is something of it here.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use locum_engine::config::{Config, Pace, Version};
use locum_engine::ids::InterfaceId;
use locum_engine::status::Status;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::LinkAddr;
use nix::unistd::gethostname;

use super::data::{Text, on, put};
use super::{Users, show};
use crate::scripts::User;

/// `global_defs`.
pub(super) fn global(text: &mut String, config: &Config, users: &mut Users) {
    let text = &mut Text(text);
    let (operation, defaults) = (&config.operation, &config.defaults);
    put!(text, "------< Global definitions >------");
    let namespace = operation.net_namespace.as_deref().unwrap_or("(default)");
    put!(text, " Network namespace = {namespace}");
    let host = || gethostname().ok()?.into_string().ok();
    let id = config.router_id.as_deref().map(str::to_owned).or_else(host);
    put!(text, " Router ID = {}", id.unwrap_or_default());
    mail(text, config);
    let interface = defaults.interface.as_deref().unwrap_or("eth0");
    put!(text, " Default interface = {interface}");
    pipes(text, config, users);
    put!(text, " VRRP IPv4 mcast group = {}", defaults.group_v4);
    put!(text, " VRRP IPv6 mcast group = {}", defaults.group_v6);
    announcements(text, config);
    let version = match defaults.version {
        Version::V2 => 2,
        _ => 3,
    };
    put!(text, " VRRP default protocol version = {version}");
    put!(
        text,
        " VRRP check unicast_src = {}",
        defaults.check_unicast_src
    );
    let skips = defaults.tuning.skip_check_adv_addr;
    put!(text, " VRRP skip check advert addresses = {skips}");
    put!(text, " VRRP strict mode = {}", defaults.strict);
    put!(text, " Script security {}", on(operation.script_security));
    put!(
        text,
        " Default script uid:gid {}",
        users.ids(&operation.script_user)
    );
    if let Some(umask) = operation.umask {
        put!(text, " umask = 0{umask:o}");
    }
    if !config.startup_delay.is_zero() {
        put!(
            text,
            " vrrp_startup_delay = {}",
            config.startup_delay.as_secs_f64()
        );
    }
}

fn mail(text: &mut Text<'_>, config: &Config) {
    let defaults = &config.defaults;
    if let Some((server, port)) = &defaults.mail_server {
        put!(text, " Smtp server = {server}");
        put!(text, " Smtp server port = {port}");
    }
    if let Some(helo) = &defaults.mail_helo {
        put!(text, " Smtp HELO name = {helo}");
    }
    if let Some(timeout) = defaults.mail_timeout {
        put!(
            text,
            " Smtp server connection timeout = {}",
            timeout.as_secs()
        );
    }
    if let Some(from) = &defaults.mail_from {
        put!(text, " Email notification from = {from}");
    }
    if defaults.mail_from.is_some() || !defaults.mail_to.is_empty() {
        put!(text, " Email notification to:");
    }
    for to in &defaults.mail_to {
        put!(text, "   {to}");
    }
    let given = |alert: Option<bool>| match alert {
        None => "unset",
        Some(true) => "on",
        Some(false) => "off",
    };
    put!(text, " Default smtp_alert = {}", given(defaults.alert));
    put!(
        text,
        " Default smtp_alert_vrrp = {}",
        given(defaults.alert_vrrp)
    );
    if defaults.no_mail_of_faults {
        put!(text, " Send emails for fault transitions = off");
    }
}

fn pipes(text: &mut Text<'_>, config: &Config, users: &mut Users) {
    let reports = &config.reports;
    for fifo in &reports.fifos {
        let whose = if fifo.is_global { "Global" } else { "VRRP" };
        let root: User = Some(("root".into(), None));
        put!(
            text,
            " {whose} notify fifo = {}, uid:gid {}",
            fifo.path,
            users.ids(&root)
        );
        if let Some(script) = &fifo.script {
            let mut words = script.words.clone();
            words.push(fifo.path.clone());
            let (words, ids) = (show::command(&words), users.ids(&script.user));
            put!(text, " {whose} notify fifo script = {words}, uid:gid {ids}");
        }
    }
    let replay = reports.states_on_reload;
    put!(text, " FIFO write vrrp states on reload = {replay}");
    let changes = reports.priority_changes;
    put!(text, " VRRP notify priority changes = {changes}");
}

fn announcements(text: &mut Text<'_>, config: &Config) {
    let (defaults, garp) = (&config.defaults, &config.defaults.garp);
    put!(text, " Gratuitous ARP delay = {}", garp.delay.as_secs());
    put!(text, " Gratuitous ARP repeat = {}", garp.repeat);
    put!(
        text,
        " Gratuitous ARP refresh timer = {}",
        garp.refresh.as_secs()
    );
    put!(
        text,
        " Gratuitous ARP refresh repeat = {}",
        garp.refresh_repeat
    );
    let delay = garp.contest_delay.as_secs();
    put!(text, " Gratuitous ARP lower priority delay = {delay}");
    put!(
        text,
        " Gratuitous ARP lower priority repeat = {}",
        garp.contest_repeat
    );
    put!(
        text,
        " Num adverts before down = {}",
        defaults.tuning.down_timer_adverts
    );
    let whose = if defaults.garp_all { "i/f" } else { "VMAC" };
    let every = garp.elsewhere.as_secs();
    put!(
        text,
        " Gratuitous ARP for each secondary {whose} = {every}s"
    );
    let answers = !defaults.lower_prio_no_advert;
    put!(
        text,
        " Send advert after receive lower priority advert = {answers}"
    );
    let answers = defaults.tuning.higher_prio_send_advert;
    put!(
        text,
        " Send advert after receive higher priority advert = {answers}"
    );
    let span = |span: Duration| format!("{}.{:06}", span.as_secs(), span.subsec_micros());
    put!(
        text,
        " Gratuitous ARP interval = {}",
        span(defaults.garp_interval)
    );
    put!(
        text,
        " Gratuitous NA interval = {}",
        span(defaults.gna_interval)
    );
}

/// The distances of interfaces on which something is announced.
fn paces(config: &Config) -> impl Iterator<Item = &Pace> {
    let announces = |id: &InterfaceId| {
        let mut all = config.instances.iter();
        all.any(|i| i.interface == *id || i.held_addresses().any(|a| a.interface == *id))
    };
    let paces = config.pacing.iter();
    paces.filter(move |pace| pace.interfaces.iter().any(announces))
}

/// How far announcements are apart.
pub(super) fn pacing(text: &mut String, config: &Config) {
    let text = &mut Text(text);
    for (index, pace) in paces(config).enumerate() {
        if index == 0 {
            put!(text, "------< Gratuitous ARP delays >------");
        }
        put!(text, "------< GARP delay group {index} >------");
        if !pace.garp.is_zero() {
            put!(text, " GARP interval = {}", pace.garp.as_secs_f64());
        }
        if !pace.gna.is_zero() {
            put!(text, " GNA interval = {}", pace.gna.as_secs_f64());
        }
        put!(text, " Interfaces");
        for interface in &pace.interfaces {
            put!(text, "  {}", config.interface_name(*interface));
        }
    }
}

/// What the engine knows of the interfaces, in lines behind what the kernel tells of them.
#[derive(Debug, Default)]
pub(super) struct Interfaces(BTreeMap<String, Known>);

#[derive(Debug, Default)]
struct Known {
    up_delay: Duration,
    down_delay: Duration,
    /// What it lies on, when the daemon has made it.
    base: Option<String>,
    /// The first of each family that isn't virtual.
    addresses: [Option<IpAddr>; 2],
    pace: [Duration; 2],
    followers: Vec<String>,
}

impl Interfaces {
    /// Of all that are configured.
    pub(super) fn of(status: Status<'_>) -> Self {
        let config = status.config();
        let mut all = BTreeMap::new();
        for link in status.links() {
            let id = link.id();
            let name = |id: InterfaceId| config.interface_name(id).to_owned();
            let mut known = Known {
                base: config.device(id).map(|device| name(device.base)),
                ..Known::default()
            };
            if link.is_known() {
                let state = link.state();
                known.addresses = [state.address, state.link_local.map(IpAddr::V6)];
            }
            for pace in paces(config).filter(|p| p.interfaces.contains(&id)) {
                known.pace = [pace.garp, pace.gna];
            }
            for delay in config.link_delays.iter().filter(|d| d.interface == id) {
                (known.up_delay, known.down_delay) = (delay.up, delay.down);
            }
            all.insert(id, (name(id), known));
        }
        let mut follows = |id: InterfaceId, line: String| {
            if let Some((_, known)) = all.get_mut(&id) {
                known.followers.push(line);
            }
        };
        for instance in &config.instances {
            let name = &instance.name;
            let device = instance.vmac.map(|vmac| vmac.device);
            let own = [Some(instance.interface), device];
            let own = own.into_iter().flatten();
            // keepalived's way to say that it isn't tracked.
            let weight = if instance.dont_track_primary { 255 } else { 0 };
            for id in own {
                follows(id, format!("     {name}, weight {weight}"));
            }
            for track in &instance.links {
                let reverse = if track.weight.reverse { " reverse" } else { "" };
                let weight = track.weight.value;
                follows(
                    track.interface,
                    format!("     {name}, weight {weight}{reverse}"),
                );
            }
        }
        Self(all.into_values().collect())
    }

    /// Writes all interfaces that the machine has. What can't be asked is left out.
    pub(super) fn write(&self, text: &mut String) {
        let text = &mut Text(text);
        put!(text, "------< Interfaces >------");
        let all: Vec<InterfaceAddress> = getifaddrs().map(Iterator::collect).unwrap_or_default();
        let hardware = |one: &InterfaceAddress| one.address?.as_link_addr().copied();
        let mut links: Vec<(u32, &InterfaceAddress, LinkAddr)> = all
            .iter()
            .filter_map(|one| {
                let index = if_nametoindex(one.interface_name.as_str()).ok()?;
                Some((index, one, hardware(one)?))
            })
            .collect();
        links.sort_by_key(|(index, ..)| *index);
        for (index, link, hardware) in &links {
            put!(text, " Name = {}", link.interface_name);
            put!(text, "   index = {index}");
            let known = self.0.get(&link.interface_name);
            let its = known.map_or([None; 2], |known| known.addresses);
            addresses(text, &link.interface_name, its, &all);
            let loops = link.flags.contains(InterfaceFlags::IFF_LOOPBACK);
            let mac =
                |address: &LinkAddr| Some(address.addr()?.map(|b| format!("{b:02x}")).join(":"));
            if let (Some(mac), false) = (mac(hardware), loops) {
                put!(text, "   MAC = {mac}");
            }
            let broadcast = link.broadcast.and_then(|b| mac(b.as_link_addr()?));
            if let (Some(mac), false) = (broadcast, loops) {
                put!(text, "   MAC broadcast = {mac}");
            }
            put!(text, "   State = {}", state(link.flags));
            let underlying = |name: &str| links.iter().find(|(_, l, _)| l.interface_name == name);
            if let Some(known) = known {
                known.before(text, |name| {
                    underlying(name).map(|(_, link, _)| state(link.flags))
                });
            }
            if let Some(mtu) = mtu(&link.interface_name) {
                put!(text, "   MTU = {mtu}");
            }
            match hardware.hatype() {
                libc::ARPHRD_ETHER => put!(text, "   HW Type = ETHERNET"),
                libc::ARPHRD_LOOPBACK => put!(text, "   HW Type = LOOPBACK"),
                _ => {}
            }
            put!(text, "   NIC netlink status update");
            if let Some(known) = known {
                known.behind(text);
            }
        }
    }
}

impl Known {
    fn before(&self, text: &mut Text<'_>, state: impl Fn(&str) -> Option<String>) {
        put!(
            text,
            "   Up debounce timer = {}us",
            self.up_delay.as_micros()
        );
        put!(
            text,
            "   Down debounce timer = {}us",
            self.down_delay.as_micros()
        );
        if let Some(base) = &self.base {
            let state = state(base).unwrap_or_default();
            put!(
                text,
                "   VMAC type private, underlying interface = {base}, state = {state}"
            );
            put!(text, "   I/f created by keepalived");
        }
    }

    fn behind(&self, text: &mut Text<'_>) {
        for (kind, pace) in ["ARP", "NA"].iter().zip(self.pace) {
            if !pace.is_zero() {
                put!(text, "   Gratuitous {kind} interval {}ms", pace.as_millis());
            }
        }
        if !self.followers.is_empty() {
            put!(text, "   Tracking VRRP instances :");
        }
        for line in &self.followers {
            put!(text, "{line}");
        }
    }
}

/// Those that the engine knows, else the first of each family; of IPv6, the link-local one.
fn addresses(
    text: &mut Text<'_>,
    name: &str,
    known: [Option<IpAddr>; 2],
    all: &[InterfaceAddress],
) {
    let its = || {
        let its = all.iter().filter(|one| one.interface_name == name);
        its.filter_map(|one| one.address)
    };
    let [v4, v6] = known;
    let first = || its().find_map(|a| Some(IpAddr::V4(a.as_sockaddr_in()?.ip())));
    let local = |ip: &Ipv6Addr| ip.is_unicast_link_local();
    let own = || {
        let mut all = its().filter_map(|a| Some(a.as_sockaddr_in6()?.ip()));
        all.find(local).map(IpAddr::V6)
    };
    for (family, address) in [(4, v4.or_else(first)), (6, v6.or_else(own))] {
        let address = address.map_or_else(|| "(none)".to_owned(), |ip| ip.to_string());
        put!(text, "   IPv{family} address = {address}");
    }
}

fn state(flags: InterfaceFlags) -> String {
    let has = |flag| flags.contains(flag);
    let mut words = vec![
        if has(InterfaceFlags::IFF_UP) {
            "UP"
        } else {
            "not UP"
        },
        if has(InterfaceFlags::IFF_RUNNING) {
            "RUNNING"
        } else {
            "not RUNNING"
        },
    ];
    let odd = [
        (!has(InterfaceFlags::IFF_BROADCAST), "no broadcast"),
        (has(InterfaceFlags::IFF_LOOPBACK), "loopback"),
        (!has(InterfaceFlags::IFF_MULTICAST), "no multicast"),
    ];
    words.extend(odd.iter().filter(|(is, _)| *is).map(|(_, word)| *word));
    words.join(", ")
}

/// As IPv6 has it, which is there where the daemon's network namespace is.
fn mtu(name: &str) -> Option<String> {
    let mtu = fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{name}/mtu")).ok()?;
    Some(mtu.trim().to_owned())
}
