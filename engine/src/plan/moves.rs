//! Where things are in the new configuration. Ids are positions, and positions change.

use std::sync::Arc;

use crate::config::{
    Config, FileConfig, Object, ObjectId, ProcessConfig, Route, VirtualAddress, VirtualDevice,
};
use crate::ids::{CheckId, FileId, InstanceId, InterfaceId, ProcessId};

/// From positions in the old configuration to positions in the new one. `None`: it isn't there any
/// more, or not as the same thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// By old position; the same interface is the one of the same name. A virtual device is another
    /// when its hardware address is, or what it lies on.
    pub interfaces: Vec<Option<InterfaceId>>,
    /// By old position; the same check is the one of the same name.
    pub checks: Vec<Option<CheckId>>,
    /// By old position; the same file is the one of the same name and path.
    pub files: Vec<Option<FileId>>,
    /// By old position; the same process is the one of the same name and description.
    pub processes: Vec<Option<ProcessId>>,
    /// By old position; see [`Plan`](super::Plan).
    pub instances: Vec<Option<InstanceId>>,
}

impl Moves {
    pub(super) fn new(old: &Config, new: &Config) -> Self {
        let interface = |(id, name): (u16, &Arc<str>)| {
            let at = new.interfaces.iter().position(|n| n == name)?;
            let to = u16::try_from(at).ok().map(InterfaceId)?;
            same_device((old, InterfaceId(id)), (new, to)).then_some(to)
        };
        let checks = old.checks.iter().map(|check| new.find_check(&check.name));
        let file = |old: &FileConfig| {
            let found = new.find_file(&old.name);
            found.filter(|id| new.file(*id).path == old.path)
        };
        let process = |old: &ProcessConfig| {
            let found = new.find_process(&old.name);
            found.filter(|id| new.process(*id).pattern == old.pattern)
        };
        Self {
            interfaces: (0..=u16::MAX).zip(&old.interfaces).map(interface).collect(),
            checks: checks.collect(),
            files: old.files.iter().map(file).collect(),
            processes: old.processes.iter().map(process).collect(),
            instances: Vec::new(),
        }
    }

    /// Where an interface is now.
    pub fn interface(&self, old: InterfaceId) -> Option<InterfaceId> {
        self.interfaces.get(old.index()).copied().flatten()
    }

    /// Where a check is now. A restarted one is another.
    pub fn check(&self, old: CheckId) -> Option<CheckId> {
        self.checks.get(old.index()).copied().flatten()
    }

    /// Where an instance is now. A restarted one is another.
    pub fn instance(&self, old: InstanceId) -> Option<InstanceId> {
        self.instances.get(old.index()).copied().flatten()
    }

    /// Where an interface of the new configuration was.
    pub fn interface_before(&self, new: InterfaceId) -> Option<InterfaceId> {
        let at = self.interfaces.iter().position(|to| *to == Some(new))?;
        u16::try_from(at).ok().map(InterfaceId)
    }

    /// Where a check of the new configuration was.
    pub fn check_before(&self, new: CheckId) -> Option<CheckId> {
        let at = self.checks.iter().position(|to| *to == Some(new))?;
        u16::try_from(at).ok().map(CheckId)
    }

    /// An address as the new configuration would write it.
    pub fn address(&self, old: &VirtualAddress) -> Option<VirtualAddress> {
        Some(VirtualAddress {
            interface: self.interface(old.interface)?,
            ..old.clone()
        })
    }

    /// A virtual device as the new configuration would have it.
    pub fn device(&self, old: &VirtualDevice) -> Option<VirtualDevice> {
        Some(VirtualDevice {
            interface: self.interface(old.interface)?,
            base: self.interface(old.base)?,
            mac: old.mac,
        })
    }

    /// A route or a rule as the new configuration would write it.
    pub fn object(&self, old: &Object) -> Option<Object> {
        let Object::Route(route) = old else {
            return Some(old.clone());
        };
        let mut route = Route::clone(route);
        for hop in &mut route.hops {
            if let Some(interface) = &mut hop.interface {
                *interface = self.interface(*interface)?;
            }
        }
        Some(Object::Route(Arc::new(route)))
    }

    /// Where a route or a rule is now: the same among those of the same owner.
    pub fn object_id(&self, id: ObjectId, old: &Config, new: &Config) -> Option<ObjectId> {
        let object = self.object(old.object(id))?;
        let (owner, objects) = match id.owner {
            Some(owner) => {
                let owner = self.instance(owner)?;
                (Some(owner), &new.instance(owner).objects)
            }
            None => (None, &new.statics.objects),
        };
        let index = position(objects, &object)?;
        Some(ObjectId { owner, index })
    }

    /// Whose a route or a rule is now that is up: its owner's still, or that of somebody to whom it is
    /// new, because what one lets go of and another takes stays where it is.
    pub fn heir(&self, id: ObjectId, old: &Config, new: &Config) -> Option<ObjectId> {
        self.object_id(id, old, new).or_else(|| {
            let object = self.object(old.object(id))?;
            let had = |objects: &[Object]| {
                objects
                    .iter()
                    .any(|o| self.object(o).as_ref() == Some(&object))
            };
            let was = |owner: InstanceId| self.instances.iter().position(|to| *to == Some(owner));
            let instances = (0..=u16::MAX).map(InstanceId).zip(&new.instances);
            let owned = instances.map(|(id, i)| {
                let before = was(id).map_or(&[][..], |at| &old.instances[at].objects);
                (Some(id), before, &i.objects)
            });
            let statics = (None, &old.statics.objects[..], &new.statics.objects);
            let takes = |(owner, before, after): (_, &[Object], &Vec<Object>)| {
                let index = position(after, &object).filter(|_| !had(before))?;
                Some(ObjectId { owner, index })
            };
            owned.chain([statics]).find_map(takes)
        })
    }

    /// Where a static address is now.
    pub fn static_address(&self, index: u16, old: &Config, new: &Config) -> Option<u16> {
        let address = old.statics.addresses.get(usize::from(index))?;
        position(&new.statics.addresses, &self.address(address)?)
    }
}

/// Whether interfaces of one name are both no device of ours, or the same one.
fn same_device(
    (old, before): (&Config, InterfaceId),
    (new, after): (&Config, InterfaceId),
) -> bool {
    match (old.device(before), new.device(after)) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            let base = |config: &Config, device: &VirtualDevice| {
                config.interfaces[device.base.index()].clone()
            };
            a.mac == b.mac && base(old, a) == base(new, b)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn position<T: PartialEq>(list: &[T], item: &T) -> Option<u16> {
    let at = list.iter().position(|other| other == item)?;
    u16::try_from(at).ok()
}
