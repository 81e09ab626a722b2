//! Virtual routers over IPv6: adverts from the link-local address, neighbour advertisements in place
//! of gratuitous ARPs, both families side by side.

mod common;

use std::net::{IpAddr, Ipv6Addr};

use common::*;
use locum_engine::conf::{self, NoIncludes};
use locum_engine::config::{Config, InstanceConfig};
use locum_engine::event::{Reason, StateKind};
use locum_engine::ids::{InstanceId, MacAddr, Priority};
use locum_engine::router::accept::Discard;
use locum_engine::wire::ndp::{Flags, Kind, Neighbour};
use locum_engine::wire::{
    self, Advert, AdvertView, ChecksumForm, Family, GROUP_V6, ethernet, ipv6,
};
use locum_engine::{Command, Datagram, Event, Input, LinkState, Output, Transmit};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x10]);

fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an IPv6 address")
}

fn read(lines: &str) -> Config {
    let text = format!(
        "vrrp_instance VI_6 {{\n interface eth0\n virtual_router_id 51\n priority 100\n{lines}\n}}\n"
    );
    let reading = conf::read("ipv6.conf", &text, &mut NoIncludes);
    reading.config.expect("it can be read")
}

/// What the recording of keepalived has.
const RECORDED: &str = "virtual_ipaddress {\n fe80::200/64\n fd00::200/64\n}";

fn link(bench: &mut Bench, forwards_ipv6: bool) {
    let state = LinkState {
        up: true,
        mac: MAC,
        address: Some(US.into()),
        link_local: Some(ipv6::link_local(MAC)),
        forwards_ipv6,
    };
    bench.give(Input::Link {
        interface: ETH0,
        state,
    });
}

fn started(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    link(&mut bench, false);
    bench.give(Input::Command(Command::Start));
    bench
}

fn master(lines: &str) -> Bench {
    let mut bench = started(read(lines));
    bench.run_until_state(StateKind::Master);
    bench
}

/// Destination and packet of every advert said so far.
fn sent(bench: &Bench) -> Vec<(IpAddr, Vec<u8>)> {
    let said = bench.said.iter().filter_map(|(_, output)| match output {
        Output::Transmit(Transmit::Advert {
            destination,
            packet,
            ..
        }) => Some((*destination, packet.clone())),
        _ => None,
    });
    said.collect()
}

/// The payload that a router of that configuration sends from `source` to `to`.
fn payload(config: &InstanceConfig, priority: u8, source: Ipv6Addr, to: Ipv6Addr) -> Vec<u8> {
    let addresses: Vec<IpAddr> = config.addresses.iter().map(|a| a.address).collect();
    let advert = Advert {
        version: config.version,
        vrid: config.vrid,
        priority: Priority(priority),
        interval: config.advert_interval,
        auth: config.auth,
        addresses: &addresses,
    };
    let mut packet = Vec::new();
    wire::advert_packet_v6(255, source, to, &advert, &mut packet);
    packet.split_off(ipv6::LEN)
}

fn hear(bench: &mut Bench, priority: u8, source: &str, to: Ipv6Addr, hop_limit: u8) {
    let source = ip(source);
    let config = bench.engine.config().instances[0].clone();
    let payload = payload(&config, priority, source, to);
    bench.give(Input::Receive(Datagram {
        interface: ETH0,
        source: source.into(),
        destination: to.into(),
        ttl: hop_limit,
        protocol: 112,
        id: 0,
        payload: &payload,
    }));
}

fn discards(bench: &mut Bench) -> Vec<Discard> {
    let said = bench.said.drain(..);
    let said = said.filter_map(|(_, output)| match output {
        Output::Event(Event::Discarded { why, .. }) => Some(why),
        _ => None,
    });
    said.collect()
}

#[test]
fn an_advert_comes_from_the_link_local_address_to_the_group_with_hop_limit_255() {
    let bench = master(RECORDED);
    let (to, packet) = sent(&bench).remove(0);
    assert_eq!(to, IpAddr::V6(GROUP_V6));
    let view = ipv6::View::new(&packet).expect("a sound packet");
    let expected = ipv6::Header {
        source: ip("fe80::ff:fe00:10"),
        destination: ip("ff02::12"),
        hop_limit: 255,
        traffic_class: 0xc0,
        next_header: 112,
    };
    assert_eq!(view.header(), expected);
    // As keepalived 2.2.7 was recorded.
    let recorded =
        "3133640200646da6fe800000000000000000000000000200fd000000000000000000000000000200";
    let hex: String = view.payload().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, recorded);
    let advert = AdvertView::new(
        view.payload(),
        bench.engine.config().instances[0].version,
        Family::V6,
    )
    .expect("long enough");
    let first = advert.addresses().next();
    assert_eq!(
        first,
        Some(ip("fe80::200").into()),
        "the link-local one first"
    );
    assert_eq!(
        advert.checksum_form(view.source().into(), view.destination().into()),
        Some(ChecksumForm::PseudoHeader)
    );
}

