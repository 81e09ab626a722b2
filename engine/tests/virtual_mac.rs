//! `use_vmac`, as it is read from a file: which MAC address, what leaves from it, and what a backup
//! does with it, over IPv4 and IPv6.

mod common;

use common::*;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::Config;
use locum_engine::event::StateKind;
use locum_engine::ids::{InterfaceId, MacAddr};
use locum_engine::wire::ndp::Neighbour;
use locum_engine::wire::{ethernet, ipv6};
use locum_engine::{Command, Effect, Input, LinkState, Output, Transmit};

const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x10]);
const V4: &str = "192.168.0.200/24";
const V6: &str = "fe80::200/64\nfd00::200/64";

fn read(vrid: u8, priority: u8, lines: &str, addresses: &str) -> Config {
    let text = format!(
        "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id {vrid}\npriority {priority}\n\
         use_vmac\n{lines}\nvirtual_ipaddress {{\n{addresses}\n}}\n}}\n"
    );
    let reading = conf::read("vmac.conf", &text, &mut NoIncludes);
    reading.config.expect("it can be read")
}

/// Started, with the interface up.
fn started(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.give(Input::Link {
        interface: ETH0,
        state: LinkState {
            up: true,
            mac: OWN,
            address: Some(US.into()),
            link_local: Some(ipv6::link_local(OWN)),
            ..LinkState::default()
        },
    });
    bench.give(Input::Command(Command::Start));
    bench
}

/// The device with the virtual MAC address.
fn device(bench: &Bench) -> (InterfaceId, MacAddr) {
    let [device] = &bench.engine.config().devices[..] else {
        panic!("one device");
    };
    (device.interface, device.mac)
}

/// The virtual MAC address as it is read and as it is announced, for every router id.
#[test]
fn it_is_made_of_the_family_and_the_router_id() {
    for (addresses, family) in [(V4, 1), (V6, 2)] {
        for vrid in 1..=255 {
            let config = read(vrid, 100, "", addresses);
            let mac = config.devices[0].mac;
            assert_eq!(mac.0, [0, 0, 0x5e, 0, family, vrid]);
        }
    }
}

#[test]
fn adverts_and_addresses_are_on_its_device() {
    for addresses in [V4, V6] {
        let mut bench = started(read(51, 100, "", addresses));
        let (device, mac) = device(&bench);
        bench.run_until_state(StateKind::Master);
        let (mut adverts, mut added) = (0, 0);
        for (_, output) in &bench.said {
            match output {
                Output::Transmit(Transmit::Advert { interface, .. }) => {
                    assert_eq!(*interface, device);
                    adverts += 1;
                }
                Output::Effect(Effect::AddAddress { address, .. }) => {
                    assert_eq!(address.interface, device, "the kernel answers from there");
                    added += 1;
                }
                Output::Transmit(Transmit::GratuitousArp { frame, .. }) => {
                    assert_eq!((&frame[6..12], &frame[22..28]), (&mac.0[..], &mac.0[..]));
                }
                _ => {}
            }
        }
        assert_eq!((adverts, added), (1, addresses.lines().count()));
    }
}

#[test]
fn neighbour_advertisements_name_it_and_come_from_it() {
    let mut bench = started(read(51, 100, "", V6));
    let (device, mac) = device(&bench);
    bench.run_until_state(StateKind::Master);
    let mut seen = 0;
    for (_, output) in &bench.said {
        let Output::Transmit(Transmit::NeighbourAdvert {
            interface, frame, ..
        }) = output
        else {
            continue;
        };
        let ether = ethernet::View::new(frame).expect("a frame");
        let packet = ipv6::View::new(ether.payload).expect("a packet");
        let said = Neighbour::parse(&packet.header(), packet.payload()).expect("well-formed");
        assert_eq!((*interface, said.mac), (device, Some(mac)));
        assert_eq!(frame[6..12], mac.0);
        seen += 1;
    }
    assert_eq!(seen, 10, "five of each address");
}

/// What adverts come from is the interface's own address, whatever MAC address carries them: the
/// virtual one, which all routers share, goes into no identifier.
#[test]
fn it_goes_into_no_interface_identifier() {
    let mut bench = started(read(51, 100, "", V6));
    let (_, mac) = device(&bench);
    bench.run_until_state(StateKind::Master);
    let source = bench.said.iter().find_map(|(_, output)| match output {
        Output::Transmit(Transmit::Advert { packet, .. }) => {
            Some(ipv6::View::new(packet).expect("a packet").source())
        }
        _ => None,
    });
    assert_eq!(source, Some(ipv6::link_local(OWN)));
    assert_ne!(source, Some(ipv6::link_local(mac)));
}

/// Its device exists on backups as well, with no address, and nothing leaves from it.
#[test]
fn a_backup_says_nothing_from_it_and_has_nothing_there() {
    for addresses in [V4, V6] {
        let mut bench = started(read(51, 100, "", addresses));
        bench.run_to(at_ms(3_600));
        assert_eq!(bench.state(), StateKind::Backup);
        for (_, output) in &bench.said {
            assert!(!matches!(output, Output::Transmit(_)), "{output:?}");
            let added = matches!(output, Output::Effect(Effect::AddAddress { .. }));
            assert!(!added, "{output:?}");
        }
    }
}
