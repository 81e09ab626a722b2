//! Finding again what is marked as ours: devices by their alias, routes and rules by their protocol.

use std::io;

use locum_engine::config::PROTOCOL_KEEPALIVED;
use netlink_packet_core::{NLM_F_DUMP, NetlinkBuffer};
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::rule::RuleMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::vmac::NOTE;
use super::{DUMP_ATTEMPTS, LINK_HEADER, Netlink, attributes, link_header};

/// linux/fib_rules.h
const FRA_PROTOCOL: u16 = 21;
/// `struct rtmsg` and `struct fib_rule_hdr` are of one size.
const OBJECT_HEADER: usize = 12;

/// A device of our making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MadeDevice {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// What its maker has noted in the alias.
    pub(crate) note: String,
}

/// Routes and rules, each a message without its header.
#[derive(Debug, Default)]
pub(crate) struct MarkedObjects {
    pub(crate) routes: Vec<Vec<u8>>,
    pub(crate) rules: Vec<Vec<u8>>,
}

impl Netlink {
    /// All devices with an alias of ours.
    pub(crate) fn made_devices() -> io::Result<Vec<MadeDevice>> {
        let question = RouteNetlinkMessage::GetLink(LinkMessage::default());
        Self::open(0)?.dump_all(&question, |message| made_device(message.payload()))
    }

    /// Routes and rules with keepalived's protocol number, which is ours too, as the kernel writes them.
    /// A router may have very many other routes, which the kernel is asked to pass over.
    pub(crate) fn marked_objects() -> io::Result<MarkedObjects> {
        let mut found = MarkedObjects::default();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut question = RouteMessage::default();
            question.header.address_family = family;
            question.header.protocol = PROTOCOL_KEEPALIVED.into();
            let question = RouteNetlinkMessage::GetRoute(question);
            let mut socket = Self::open(0)?;
            socket.socket.set_netlink_get_strict_chk(true)?;
            found
                .routes
                .extend(socket.dump_all(&question, |message| marked_route(message.payload()))?);
            let mut question = RuleMessage::default();
            question.header.family = family;
            let question = RouteNetlinkMessage::GetRule(question);
            let mut socket = Self::open(0)?;
            found
                .rules
                .extend(socket.dump_all(&question, |message| marked_rule(message.payload()))?);
        }
        Ok(found)
    }

    /// Removes a route that the kernel has told of.
    pub(crate) fn remove_route(&mut self, route: &[u8]) -> io::Result<()> {
        self.ask_raw(libc::RTM_DELROUTE, route)
    }

    /// Removes a rule that the kernel has told of.
    pub(crate) fn remove_rule(&mut self, rule: &[u8]) -> io::Result<()> {
        self.ask_raw(libc::RTM_DELRULE, rule)
    }

    fn dump_all<T>(
        &mut self,
        question: &RouteNetlinkMessage,
        read: impl Fn(&NetlinkBuffer<&[u8]>) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        for _ in 1..DUMP_ATTEMPTS {
            self.send(question.clone(), NLM_F_DUMP)?;
            let (found, disturbed) = self.read_dump(&read)?;
            if !disturbed {
                return Ok(found);
            }
        }
        self.send(question.clone(), NLM_F_DUMP)?;
        Ok(self.read_dump(&read)?.0)
    }
}

fn made_device(payload: &[u8]) -> Option<MadeDevice> {
    let index = link_header(payload)?.index;
    let (mut name, mut note) = (None, None);
    for (kind, value) in attributes(payload.get(LINK_HEADER..)?) {
        let text = || {
            let end = value.split(|b| *b == 0).next().unwrap_or_default();
            String::from_utf8_lossy(end).into_owned()
        };
        match kind {
            libc::IFLA_IFNAME => name = Some(text()),
            libc::IFLA_IFALIAS => note = text().strip_prefix(NOTE).map(str::to_owned),
            _ => {}
        }
    }
    Some(MadeDevice {
        index,
        name: name?,
        note: note?,
    })
}

fn marked_route(payload: &[u8]) -> Option<Vec<u8>> {
    // family, prefix lengths, tos, table, protocol, scope, type
    let protocol = *payload.get(5)?;
    (protocol == PROTOCOL_KEEPALIVED).then(|| payload.to_vec())
}

fn marked_rule(payload: &[u8]) -> Option<Vec<u8>> {
    let mut attributes = attributes(payload.get(OBJECT_HEADER..)?);
    let marked = attributes.any(|(kind, v)| kind == FRA_PROTOCOL && v == [PROTOCOL_KEEPALIVED]);
    marked.then(|| payload.to_vec())
}
