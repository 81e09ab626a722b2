//! The text that SIGUSR1 asks for: what keepalived calls its data. Probes grep it (`State = FAULT`).
//!
//! The topology is line for line keepalived's; what stands around it is in `around`.

use std::fmt::{Arguments, Write as _};
use std::time::Duration;

use locum_engine::config::{Auth, CheckCommand, Hook, InstanceConfig, Object, Preempt, Version};
use locum_engine::event::StateKind;
use locum_engine::status::{CheckView, InstanceView, Status, Tracked, Verdict};
use locum_engine::wire::Family;

use super::{Moment, SECRET, Users, around, show};

/// A text in the making, line by line.
pub(super) struct Text<'a>(pub(super) &'a mut String);

impl Text<'_> {
    pub(super) fn line(&mut self, line: Arguments<'_>) {
        // Writing to a string doesn't fail.
        let _ = writeln!(self.0, "{line}");
    }
}

macro_rules! put {
    ($text:expr, $($arguments:tt)*) => {
        $text.line(format_args!($($arguments)*))
    };
}
pub(super) use put;

/// What is in front of the instances.
pub(super) fn begin(text: &mut String, status: Status<'_>, users: &mut Users) {
    around::global(text, status.config(), users);
    around::pacing(text, status.config());
    let mut text = Text(text);
    put!(text, "------< VRRP Topology >------");
}

/// One instance.
pub(super) fn instance(
    text: &mut String,
    status: Status<'_>,
    view: InstanceView<'_>,
    moment: Moment,
    users: &mut Users,
) {
    topology(&mut Text(text), status, view, moment, users);
}

/// What is behind the instances, but for the interfaces.
pub(super) fn end(text: &mut String, status: Status<'_>, users: &mut Users) {
    let mut text = Text(text);
    groups(&mut text, status);
    scripts(&mut text, status, users);
    watched(&mut text, status);
}

pub(super) const fn on(yes: bool) -> &'static str {
    if yes { "enabled" } else { "disabled" }
}

const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn topology(
    text: &mut Text<'_>,
    status: Status<'_>,
    view: InstanceView<'_>,
    moment: Moment,
    users: &mut Users,
) {
    let (config, instance) = (status.config(), view.config());
    put!(text, " VRRP Instance = {}", instance.name);
    let version = if instance.version == Version::V2 {
        2
    } else {
        3
    };
    put!(text, "   VRRP Version = {version}");
    if instance.family == Family::V6 {
        put!(text, "   Using Native IPv6");
    }
    if let Some(group) = view.group() {
        put!(text, "   Sync group = {}", config.group(group).name);
    }
    put!(text, "   State = {}", show::state(view.state()));
    flags(text, instance);
    put!(text, "   Wantstate = {}", show::state(view.wanted()));
    put!(text, "   Number of config faults = 0");
    let faulty = u8::from(view.obstacle().is_some());
    put!(
        text,
        "   Number of interface and track script faults = {faulty}"
    );
    let unknown = instance.tracks.iter();
    let unknown = unknown.filter(|t| status.check(t.check).verdict() == Verdict::Unknown);
    put!(
        text,
        "   Number of track scripts init = {}",
        unknown.count()
    );
    let since = moment.utc(view.since());
    put!(text, "   Last transition = {}", show::date(since));
    match view.timer() {
        Some(at) => put!(text, "   Read timeout = {}", show::date(moment.utc(at))),
        None => put!(text, "   Read timeout = DISABLED"),
    }
    let down = view.master_down().as_micros();
    put!(text, "   Master down timer = {down} usecs");
    place(text, status, view);
    announcements(text, instance);
    election(text, instance, view);
    let is_master = view.state() == StateKind::Master;
    put!(text, "   Virtual IP ({}):", instance.addresses.len());
    for address in &instance.addresses {
        let shown = show::address(config, instance, address, is_master);
        put!(text, "     {shown}");
    }
    if !instance.excluded.is_empty() {
        put!(text, "   Virtual IP Excluded :");
    }
    for address in &instance.excluded {
        let shown = show::address(config, instance, address, is_master);
        put!(text, "     {shown}");
    }
    unicast(text, instance);
    let is_route = |object: &&Object| matches!(object, Object::Route(_));
    let routes = instance.objects.iter().filter(is_route);
    let rules = instance.objects.iter().filter(|o| !is_route(o));
    let shown = |o: &Object| show::object(config, o);
    section(text, "Virtual Routes :", routes.map(shown));
    section(text, "Virtual Rules :", rules.map(shown));
    tracked(text, status, instance);
    told(text, status, instance, users);
}

