//! Adverts that nobody should believe: forged ones, and recorded ones that are played again.

use core::time::Duration;

use locum_engine::ids::{Priority, Vrid};
use locum_sim::fault::{Fault, Forgery, Replay};
use locum_sim::topology::{HostId, Topology};

use super::faults::address;
use super::fields::Fields;
use super::network::Named;

/// `forge = "192.168.0.11", from = "X", claims = 254, password = "wrong", count = 100`.
pub(super) fn forge(entry: &Fields<'_, '_>, topology: &Topology) -> Option<Fault> {
    let source = address(entry, &entry.word("forge")?)?;
    let host = beside(entry, topology)?;
    let (_, first) = topology.routers().next()?;
    let model = first.config.instances.first()?;
    let vrid = entry
        .integer("vrid", 1..=255)
        .and_then(|n| Vrid::new(u8::try_from(n).ok()?));
    let priority = match entry.has("claims") {
        true => entry.integer("claims", 0..=255)?,
        false => return entry.missing("claims", "write claims = 254, the priority they claim"),
    };
    let addresses = model.addresses.iter().map(|address| address.address);
    let forgery = Forgery {
        source,
        vrid: vrid.unwrap_or(model.vrid),
        priority: Priority(u8::try_from(priority).ok()?),
        password: entry.word("password").map(|word| password(word.text)),
        addresses: addresses.collect(),
        ttl: u8::try_from(entry.integer("ttl", 0..=255).unwrap_or(255)).ok()?,
        count: count(entry)?,
        every: every(entry),
    };
    Some(Fault::Forge(host, forgery))
}

/// Eight bytes, zero padded; the rest is cut off, as keepalived does.
fn password(text: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes
        .iter_mut()
        .zip(text.bytes())
        .for_each(|(to, from)| *to = from);
    bytes
}

/// `replay = "192.168.0.11", from = "X", after = "4s", count = 100, every = "50ms"`.
pub(super) fn replay(entry: &Fields<'_, '_>, topology: &Topology) -> Option<Fault> {
    let source = address(entry, &entry.word("replay")?)?;
    let host = beside(entry, topology)?;
    let listens = match entry.has("after") {
        true => entry.span_of_time("after")?,
        false => {
            let help = "write after = \"4s\", how long they are recorded before they are played";
            return entry.missing("after", help);
        }
    };
    let replay = Replay {
        source,
        listens,
        count: count(entry)?,
        every: every(entry),
    };
    Some(Fault::Replay(host, replay))
}

/// The host whose cable they come from.
fn beside(entry: &Fields<'_, '_>, topology: &Topology) -> Option<HostId> {
    let help = r#"write from = "X", the host whose cable they come from"#;
    let from = entry.required("from", help)?;
    topology.find_host(entry.sink, &from)
}

fn count(entry: &Fields<'_, '_>) -> Option<u32> {
    u32::try_from(entry.integer("count", 1..=1_000_000).unwrap_or(1)).ok()
}

fn every(entry: &Fields<'_, '_>) -> Duration {
    let every = entry.span_of_time("every");
    every.unwrap_or(Duration::from_secs(1))
}
