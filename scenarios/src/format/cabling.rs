//! The cables of a scenario file.

use locum_sim::fault::Direction;
use locum_sim::topology::{CableSpec, End, HostId, Path, Topology};
use toml::de::DeValue;

use super::fields::{Fields, Sink, Value, Word, word};
use super::network::Named;
use super::options::read_path;
use crate::words::did_you_mean;

const CABLE_HELP: &str = r#"write two names, as in "A - sw1""#;

/// Reads one cable, or what one direction of it is like.
pub(super) fn read_cable(
    sink: &Sink<'_>,
    topology: &mut Topology,
    value: &Value<'_>,
) -> Option<()> {
    let table = match value.get_ref() {
        DeValue::Table(_) => Some(Fields::of(sink, value, r#"{ cable = "A - sw1" }"#)?),
        _ => None,
    };
    let name = match &table {
        Some(fields) => fields.required("cable", CABLE_HELP)?,
        None => word(sink, value, "a cable")?,
    };
    let options = |base| {
        table
            .as_ref()
            .map_or(base, |fields| read_path(fields, base))
    };
    if name.text.contains("->") {
        let (id, direction) = topology.find_cable(sink, &name)?;
        let cable = &mut topology.cables[id.index()];
        if direction == Direction::AToB {
            cable.a_to_b = options(cable.a_to_b);
        } else {
            cable.b_to_a = options(cable.b_to_a);
        }
    } else {
        let (a, b) = ends(sink, topology, &name)?;
        if topology
            .cables
            .iter()
            .any(|c| (c.a, c.b) == (a, b) || (c.b, c.a) == (a, b))
        {
            return sink.error(name.span, "there is such a cable already", None);
        }
        let path = options(Path::default());
        topology.cables.push(CableSpec {
            a,
            b,
            a_to_b: path,
            b_to_a: path,
        });
    }
    if let Some(fields) = table {
        fields.finish();
    }
    Some(())
}

fn ends(sink: &Sink<'_>, topology: &Topology, name: &Word<'_>) -> Option<(End, End)> {
    let Some((a, b)) = name.text.split_once(" - ") else {
        let message = format!("`{}` is no cable", name.text);
        return sink.error(name.span.clone(), message, CABLE_HELP.to_owned());
    };
    let end = |text: &str| {
        let text = text.trim();
        if let Some(host) = topology.host(text) {
            return Some(End::Host(host));
        }
        if let Some(switch) = topology.switch(text) {
            return Some(End::Switch(switch));
        }
        let names = topology.names();
        let help = did_you_mean(text, names.iter().copied())
            .unwrap_or_else(|| format!("there are {}", names.join(", ")));
        sink.error(
            name.span.clone(),
            format!("nothing is called `{text}`"),
            help,
        )
    };
    Some((end(a)?, end(b)?))
}

/// Every NIC has one cable, and the switches form a tree: they speak no spanning tree protocol.
pub(super) fn check_cabling(fields: &Fields<'_, '_>, topology: &Topology) {
    let span = fields
        .value("cables")
        .map_or_else(|| fields.span(), Value::span);
    let help = |text: &str| Some(text.to_owned());
    for (index, host) in topology.hosts.iter().enumerate() {
        let end = End::Host(HostId(index as u16));
        let cables = topology.cables.iter().filter(|c| c.a == end || c.b == end);
        let (message, help) = match cables.count() {
            1 => continue,
            0 => (
                "has no cable",
                help(&format!("write cables = [\"{} - sw1\", ...]", host.name)),
            ),
            _ => (
                "has more than one cable",
                help(
                    "a NIC has one cable: give a node more NICs, as in nics = { eth1 = \"10.0.0.11/24\" }, or put a switch between",
                ),
            ),
        };
        let message = format!("{} {message}", host.name);
        fields.sink.error::<()>(span.clone(), message, help);
    }
    let mut group: Vec<usize> = (0..topology.switches.len()).collect();
    for cable in &topology.cables {
        let (End::Switch(a), End::Switch(b)) = (cable.a, cable.b) else {
            continue;
        };
        let (from, to) = (group[a.index()], group[b.index()]);
        if from == to {
            let message = "the cables between the switches form a ring";
            let help = help("leave one out: these switches speak no spanning tree protocol");
            fields.sink.error::<()>(span.clone(), message, help);
        }
        group
            .iter_mut()
            .filter(|g| **g == from)
            .for_each(|g| *g = to);
    }
}