fn section(text: &mut Text<'_>, title: &str, lines: impl Iterator<Item = String>) {
    for (index, line) in lines.enumerate() {
        if index == 0 {
            put!(text, "   {title}");
        }
        put!(text, "     {line}");
    }
}

/// keepalived names one of them, and leaves the line without a word for the others.
fn flags(text: &mut Text<'_>, instance: &InstanceConfig) {
    let unicast = instance.unicast.is_some();
    let silent = instance.preempt == Preempt::Never
        || instance.dont_track_primary
        || instance.tuning.skip_check_adv_addr
        || instance.tuning.higher_prio_send_advert
        || instance.lower_prio_no_advert
        || instance.vmac.is_some()
        || instance.source.is_some();
    match unicast || silent {
        true => put!(text, "   Flags:"),
        false => put!(text, "   Flags: none"),
    }
    if unicast {
        put!(text, "     Using unicast");
    }
}

/// Where adverts come from and go to.
fn place(text: &mut Text<'_>, status: Status<'_>, view: InstanceView<'_>) {
    let (config, instance) = (status.config(), view.config());
    let base = view.interface();
    match instance.vmac {
        Some(vmac) => {
            let name = config.interface_name(vmac.device);
            let (up, xmit) = (status.link(vmac.device).state().up, vmac.xmit_base);
            put!(
                text,
                "   Use VMAC, i/f name {name}, is_up = {up}, xmit_base = {xmit}"
            );
            put!(text, "   Interface = {name}, vmac on {base}");
        }
        None => put!(text, "   Interface = {base}"),
    }
    if instance.dont_track_primary {
        put!(text, "   VRRP interface tracking disabled");
    }
    if instance.tuning.skip_check_adv_addr {
        put!(text, "   Skip checking advert IP addresses");
    }
    let source = view.source().map(|source| source.to_string());
    let source = source.as_deref().unwrap_or("(none)");
    match instance.source {
        Some(_) => put!(text, "   Using src_ip = {source} (from configuration)"),
        None => put!(text, "   Using src_ip = {source}"),
    }
    if instance.unicast.is_none() {
        put!(text, "   Multicast address {}", instance.group());
    }
}

fn announcements(text: &mut Text<'_>, instance: &InstanceConfig) {
    let garp = &instance.garp;
    let lines = [
        ("delay", garp.delay.as_secs()),
        ("repeat", garp.repeat.into()),
        ("refresh", garp.refresh.as_secs()),
        ("refresh repeat", garp.refresh_repeat.into()),
        ("lower priority delay", garp.contest_delay.as_secs()),
        ("lower priority repeat", garp.contest_repeat.into()),
    ];
    for (name, value) in lines {
        put!(text, "   Gratuitous ARP {name} = {value}");
    }
}

fn election(text: &mut Text<'_>, instance: &InstanceConfig, view: InstanceView<'_>) {
    let tuning = &instance.tuning;
    put!(
        text,
        "   Down timer adverts = {}",
        tuning.down_timer_adverts
    );
    put!(
        text,
        "   Send advert after receive lower priority advert = {}",
        !instance.lower_prio_no_advert
    );
    put!(
        text,
        "   Send advert after receive higher priority advert = {}",
        tuning.higher_prio_send_advert
    );
    put!(text, "   Virtual Router ID = {}", instance.vrid.get());
    put!(text, "   Priority = {}", instance.priority.get());
    let priority = view.priority().get();
    put!(text, "   Effective priority = {priority}");
    put!(text, "   Total priority = {priority}");
    let interval = instance.advert_interval;
    match instance.version {
        Version::V2 => put!(text, "   Advert interval = {} sec", interval.to_seconds()),
        Version::V3 => {
            let millis = u32::from(interval.get()) * 10;
            put!(text, "   Advert interval = {millis} milli-sec");
        }
    }
    put!(text, "   Accept = {}", on(instance.accept));
    let preempts = instance.preempt != Preempt::Never;
    put!(text, "   Preempt = {}", on(preempts));
    if let Preempt::After(delay) = instance.preempt {
        put!(text, "   Preempt delay = {} secs", delay.as_secs());
    }
    put!(text, "   Promote_secondaries = disabled");
    if instance.version == Version::V2 && instance.family == Family::V4 {
        let (word, password) = match instance.auth {
            Auth::None => ("none", false),
            Auth::Password(_) => ("SIMPLE_PASSWORD", true),
            Auth::Header(_) => ("IPSEC_AH", false),
        };
        put!(text, "   Authentication type = {word}");
        if password {
            put!(text, "   Password = {SECRET}");
        }
    }
}

