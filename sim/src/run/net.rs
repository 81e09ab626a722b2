//! What the two runners share: the fabric, the plan's progress, and each router's process.

use core::net::IpAddr;
use core::task::Waker;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use locum_engine::config::{Config, ObjectId, ProcessConfig};
use locum_engine::driver::Watched;
use locum_engine::ids::{CheckId, FileId, InstanceId, ProcessId};
use locum_engine::plan::Plan;
use locum_engine::{Command, Instant, Outcome};

use super::sabotage::Sabotage;
use super::{Listeners, Options, Setup};
use crate::capture::{Bytes, TapId};
use crate::fabric::Fabric;
use crate::fault::{Fault, NewFile};
use crate::kernel::Delivery;
use crate::record::{DaemonChange, Observed};
use crate::topology::{HostId, Role, Topology};

/// The network with its routers' processes.
pub(super) struct Net {
    pub(super) fabric: Fabric,
    /// By [`HostId`]; hosts that aren't routers have an idle one.
    nodes: Vec<Node>,
    /// Still to come, soonest first.
    agenda: VecDeque<(Instant, Action)>,
    taps: Vec<TapId>,
    pub(super) listeners: Listeners,
}

/// Something that happens at a given time.
#[derive(Clone, Debug)]
enum Action {
    Start(HostId),
    Fault(Fault),
}

/// What a fault means for the process of a router; the runner carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// A new daemon begins.
    Begin(HostId),
    /// The daemon is gone, without a word.
    End(HostId),
}

/// One router's process, seen from outside.
#[derive(Default)]
pub(super) struct Node {
    /// What a daemon that is started reads.
    file: Option<Arc<Config>>,
    /// What the daemon runs on.
    pub(super) config: Option<Arc<Config>>,
    alive: bool,
    /// Local time at which the machine began to boot.
    pub(super) booted_at: Instant,
    hung: bool,
    /// What its wall clock shows after the true time, in nanoseconds.
    pub(super) wall_error: i64,
    pub(super) commands: VecDeque<Command>,
    /// Taken out of the kernel, not yet taken by the daemon.
    pub(super) pending: Option<(HostId, Delivery)>,
    /// By interface: the NIC that is it.
    pub(super) ports: Vec<Option<HostId>>,
    /// Results of checks that need no network.
    pub(super) results: VecDeque<(CheckId, Outcome)>,
    /// What was seen of tracked files and processes, not yet taken.
    pub(super) watched: VecDeque<Watched>,
    /// What is in the tracked files, by the names of their blocks. They outlive the daemon.
    files: BTreeMap<Arc<str>, i32>,
    /// How many run of each tracked process that was tampered with, by the names of their blocks.
    processes: BTreeMap<Arc<str>, u32>,
    /// By the name of the check.
    pub(super) forced: BTreeMap<Arc<str>, Outcome>,
    /// Local time at which the daemon wants to be woken.
    pub(super) sleep_until: Option<Instant>,
    pub(super) waker: Option<Waker>,
    pub(super) sabotage: Sabotage,
}

/// As many as make a tracked process good, and not one more.
fn wanted(process: &ProcessConfig) -> u32 {
    process.quorum
}

impl Node {
    /// The daemon, if there is one, will notice.
    fn see(&mut self, watched: Watched) {
        if self.alive {
            self.watched.push_back(watched);
        }
    }

    /// A new daemon writes the files it is to write.
    fn write_files(&mut self) {
        let config = self.config.clone().expect("only routers have daemons");
        for file in &config.files {
            let known = self.files.contains_key(&file.name);
            let written = file.init.filter(|init| init.overwrite || !known);
            if let Some(init) = written {
                self.files.insert(Arc::clone(&file.name), init.value);
            }
        }
    }

    /// The daemon looks at everything.
    fn see_all(&mut self) {
        let config = self.config.clone().expect("only routers have daemons");
        for (id, file) in (0..=u16::MAX).map(FileId).zip(&config.files) {
            let value = self.files.get(&file.name).copied();
            self.see(Watched::File(id, value.unwrap_or(0)));
        }
        for (id, process) in (0..=u16::MAX).map(ProcessId).zip(&config.processes) {
            let count = self.processes.get(&process.name).copied();
            self.see(Watched::Process(
                id,
                count.unwrap_or_else(|| wanted(process)),
            ));
        }
    }

