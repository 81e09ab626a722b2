//! `use_vmac`: devices and their names, MAC addresses, where addresses go; `accept`, `no_accept`.

use super::{assert_says, instance_with, only_instance, printed, said, usable};
use crate::conf::Severity::{Note, Warning};
use crate::config::Config;
use crate::ids::InterfaceId;

/// Name, base and MAC address of each device.
fn devices(config: &Config) -> Vec<String> {
    let each = config.devices.iter().map(|d| {
        let name = config.interface_name(d.interface);
        format!("{name}@{} {}", config.interface_name(d.base), d.mac)
    });
    each.collect()
}

/// An instance on an interface, with a VRID and more lines.
fn vi(name: &str, interface: &str, vrid: u8, lines: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface {interface}\nvirtual_router_id {vrid}\n{lines}\n\
         virtual_ipaddress {{\n192.0.2.{vrid}/24 }}\n}}\n"
    )
}

#[test]
fn the_addresses_go_on_a_device_with_the_virtual_mac() {
    let text = vi("a", "eth0", 51, "use_vmac");
    assert_eq!(said(&text), [""; 0]);
    let config = usable(&text);
    assert_eq!(devices(&config), ["vrrp.51@eth0 00:00:5e:00:01:33"]);
    let instance = &config.instances[0];
    let vmac = instance.vmac.expect("it has one");
    assert_eq!(instance.addresses[0].interface, vmac.device);
    assert_eq!(
        instance.interface,
        InterfaceId(0),
        "adverts are heard there"
    );
    assert_eq!(instance.sends_through(), vmac.device);
}

#[test]
fn names_are_numbered_as_keepalived_does() {
    let text = [
        vi(
            "a",
            "eth0",
            51,
            "use_vmac myvmac 0:11:22:33:44:55\nvmac_xmit_base",
        ),
        vi(
            "b",
            "eth0",
            52,
            "use_vmac 00:11:22:33:44\nuse_vmac_addr\nvirtual_ipaddress {\n192.0.2.99/24 dev eth1 }",
        ),
        vi("c", "eth1", 52, "use_vmac"),
    ]
    .concat();
    assert_eq!(said(&text), [""; 0]);
    let config = usable(&text);
    let expected = [
        "myvmac@eth0 00:11:22:33:44:55",
        "vrrp.52@eth0 00:11:22:33:44:34",
        "vrrp1.52@eth1 00:11:22:33:44:34",
        "vrrp2.52@eth1 00:00:5e:00:01:34",
    ];
    assert_eq!(devices(&config), expected);
    assert_eq!(config.instances[0].sends_through(), InterfaceId(0));
    let names = config.instances[1].addresses.iter();
    let names: Vec<_> = names.map(|a| config.interface_name(a.interface)).collect();
    assert_eq!(names, ["vrrp1.52", "vrrp.52"]);
}

#[test]
fn an_address_elsewhere_stays_there_unless_it_is_asked_for() {
    let lines = "use_vmac\nvirtual_ipaddress_excluded {\n192.0.2.7/24 dev eth1\n\
                 192.0.2.8/24 dev eth1 use_vmac\n192.0.2.9/24 dev eth1 use_vmac\n192.0.2.10/24 dev eth0\n\
                 192.0.2.11/24\n2001:db8::7/64 }";
    let config = usable(&vi("a", "eth0", 51, lines));
    assert_eq!(said(&vi("a", "eth0", 51, lines)), [""; 0]);
    let excluded = config.instances[0].excluded.iter();
    let names: Vec<_> = excluded
        .map(|a| config.interface_name(a.interface))
        .collect();
    // The last is of the other family, which has another virtual MAC address.
    let expected = ["eth1", "vrrp1.51", "vrrp1.51", "eth0", "vrrp.51", "eth0"];
    assert_eq!(names, expected);
}

#[test]
fn prefixes_are_taken() {
    let text = format!(
        "global_defs {{\nvmac_prefix vm\nvmac_addr_prefix va\n}}\n{}",
        vi(
            "a",
            "eth0",
            51,
            "use_vmac\nuse_vmac_addr\nvirtual_ipaddress_excluded {\n192.0.2.7/24 dev eth1 }"
        )
    );
    assert_eq!(said(&text), [""; 0]);
    assert_eq!(
        devices(&usable(&text)),
        [
            "vm.51@eth0 00:00:5e:00:01:33",
            "va.51@eth1 00:00:5e:00:01:33"
        ]
    );
}

#[test]
fn what_goes_wrong_is_said() {
    assert_says("vmac_xmit_base", Warning, "nothing without `use_vmac`");
    assert_says("use_vmac a b", Warning, "`b` is not understood");
    assert_says("use_vmac 01:00:5e:00:00", Warning, "a group's MAC");
    assert_says("use_vmac v1 netlink_notify_msg", Note, "always tells");
    let unicast = "unicast_src_ip 192.0.2.11\nunicast_peer {\n192.0.2.12 }\nuse_vmac";
    assert_says(unicast, Note, "the interface's own MAC address");
    assert_eq!(
        only_instance(&instance_with(unicast)).sends_through(),
        InterfaceId(0)
    );
    let twice = [
        vi("a", "eth0", 51, "use_vmac x"),
        vi("b", "eth0", 52, "use_vmac x"),
    ]
    .concat();
    assert!(
        printed(&twice).contains("`x` is taken"),
        "{}",
        printed(&twice)
    );
    assert!(super::conf(&twice).config.is_none());
    let own = vi("a", "eth0", 51, "use_vmac eth0");
    assert!(printed(&own).contains("`eth0` is taken"));
}

#[test]
fn accept_is_the_default_and_the_last_line_counts() {
    assert!(only_instance(&instance_with("")).accept);
    assert!(!only_instance(&instance_with("accept\nno_accept")).accept);
    let owner = only_instance(&instance_with("no_accept\npriority 255"));
    assert!(!owner.refuses_access(), "an owner answers");
    assert_eq!(said(&instance_with("no_accept")), [""; 0]);
}