#[test]
fn a_master_says_where_its_addresses_are_and_overrides_what_was_believed() {
    for forwards in [false, true] {
        let mut bench = Bench::new(read(RECORDED));
        link(&mut bench, forwards);
        bench.give(Input::Command(Command::Start));
        bench.run_until_state(StateKind::Master);
        let mut announced = Vec::new();
        for (_, output) in &bench.said {
            let Output::Transmit(Transmit::NeighbourAdvert { address, frame, .. }) = output else {
                continue;
            };
            let frame = ethernet::View::new(frame).expect("a frame");
            assert_eq!(frame.destination.to_string(), "33:33:00:00:00:01");
            let packet = ipv6::View::new(frame.payload).expect("a packet");
            assert_eq!((packet.source(), packet.hop_limit()), (*address, 255));
            let said = Neighbour::parse(&packet.header(), packet.payload());
            let expected = Neighbour {
                target: *address,
                mac: Some(MAC),
                kind: Kind::Advertisement(Flags {
                    router: forwards,
                    solicited: false,
                    overrides: true,
                }),
            };
            assert_eq!(said, Some(expected));
            announced.push(*address);
        }
        let rounds = [ip("fe80::200"), ip("fd00::200")].repeat(5);
        assert_eq!(announced, rounds);
    }
}

#[test]
fn a_backup_announces_nothing_and_holds_nothing() {
    let mut bench = started(read(RECORDED));
    bench.run_for(secs(1));
    let words = bench.words();
    assert!(
        !words
            .iter()
            .any(|w| w.starts_with("na ") || w.starts_with("add ")),
        "{words:?}"
    );
}

