//! Events and reasons in words.

use core::fmt;

use super::{Announcement, Event, Reason};
use crate::config::{Config, StaticItem};
use crate::ids::Priority;
use crate::time::{Measured, Seconds};

impl Event {
    pub(super) fn write(&self, config: &Config, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StateChanged { from, to, why, .. } => {
                write!(f, "{from} -> {to}: {}", why.display(config))
            }
            Self::GroupChanged {
                group,
                from,
                to,
                why,
            } => {
                let name = &config.group(*group).name;
                write!(f, "group {name}: {from} -> {to}: {}", why.display(config))
            }
            Self::PriorityChanged { from, to, .. } => write!(f, "priority {from} -> {to}"),
            Self::CheckFailing {
                check,
                outcome,
                failures,
                fall,
            } => {
                let name = &config.check(*check).name;
                write!(f, "check {name}: {outcome}, {failures} in a row of {fall}")
            }
            Self::CheckChanged { check, good } => {
                let name = &config.check(*check).name;
                write!(f, "check {name}: {}", if *good { "good" } else { "failed" })
            }
            Self::CheckNotRun { check, why, good } => {
                let name = &config.check(*check).name;
                let counts = match good {
                    Some(true) => "it still counts as good",
                    Some(false) => "it still counts as failed",
                    None => "whoever tracks it serves without this check",
                };
                write!(f, "check {name} is not run: {why}; {counts}")
            }
            Self::FileChanged { file, value } => {
                write!(f, "file {}: {value}", config.file(*file).name)
            }
            Self::ProcessChanged {
                process,
                count,
                good,
            } => {
                let name = &config.process(*process).name;
                let verdict = if *good { "good" } else { "failed" };
                write!(f, "process {name}: {verdict}, {count} running")
            }
            Self::Contested {
                by,
                priority: Priority::RELEASE,
                ..
            } => {
                write!(f, "contest: {by} gives up")
            }
            Self::Contested { by, priority, .. } => {
                write!(f, "contest: {by} acts as master with priority {priority}")
            }
            Self::Announced { why, .. } => write!(f, "announces its addresses: {why}"),
            Self::Discarded { source, why, .. } => write!(f, "advert from {source} ignored: {why}"),
            Self::AddressPutBack { address, .. } => {
                write!(f, "{address} was removed by someone else, put back")
            }
            Self::ObjectPutBack { object } => {
                let object = config.object(*object).display(config);
                write!(f, "{object} was missing, put back")
            }
            Self::ObjectRefused { object } => {
                let object = config.object(*object).display(config);
                write!(f, "the kernel refused {object}")
            }
            Self::StaticAddressPutBack { index } => {
                let address = config.statics.addresses[usize::from(*index)].address;
                write!(f, "{address} was removed by someone else, put back")
            }
            Self::IntervalDiffers { source, theirs, .. } => {
                let theirs = Seconds(theirs.duration());
                write!(
                    f,
                    "{source} advertises every {theirs}, which is not our interval"
                )
            }
            Self::AddressListDiffers { source, .. } => {
                write!(f, "{source} advertises other addresses than ours")
            }
            Self::StartDelayed { by } => {
                let keyword = match *by == config.startup_delay {
                    true => "vrrp_startup_delay",
                    false => "vrrp_delay_after_boot",
                };
                write!(f, "takes part in {}, as {keyword} says", Seconds(*by))
            }
            Self::UnknownVrid {
                interface,
                source,
                vrid,
            } => {
                let name = config.interface_name(*interface);
                write!(
                    f,
                    "{source} advertises virtual router {vrid}, which isn't configured on {name}"
                )
            }
            Self::LinkWaits { interface, up, by } => {
                let name = config.interface_name(*interface);
                let (is, again) = if *up {
                    ("up", "lost")
                } else {
                    ("down", "back")
                };
                write!(
                    f,
                    "{name} is {is}, which counts in {} unless it is {again} by then",
                    Seconds(*by)
                )
            }
            Self::LinkUndone { interface, up } => {
                let name = config.interface_name(*interface);
                let is = if *up { "up" } else { "down" };
                write!(f, "{name} is {is} again: nothing has changed")
            }
            Self::Late { by, .. } => {
                write!(
                    f,
                    "advert late by {}: may have been replaced meanwhile",
                    Measured(*by)
                )
            }
        }
    }
}

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
                write!(f, "no advert from {master} for {}", Measured(*silence))
            }
            Self::MasterSilent {
                master: None,
                silence,
            } => {
                write!(f, "no master heard for {}", Measured(*silence))
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
            Self::SourceGone { address } => {
                write!(f, "this host doesn't have {address}, which it sends from")
            }
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
                    Measured(*by)
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