fn unicast(text: &mut Text<'_>, instance: &InstanceConfig) {
    let Some(unicast) = &instance.unicast else {
        return;
    };
    put!(text, "   Unicast TTL = {}", unicast.ttl);
    put!(text, "   Check unicast src : {}", yes(unicast.check_source));
    let peers = unicast.peers.iter().map(|peer| {
        let (least, most) = (peer.ttl.start(), peer.ttl.end());
        format!("{} min_ttl {least} max_ttl {most}", peer.address)
    });
    section(text, "Unicast Peer :", peers);
    put!(text, "   Unicast checksum compatibility = no");
}

fn tracked(text: &mut Text<'_>, status: Status<'_>, instance: &InstanceConfig) {
    let config = status.config();
    let links = instance.links.iter().map(|t| {
        let name = config.interface_name(t.interface);
        format!("{name} weight {}", t.weight.value)
    });
    section(text, "Tracked interfaces :", links);
    let checks = instance.tracks.iter().map(|t| {
        let name = &config.check(t.check).name;
        format!("{name} weight {}", t.weight.value)
    });
    section(text, "Tracked scripts :", checks);
    let files = instance.files.iter().map(|t| {
        let name = &config.file(t.file).name;
        format!("{name}, weight {}", t.weight.value)
    });
    section(text, "Tracked files :", files);
    let processes = instance.processes.iter().map(|t| {
        let name = &config.process(t.process).name;
        format!("{name}, weight {}", t.weight.value)
    });
    section(text, "Tracked processes :", processes);
}

/// Who is told of changes.
fn told(text: &mut Text<'_>, status: Status<'_>, instance: &InstanceConfig, users: &mut Users) {
    let reports = &status.config().reports;
    let notify = instance.notify.as_deref();
    let globally = reports.mail.as_ref().is_some_and(|mail| mail.alert);
    let mail = notify.and_then(|n| n.mail).unwrap_or(globally);
    put!(text, "   Using smtp notification = {}", yes(mail));
    let deleted = notify.is_some_and(|n| n.tells_deleted);
    let word = if deleted { "Deleted" } else { "Fault" };
    put!(text, "   Notify deleted = {word}");
    if let Some(notify) = notify {
        let hooks: [(&str, &Option<Hook>); 6] = [
            ("Backup", &notify.backup),
            ("Master", &notify.master),
            ("Fault", &notify.fault),
            ("Stop", &notify.stop),
            ("Deleted", &notify.deleted),
            ("Generic", &notify.any),
        ];
        for (name, hook) in hooks {
            if let Some(hook) = hook {
                let command = show::command(&hook.words);
                let ids = users.ids(&hook.user);
                put!(
                    text,
                    "   {name} state transition script = {command}, uid:gid {ids}"
                );
            }
        }
    }
    let changes = notify.and_then(|n| n.priority_changes);
    let changes = changes.unwrap_or(reports.priority_changes);
    put!(text, "   Notify priority changes = {changes}");
}