#[test]
fn nothing_but_hop_limit_255_is_heard_from_the_group() {
    let mut bench = master(RECORDED);
    bench.said.clear();
    hear(&mut bench, 200, "fe80::1", GROUP_V6, 254);
    assert_eq!(discards(&mut bench), [Discard::Ttl]);
    assert_eq!(bench.state(), StateKind::Master);
    hear(&mut bench, 200, "fe80::1", GROUP_V6, 255);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn between_equals_the_higher_address_wins_byte_by_byte() {
    for (source, yields) in [("fe80::fe:ffff:ffff", false), ("fe80::1:0:0:0", true)] {
        let mut bench = master(RECORDED);
        bench.said.clear();
        hear(&mut bench, 100, source, GROUP_V6, 255);
        assert_eq!(bench.state() == StateKind::Backup, yields, "{source}");
    }
}

#[test]
fn without_a_link_local_address_it_is_in_fault_whatever_the_ipv4_one() {
    let mut bench = Bench::new(read(RECORDED));
    bench.give(Input::Command(Command::Start));
    assert_eq!(
        bench.transitions(),
        [(StateKind::Fault, Reason::NoSourceAddress)]
    );
    link(&mut bench, false);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn a_source_of_its_own_goes_before_the_link_local_address() {
    let bench = master(&format!("{RECORDED}\nmcast_src_ip fe80::11"));
    let (_, packet) = sent(&bench).remove(0);
    let view = ipv6::View::new(&packet).expect("a sound packet");
    assert_eq!(view.source(), ip("fe80::11"));
}

#[test]
fn peers_get_an_advert_each_and_nobody_else() {
    let lines = format!(
        "{RECORDED}\nunicast_src_ip fd00::11\nunicast_peer {{\nfd00::12\nfd00::13\nfd00::11\n}}"
    );
    let mut bench = master(&lines);
    let to: Vec<IpAddr> = sent(&bench).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, [IpAddr::from(ip("fd00::12")), ip("fd00::13").into()]);
    for (_, packet) in sent(&bench) {
        let view = ipv6::View::new(&packet).expect("a sound packet");
        let advert = AdvertView::new(
            view.payload(),
            bench.engine.config().instances[0].version,
            Family::V6,
        )
        .expect("long enough");
        let form = advert.checksum_form(view.source().into(), view.destination().into());
        assert_eq!(form, Some(ChecksumForm::PseudoHeader));
    }
    bench.said.clear();
    hear(&mut bench, 200, "fd00::99", ip("fd00::11"), 64);
    assert_eq!(discards(&mut bench), [Discard::NotAPeer]);
    hear(&mut bench, 200, "fd00::12", GROUP_V6, 255);
    let count = bench.engine.stats(VI).discarded[Discard::NotToUs.index()];
    assert_eq!((count, bench.state()), (1, StateKind::Master));
    hear(&mut bench, 200, "fd00::12", ip("fd00::11"), 64);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn version_2_speaks_of_a_password_without_sending_it_and_has_ipv6s_checksum() {
    let lines =
        format!("{RECORDED}\nversion 2\nauthentication {{\nauth_type PASS\nauth_pass 1111\n}}");
    let mut bench = master(&lines);
    let (_, packet) = sent(&bench).remove(0);
    let view = ipv6::View::new(&packet).expect("a sound packet");
    let body = view.payload();
    assert_eq!(body[..6], [0x21, 51, 100, 2, 1, 1]);
    assert_eq!(body.len(), 40, "two addresses, and nothing behind them");
    let advert = AdvertView::new(body, bench.engine.config().instances[0].version, Family::V6)
        .expect("long enough");
    let form = advert.checksum_form(view.source().into(), view.destination().into());
    assert_eq!(form, Some(ChecksumForm::PseudoHeader));
    hear(&mut bench, 200, "fe80::1", GROUP_V6, 255);
    assert_eq!(bench.state(), StateKind::Backup);
}

#[test]
fn either_family_follows_the_other_among_the_excluded_addresses() {
    for (lines, advert, takes) in [
        (
            "virtual_ipaddress {\n192.168.0.200/24\n}\nvirtual_ipaddress_excluded {\nfd00::200/64\n}",
            Family::V4,
            ["garp 192.168.0.200", "na fd00::200"],
        ),
        (
            "virtual_ipaddress {\nfd00::200/64\n}\nvirtual_ipaddress_excluded {\n192.168.0.200/24\n}",
            Family::V6,
            ["na fd00::200", "garp 192.168.0.200"],
        ),
    ] {
        let mut bench = master(lines);
        let (to, packet) = sent(&bench).remove(0);
        assert_eq!(to, advert.group());
        let count = packet[advert.header_len() + 3];
        assert_eq!(count, 1, "the other family isn't advertised");
        let words = bench.words();
        let announced: Vec<_> = words
            .iter()
            .filter(|w| w.starts_with("garp ") || w.starts_with("na "))
            .take(2)
            .collect();
        assert_eq!(announced, takes);
    }
}

#[test]
fn one_router_id_serves_each_family_once() {
    let text = "vrrp_instance A {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.168.0.200/24\n }\n}\n\
        vrrp_instance B {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n fe80::200/64\n }\n}\n";
    let config = conf::read("both.conf", text, &mut NoIncludes)
        .config
        .expect("it can be read");
    let six = config.instances[1].clone();
    let mut bench = started(config);
    bench.run_for(secs(10));
    let state = |bench: &Bench, id| bench.engine.state(InstanceId(id)).0;
    assert_eq!([0, 1].map(|id| state(&bench, id)), [StateKind::Master; 2]);
    let source = ip("fe80::99");
    let payload = payload(&six, 200, source, GROUP_V6);
    bench.give(Input::Receive(Datagram {
        interface: ETH0,
        source: source.into(),
        destination: GROUP_V6.into(),
        ttl: 255,
        protocol: 112,
        id: 0,
        payload: &payload,
    }));
    assert_eq!(state(&bench, 0), StateKind::Master);
    assert_eq!(state(&bench, 1), StateKind::Backup);
}

/// EID 8300 wants it discarded; then routers whose addresses are all global would all be masters.
#[test]
fn an_advert_whose_first_address_is_not_link_local_is_heard() {
    let mut bench = master("virtual_ipaddress {\n fd00::200/64\n}");
    hear(&mut bench, 200, "fe80::1", GROUP_V6, 255);
    assert_eq!(bench.state(), StateKind::Backup);
}

/// They are another daemon's business: all that a router sends is adverts, and where its addresses are.
#[test]
fn neither_master_nor_backup_sends_router_advertisements() {
    for forwards in [false, true] {
        let mut bench = Bench::new(read(RECORDED));
        link(&mut bench, forwards);
        bench.give(Input::Command(Command::Start));
        bench.run_until_state(StateKind::Master);
        bench.run_for(secs(20));
        hear(&mut bench, 200, "fe80::1", GROUP_V6, 255);
        bench.run_for(secs(3));
        let mut kinds = [0; 2];
        for (_, output) in &bench.said {
            match output {
                Output::Transmit(Transmit::Advert { .. }) => kinds[0] += 1,
                Output::Transmit(Transmit::NeighbourAdvert { frame, .. }) => {
                    let frame = ethernet::View::new(frame).expect("a frame");
                    let packet = ipv6::View::new(frame.payload).expect("a packet");
                    assert_eq!(
                        packet.payload()[0],
                        136,
                        "the type of a neighbour advertisement"
                    );
                    kinds[1] += 1;
                }
                Output::Transmit(other) => panic!("{other:?}"),
                _ => {}
            }
        }
        assert!(kinds[0] > 20 && kinds[1] > 0, "{kinds:?}");
    }
}
