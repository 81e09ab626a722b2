//! A run in real time: the agenda, and what is seen while it is carried out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use locum_engine::Instant;
use locum_engine::config::Config;
use locum_sim::fault::Fault;
use locum_sim::record::{DaemonChange, Observed, Record, Remover};
use locum_sim::topology::{HostId, Role, SwitchId};

use super::capture::{self, Capture};
use super::client::{self, Client};
use super::daemon::Daemon;
use super::impossible::Plan;
use super::lab::Lab;
use super::rules::{self, Rules};
use super::watch::Watch;
use super::{Failure, Options, checks, conf, tool, tracked};
use crate::performance::Frames;
use crate::scenario::Scenario;

/// Links come up, kernels join their groups.
const SETTLE: Duration = Duration::from_secs(1);
/// From the last preparation to the run's zero.
const BREATH: Duration = Duration::from_millis(200);
/// How often it is looked whether everything still runs.
const GLANCE: Duration = Duration::from_millis(10);
/// What the kernel and tcpdump need to write the last frames down.
const DRAIN: Duration = Duration::from_millis(200);

/// Frames by the name of the place where they passed.
type Captures = Vec<(String, Frames)>;

/// The run's time within the world's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    zero: SystemTime,
}

impl Clock {
    /// A moment of the run; `None` before its start.
    pub(super) fn of(&self, at: SystemTime) -> Option<Instant> {
        let since = at.duration_since(self.zero).ok()?;
        Some(Instant::ZERO + since)
    }

    fn now(&self) -> Instant {
        self.of(SystemTime::now()).unwrap_or(Instant::ZERO)
    }

    /// How long until then.
    fn until(&self, at: Instant) -> Duration {
        let target = self.zero + Duration::from_nanos(at.as_nanos());
        let left = target.duration_since(SystemTime::now());
        left.unwrap_or(Duration::ZERO)
    }
}

/// Something to do at a certain time.
enum Act {
    Start(HostId),
    Ping(HostId),
    Fault(Fault),
    SwitchBack(SwitchId),
}

/// The network with everything that runs in it. The order of the fields is that in which they end.
pub(super) struct Stage<'a> {
    pub(super) scenario: &'a Scenario,
    clients: Vec<Client>,
    pub(super) daemons: BTreeMap<HostId, Daemon>,
    /// What each node's daemon reads.
    pub(super) texts: BTreeMap<HostId, String>,
    pub(super) rules: Rules,
    pub(super) pulled: Vec<bool>,
    pub(super) dark_switches: Vec<bool>,
    pub(super) powerless: Vec<bool>,
    /// Addresses that the scenario is taking away itself.
    pub(super) taken: Vec<(HostId, std::net::IpAddr)>,
    pub(super) folder: PathBuf,
    program: PathBuf,
    agenda: BTreeMap<(Instant, usize), Act>,
    pub(super) records: Vec<Record>,
    clock: Clock,
    options: &'a Options,
    pub(super) lab: Lab,
}

/// Carries the plan out; gives what was seen.
pub(super) fn run(
    scenario: &Scenario,
    options: &Options,
    plan: Plan,
) -> Result<(Vec<Record>, Captures), Failure> {
    let mut lab = Lab::new(Arc::clone(&scenario.topology))?;
    if !plan.netem.is_empty() && !rules::has_netem(&lab) {
        return Err(Failure::Impossible(plan.netem));
    }
    lab.build()?;
    let mut stage = Stage::new(scenario, options, lab)?;
    stage.configure(&plan)?;
    stage.rules.apply(&stage.lab)?;
    stage.pause(SETTLE)?;
    let watch = Watch::new(&stage.lab)?;
    let captures = capture::everywhere(&stage.lab, &stage.folder)?;
    stage.set_agenda(plan);
    stage.clock.zero = SystemTime::now() + BREATH;
    stage.perform()?;
    stage.pause(DRAIN)?;
    let (captures, felt) = stage.finish(captures)?;
    stage.see_addresses(&watch);
    let mut records = std::mem::take(&mut stage.records);
    records.extend(felt);
    let end = Instant::ZERO + scenario.lasts;
    records.retain(|record| record.at <= end);
    records.sort_by_key(|record| record.at);
    Ok((records, captures))
}