fn groups(text: &mut Text<'_>, status: Status<'_>) {
    let config = status.config();
    for (index, group) in status.groups().enumerate() {
        if index == 0 {
            put!(text, "------< VRRP Sync groups >------");
        }
        let name = &group.config().name;
        put!(
            text,
            " VRRP Sync Group = {name}, {}",
            show::state(group.state())
        );
        let members = &group.config().members;
        let count = |wanted| {
            let states = members.iter().map(|id| status.instance(*id).state());
            states.filter(|state| *state == wanted).count()
        };
        let (faulty, init) = (count(StateKind::Fault), count(StateKind::Init));
        put!(text, "   Num member fault {faulty}, num member init {init}");
        put!(text, "   VRRP member instances :");
        for id in members {
            put!(text, "     {}", config.instance(*id).name);
        }
        let globally = config.reports.mail.as_ref().is_some_and(|mail| mail.alert);
        let mail = group.config().notify.as_deref().and_then(|n| n.mail);
        let mail = yes(mail.unwrap_or(globally));
        put!(text, "   Using smtp notification = {mail}");
    }
}

fn scripts(text: &mut Text<'_>, status: Status<'_>, users: &mut Users) {
    for (index, check) in status.checks().enumerate() {
        if index == 0 {
            put!(text, "------< VRRP Scripts >------");
        }
        let config = check.config();
        put!(text, " VRRP Script = {}", config.name);
        match &config.command {
            CheckCommand::Script(words) => put!(text, "   Command = {}", show::command(words)),
            CheckCommand::Probe(_) => put!(text, "   Command = a probe of the daemon's own"),
        }
        let seconds = |span: Duration| span.as_secs_f64();
        put!(text, "   Interval = {} sec", seconds(config.interval));
        put!(text, "   Timeout = {} sec", seconds(config.timeout));
        put!(text, "   Rise = {}", config.rise);
        put!(text, "   Fall = {}", config.fall);
        put!(text, "   Result = {}", result(check));
        put!(text, "   Insecure = no");
        let init = if config.init_fail {
            "failed"
        } else {
            "unknown"
        };
        put!(text, "   Init state = {init}");
        let verdict = match check.verdict() {
            Verdict::Unknown => "INIT",
            Verdict::Good { .. } => "GOOD",
            Verdict::Failed { .. } => "BAD",
            Verdict::NotRun { .. } => "NOT RUN",
        };
        put!(text, "   Status = {verdict}");
        put!(text, "   Script uid:gid = {}", users.ids(&config.user));
        put!(text, "   VRRP instances :");
        followers(text, status, Tracked::Check(check.id()));
        let running = check.running_since().is_some();
        put!(
            text,
            "   State = {}",
            if running { "running" } else { "idle" }
        );
    }
}

/// keepalived's count of results: from `rise` on it is good, and as many below it as failures are left.
fn result(check: CheckView<'_>) -> u32 {
    let config = check.config();
    let most = config.rise + config.fall - 1;
    match check.verdict() {
        Verdict::Good { failures } => most - failures,
        Verdict::Failed { successes } => successes,
        Verdict::Unknown | Verdict::NotRun { .. } => 0,
    }
}

/// The instances that track something.
fn followers(text: &mut Text<'_>, status: Status<'_>, what: Tracked) {
    put!(text, "   Tracking instances :");
    for instance in status.instances() {
        for tracker in instance.trackers().filter(|t| t.what == what) {
            let name = &instance.config().name;
            put!(text, "     {name}, weight {}", tracker.weight.value);
        }
    }
}

fn watched(text: &mut Text<'_>, status: Status<'_>) {
    for (index, file) in status.files().enumerate() {
        if index == 0 {
            put!(text, "------< VRRP Track files >------");
        }
        put!(text, " Track file = {}", file.config().name);
        put!(text, "   File = {}", file.config().path);
        put!(text, "   Status = {}", file.value().unwrap_or_default());
        followers(text, status, Tracked::File(file.id()));
    }
    for (index, process) in status.processes().enumerate() {
        if index == 0 {
            put!(text, "------< VRRP Track processes >------");
        }
        let config = process.config();
        put!(text, " VRRP Track process = {}", config.name);
        put!(text, "   Process = {}", config.pattern.command);
        put!(text, "   Min processes = {}", config.quorum);
        put!(text, "   Current processes = {}", process.count());
        let quorum = process.verdict() == Some(true);
        put!(text, "   Have quorum = {quorum}");
        put!(text, "   Full command = {}", config.pattern.full_command);
        followers(text, status, Tracked::Process(process.id()));
    }
}
