//! Where things are in the new configuration. Ids are positions, and positions change.

use std::sync::Arc;

use crate::config::{
    Config, FileConfig, Object, ProcessConfig, Route, VirtualAddress, VirtualDevice,
};
use crate::ids::{CheckId, FileId, InstanceId, InterfaceId, ProcessId};

/// From positions in the old configuration to positions in the new one. `None`: it isn't there any
/// more, or not as the same thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// By old position; the same interface is the one of the same name.
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
        let interface = |name| {
            let at = new.interfaces.iter().position(|n| n == name)?;
            u16::try_from(at).ok().map(InterfaceId)
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
            interfaces: old.interfaces.iter().map(interface).collect(),
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
}