impl<'a> Stage<'a> {
    fn new(scenario: &'a Scenario, options: &'a Options, lab: Lab) -> Result<Self, Failure> {
        let topology = &scenario.topology;
        // A relative path would be looked for in another place by each of the programs.
        let folder = std::fs::canonicalize(&options.folder);
        let folder = folder.map_err(|error| Failure::file(&options.folder, &error))?;
        let program = tool::find(&options.daemon).unwrap_or_else(|| options.daemon.clone());
        Ok(Self {
            scenario,
            clients: Vec::new(),
            daemons: BTreeMap::new(),
            texts: BTreeMap::new(),
            rules: Rules::new(&lab),
            pulled: vec![false; topology.cables.len()],
            dark_switches: vec![false; topology.switches.len()],
            powerless: vec![false; topology.hosts.len()],
            taken: Vec::new(),
            folder,
            program,
            agenda: BTreeMap::new(),
            records: Vec::new(),
            clock: Clock {
                zero: SystemTime::now(),
            },
            options,
            lab,
        })
    }

    /// Writes every node's configuration and the scripts that it names.
    fn configure(&mut self, plan: &Plan) -> Result<(), Failure> {
        let checks = self.checks();
        std::fs::create_dir_all(&checks).map_err(|error| Failure::file(&checks, &error))?;
        let scenario = self.scenario;
        for (host, router) in scenario.topology.routers() {
            let name = self.name(host);
            let _ = std::fs::remove_file(self.folder.join(format!("{name}.log")));
            let text = scenario.configurations.get(&*name);
            let text = text.map_or("", |text| &**text);
            let text = conf::anchor_includes(text, scenario.folder.as_deref());
            let tracked = &router.config.checks;
            let text = checks::replace(&checks, (host, &name), tracked, &plan.faults, &text)?;
            let text = text.map_err(|check| {
                let message = format!("the script of {check} can't be found in {name}'s text");
                let help = "write `script \"...\"` on a line of its own in its vrrp_script block";
                let problem = scenario.problem_with("nodes", &message, Some(help.to_owned()));
                Failure::Impossible(vec![problem])
            })?;
            let files = &router.config.files;
            let text = tracked::replace(&self.tracked(), &name, files, text)?;
            let text = text.map_err(|file| {
                let message = format!("the path of {file} can't be found in {name}'s text");
                let help = "write `file \"...\"` on a line of its own in its track_file block";
                let problem = scenario.problem_with("nodes", &message, Some(help.to_owned()));
                Failure::Impossible(vec![problem])
            })?;
            self.texts.insert(host, text);
            self.write_configuration(host)?;
        }
        // Without anything in it, it is in the way of whoever looks at what came out.
        let _ = std::fs::remove_dir(&checks);
        Ok(())
    }

    /// Puts a node's configuration where its daemon finds it.
    pub(super) fn write_configuration(&self, host: HostId) -> Result<(), Failure> {
        let file = self.folder.join(format!("{}.conf", self.name(host)));
        let text = self.texts.get(&host).map_or("", String::as_str);
        std::fs::write(&file, text).map_err(|error| Failure::file(&file, &error))
    }

    /// Where the checks' scripts are.
    pub(super) fn checks(&self) -> PathBuf {
        self.folder.join("checks")
    }

    /// Where the nodes' tracked files are.
    pub(super) fn tracked(&self) -> PathBuf {
        self.folder.join("tracked")
    }

    pub(super) fn name(&self, host: HostId) -> Arc<str> {
        Arc::clone(&self.lab.spec(host).name)
    }

