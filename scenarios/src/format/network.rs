//! The network of a scenario file: switches, cables, nodes, hosts and clients.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::path::Path as Folder;
use std::sync::Arc;

use locum_engine::config::Config;
use locum_engine::ids::MacAddr;
use locum_sim::fault::Direction;
use locum_sim::topology::{
    CableId, ClientSpec, HostId, HostSpec, NicSpec, Role, RouterSpec, SwitchSpec, Topology,
};

use super::cabling::{check_cabling, read_cable};
use super::config::Configs;
use super::fields::{Fields, Sink, Value, Word, word};
use crate::words::did_you_mean;
use toml::de::DeValue;

const NODE_SHAPE: &str = r#"[nodes.A] with address = "192.168.0.11/24" and config = """...""""#;
const ADDRESS6_HELP: &str = r#"write an IPv6 address with its prefix length, as in "fd00::11/64""#;
const ADDRESS_HELP: &str = r#"write an address with its prefix length, as in "192.168.0.11/24""#;

/// Reads the whole network, and each node's configuration as it stands in its file. Problems go to
/// the sink; what can't be read is left out.
pub(crate) fn read_network(
    fields: &Fields<'_, '_>,
    folder: Option<&Folder>,
) -> (Topology, Configs) {
    let mut topology = Topology::default();
    for value in fields.list("switches") {
        read_switch(fields.sink, &mut topology, value);
    }
    let mut configs = Configs::default();
    for (name, value) in fields.entries("nodes") {
        read_node(
            fields.sink,
            &mut topology,
            &name,
            value,
            &mut configs,
            folder,
        );
    }
    if topology.hosts.is_empty() {
        fields.missing::<()>("nodes", &format!("write {NODE_SHAPE}"));
    }
    for (name, value) in fields.entries("hosts") {
        read_plain(fields.sink, &mut topology, &name, value);
    }
    let target = virtual_address(&topology);
    for (name, value) in fields.entries("clients") {
        read_client(fields.sink, &mut topology, &name, value, target);
    }
    for value in fields.list("cables") {
        read_cable(fields.sink, &mut topology, value);
    }
    check_cabling(fields, &topology);
    (topology, configs)
}

/// The first virtual address of the first node: what a scenario is about unless it says otherwise.
pub(crate) fn virtual_address(topology: &Topology) -> Option<IpAddr> {
    let (_, router) = topology.routers().next()?;
    let first = router.config.instances.first()?.held_addresses().next()?;
    Some(first.address)
}

