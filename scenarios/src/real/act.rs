//! What each fault does to the kernel and to the daemons.

use std::path::Path;
use std::sync::Arc;

use locum_engine::Instant;
use locum_engine::config::{Object, ObjectId};
use locum_sim::fault::{Direction, Fault, NewFile};
use locum_sim::record::{DaemonChange, Observed};
use locum_sim::topology::{CableId, HostId, SwitchId};
use nix::sys::signal::Signal;

use super::checks::Script;
use super::lab::{Joins, joins};
use super::stage::Stage;
use super::tool::must;
use super::{Failure, conf, tracked};

impl Stage<'_> {
    /// Carries a fault out that was due at `at`.
    pub(super) fn fault(&mut self, at: Instant, fault: Fault) -> Result<(), Failure> {
        self.record(Observed::Fault(fault.clone()));
        match fault {
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
            | Fault::Heal => self.network_fault(fault),
            Fault::RebootSwitch(switch, lasting) => {
                self.switch_back_at(at + lasting, switch);
                self.dark_switches[switch.index()] = true;
                self.refresh_switch(switch)
            }
            Fault::PowerOff(host) => self.power_off(host),
            Fault::PowerOn(host) => self.power_on(host),
            Fault::Kill(host) => {
                if let Some(mut daemon) = self.daemons.remove(&host) {
                    daemon.kill();
                    self.record(Observed::Daemon(host, DaemonChange::Killed));
                }
                Ok(())
            }
            Fault::Stop(host) => {
                if let Some(daemon) = self.daemons.get_mut(&host) {
                    daemon.dismissed = true;
                    daemon.signal(Signal::SIGTERM);
                }
                Ok(())
            }
            Fault::Start(host) => self.start(host),
            Fault::Hang(host) => self.signal_all(host, Signal::SIGSTOP),
            Fault::Resume(host) => self.signal_all(host, Signal::SIGCONT),
            Fault::ForceCheck(host, check, outcome) => {
                let Some(config) = self.config(host) else {
                    return Ok(());
                };
                let check = config.check(check);
                Script::new(&self.checks(), &self.name(host), &check.name).say(outcome, check)
            }
            Fault::WriteFile(host, file, value) => {
                let Some(config) = self.config(host) else {
                    return Ok(());
                };
                let name = &config.file(file).name;
                tracked::write(
                    &tracked::path(&self.tracked(), &self.name(host), name),
                    value,
                )
            }
            Fault::SetPriority(host, instance, priority) => {
                let Some(config) = self.config(host) else {
                    return Ok(());
                };
                let instance = config.instance(instance);
                let priority = priority.unwrap_or(instance.priority);
                let text = self.texts.get(&host).map_or("", String::as_str);
                let changed = conf::with_priority(text, &instance.name, priority.0);
                let changed = changed.ok_or_else(|| Failure::File {
                    path: self.folder.join(format!("{}.conf", self.name(host))),
                    why: format!("no `priority` line in the block of {}", instance.name),
                })?;
                self.texts.insert(host, changed);
                self.write_configuration(host)?;
                if let Some(daemon) = self.daemons.get(&host) {
                    daemon.signal(Signal::SIGHUP);
                }
                Ok(())
            }
            Fault::Reload(host, file) => self.reload(host, &file),
            Fault::RemoveAddress(host, address) => self.remove_address(host, address),
            Fault::RemoveObject(host, object) => self.remove_route(host, object),
            // Refused before the run: see `impossible`.
            Fault::PauseVm(_)
            | Fault::ResumeVm(_)
            | Fault::Drift(..)
            | Fault::WallClock(..)
            | Fault::AddAddress(..)
            | Fault::Drain(..)
            | Fault::Undrain(..)
            | Fault::Service(..)
            | Fault::Processes(..)
            | Fault::Forge(..)
            | Fault::Replay(..) => Ok(()),
        }
    }

    /// Writes a file and tells the daemon to read it. Checks keep the scripts that they run here,
    /// tracked files are the node's own. A broken file stays until the next one is written.
    fn reload(&mut self, host: HostId, file: &NewFile) -> Result<(), Failure> {
        let folder = self.scenario.folder.as_deref();
        let mut text = conf::anchor_includes(&file.text, folder);
        let before = self.texts.get(&host).cloned().unwrap_or_default();
        for check in file.config.iter().flat_map(|config| &config.checks) {
            let script = conf::script(&before, &check.name);
            let same = script.and_then(|s| conf::with_script(&text, &check.name, Path::new(&s)));
            text = same.unwrap_or(text);
        }
        let (tracked, name) = (self.tracked(), self.name(host));
        for file in file.config.iter().flat_map(|config| &config.files) {
            let own = tracked::path(&tracked, &name, &file.name);
            text = conf::with_file(&text, &file.name, &own).unwrap_or(text);
        }
        self.texts.insert(host, text);
        self.write_configuration(host)?;
        if file.config.is_none() {
            self.texts.insert(host, before);
        }
        if let Some(daemon) = self.daemons.get(&host) {
            daemon.signal(Signal::SIGHUP);
        }
        Ok(())
    }

    fn network_fault(&mut self, fault: Fault) -> Result<(), Failure> {
        let both = Direction::Both;
        let rules = &mut self.rules;
        match fault {
            Fault::Pull(cable) => {
                self.pulled[cable.index()] = true;
                return self.refresh(cable);
            }
            Fault::Plug(cable) => {
                self.pulled[cable.index()] = false;
                return self.refresh(cable);
            }
            Fault::Dark(cable, direction) => rules.dark(cable, direction, true),
            Fault::Light(cable, direction) => rules.dark(cable, direction, false),
            Fault::Loss(cable, direction, ppm, burst) => rules.path(cable, direction, |path| {
                path.loss_ppm = ppm;
                path.burst = burst;
            }),
            Fault::Duplicate(cable, ppm) => {
                rules.path(cable, both, |path| path.duplicate_ppm = ppm);
            }
            Fault::Corrupt(cable, ppm) => rules.path(cable, both, |path| path.corrupt_ppm = ppm),
            Fault::Reorder(cable, ppm, by) => rules.path(cable, both, |path| {
                path.reorder_ppm = ppm;
                path.reorder_by = by;
            }),
            Fault::Latency(cable, direction, latency) => {
                rules.path(cable, direction, |path| path.latency = latency);
            }
            Fault::Partition(left, right) => rules.part(&left, &right),
            _ => rules.heal(),
        }
        self.rules.apply(&self.lab)
    }

    /// A switch is back.
    pub(super) fn switch_back(&mut self, switch: SwitchId) -> Result<(), Failure> {
        self.record(Observed::SwitchBack(switch));
        self.dark_switches[switch.index()] = false;
        self.refresh_switch(switch)
    }

    fn refresh_switch(&self, switch: SwitchId) -> Result<(), Failure> {
        for index in 0..self.lab.topology.cables.len() {
            let cable = CableId(index as u16);
            let ends_here = match joins(&self.lab.topology, cable).0 {
                Joins::Host(_, at) => at == switch,
                Joins::Switches(a, b) => a == switch || b == switch,
                Joins::Hosts => false,
            };
            if ends_here {
                self.refresh(cable)?;
            }
        }
        Ok(())
    }

    /// Gives a cable the carrier it should have: a port that is down takes it from the other end.
    fn refresh(&self, cable: CableId) -> Result<(), Failure> {
        let dark = |switch: SwitchId| self.dark_switches[switch.index()];
        let broken = match joins(&self.lab.topology, cable).0 {
            Joins::Host(host, switch) => dark(switch) || self.powerless[host.index()],
            Joins::Switches(a, b) => dark(a) || dark(b),
            Joins::Hosts => return Ok(()),
        };
        let state = match broken || self.pulled[cable.index()] {
            true => "down",
            false => "up",
        };
        let switches = self.lab.switches();
        for port in self.lab.ports(cable).iter().take(1) {
            must(&["ip", "-n", &switches, "link", "set", port, state])?;
        }
        Ok(())
    }

    fn cable_of(&self, host: HostId) -> Option<CableId> {
        let cables = 0..self.lab.topology.cables.len();
        cables.map(|index| CableId(index as u16)).find(
            |&cable| matches!(joins(&self.lab.topology, cable).0, Joins::Host(h, _) if h == host),
        )
    }

    fn power_off(&mut self, host: HostId) -> Result<(), Failure> {
        self.power(host, false)?;
        if let Some(mut daemon) = self.daemons.remove(&host) {
            daemon.kill();
            self.record(Observed::Daemon(host, DaemonChange::PowerLost));
        }
        let namespace = self.lab.host(host);
        let made = must(&[
            "ip", "-n", &namespace, "-br", "link", "show", "type", "macvlan",
        ])?;
        for line in made.lines() {
            let device = line.split(['@', ' ']).next().unwrap_or("");
            must(&["ip", "-n", &namespace, "link", "del", device])?;
        }
        for part in self.lab.topology.parts(host) {
            let nic = self.lab.nic(part);
            must(&["ip", "-n", &namespace, "addr", "flush", "dev", nic])?;
            must(&["ip", "-n", &namespace, "neigh", "flush", "dev", nic])?;
        }
        Ok(())
    }

    /// Every NIC of a host has its cable's carrier with the power, and loses it with the power.
    fn power(&mut self, host: HostId, on: bool) -> Result<(), Failure> {
        let topology = Arc::clone(&self.lab.topology);
        for part in topology.parts(host) {
            self.powerless[part.index()] = !on;
            if let Some(cable) = self.cable_of(part) {
                self.refresh(cable)?;
            }
        }
        Ok(())
    }

    fn power_on(&mut self, host: HostId) -> Result<(), Failure> {
        let topology = Arc::clone(&self.lab.topology);
        for part in topology.parts(host) {
            let mut lines = self.lab.addresses(part).join("\n");
            lines.push('\n');
            self.lab.batch(&self.lab.host(part), &lines)?;
        }
        self.power(host, true)?;
        match self.config(host) {
            Some(_) => self.start(host),
            None => Ok(()),
        }
    }

    fn signal_all(&self, host: HostId, signal: Signal) -> Result<(), Failure> {
        if let Some(daemon) = self.daemons.get(&host) {
            daemon.signal_all(signal);
        }
        Ok(())
    }

    /// The first one to its destination; nothing happens when there is none.
    fn remove_route(&self, host: HostId, object: ObjectId) -> Result<(), Failure> {
        let route = self
            .config(host)
            .map(|config| config.object(object).clone());
        let Some(Object::Route(route)) = route else {
            return Ok(());
        };
        let namespace = self.lab.host(host);
        let (to, table) = (route.destination.to_string(), route.table.to_string());
        let words = ["route", "show", &to, "table", &table];
        let shown = must(&[&["ip", "-n", &namespace][..], &words].concat())?;
        if shown.trim().is_empty() {
            return Ok(());
        }
        let words = ["route", "del", &to, "table", &table];
        must(&[&["ip", "-n", &namespace][..], &words].concat()).map(|_| ())
    }

    /// Wherever it is; nothing happens when it isn't there.
    fn remove_address(&mut self, host: HostId, address: std::net::IpAddr) -> Result<(), Failure> {
        let namespace = self.lab.host(host);
        let wanted = address.to_string();
        let shown = must(&["ip", "-n", &namespace, "-o", "addr", "show", "to", &wanted])?;
        let mut words = shown.split_whitespace().skip(1);
        let (Some(device), Some(found)) = (words.next(), words.nth(1)) else {
            return Ok(());
        };
        self.taken.push((host, address));
        must(&["ip", "-n", &namespace, "addr", "del", found, "dev", device]).map(|_| ())
    }
}