    /// Another configuration is in force: what was seen and not yet taken spoke of the old one.
    pub(super) fn see_anew(&mut self) {
        self.watched.clear();
        self.see_all();
    }
}

impl Net {
    pub(super) fn new(setup: &Setup, options: &Options) -> Self {
        let topology = Arc::clone(&setup.topology);
        let mut nodes: Vec<_> = topology.hosts.iter().map(|_| Node::default()).collect();
        for (host, spec) in topology.routers() {
            let node = &mut nodes[host.index()];
            node.file = Some(Arc::clone(&spec.config));
            node.wall_error = spec.wall_error;
        }
        if let Some((host, bug)) = options.bug {
            let node = &mut nodes[host.index()];
            node.sabotage = Sabotage::new(bug);
            node.sabotage.tamper(&mut node.file);
        }
        let agenda = agenda(&topology, setup);
        let mut fabric = Fabric::new(topology, setup.plan.seed);
        let taps = options
            .taps
            .iter()
            .map(|&point| fabric.tap(point))
            .collect();
        Self {
            fabric,
            nodes,
            agenda,
            taps,
            listeners: options.listeners.clone(),
        }
    }

    pub(super) fn node(&mut self, host: HostId) -> &mut Node {
        &mut self.nodes[host.index()]
    }

    /// When the plan does something next.
    pub(super) fn next_action(&self) -> Option<Instant> {
        self.agenda.front().map(|(at, _)| *at)
    }

    /// Carries out what the plan says up to now; the processes are the runner's.
    pub(super) fn act(&mut self) -> Vec<Process> {
        let mut processes = Vec::new();
        while let Some((_, action)) = self.agenda.pop_front_if(|(at, _)| *at <= self.fabric.now()) {
            match action {
                Action::Start(host) => processes.extend(self.begin(host)),
                Action::Fault(fault) => processes.extend(self.apply(&fault)),
            }
        }
        processes
    }

    fn apply(&mut self, fault: &Fault) -> Option<Process> {
        let rebooted = matches!(*fault, Fault::PowerOn(host) if !self.fabric.is_powered(host));
        match *fault {
            Fault::RemoveObject(host, object) => {
                // It may be at another place by now, or nowhere.
                let object = self.object_now(host, object)?;
                self.fabric.apply(&Fault::RemoveObject(host, object));
            }
            _ => self.fabric.apply(fault),
        }
        match *fault {
            Fault::Start(host) => return self.begin(host),
            Fault::PowerOn(host) => {
                if rebooted {
                    self.node(host).booted_at = self.fabric.local_now(host);
                }
                return self.begin(host);
            }
            Fault::Kill(host) => return self.end(host, DaemonChange::Killed),
            Fault::PowerOff(host) => return self.end(host, DaemonChange::PowerLost),
            Fault::Stop(host) => self.command(host, Command::Stop),
            Fault::Hang(host) => {
                let node = self.node(host);
                node.hung = node.alive;
            }
            Fault::Resume(host) => self.node(host).hung = false,
            Fault::WallClock(host, error) => self.node(host).wall_error = error,
            Fault::ForceCheck(host, check, outcome) => {
                let name = Arc::clone(&self.first_config(host).check(check).name);
                let forced = &mut self.node(host).forced;
                match outcome {
                    Some(outcome) => _ = forced.insert(name, outcome),
                    None => _ = forced.remove(&name),
                }
            }
            Fault::WriteFile(host, file, value) => {
                let name = Arc::clone(&self.first_config(host).file(file).name);
                let node = self.node(host);
                match value {
                    Some(value) => _ = node.files.insert(Arc::clone(&name), value),
                    None => _ = node.files.remove(&name),
                }
                let config = node.config.clone();
                if let Some(file) = config.and_then(|config| config.find_file(&name)) {
                    node.see(Watched::File(file, value.unwrap_or(0)));
                }
            }
            Fault::Processes(host, process, count) => {
                let first = self.first_config(host);
                let spec = first.process(process);
                let count = count.unwrap_or_else(|| wanted(spec));
                let node = self.node(host);
                node.processes.insert(Arc::clone(&spec.name), count);
                let config = node.config.clone();
                if let Some(process) = config.and_then(|config| config.find_process(&spec.name)) {
                    node.see(Watched::Process(process, count));
                }
            }
            Fault::SetPriority(host, instance, priority) => {
                if let Some(instance) = self.instance_now(host, instance) {
                    self.command(host, Command::SetPriority { instance, priority });
                }
            }
            Fault::Drain(host, instance, within) => {
                self.command_one_or_all(host, instance, |instance| Command::Drain {
                    instance,
                    within,
                });
            }
            Fault::Undrain(host, instance) => {
                self.command_one_or_all(host, instance, |instance| Command::Resume { instance });
            }
            Fault::Reload(host, ref file) => self.reload(host, file),
            Fault::Pull(_)
            | Fault::Plug(_)
            | Fault::Dark(..)
            | Fault::Light(..)
            | Fault::Loss(..)
            | Fault::Duplicate(..)
            | Fault::Corrupt(..)
            | Fault::Reorder(..)
            | Fault::Latency(..)
            | Fault::Partition(..)
            | Fault::Heal
            | Fault::RebootSwitch(..)
            | Fault::PauseVm(..)
            | Fault::ResumeVm(..)
            | Fault::Drift(..)
            | Fault::RemoveAddress(..)
            | Fault::AddAddress(..)
            | Fault::RemoveObject(..)
            | Fault::Service(..)
            | Fault::Forge(..)
            | Fault::Replay(..) => {}
        }
        None
    }

