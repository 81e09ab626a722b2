//! Macvlan devices as netlink messages.

use std::io;

use locum_engine::ids::MacAddr;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoMacVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, MacVlanMode,
};

use super::Netlink;

/// How the alias of a device of ours begins.
pub(super) const NOTE: &str = "locum: ";

impl Netlink {
    /// Makes a macvlan device, which is down.
    pub(crate) fn create_device(&mut self, name: &str, base: u32, mac: MacAddr) -> io::Result<()> {
        let message = RouteNetlinkMessage::NewLink(create(name, base, mac));
        self.ask(message, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Sets a device up.
    pub(crate) fn raise_device(&mut self, index: u32) -> io::Result<()> {
        self.ask(RouteNetlinkMessage::NewLink(raise(index)), 0)
    }

    /// Marks a device as ours, with a note of at most 200 bytes for who finds it after a crash.
    pub(crate) fn mark_device(&mut self, index: u32, note: &str) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.attributes = vec![LinkAttribute::IfAlias(format!("{NOTE}{note}"))];
        self.ask(RouteNetlinkMessage::NewLink(message), 0)
    }

    /// Removes a device.
    pub(crate) fn remove_device(&mut self, index: u32) -> io::Result<()> {
        self.ask(RouteNetlinkMessage::DelLink(remove(index)), 0)
    }
}

/// A device on `base`, in private mode: no two of them talk to each other behind the wire's back.
fn create(name: &str, base: u32, mac: MacAddr) -> LinkMessage {
    let mut message = LinkMessage::default();
    let mode = InfoMacVlan::Mode(MacVlanMode::Private);
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Link(base),
        LinkAttribute::Address(mac.0.to_vec()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::MacVlan),
            LinkInfo::Data(InfoData::MacVlan(vec![mode])),
        ]),
    ];
    message
}

/// Sets a device up.
fn raise(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

/// Names a device, to remove it.
fn remove(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}