    /// A node's configuration.
    pub(super) fn config(&self, host: HostId) -> Option<&'a Config> {
        match &self.scenario.topology.hosts[host.index()].role {
            Role::Router(router) => Some(&router.config),
            Role::Plain | Role::Client(_) | Role::Nic(_) => None,
        }
    }

    fn set_agenda(&mut self, plan: Plan) {
        let mut acts = Vec::new();
        for (index, host) in self.scenario.topology.hosts.iter().enumerate() {
            let id = HostId(index as u16);
            match &host.role {
                Role::Router(router) => {
                    acts.extend(
                        router
                            .starts_at
                            .map(|at| (Instant::ZERO + at, Act::Start(id))),
                    );
                }
                Role::Client(client) => acts.push((Instant::ZERO + client.from, Act::Ping(id))),
                Role::Plain | Role::Nic(_) => {}
            }
        }
        let faults = plan.faults.into_iter();
        acts.extend(faults.map(|timed| (timed.at, Act::Fault(timed.fault))));
        let numbered = acts.into_iter().enumerate();
        self.agenda = numbered.map(|(n, (at, act))| ((at, n), act)).collect();
    }

    /// A switch comes back.
    pub(super) fn switch_back_at(&mut self, at: Instant, switch: SwitchId) {
        let number = self.agenda.len() + self.records.len() + (1 << 20);
        self.agenda.insert((at, number), Act::SwitchBack(switch));
    }

    /// Everything on the agenda, each at its time, up to the end.
    fn perform(&mut self) -> Result<(), Failure> {
        let end = Instant::ZERO + self.scenario.lasts;
        while let Some(((at, _), act)) = self.agenda.pop_first() {
            if at >= end {
                break;
            }
            self.wait(at)?;
            match act {
                Act::Start(host) => self.start(host)?,
                Act::Ping(host) => self.ping(host)?,
                Act::Fault(fault) => self.fault(at, fault)?,
                Act::SwitchBack(switch) => self.switch_back(switch)?,
            }
        }
        self.wait(end)
    }

    /// Starts a node's daemon; one that is ending still is helped.
    pub(super) fn start(&mut self, host: HostId) -> Result<(), Failure> {
        self.record(Observed::Daemon(host, DaemonChange::Started));
        self.daemons.remove(&host);
        let namespace = self.lab.host(host);
        let name = self.name(host);
        let daemon = Daemon::start(&namespace, &self.program, &self.folder, &name)?;
        self.daemons.insert(host, daemon);
        Ok(())
    }

    fn ping(&mut self, host: HostId) -> Result<(), Failure> {
        if let Role::Client(spec) = &self.scenario.topology.hosts[host.index()].role {
            let client = Client::start(&self.lab.host(host), spec)?;
            self.clients.push(client);
        }
        Ok(())
    }

    pub(super) fn record(&mut self, what: Observed) {
        let at = self.clock.now();
        self.records.push(Record { at, what });
    }

    /// Until then, with an eye on everything.
    fn wait(&mut self, at: Instant) -> Result<(), Failure> {
        loop {
            let left = self.clock.until(at);
            if left.is_zero() {
                return Ok(());
            }
            self.glance()?;
            sleep(left.min(GLANCE));
        }
    }

    /// For so long, with an eye on everything.
    fn pause(&mut self, span: Duration) -> Result<(), Failure> {
        let end = std::time::Instant::now() + span;
        while std::time::Instant::now() < end {
            self.glance()?;
            sleep(GLANCE);
        }
        Ok(())
    }

    /// Whether somebody wants it to end, and whether a daemon has.
    fn glance(&mut self) -> Result<(), Failure> {
        if self.options.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        let mut ended = Vec::new();
        for (host, daemon) in &mut self.daemons {
            let Some(how) = daemon.ended() else { continue };
            if !daemon.dismissed {
                return Err(Failure::Ended {
                    node: self.scenario.topology.hosts[host.index()].name.to_string(),
                    how,
                    log: daemon.last_words(),
                });
            }
            ended.push(*host);
        }
        for host in ended {
            self.daemons.remove(&host);
            self.record(Observed::Daemon(host, DaemonChange::Stopped));
        }
        Ok(())
    }

    /// Ends the captures; gives them, and what the clients felt.
    fn finish(&self, captures: Vec<Capture>) -> Result<(Captures, Vec<Record>), Failure> {
        let topology = &self.scenario.topology;
        let end = Instant::ZERO + self.scenario.lasts;
        let (mut named, mut felt) = (Vec::new(), Vec::new());
        for capture in captures {
            let (name, host) = (capture.name.clone(), capture.host);
            let mut frames = capture.finish(&self.clock, self.scenario.lasts)?;
            if let Some(host) = host
                && let Role::Client(spec) = &topology.hosts[host.index()].role
            {
                felt.extend(client::felt(topology, host, spec, &frames, end));
            }
            if self.options.without_pings {
                frames.retain(|(_, bytes)| !client::is_ping(bytes));
            }
            named.push((name, frames));
        }
        Ok((named, felt))
    }

    /// Addresses that came and went, but for the hosts' own.
    fn see_addresses(&mut self, watch: &Watch) {
        let topology = &self.scenario.topology;
        for change in watch.changes() {
            let host = change.host;
            let address = change.address;
            let Some(at) = self.clock.of(change.at) else {
                continue;
            };
            let mut hosts = topology.hosts.iter();
            if hosts.any(|host| host.own_addresses().any(|own| own == address)) {
                continue;
            }
            let taken = (host, change.address);
            let by = match self.taken.iter().position(|t| *t == taken) {
                Some(place) if !change.there => {
                    self.taken.remove(place);
                    Remover::Foreigner
                }
                _ => Remover::Daemon,
            };
            let what = match change.there {
                true => Observed::AddressAdded { host, address },
                false => Observed::AddressRemoved { host, address, by },
            };
            self.records.push(Record { at, what });
        }
    }
}