    /// A command for a daemon that isn't there is lost, as a signal would be.
    fn command(&mut self, host: HostId, command: Command) {
        let node = self.node(host);
        if node.alive {
            node.commands.push_back(command);
        }
    }

    /// The same for one instance, which a reload may have taken away, or for all.
    fn command_one_or_all(
        &mut self,
        host: HostId,
        instance: Option<InstanceId>,
        command: impl FnOnce(Option<InstanceId>) -> Command,
    ) {
        let now = instance.and_then(|instance| self.instance_now(host, instance));
        if now.is_some() || instance.is_none() {
            self.command(host, command(now));
        }
    }

    /// Where an instance of the first configuration is in the present one.
    fn instance_now(&mut self, host: HostId, instance: InstanceId) -> Option<InstanceId> {
        let first = self.first_config(host);
        let now = self.node(host).config.clone()?;
        now.find_instance(&first.instance(instance).name)
    }

    /// The configuration that the plan's faults speak of, whatever has been loaded since.
    fn first_config(&self, host: HostId) -> Arc<Config> {
        match &self.fabric.topology().hosts[host.index()].role {
            Role::Router(spec) => Arc::clone(&spec.config),
            Role::Nic(_) | Role::Plain | Role::Client(_) => Arc::default(),
        }
    }

    /// Where a route or a rule of the first configuration is in the present one: with an instance of
    /// the same name, and the same in words.
    fn object_now(&mut self, host: HostId, object: ObjectId) -> Option<ObjectId> {
        let (first, now) = (self.first_config(host), self.node(host).config.clone()?);
        let words = first.object(object).display(&first).to_string();
        let (owner, objects) = match object.owner {
            Some(owner) => {
                let id = self.instance_now(host, owner)?;
                (Some(id), &now.instance(id).objects)
            }
            None => (None, &now.statics.objects),
        };
        let mut numbered = (0_u16..).zip(objects);
        let found = numbered.find(|(_, o)| o.display(&now).to_string() == words);
        found.map(|(index, _)| ObjectId { owner, index })
    }

    /// Which NICs are behind the interfaces of the running configuration, and the groups heard there.
    pub(super) fn find_ports(&mut self, host: HostId) {
        let config = self.node(host).config.clone();
        let ports = config.map(|config| self.fabric.topology().ports(host, &config));
        self.node(host).ports = ports.unwrap_or_default();
        let groups = groups(self.node(host));
        self.fabric.join(host, &groups);
        let config = self.node(host).config.clone();
        let sources = config.map(|config| config.watched_sources());
        let sources: Vec<_> = sources.into_iter().flatten().collect();
        self.fabric.watch(host, &sources);
    }

