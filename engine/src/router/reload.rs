//! A router whose configuration changes while it runs. What a master has and keeps isn't touched;
//! timers that run go on, and are set anew by the new configuration when they next are.

use core::net::IpAddr;

use crate::config::{InstanceConfig, VirtualAddress};
use crate::event::{Announcement, Reason};
use crate::fsm::Signal;
use crate::ids::InstanceId;
use crate::output::{Effect, Output};
use crate::plan::Moves;
use crate::rare::Rare;

use super::advertised::Advertised;
use super::announce::Burst;
use super::{Router, Surroundings};

impl Router {
    /// Whether it can be the router of that instance, when it comes from a checkpoint.
    pub(crate) fn fits(&self, config: &InstanceConfig) -> bool {
        self.advertised.len() == config.addresses.len()
    }

    /// Whether it has been told to take part.
    pub(crate) fn is_started(&self) -> bool {
        self.started
    }

    /// It isn't configured any more: lets go of everything, and resigns if it is master.
    pub(crate) fn remove(&mut self, s: &mut Surroundings<'_>) {
        self.started = false;
        self.signal(s, Signal::Stop(Reason::Removed));
    }

    /// The same router at another place in the configuration.
    pub(crate) fn moved(self, id: InstanceId, grouped: bool, moves: &Moves) -> Self {
        let mut moved = Self { id, ..self };
        let speak = |why: Option<Reason>| why.and_then(|why| why.moved(moves));
        moved.entered.why = speak(self.entered.why);
        if let Some(partners) = &mut moved.partners {
            (partners.why, partners.blocked) = (speak(partners.why), speak(partners.blocked));
        }
        if moved.partners.is_some() != grouped {
            moved.regroup(grouped);
        }
        moved
    }

    /// Under the old configuration: a master lets go of what it won't have.
    pub(crate) fn let_go(&mut self, s: &mut Surroundings<'_>, moves: &Moves, to: &InstanceConfig) {
        if !self.is_master() {
            return;
        }
        let from = s.config.instance(self.id);
        self.let_go_of_objects(s, moves, to);
        for address in from.held_addresses() {
            let stays = moves.address(address);
            if stays.is_some_and(|address| to.held_addresses().any(|new| *new == address)) {
                continue;
            }
            s.out.push_back(Output::Effect(Effect::RemoveAddress {
                instance: self.id,
                address: address.clone(),
            }));
        }
        let shut = shut_addresses(from);
        let open = shut.into_iter().filter(|a| !shut_addresses(to).contains(a));
        let addresses: Vec<_> = open.collect();
        if !addresses.is_empty() {
            let instance = self.id;
            s.out.push_back(Output::Effect(Effect::Unshut {
                instance,
                addresses,
            }));
        }
    }

    /// The last first, as always.
    fn let_go_of_objects(&mut self, s: &mut Surroundings<'_>, moves: &Moves, to: &InstanceConfig) {
        for (id, object) in self.objects(s).into_iter().rev() {
            if moves
                .object(&object)
                .is_none_or(|o| !to.objects.contains(&o))
            {
                s.out
                    .push_back(Output::Effect(Effect::Uninstall { id, object }));
            }
        }
    }

    /// Under the new configuration: a master takes what is new to it, and announces that alone.
    pub(crate) fn take_up(
        &mut self,
        s: &mut Surroundings<'_>,
        moves: &Moves,
        from: &InstanceConfig,
    ) {
        let to = s.config.instance(self.id);
        self.advertised = Advertised::of(to);
        let holds = |address| to.held_addresses().any(|a| a.address == address);
        self.refused = self.refused.filter(|(address, _)| holds(*address));
        if let Some(put_back) = self.put_back.present() {
            put_back.missing.retain(|address| holds(*address));
        }
        let peers = to.unicast.as_ref();
        if let Some(old_checksum) = self.old_checksum.present() {
            old_checksum.retain(|peer| peers.is_some_and(|u| u.peer(*peer).is_some()));
        }
        // What was said of others may be wrong now, and is said again if it isn't.
        self.told = Rare::default();
        if self.is_master() {
            self.announcer.change(&from.garp, &to.garp, s.now);
            let had: Vec<_> = from.held_addresses().map(|a| moves.address(a)).collect();
            let is_new = |address: &&VirtualAddress| !had.contains(&Some((*address).clone()));
            let new: Vec<_> = to.held_addresses().filter(is_new).cloned().collect();
            let shut = shut_addresses(from);
            let close = shut_addresses(to).into_iter().filter(|a| !shut.contains(a));
            let addresses: Vec<_> = close.collect();
            if !addresses.is_empty() {
                let instance = self.id;
                s.out.push_back(Output::Effect(Effect::Shut {
                    instance,
                    addresses,
                }));
            }
            // One that is there already gets the other lifetime.
            let relet = from.lease != to.lease;
            for address in to.held_addresses().filter(|a| relet || new.contains(a)) {
                s.out.push_back(Output::Effect(Effect::AddAddress {
                    instance: self.id,
                    address: address.clone(),
                    lifetime: to.lease,
                }));
            }
            if relet || self.refresh_at.is_none() {
                self.lease_begins(s);
            }
            let had: Vec<_> = from.objects.iter().map(|o| moves.object(o)).collect();
            // What is missing still is, perhaps at another place.
            let missing = self.missing.present().into_iter();
            missing.for_each(|missing| {
                missing.moved(|index| {
                    let object = had.get(usize::from(index))?.as_ref()?;
                    let at = to.objects.iter().position(|new| new == object)?;
                    u16::try_from(at).ok()
                })
            });
            for (id, object) in self.objects(s) {
                if !had.contains(&Some(object.clone())) {
                    s.out
                        .push_back(Output::Effect(Effect::Install { id, object }));
                }
            }
            if !new.is_empty() {
                let burst = Burst {
                    why: Announcement::Configured,
                    rounds: to.garp.repeat,
                };
                self.announce_these(s, burst, &new);
            }
        }
        self.reconsider(s);
    }
}

/// The addresses that `no_accept` closes on a master.
fn shut_addresses(config: &InstanceConfig) -> Vec<IpAddr> {
    let held = config.held_addresses().map(|a| a.address);
    held.filter(|_| config.refuses_access()).collect()
}
