//! Reasons in words.

use core::fmt;

use super::{Announcement, Reason};
use crate::config::{Config, StaticItem};
use crate::time::Seconds;

impl Reason {
    /// Whether it only waits for a first result, which decides where to begin.
    pub const fn is_pending(&self) -> bool {
        matches!(
            self,
            Self::CheckPending { .. } | Self::FilePending { .. } | Self::ProcessPending { .. }
        )
    }

    /// The reason in words, with the names of the configuration.
    pub fn display<'a>(&'a self, config: &'a Config) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| self.write(config, f))
    }

    fn write(&self, config: &Config, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Owner => f.write_str("owns the addresses (priority 255)"),
            Self::MasterSilent {
                master: Some(master),
                silence,
            } => {
                write!(f, "no advert from {master} for {}", Seconds(*silence))
            }
            Self::MasterSilent {
                master: None,
                silence,
            } => {
                write!(f, "no master heard for {}", Seconds(*silence))
            }
            Self::MasterResigned { master } => write!(f, "{master} resigned"),
            Self::Preempted { master, priority } => {
                write!(f, "outranks {master}, which has priority {priority}")
            }
            Self::HigherPriority { master, priority } => {
                write!(f, "{master} has priority {priority}")
            }
            Self::EqualPriorityHigherAddress { master } => {
                write!(f, "{master} has the same priority and a higher address")
            }
            Self::LinkDown => f.write_str("link down"),
            Self::NoSourceAddress => f.write_str("the interface has no address to send from"),
            Self::TrackedLink { interface, up } => {
                let name = config.interface_name(*interface);
                write!(f, "{name} is {}", if *up { "up" } else { "down" })
            }
            Self::NoPeers => f.write_str("there are no unicast peers"),
            Self::CheckFailed { check } => write!(f, "check {} failed", config.check(*check).name),
            Self::CheckPending { check } => {
                write!(f, "check {} has no result yet", config.check(*check).name)
            }
            Self::FileFault { file, value } => {
                write!(f, "file {} says {value}", config.file(*file).name)
            }
            Self::FilePending { file } => {
                write!(f, "file {} has not been read yet", config.file(*file).name)
            }
            Self::ProcessFault { process } => {
                let name = &config.process(*process).name;
                write!(f, "process {name} is not as wanted")
            }
            Self::ProcessPending { process } => {
                let name = &config.process(*process).name;
                write!(f, "process {name} has not been counted yet")
            }
            Self::StaticMissing {
                item: StaticItem::Address(index),
            } => {
                let address = config.statics.addresses[usize::from(*index)].address;
                write!(f, "{address} is missing")
            }
            Self::StaticMissing {
                item: StaticItem::Object(index),
            } => {
                let object = &config.statics.objects[usize::from(*index)];
                write!(f, "{} is missing", object.display(config))
            }
            Self::PartnerFault { partner } => {
                let name = &config.instance(*partner).name;
                write!(f, "{name}, of its group, can't serve")
            }
            Self::PartnerYielded { partner } => {
                let name = &config.instance(*partner).name;
                write!(f, "{name}, of its group, is no longer master")
            }
            Self::AddressRefused { address } => write!(f, "the kernel refused {address}"),
            Self::Recovered => f.write_str("recovered"),
            Self::HeldUp { by } => {
                write!(
                    f,
                    "was held up for {}: may have been replaced meanwhile",
                    Seconds(*by)
                )
            }
            Self::Drained => f.write_str("drained"),
            Self::Stopping => f.write_str("stopping"),
            Self::Removed => f.write_str("no longer configured"),
        }
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Takeover => "became master",
            Self::Delayed => "once more, as garp_master_delay says",
            Self::Refresh => "refresh",
            Self::Elsewhere => "refresh of those on other interfaces",
            Self::Contest => "another master was heard",
            Self::Settled => "once more after the contest",
            Self::Late => "was asleep",
            Self::PutBack => "an address came back",
            Self::Configured => "new in the configuration",
        })
    }
}