    /// A file that can't be used is reported and left alone: no word of it reaches the engine.
    fn reload(&mut self, host: HostId, file: &NewFile) {
        let node = self.node(host);
        let Some(config) = &file.config else {
            return;
        };
        let mut file = Some(Arc::clone(config));
        node.sabotage.tamper(&mut file);
        node.file = file.clone();
        if let Some(config) = file {
            self.command(host, Command::Reload(Box::new(Config::clone(&config))));
        }
    }

    fn begin(&mut self, host: HostId) -> Option<Process> {
        let node = self.node(host);
        if node.alive || node.file.is_none() || !self.fabric.is_powered(host) {
            return None;
        }
        self.fabric.open(host);
        let node = self.node(host);
        let before = core::mem::replace(&mut node.config, node.file.clone());
        if let Some((before, now)) = before.zip(node.config.clone()) {
            // What an earlier daemon has left is known by what it is.
            let moves = Plan::new(&before, &now).moves;
            let heir = |object| moves.heir(object, &before, &now);
            self.fabric.move_objects(host, heir);
        }
        self.find_ports(host);
        self.fabric
            .record(Observed::Daemon(host, DaemonChange::Started));
        let node = self.node(host);
        node.alive = true;
        node.write_files();
        node.see_all();
        node.commands.push_back(Command::Start);
        Some(Process::Begin(host))
    }

    fn end(&mut self, host: HostId, how: DaemonChange) -> Option<Process> {
        self.ended(host, how).then_some(Process::End(host))
    }

    /// The process of a router is gone. False when there was none.
    pub(super) fn ended(&mut self, host: HostId, how: DaemonChange) -> bool {
        let node = self.node(host);
        if !node.alive {
            return false;
        }
        node.alive = false;
        node.hung = false;
        node.commands.clear();
        node.results.clear();
        node.watched.clear();
        node.pending = None;
        node.sleep_until = None;
        node.waker = None;
        self.fabric.close(host);
        self.fabric.record(Observed::Daemon(host, how));
        true
    }

    /// Whether a router's process is able to run.
    pub(super) fn runs(&self, host: HostId) -> bool {
        let node = &self.nodes[host.index()];
        node.alive && !node.hung && !self.fabric.is_paused(host)
    }

    /// Whether a router would find something to do now.
    pub(super) fn is_ready(&self, host: HostId) -> bool {
        self.runs(host)
            && (self.has_input(host)
                || self
                    .wakes_at(host)
                    .is_some_and(|at| at <= self.fabric.now()))
    }

    /// Whether something waits for a router besides its deadline.
    pub(super) fn has_input(&self, host: HostId) -> bool {
        let node = &self.nodes[host.index()];
        node.pending.is_some()
            || !node.commands.is_empty()
            || !node.results.is_empty()
            || !node.watched.is_empty()
            || self.fabric.has_delivery(host)
    }

    /// World time of a router's deadline, as its clock runs now; `None` while it doesn't run.
    pub(super) fn wakes_at(&self, host: HostId) -> Option<Instant> {
        let node = &self.nodes[host.index()];
        let until = node.sleep_until.filter(|_| self.runs(host))?;
        Some(self.fabric.world_of(host, until))
    }

    pub(super) fn captures(&self) -> Vec<Vec<(Instant, Bytes)>> {
        self.taps
            .iter()
            .map(|&tap| self.fabric.captured(tap).to_vec())
            .collect()
    }
}

/// The plan's faults and the first starts of the daemons, in order of time; at equal times the
/// starts come first.
fn agenda(topology: &Topology, setup: &Setup) -> VecDeque<(Instant, Action)> {
    let starts = topology.routers().filter_map(|(host, spec)| {
        spec.starts_at
            .map(|at| (Instant::ZERO + at, Action::Start(host)))
    });
    let faults = setup
        .plan
        .faults
        .iter()
        .map(|f| (f.at, Action::Fault(f.fault.clone())));
    let mut agenda: Vec<_> = starts.chain(faults).collect();
    agenda.sort_by_key(|(at, _)| *at);
    agenda.into()
}

/// The IPv4 groups that a daemon listens to.
fn groups(node: &Node) -> Vec<IpAddr> {
    let mut groups = Vec::new();
    let config = node.config.iter();
    for instance in config.flat_map(|config| &config.instances) {
        let group = instance.group();
        if instance.unicast.is_none() && !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}