fn read_switch(sink: &Sink<'_>, topology: &mut Topology, value: &Value<'_>) -> Option<()> {
    let mut switch = SwitchSpec {
        name: "".into(),
        ageing: Duration::from_secs(300),
        flush_on_carrier_loss: true,
    };
    let name = if let DeValue::Table(_) = value.get_ref() {
        let fields = Fields::of(sink, value, r#"{ name = "sw1", ageing = "300s" }"#)?;
        let name = fields.required("name", r#"write name = "sw1""#)?;
        switch.ageing = fields.span_of_time("ageing").unwrap_or(switch.ageing);
        switch.flush_on_carrier_loss = fields.boolean("flush_on_carrier_loss").unwrap_or(true);
        fields.finish();
        name
    } else {
        word(sink, value, "a switch")?
    };
    switch.name = new_name(sink, topology, &name)?;
    topology.switches.push(switch);
    Some(())
}

fn read_node(
    sink: &Sink<'_>,
    topology: &mut Topology,
    name: &Word<'_>,
    value: &Value<'_>,
    configs: &mut Configs,
    folder: Option<&Folder>,
) -> Option<()> {
    let fields = Fields::of(sink, value, NODE_SHAPE)?;
    let address = fields.required("address", ADDRESS_HELP);
    let starts_at = match fields.word("starts") {
        Some(word) if word.text == "never" => None,
        Some(_) => Some(fields.span_of_time("starts").unwrap_or_default()),
        None => Some(Duration::ZERO),
    };
    let wall_error = fields.clock_error("clock").unwrap_or_default();
    let (mac, ipv6) = (read_mac(&fields), read_ipv6(&fields));
    // A broken configuration is replaced by an empty one, so that the names of the node still mean
    // something in the rest of the file.
    let config = configs.read(name, &fields, folder);
    let config = config.unwrap_or_else(|| Arc::new(Config::default()));
    let nics = fields.entries("nics");
    fields.finish();
    let role = Role::Router(RouterSpec {
        config,
        starts_at,
        wall_error,
    });
    let of = HostId(u16::try_from(topology.hosts.len()).ok()?);
    add_host(sink, topology, name, &address?, mac, role)?;
    add_ipv6(sink, topology, of.index(), ipv6);
    for (interface, value) in nics {
        read_nic(sink, topology, of, &interface, value);
    }
    Some(())
}

/// One more NIC of a node: `eth1 = "10.0.0.11/24"`. Cables call it `A:eth1`.
fn read_nic(
    sink: &Sink<'_>,
    topology: &mut Topology,
    of: HostId,
    interface: &Word<'_>,
    value: &Value<'_>,
) -> Option<()> {
    let address = word(sink, value, "an address")?;
    let (ip, prefix) = read_address(sink, topology, &address)?;
    let name = format!("{}:{}", topology.hosts[of.index()].name, interface.text);
    let role = Role::Nic(NicSpec {
        of,
        interface: interface.text.into(),
    });
    let mac = None;
    push_host(topology, name.into(), (ip, prefix), mac, role);
    Some(())
}

fn read_plain(
    sink: &Sink<'_>,
    topology: &mut Topology,
    name: &Word<'_>,
    value: &Value<'_>,
) -> Option<()> {
    if let DeValue::String(text) = value.get_ref() {
        let span = value.span();
        let address = Word { text, span };
        return add_host(sink, topology, name, &address, None, Role::Plain).map(drop);
    }
    let fields = Fields::of(
        sink,
        value,
        r#"an address, as in gateway = "192.168.0.1/24""#,
    )?;
    let address = fields.required("address", ADDRESS_HELP);
    let (mac, ipv6) = (read_mac(&fields), read_ipv6(&fields));
    fields.finish();
    let host = add_host(sink, topology, name, &address?, mac, Role::Plain)?;
    add_ipv6(sink, topology, host, ipv6)
}

fn read_client(
    sink: &Sink<'_>,
    topology: &mut Topology,
    name: &Word<'_>,
    value: &Value<'_>,
    target: Option<IpAddr>,
) -> Option<()> {
    let mut spec = ClientSpec {
        target: target.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        every: Duration::from_millis(10),
        arp_lifetime: Duration::from_secs(30),
        from: Duration::ZERO,
    };
    if let DeValue::String(text) = value.get_ref() {
        let span = value.span();
        let role = Role::Client(spec);
        return add_host(sink, topology, name, &Word { text, span }, None, role).map(drop);
    }
    let shape = r#"{ address = "192.168.0.100/24", pings = "192.168.0.200" }"#;
    let fields = Fields::of(sink, value, shape)?;
    let address = fields.required("address", ADDRESS_HELP);
    if let Some(word) = fields.word("pings") {
        spec.target = ip(sink, &word)?;
    }
    spec.every = fields.span_of_time("every").unwrap_or(spec.every);
    if spec.every.is_zero() {
        fields.error::<()>(
            "`every` must not be zero",
            r#"write every = "10ms""#.to_owned(),
        );
    }
    spec.arp_lifetime = fields
        .span_of_time("arp_lifetime")
        .unwrap_or(spec.arp_lifetime);
    spec.from = fields.span_of_time("from").unwrap_or_default();
    let (mac, ipv6) = (read_mac(&fields), read_ipv6(&fields));
    fields.finish();
    let host = add_host(sink, topology, name, &address?, mac, Role::Client(spec))?;
    add_ipv6(sink, topology, host, ipv6)
}

fn add_host(
    sink: &Sink<'_>,
    topology: &mut Topology,
    name: &Word<'_>,
    address: &Word<'_>,
    mac: Option<MacAddr>,
    role: Role,
) -> Option<usize> {
    let address = read_address(sink, topology, address)?;
    let name = new_name(sink, topology, name)?;
    push_host(topology, name, address, mac, role);
    Some(topology.hosts.len() - 1)
}

/// An address with its prefix length that nobody has yet.
fn read_address(
    sink: &Sink<'_>,
    topology: &Topology,
    address: &Word<'_>,
) -> Option<(Ipv4Addr, u8)> {
    let parsed = address.text.split_once('/').and_then(|(address, prefix)| {
        let prefix: u8 = prefix.parse().ok().filter(|&p| p <= 32)?;
        Some((address.parse::<Ipv4Addr>().ok()?, prefix))
    });
    let Some((ip, prefix)) = parsed else {
        let message = format!("`{}` is no address with a prefix length", address.text);
        return sink.error(address.span.clone(), message, ADDRESS_HELP.to_owned());
    };
    if let Some(other) = topology.hosts.iter().find(|host| host.address == ip) {
        let message = format!("{} has the address {ip} already", other.name);
        return sink.error(address.span.clone(), message, None);
    }
    Some((ip, prefix))
}

fn push_host(
    topology: &mut Topology,
    name: Arc<str>,
    (address, prefix): (Ipv4Addr, u8),
    mac: Option<MacAddr>,
    role: Role,
) {
    let number = u8::try_from(topology.hosts.len() + 0x10).unwrap_or(u8::MAX);
    topology.hosts.push(HostSpec {
        name,
        mac: mac.unwrap_or(MacAddr([2, 0, 0, 0, 0, number])),
        address,
        prefix,
        ipv6: None,
        role,
    });
}

/// `address6`: an IPv6 address besides the IPv4 one and the link-local one.
fn read_ipv6<'v>(fields: &Fields<'v, '_>) -> Option<(Ipv6Addr, u8, Word<'v>)> {
    let word = fields.word("address6")?;
    let parsed = word.text.split_once('/').and_then(|(address, prefix)| {
        let prefix: u8 = prefix.parse().ok().filter(|&p| p <= 128)?;
        Some((address.parse::<Ipv6Addr>().ok()?, prefix))
    });
    match parsed {
        Some((address, prefix)) => Some((address, prefix, word)),
        None => {
            let message = format!("`{}` is no IPv6 address with a prefix length", word.text);
            fields
                .sink
                .error(word.span, message, ADDRESS6_HELP.to_owned())
        }
    }
}

fn add_ipv6(
    sink: &Sink<'_>,
    topology: &mut Topology,
    host: usize,
    ipv6: Option<(Ipv6Addr, u8, Word<'_>)>,
) -> Option<()> {
    let Some((address, prefix, word)) = ipv6 else {
        return Some(());
    };
    let taken = |host: &&HostSpec| host.own_addresses().any(|own| own == address);
    if let Some(other) = topology.hosts.iter().find(taken) {
        let message = format!("{} has the address {address} already", other.name);
        return sink.error(word.span, message, None);
    }
    topology.hosts[host].ipv6 = Some((address, prefix));
    Some(())
}

fn read_mac(fields: &Fields<'_, '_>) -> Option<MacAddr> {
    let word = fields.word("mac")?;
    let mut octets = [0; 6];
    let mut parts = word.text.split(':');
    let complete = octets.iter_mut().all(|octet| {
        let part = parts
            .next()
            .and_then(|part| u8::from_str_radix(part, 16).ok());
        part.map(|part| *octet = part).is_some()
    });
    if complete && parts.next().is_none() {
        return Some(MacAddr(octets));
    }
    let message = format!("`{}` is no hardware address", word.text);
    fields.sink.error(
        word.span,
        message,
        r#"write mac = "02:00:00:00:00:10""#.to_owned(),
    )
}

/// A name that isn't taken, and can stand in a cable and in a list of holders.
fn new_name(sink: &Sink<'_>, topology: &Topology, name: &Word<'_>) -> Option<Arc<str>> {
    let legal = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '.';
    let (message, help) = if name.text.is_empty() || !name.text.chars().all(legal) {
        ("a name is made of letters, digits, `-`, `_` and `.`", None)
    } else if name.text == "nobody" || name.text == "-" {
        (
            "this name has a meaning of its own",
            Some("choose another".to_owned()),
        )
    } else if topology.host(name.text).is_some() || topology.switch(name.text).is_some() {
        ("this name is taken", Some("choose another".to_owned()))
    } else {
        return Some(name.text.into());
    };
    sink.error(name.span.clone(), message, help)
}

fn ip(sink: &Sink<'_>, word: &Word<'_>) -> Option<IpAddr> {
    word.text.parse().ok().or_else(|| {
        let message = format!("`{}` is no IP address", word.text);
        sink.error(
            word.span.clone(),
            message,
            "write it like 192.168.0.200 or fd00::200".to_owned(),
        )
    })
}

/// Looking things up by the names a file gives them.
pub(crate) trait Named {
    /// Every host and switch.
    fn names(&self) -> Vec<&str>;
    /// How a cable is written.
    fn cable_name(&self, cable: CableId) -> String;
    /// A cable written in either order; `A -> sw1` is one direction of it.
    fn find_cable(&self, sink: &Sink<'_>, name: &Word<'_>) -> Option<(CableId, Direction)>;
    /// A host of any role.
    fn find_host(&self, sink: &Sink<'_>, name: &Word<'_>) -> Option<HostId>;
    /// A host with a daemon, and its configuration.
    fn find_node(&self, sink: &Sink<'_>, name: &Word<'_>) -> Option<(HostId, &Arc<Config>)>;
}

impl Named for Topology {
    fn names(&self) -> Vec<&str> {
        let hosts = self.hosts.iter().map(|host| &*host.name);
        hosts
            .chain(self.switches.iter().map(|switch| &*switch.name))
            .collect()
    }

    fn cable_name(&self, cable: CableId) -> String {
        let cable = &self.cables[cable.index()];
        format!("{} - {}", self.end_name(cable.a), self.end_name(cable.b))
    }

    fn find_cable(&self, sink: &Sink<'_>, name: &Word<'_>) -> Option<(CableId, Direction)> {
        let (separator, forth, back) = match name.text.contains(" -> ") {
            true => (" -> ", Direction::AToB, Direction::BToA),
            false => (" - ", Direction::Both, Direction::Both),
        };
        let (from, to) = name.text.split_once(separator).unwrap_or((name.text, ""));
        let ends = (from.trim(), to.trim());
        for (index, cable) in self.cables.iter().enumerate() {
            let (a, b) = (self.end_name(cable.a), self.end_name(cable.b));
            if (a, b) == ends {
                return Some((CableId(index as u16), forth));
            }
            if (b, a) == ends {
                return Some((CableId(index as u16), back));
            }
        }
        let known: Vec<String> = (0..self.cables.len())
            .map(|index| self.cable_name(CableId(index as u16)))
            .collect();
        let reversed = known.iter().filter_map(|name| {
            let (a, b) = name.split_once(" - ")?;
            Some(format!("{b} - {a}"))
        });
        let all: Vec<String> = known.iter().cloned().chain(reversed).collect();
        let help = did_you_mean(name.text, all.iter().map(String::as_str))
            .unwrap_or_else(|| format!("the cables are {}", known.join(", ")));
        sink.error(
            name.span.clone(),
            format!("there is no cable `{}`", name.text),
            help,
        )
    }

    fn find_host(&self, sink: &Sink<'_>, name: &Word<'_>) -> Option<HostId> {
        let found = self.host(name.text);
        let host = found.filter(|&id| self.owner(id) == id);
        host.or_else(|| {
            let ids = (0..self.hosts.len()).map(|i| HostId(i as u16));
            let hosts = ids.filter(|&id| self.owner(id) == id);
            let names: Vec<&str> = hosts.map(|id| &*self.hosts[id.index()].name).collect();
            let help = did_you_mean(name.text, names.iter().copied())
                .unwrap_or_else(|| format!("there are {}", names.join(", ")));
            sink.error(
                name.span.clone(),
                format!("there is no host `{}`", name.text),
                help,
            )
        })
    }

    fn find_node(&self, sink: &Sink<'_>, name: &Word<'_>) -> Option<(HostId, &Arc<Config>)> {
        let host = self.find_host(sink, name)?;
        match &self.hosts[host.index()].role {
            Role::Router(spec) => Some((host, &spec.config)),
            Role::Plain | Role::Client(_) | Role::Nic(_) => {
                let nodes: Vec<&str> = self
                    .routers()
                    .map(|(id, _)| &*self.hosts[id.index()].name)
                    .collect();
                let message = format!("{} runs no daemon", name.text);
                let help = format!("the nodes are {}", nodes.join(", "));
                sink.error(name.span.clone(), message, help)
            }
        }
    }
}
